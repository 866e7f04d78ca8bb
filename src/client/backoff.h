/* SPDX-License-Identifier: Apache-2.0 */
/* The process's table of the timeouts of methods, for clients that back off (contract 11).
 *
 *     timeout of a call = its method's, or at first the default; at most the ceiling
 *     ceiling           = ten times the default, or what set_max said, if that is less
 *     it timed out      -> its method's timeout is twice that of the call, if that is more than it was, up to
 *                          the ceiling; the caller sleeps for a random part of it, at most of the default
 *
 * The default is the one of the call's transport. Transports with different defaults share the table. A call
 * never gets less than its own default and never more than its own ceiling, whatever another transport has
 * stored.
 *
 * A method is in the table once it has timed out. There is room for GODWIT__BACKOFF_METHODS of them: one more
 * makes the table forget the method that entered first, which begins at the default again. Names of more than
 * GODWIT__BACKOFF_KEY_SIZE bytes are not entered.
 *
 * Any thread, also after fork(): the child never finds the lock held.
 */
#ifndef GODWIT_SRC_CLIENT_BACKOFF_H
#define GODWIT_SRC_CLIENT_BACKOFF_H

#include <stddef.h>
#include <stdint.h>

#define GODWIT__BACKOFF_METHODS 4096
#define GODWIT__BACKOFF_KEY_SIZE 1024

/* Milliseconds. key: "namespace.method", or "method". */
int64_t godwit__backoff_timeout (const char *key, int64_t default_ms);
/* A call of that timeout timed out. Returns how long its caller sleeps, in nanoseconds. *raised_ms is the
 * method's timeout if it was raised by this, else 0. */
int64_t godwit__backoff_timed_out (const char *key, int64_t timeout_ms, int64_t default_ms,
                                   int64_t *raised_ms);
/* Sets the maximum, at least 1. It can only be lowered, and caps what the table holds. */
void godwit__backoff_set_max (int64_t timeout_ms);
/* Forgets everything, as in a new process. */
void godwit__backoff_reset (void);
size_t godwit__backoff_count (void);

/* ---- for tests ---- */

/* Where chance and sleep come from. */
typedef struct godwit__backoff_source {
    double (*random) (void *user);                   /* from 0 to 1 */
    void (*sleep) (void *user, int64_t duration_ns); /* instead of sleeping; NULL: sleeps */
    void *user;
} godwit__backoff_source_t;

/* NULL: real chance and sleep again. The source is copied. */
void godwit__backoff_inject (const godwit__backoff_source_t *source);
/* Sleeps as the injected source does. False: there is none, so the caller has to sleep. */
int godwit__backoff_slept (int64_t duration_ns);

#endif
