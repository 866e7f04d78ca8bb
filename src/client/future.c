/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/future.h"

#include "src/base/uncancelled.h"
#include "src/client/async.h"
#include "src/client/call_explain.h"
#include "src/connection/completion.h"
#include "src/error/error.h"
#include "src/runtime/wait.h"

#include <stdlib.h>

/* Two references: the program's and the callback's. */
struct godwit_future {
    atomic_uint refs;
    godwit_transport_t *transport;
    pthread_mutex_t lock;
    godwit__change_t finished_changed;
    bool finished;
    godwit_status_t status;
    godwit_value_t *result;
    godwit_error_t *error; /* a copy */
    godwit__call_t *call;  /* until it has finished; for the completion thread, which ends it */
    godwit__list_node_t in_given_up;
};

static void
future_unref (godwit_future_t *future)
{
    if (atomic_fetch_sub_explicit (&future->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit_value_unref (&future->result);
    godwit_error_destroy (&future->error);
    pthread_mutex_destroy (&future->lock);
    godwit__transport_unref (future->transport);
    free (future);
}

static void
on_future (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    godwit_future_t *future = user;
    pthread_mutex_lock (&future->lock);
    future->finished = true;
    future->status = status;
    future->result = result ? godwit_value_ref (result) : NULL;
    future->error = error ? godwit__error_copy (error) : NULL;
    pthread_mutex_unlock (&future->lock);
    godwit__change_tell (&future->finished_changed);
    future_unref (future);
}

godwit_status_t
godwit_client_call_future (godwit_client_t *client, const godwit_value_t *context, const char *method,
                           godwit_fields_t args, godwit_future_t **future, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!client || !future)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  client ? "future" : "client");
    godwit_future_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    atomic_init (&self->refs, 2);
    self->transport = godwit__transport_ref (client->transport);
    pthread_mutex_init (&self->lock, NULL);
    const godwit_status_t status =
        godwit__call_async (client, context, method, &args, on_future, self, &self->call, error);
    if (status) {
        future_unref (self);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): of two references; on_future is not called */
        future_unref (self);
        return status;
    }
    *future = self;
    return GODWIT_OK;
}

/* With lock held. */
static void
wait_for_end (godwit_future_t *future, int64_t until_ns)
{
    while (!future->finished) {
        const int64_t left_ns =
            until_ns == GODWIT__NEVER ? GODWIT__NEVER : until_ns - godwit__transport_now (future->transport);
        if (left_ns <= 0)
            return;
        godwit__wait (future->transport, &future->finished_changed, &future->lock, left_ns);
    }
}

godwit_status_t
godwit_future_wait (godwit_future_t *future, int64_t timeout_ms, bool *finished, godwit_value_t **result,
                    godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!future)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "future: expected a pointer, got NULL");
    if (godwit__transport_check (future->transport, NULL) == GODWIT_ERR_FORKED)
        return godwit__transport_check (future->transport, error);
    const int64_t until_ns = timeout_ms < 0
                                 ? GODWIT__NEVER
                                 : godwit__transport_now (future->transport) + godwit__ns_of_ms (timeout_ms);
    pthread_mutex_lock (&future->lock);
    wait_for_end (future, until_ns);
    const bool ended = future->finished;
    godwit_status_t status = future->status;
    if (ended && status == GODWIT_OK && result)
        *result = godwit_value_ref (future->result);
    if (ended && status && error)
        *error = godwit__error_copy (future->error);
    if (!ended) {
        status = godwit__error_set (error, GODWIT_ERR_TIMEOUT, "The call has not ended within %lld ms",
                                    (long long) timeout_ms);
        godwit__call_explain_waiting (future->call, error); /* it ends with the lock held */
    }
    pthread_mutex_unlock (&future->lock);
    if (finished)
        *finished = ended;
    return status;
}

/* ---- the end ---- */

static void
on_given_up (godwit__task_t *task)
{
    godwit__given_up_end (task->user);
}

godwit_status_t
godwit__given_up_open (godwit_transport_t *transport, godwit_error_t **error)
{
    godwit__given_up_t *const given_up = calloc (1, sizeof *given_up);
    if (!given_up)
        return godwit__error_no_memory (error);
    pthread_mutex_init (&given_up->lock, NULL);
    godwit__list_init (&given_up->futures);
    given_up->task = (godwit__task_t){.run = on_given_up, .user = transport};
    transport->given_up = given_up;
    return GODWIT_OK;
}

void
godwit__given_up_close (godwit_transport_t *transport)
{
    godwit__given_up_t *const given_up = transport->given_up;
    if (!given_up)
        return;
    godwit__reactor_unpost (transport->completion->reactor, &given_up->task);
    pthread_mutex_destroy (&given_up->lock);
    free (given_up);
    transport->given_up = NULL;
}

void
godwit__given_up_end (godwit_transport_t *transport)
{
    godwit__given_up_t *const given_up = transport->given_up;
    godwit__list_t futures;
    godwit__list_init (&futures);
    pthread_mutex_lock (&given_up->lock);
    godwit__list_move_all (&futures, &given_up->futures);
    pthread_mutex_unlock (&given_up->lock);
    while (!godwit__list_is_empty (&futures)) {
        godwit_future_t *const future = GODWIT__FIRST (&futures, godwit_future_t, in_given_up);
        godwit__list_remove (&future->in_given_up);
        pthread_mutex_lock (&future->lock);
        const bool finished = future->finished;
        pthread_mutex_unlock (&future->lock);
        if (!finished) /* the call cannot finish now: that happens on this thread */
            godwit__call_give_up (future->call);
        future_unref (future);
    }
}

/* With future.lock, and before the call has ended: so the completion reactor is still there. The list takes
 * the program's reference. */
static void
give_up (godwit_future_t *future)
{
    godwit__given_up_t *const given_up = future->transport->given_up;
    pthread_mutex_lock (&given_up->lock);
    godwit__list_append (&given_up->futures, &future->in_given_up);
    pthread_mutex_unlock (&given_up->lock);
    godwit__reactor_post (future->transport->completion->reactor, &given_up->task);
}

void
godwit_future_destroy (godwit_future_t **future)
{
    GODWIT__UNCANCELLED;
    if (!future || !*future)
        return;
    godwit_future_t *const self = *future;
    *future = NULL;
    bool is_given_up = false;
    if (godwit__transport_check (self->transport, NULL) != GODWIT_ERR_FORKED) {
        pthread_mutex_lock (&self->lock);
        is_given_up = !self->finished;
        if (is_given_up)
            give_up (self);
        pthread_mutex_unlock (&self->lock);
    }
    if (!is_given_up)
        future_unref (self);
}
