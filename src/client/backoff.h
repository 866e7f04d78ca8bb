/* SPDX-License-Identifier: Apache-2.0 */
/* The process's table of the timeouts of methods, for clients that back off (contract 11).
 *
 *     timeout of a call = its method's, or at first the default; at most the ceiling
 *     ceiling           = ten times the default, or what set_max said, if that is less
 *     it timed out      -> its method's timeout is twice that of the call, if that is more than it was, up to
 *                          the ceiling; the caller sleeps for a random part of it, at most of the default
 *
 * The default is that of the call's transport. Transports whose defaults differ share the table: what a fast
 * one has stored never makes a call of a slow one end before its own default, and what a slow one has stored
 * stays below the ceiling of a fast one.
 *
 * A method is in the table once it has timed out. There is room for GODWIT__BACKOFF_METHODS of them: one more
 * makes the table forget the one that entered it first, which begins at the default again. Names of more than
 * GODWIT__BACKOFF_KEY_SIZE bytes are not entered.
 *
 * Any thread, and also after fork(): the lock is never left behind.
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
/* At least 1. Only lowers, and caps what the table holds. */
void godwit__backoff_set_max (int64_t timeout_ms);
/* As in a process that has just begun. */
void godwit__backoff_reset (void);
size_t godwit__backoff_count (void);

/* ---- for tests ---- */

/* Where chance and sleep come from. */
typedef struct godwit__backoff_source {
    double (*random) (void *user);                   /* from 0 to 1 */
    void (*sleep) (void *user, int64_t duration_ns); /* instead of sleeping; NULL: sleeps */
    void *user;
} godwit__backoff_source_t;

/* NULL: back to what it is without a test. The source is copied. */
void godwit__backoff_inject (const godwit__backoff_source_t *source);
/* Sleeps as the source says. False: it does not, so the caller has to. */
int godwit__backoff_slept (int64_t duration_ns);

#endif
