/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of start, stop, wait and reset, the steps of a server's life, each on a thread of its own. */
#ifndef GODWIT_TESTS_STEPS_H
#define GODWIT_TESTS_STEPS_H

#include <godwit/server.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

typedef godwit_status_t step_fn (godwit_server_t *server, const godwit_step_options_t *options,
                                 godwit_error_t **error);

typedef struct asker {
    step_fn *step;
    godwit_server_t *server;
    godwit_step_options_t options;
    pthread_t thread;
    atomic_bool done;
    godwit_status_t status;
    godwit_error_t *error;
} asker_t;

/* options may be NULL. */
void asker_begin (asker_t *asker, step_fn *step, godwit_server_t *server,
                  const godwit_step_options_t *options);
/* Joins it; returns its status. The error is the asker's until asker_forget. */
godwit_status_t asker_end (asker_t *asker);
void asker_forget (asker_t *asker);
/* Waits until so many threads are in a step of the server, and have released the lock: they sleep, or do the
 * step. False after 20 s. */
bool steps_await (godwit_server_t *server, unsigned visitors);

/* A clock that only the test moves, for the steps of one server. To be set before the first step. */
typedef struct step_clock {
    atomic_int_fast64_t now_ms;
} step_clock_t;

void step_clock_put (step_clock_t *clock, godwit_server_t *server);
/* Moves the clock, and wakes the threads that sleep. */
void step_clock_move (step_clock_t *clock, godwit_server_t *server, int64_t ms);

#endif
