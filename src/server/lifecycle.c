/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, wait and reset. */
#include "src/server/lifecycle.h"

#include "src/address/target.h"
#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/server/listen.h"
#include "src/server/step.h"

#include <stdio.h>

/* With the lock, which is released meanwhile: waits until all requests that the present life has accepted
 * have run, or that life is over. */
static godwit_status_t
drain (godwit__step_t *step, godwit_error_t **error)
{
    godwit_server_t *const server = step->server;
    godwit__pool_t *const pool = server->pool;
    const uint64_t life = server->life;
    godwit_status_t status = GODWIT_OK;
    if (!pool)
        return GODWIT_OK;
    godwit__transport_unlock (server->transport);
    godwit__pool_lock (pool);
    uint32_t left;
    while (!status && (left = server->occupied + server->queued) && server->life == life) {
        char what[64];
        snprintf (what, sizeof what, "%u request%s", left, left == 1 ? "" : "s");
        status = godwit__step_sleep_in_pool (step, what, error);
    }
    godwit__pool_unlock (pool);
    pthread_mutex_lock (&server->transport->lock);
    return status;
}

/* ---- whose turn it is ---- */

static void
take_turn (godwit_server_t *server, godwit__server_change_t change)
{
    server->changing = change;
    godwit__transport_unlock (server->transport);
}

static void
end_turn (godwit_server_t *server)
{
    pthread_mutex_lock (&server->transport->lock);
    server->changing = GODWIT__CHANGE_NONE;
    godwit__change_tell (&server->transport->changed);
}

/* The life that a stop or a wait is about. */
static uint64_t
life_meant (const godwit_server_t *server)
{
    const bool is_settled = server->state == GODWIT__SERVER_UP || (server->state == GODWIT__SERVER_STOPPED &&
                                                                   server->changing != GODWIT__CHANGE_START);
    return is_settled ? server->life : server->life + 1;
}

/* True also if the start of that life has failed, and the server is still stopped. */
static bool
was_stopped (const godwit_server_t *server, uint64_t life)
{
    return server->life > life || (server->state == GODWIT__SERVER_STOPPED && !server->changing);
}

/* ---- start ---- */

/* With the lock, which is released: wakes the threads that wait on pool.lock. */
static void
wake_who_drains (godwit_server_t *server)
{
    godwit__pool_t *const pool = server->pool;
    if (!pool)
        return;
    godwit__transport_unlock (server->transport);
    godwit__pool_lock (pool);
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    pthread_mutex_lock (&server->transport->lock);
}

/* In its turn. */
static godwit_status_t
do_start (godwit_server_t *server, uint32_t pool_size, godwit_error_t **error)
{
    godwit_error_t *failure = NULL;
    take_turn (server, GODWIT__CHANGE_START);
    const godwit_status_t status = godwit__server_listen (server, pool_size, &failure);
    end_turn (server);
    server->start_count++;
    godwit_error_destroy (&server->start_failure);
    if (!status) {
        server->state = GODWIT__SERVER_UP;
        server->life++;
        wake_who_drains (server);
        return GODWIT_OK;
    }
    /* A copy, for the threads that waited for this start: an error has one owner. */
    server->start_failure = godwit__error_copy (failure);
    if (error)
        *error = failure;
    else
        godwit_error_destroy (&failure);
    return status;
}

/* With the lock: waits for another thread's start or stop. *result is the status of a start that failed. */
static godwit_status_t
wait_for_other (godwit__step_t *step, godwit_error_t **error)
{
    godwit_server_t *const server = step->server;
    const bool starts = server->changing == GODWIT__CHANGE_START;
    const uint64_t start_count = server->start_count;
    const godwit_status_t status = godwit__step_sleep (step, starts ? "start" : "stop", true, error);
    if (status || !starts || server->start_count == start_count || !server->start_failure)
        return status;
    if (error)
        *error = godwit__error_copy (server->start_failure);
    return godwit_error_status (server->start_failure);
}

godwit_status_t
godwit_server_start (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit__step_t step;
    uint64_t drained_life = UINT64_MAX;
    godwit_status_t status = godwit__step_enter (&step, server, "start", options, error);
    if (status)
        return status;
    if (!server->target.topic || !server->target.server)
        return godwit__step_leave (
            &step,
            godwit__target_error (error, GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, &server->target,
                                  "A server's target must have topic and server names specified: ", ""));
    if (step.pool_size < 0)
        return godwit__step_leave (&step, godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                                             "override_pool_size: expected 1 or more, got %d",
                                                             step.pool_size));
    while (!status) {
        if (server->changing) {
            status = wait_for_other (&step, error);
        } else if (server->state == GODWIT__SERVER_UP) {
            break;
        } else if (server->state == GODWIT__SERVER_STOPPED && drained_life != server->life) {
            drained_life = server->life;
            status = drain (&step, error);
        } else {
            status = do_start (server, (uint32_t) step.pool_size, error);
            break;
        }
    }
    return godwit__step_leave (&step, status);
}

/* ---- stop, wait, reset ---- */

godwit_status_t
godwit__server_stop (godwit_server_t *server, const godwit_step_options_t *options,
                     const atomic_uint *signals, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit__step_t step;
    godwit_status_t status = godwit__step_enter (&step, server, "stop", options, error);
    if (status)
        return status;
    step.signals = signals;
    const uint64_t life = life_meant (server);
    while (!status && !was_stopped (server, life)) {
        if (server->state == GODWIT__SERVER_UP && !server->changing) {
            take_turn (server, GODWIT__CHANGE_STOP);
            godwit__server_unlisten (server);
            end_turn (server);
            server->state = GODWIT__SERVER_STOPPED;
        } else {
            const bool stops = server->changing == GODWIT__CHANGE_STOP;
            status = godwit__step_sleep (&step, stops ? "stop" : "start",
                                         server->changing != GODWIT__CHANGE_NONE, error);
        }
    }
    return godwit__step_leave (&step, status);
}

godwit_status_t
godwit_server_stop (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    return godwit__server_stop (server, options, NULL, error);
}

godwit_status_t
godwit__server_wait (godwit_server_t *server, const godwit_step_options_t *options,
                     const atomic_uint *signals, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit__step_t step;
    godwit_status_t status = godwit__step_enter (&step, server, "wait", options, error);
    if (status)
        return status;
    step.signals = signals;
    const uint64_t life = life_meant (server);
    while (!status && !was_stopped (server, life))
        status = godwit__step_sleep (&step, "stop", server->changing == GODWIT__CHANGE_STOP, error);
    /* A restart has waited already for the requests of the life before. */
    if (!status && server->life <= life)
        status = drain (&step, error);
    return godwit__step_leave (&step, status);
}

godwit_status_t
godwit_server_wait (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    return godwit__server_wait (server, options, NULL, error);
}

godwit_status_t
godwit_server_reset (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit__step_t step;
    godwit_status_t status = godwit__step_enter (&step, server, "reset", options, error);
    if (status)
        return status;
    while (!status && server->changing)
        status = godwit__step_sleep (&step, server->changing == GODWIT__CHANGE_STOP ? "stop" : "start", true,
                                     error);
    if (!status && server->life == 0)
        status =
            godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "reset: the server was never started");
    return godwit__step_leave (&step, status);
}

/* ---- the end ---- */

void
godwit__server_end_steps (godwit_server_t *server)
{
    godwit_transport_t *const transport = server->transport;
    pthread_mutex_lock (&transport->lock);
    atomic_store (&server->ending, true);
    godwit__change_tell (&transport->changed);
    while (server->changing)
        godwit__change_wait (&transport->changed, &transport->lock, GODWIT__NEVER);
    wake_who_drains (server);
    while (server->visitors)
        godwit__change_wait (&transport->changed, &transport->lock, GODWIT__NEVER);
    const bool is_up = server->state == GODWIT__SERVER_UP;
    server->state = GODWIT__SERVER_STOPPED;
    godwit__transport_unlock (transport);
    if (is_up)
        godwit__server_unlisten (server);
}
