/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of a rendezvous point that was given by name. A name may have several, of IPv4 and of IPv6:
 * each of them is tried. Each lookup has a thread of its own, so nothing else waits for it; one that is not
 * wanted any more is left alone, and ends by itself. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_LOOKUP_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_LOOKUP_H

#include "src/interface/matchmaker.h"

/* Embed it, zeroed but for the first four. Reactor's thread. */
typedef struct godwit__lookup {
    godwit__reactor_t *reactor;
    godwit__look_up_fn *look_up; /* NULL: the system's */
    void (*done) (void *user);   /* a lookup has ended. Never inside the functions below */
    void *user;
    struct godwit__lookup_job *job; /* that is under way; NULL: none */
    bool is_done;                   /* there was one */
    size_t count;                   /* what the last one found */
    size_t next;                    /* which is tried next ... */
    size_t left;                    /* ... and how many are to be tried before the name is looked up again */
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
