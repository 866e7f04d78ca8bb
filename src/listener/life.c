/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a listener's life: those of its lanes, one after the other. */
#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/listener/letters.h"
#include "src/listener/listener_end.h"
#include "src/server/server.h"

typedef godwit_status_t step_fn (godwit_server_t *server, const godwit_step_options_t *options,
                                 godwit_error_t **error);

/* Takes a step of all lanes; the first failure is returned, and the others take it all the same. */
static godwit_status_t
step_all (godwit_listener_t *listener, step_fn *step, const godwit_step_options_t *options,
          godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < listener->lane_count; i++) {
        godwit_error_t *failure = NULL;
        const godwit_status_t one = step (listener->lanes[i].server, options, &failure);
        if (one && !status) {
            status = one;
            if (error)
                *error = failure;
            failure = error ? NULL : failure;
        }
        godwit_error_destroy (&failure);
    }
    return status;
}

godwit_status_t
godwit_listener_start (godwit_listener_t *listener, const godwit_step_options_t *options,
                       godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!listener)
        return godwit__error_null (error, "listener");
    godwit_status_t status = godwit__transport_check (listener->transport, error);
    if (!status)
        status = godwit__batches_start (listener, error);
    if (status)
        return status;
    godwit__letters_start (listener);
    for (size_t i = 0; i < listener->lane_count && !status; i++) {
        status = godwit_server_start (listener->lanes[i].server, options, error);
        if (!status)
            atomic_store (&listener->lanes[i].has_started, true);
        for (size_t j = 0; status && j < i; j++) {
            godwit_server_stop (listener->lanes[j].server, options, NULL);
            godwit_server_wait (listener->lanes[j].server, options, NULL);
        }
    }
    if (status)
        godwit__letters_stop (listener);
    return status;
}

godwit_status_t
godwit_listener_stop (godwit_listener_t *listener, const godwit_step_options_t *options,
                      godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!listener)
        return godwit__error_null (error, "listener");
    const godwit_status_t status = step_all (listener, godwit_server_stop, options, error);
    if (!status)
        godwit__letters_stop (listener);
    return status;
}

godwit_status_t
godwit_listener_wait (godwit_listener_t *listener, const godwit_step_options_t *options,
                      godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!listener)
        return godwit__error_null (error, "listener");
    return step_all (listener, godwit_server_wait, options, error);
}

/* The others would be waited for until they have started. */
static void
stop_lanes (godwit_listener_t *listener)
{
    for (size_t i = 0; i < listener->lane_count; i++)
        if (atomic_load (&listener->lanes[i].has_started))
            godwit_server_stop (listener->lanes[i].server, NULL, NULL);
}

/* False: a handler was abandoned, and may still use the listener, which stays. */
static bool
destroy_lanes (godwit_listener_t *listener)
{
    bool all_over = true;
    for (size_t i = 0; i < listener->lane_count; i++) {
        godwit_server_destroy (&listener->lanes[i].server);
        all_over &= listener->lanes[i].is_over;
    }
    return all_over;
}

/* Those that stay, to be found by debuggers and by those who look for leaks (src/server/abandon.h). */
static _Atomic (godwit_listener_t *) abandoned_listeners;

static void
abandon (godwit_listener_t *listener)
{
    listener->next_abandoned = atomic_load (&abandoned_listeners);
    while (!atomic_compare_exchange_weak (&abandoned_listeners, &listener->next_abandoned, listener))
        ;
}

void
godwit_listener_destroy (godwit_listener_t **listener)
{
    GODWIT__UNCANCELLED;
    if (!listener || !*listener)
        return;
    godwit_listener_t *const self = *listener;
    *listener = NULL;
    if (godwit__transport_check (self->transport, NULL) != GODWIT_ERR_FORKED) {
        stop_lanes (self);
        godwit__end_hook_remove (self->transport, &self->at_end);
        godwit__listener_quit (self);
    }
    if (!destroy_lanes (self)) {
        abandon (self);
        return;
    }
    for (size_t i = 0; i < self->endpoint_count; i++)
        if (self->endpoints[i].on_destroy)
            self->endpoints[i].on_destroy (self->endpoints[i].self);
    godwit__listener_free (self);
}
