/* SPDX-License-Identifier: Apache-2.0 */
/* One call of start, stop, wait or reset, the steps of a server's life: it enters, sleeps while other threads
 * do their steps, and leaves. */
#ifndef GODWIT_SRC_SERVER_STEP_H
#define GODWIT_SRC_SERVER_STEP_H

#include "src/server/server.h"

typedef struct godwit__step {
    godwit_server_t *server;
    const char *name;
    int64_t timeout_ms;
    int64_t end_ns;    /* NEVER: no timeout */
    int64_t log_at_ns; /* NEVER: not any more, or not at all */
    int pool_size;
    const atomic_uint *signals; /* NULL, or: when there are two, the step does not wait (src/server/run.c) */
} godwit__step_t;

/* OK: the caller has transport.lock, and must call godwit__step_leave. */
godwit_status_t godwit__step_enter (godwit__step_t *step, godwit_server_t *server, const char *name,
                                    const godwit_step_options_t *options, godwit_error_t **error);
/* Releases the lock. Returns status. */
godwit_status_t godwit__step_leave (const godwit__step_t *step, godwit_status_t status);
/* With the lock, which is released meanwhile: sleeps until something has changed, or it is time to look.
 * what: is waited for; begun: another thread is doing it. */
godwit_status_t godwit__step_sleep (godwit__step_t *step, const char *what, bool begun,
                                    godwit_error_t **error);
/* The same with pool.lock, for a change there. */
godwit_status_t godwit__step_sleep_in_pool (godwit__step_t *step, const char *what, godwit_error_t **error);

#endif
