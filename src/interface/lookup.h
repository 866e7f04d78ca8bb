/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of a host that was given by name. A name may have several, of IPv4 and of IPv6: each of them
 * is tried. The system is asked on a thread of its own, so nothing else waits for it; a lookup that is not
 * wanted any more is left alone, and ends by itself. */
#ifndef GODWIT_SRC_INTERFACE_LOOKUP_H
#define GODWIT_SRC_INTERFACE_LOOKUP_H

#include "src/interface/driver.h"

/* A thread that does several lookups, one after the other. It runs only while there are any. */
typedef struct godwit__lookup_thread godwit__lookup_thread_t;

/* NULL: memory is short. */
godwit__lookup_thread_t *godwit__lookup_thread_new (void);
/* All its lookups were closed. Does not wait: the thread may still hang in one of them. Accepts NULL. */
void godwit__lookup_thread_destroy (godwit__lookup_thread_t *thread);

/* Embed it, zeroed but for the first five. Reactor's thread. */
typedef struct godwit__lookup {
    godwit__reactor_t *reactor;
    godwit__look_up_fn *look_up; /* NULL: the system's */
    void (*done) (void *user);   /* a lookup has ended. Never inside the functions below */
    void *user;
    godwit__lookup_thread_t *thread; /* borrowed; NULL: a thread of its own for each lookup */
    struct godwit__lookup_job *job;  /* that is under way; NULL: none */
    bool is_done;                    /* there was one */
    size_t count;                    /* what the last one found */
    size_t next;                     /* which is tried next ... */
    size_t left;                     /* ... and how many are to be tried before the name is looked up again */
    char found[GODWIT__FOUND_MAX][GODWIT__ADDRESS_SIZE];
} godwit__lookup_t;

/* True if the address is one that has to be looked up: "tcp://name:port". */
bool godwit__lookup_is_needed (const char *address);
/* Begins a lookup. False: memory is short, or there are no more threads. */
bool godwit__lookup_begin (godwit__lookup_t *lookup, const char *address);
/* The next address to try, "tcp://10.0.0.1:9573"; NULL: all that were found have been tried. */
const char *godwit__lookup_next (godwit__lookup_t *lookup);
/* The address that was tried last is right: it is tried first the next time. */
void godwit__lookup_keep (godwit__lookup_t *lookup);
/* No event comes any more. Does not wait. */
void godwit__lookup_close (godwit__lookup_t *lookup);

#endif
