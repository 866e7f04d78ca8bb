/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/backing_off_client.h"

#include "src/client/backoff.h"
#include "src/error/error.h"
#include "src/runtime/wait.h"

#include <godwit/service.h>

#include <stdlib.h>

godwit_status_t
godwit_backing_off_client_set_max_timeout (int64_t timeout_ms, godwit_error_t **error)
{
    if (timeout_ms < 1)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "timeout_ms: expected at least 1, got %lld", (long long) timeout_ms);
    godwit__backoff_set_max (timeout_ms);
    return GODWIT_OK;
}

/* ---- a call ---- */

/* "namespace.method", or "method". */
static char *
key_of (const char *name_space, const char *method)
{
    const size_t prefix_size = name_space ? strlen (name_space) + 1 : 0;
    const size_t method_size = strlen (method);
    char *key = malloc (prefix_size + method_size + 1);
    if (!key)
        return NULL;
    if (name_space) {
        memcpy (key, name_space, prefix_size - 1);
        key[prefix_size - 1] = '.';
    }
    memcpy (key + prefix_size, method, method_size + 1);
    return key;
}

static int64_t
default_ms (const godwit_client_t *client)
{
    return client->transport->options.rpc_response_timeout_ms;
}

godwit_status_t
godwit__backing_off_begin (const godwit_client_t *client, const char *method, char **key, int64_t *timeout_ms,
                           godwit_error_t **error)
{
    *key = key_of (client->target.name_space, method);
    if (!*key)
        return godwit__error_no_memory (error);
    *timeout_ms = godwit__backoff_timeout (*key, default_ms (client));
    return GODWIT_OK;
}

/* On the calling thread. Ends early with its client or its transport. */
static void
sleep_for (const godwit__call_t *call, int64_t duration_ns)
{
    godwit_transport_t *transport = call->client->transport;
    const int64_t until_ns = godwit__transport_now (transport) + duration_ns;
    pthread_mutex_lock (&transport->lock);
    for (;;) {
        const int64_t left_ns = until_ns - godwit__transport_now (transport);
        if (left_ns <= 0 || atomic_load (&transport->closing) || godwit__client_is_closed (call->client))
            break;
        godwit__transport_wait_changed (transport, left_ns);
    }
    godwit__transport_unlock (transport);
}

void
godwit__backing_off_failed (const godwit__call_t *call, godwit_status_t status, bool may_sleep)
{
    godwit_transport_t *transport = call->client->transport;
    int64_t raised_ms = 0;
    /* An error that the server sent came in time, even if it is a MessagingTimeout of the server's own
     * call. */
    const bool is_answered =
        call->pending.header.type == GODWIT__FAILURE || call->pending.header.type == GODWIT__REPLY;
    if (status != GODWIT_ERR_TIMEOUT || is_answered)
        return;
    const int64_t duration_ns = godwit__backoff_timed_out (call->backoff_key, call->timeout_ms,
                                                           default_ms (call->client), &raised_ms);
    if (raised_ms && godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING,
                     "a call of %s timed out: further calls have a timeout of %lld ms", call->backoff_key,
                     (long long) raised_ms);
    if (may_sleep && !godwit__backoff_slept (duration_ns))
        sleep_for (call, duration_ns);
}
