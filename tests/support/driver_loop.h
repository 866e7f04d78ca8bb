/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that runs a driver's reactor, as a transport's control thread does, for tests that use a driver
 * without a transport. */
#ifndef GODWIT_TESTS_DRIVER_LOOP_H
#define GODWIT_TESTS_DRIVER_LOOP_H

#include "src/loop/reactor.h"

#include <pthread.h>

typedef struct driver_loop {
    godwit__reactor_t *reactor;
    pthread_t thread;
    bool is_over; /* its thread */
} driver_loop_t;

/* From now on the reactor is that thread's. The struct stays in place. */
void driver_loop_start (driver_loop_t *loop, godwit__reactor_t *reactor);
/* Runs the function on that thread, and waits until it has returned. */
void driver_loop_run (driver_loop_t *loop, void (*run) (void *user), void *user);
/* Ends the thread; the reactor is the caller's again. */
void driver_loop_stop (driver_loop_t *loop);

#endif
