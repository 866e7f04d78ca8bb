/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the whole core stand on: a client and a server over one URL, on two transports or on one.
 *
 * Nothing here sleeps: what a handler does is counted, and waited for with service_wait. Every wait ends
 * after WAIT_LIMIT_MS and then fails its test.
 */
#ifndef GODWIT_TESTS_CORE_WORLD_H
#define GODWIT_TESTS_CORE_WORLD_H

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/support/must.h"

#define WAIT_LIMIT_MS 20000
#define HELD_MAX 2048

/* One instance of the suite. */
typedef struct core_kind {
    const char *driver; /* of the URL */
    const char *query;  /* "" or "?paths=tcp&insecure=true" */
    bool shared;        /* client and server on one transport */
    const char *other;  /* driver of every second transport; NULL: the same */
} core_kind_t;

/* A server and what its handlers did. Its methods:
 *
 *     echo (value) -> value         add (a, b) -> a + b         whoami -> the server's name
 *     context -> the context        remaining -> ms or "none"   nothing -> nil
 *     count: counts                 hold: keeps the request     block: waits for service_open_gate
 *     drop: keeps and gives up      fail: an error of module shop, type OutOfStock
 *     deny: returns INVALID_ARGUMENT                            twice: replies twice
 *     relay (method) -> calls the method with `onward`          big (size) -> a bin of that size
 *     quick -> 1, or 0 if another thread than the caller's runs it (INLINE)
 *     hold_inline: as hold, INLINE  _hidden: nil
 *     watch: waits until it is cancelled, or for service_open_gate
 */
typedef struct service {
    char name[32];
    godwit_server_t *server;
    godwit_client_t *onward; /* for relay */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t runs;    /* handlers that began, of whatever method */
    uint64_t counted; /* runs of count */
    uint64_t blocked; /* handlers that are in block or watch now */
    uint64_t told;    /* callbacks of watch */
    bool gate_open;
    godwit_request_t *held[HELD_MAX];
    size_t held_count;
    unsigned destroyed; /* times that on_destroy ran */
} service_t;

typedef struct core {
    const core_kind_t *kind;
    char url[160]; /* with kind->driver */
    godwit_transport_t *serving;
    godwit_transport_t *calling; /* the same if kind->shared */
    service_t one;
    godwit_client_t *client; /* of topic "work", timeout WAIT_LIMIT_MS */
} core_t;

/* A virtual host of its own, so that tests which run at the same time do not meet. */
void core_url (char *url, size_t size, const core_kind_t *kind);
/* Two transports (or one), a server "one" and a client that is connected to it. */
void core_open (core_t *core, const core_kind_t *kind);
/* The same without a server. */
void core_open_empty (core_t *core, const core_kind_t *kind);
void core_close (core_t *core);
/* Another transport of the same world; options may be NULL. If the kind has two drivers, they take turns: the
 * server's transport has the first, the client's the second. */
godwit_transport_t *core_transport (const core_t *core, const godwit_transport_options_t *options);
godwit_client_t *core_client (godwit_transport_t *transport, const godwit_client_options_t *options);

/* Topic "work". options may be NULL. */
void service_start (service_t *service, godwit_transport_t *transport, const char *name,
                    const godwit_server_options_t *options);
/* Opens the gate, gives held requests up and destroys the server. */
void service_end (service_t *service);
/* Whom relay calls from now on; transport NULL: nobody. */
void service_relay_to (service_t *service, godwit_transport_t *transport, const char *server,
                       int64_t timeout_ms);
void service_open_gate (service_t *service);
void service_close_gate (service_t *service);
/* Waits until *what (a member of service) is at least so much. */
void service_wait (service_t *service, const uint64_t *what, uint64_t least);
void service_wait_held (service_t *service, size_t least);
uint64_t service_get (service_t *service, const uint64_t *what);
/* Takes the oldest held request; the caller gives it back. */
godwit_request_t *service_take (service_t *service);

/* Calls a method without arguments that returns an int; -1 on failure. */
int64_t call_int (godwit_client_t *client, const char *method);
/* whoami: the name's last letter; '?' on failure. */
char call_who (godwit_client_t *client);

/* A counter that threads and callbacks raise, and that is waited for. */
typedef struct tally {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t value;
} tally_t;

void tally_open (tally_t *tally);
void tally_close (tally_t *tally);
void tally_add (tally_t *tally);
void tally_wait (tally_t *tally, uint64_t least);
uint64_t tally_get (tally_t *tally);

/* A number that stands for this thread, for quick. */
int64_t core_this_thread (void);

int64_t now_ms (void);
/* A condition on CLOCK_MONOTONIC. */
void cond_open (pthread_cond_t *cond);
struct timespec time_in_ms (int64_t ms);

/* It fails with a status, an outcome and a text that holds `says`. */
#define FAILS(status_, outcome_, says_, call_)                                                               \
    do {                                                                                                     \
        godwit_error_t *error = NULL;                                                                        \
        const godwit_status_t got_ = (call_);                                                                \
        cr_assert (got_ == (status_) && godwit_error_status (error) == (status_) &&                          \
                       godwit_error_outcome (error) == (outcome_) &&                                         \
                       strstr (godwit_error_print (error), (says_)),                                         \
                   "%s: expected %s %s \"%s\", got %s: %s", #call_, godwit_status_type (status_),            \
                   godwit_outcome_name (outcome_), (says_), godwit_status_type (got_),                       \
                   got_ ? godwit_error_print (error) : "");                                                  \
        godwit_error_destroy (&error);                                                                       \
    } while (0)

/* It ends with its time. Which outcome is left open: on a busy machine a short time may pass before the
 * request is sent, or before the server looks at it. */
#define TIMES_OUT(call_)                                                                                     \
    do {                                                                                                     \
        godwit_error_t *error = NULL;                                                                        \
        const godwit_status_t got_ = (call_);                                                                \
        cr_assert (got_ == GODWIT_ERR_TIMEOUT, "%s: expected a timeout, got %s: %s", #call_,                 \
                   godwit_status_type (got_), got_ ? godwit_error_print (error) : "");                       \
        godwit_error_destroy (&error);                                                                       \
    } while (0)

#endif
