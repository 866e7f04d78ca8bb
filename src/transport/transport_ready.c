/* SPDX-License-Identifier: Apache-2.0 */
/* Waits until a transport was told which servers there are. */
#include "src/base/uncancelled.h"
#include "src/connection/completion.h"
#include "src/discovery/directory.h"
#include "src/error/error.h"
#include "src/loop/clock.h"
#include "src/runtime/wait.h"

#include <stdio.h>

/* INVALID_ARGUMENT where nothing can be told while this thread waits, or where it must not wait. */
static godwit_status_t
check_blocking (const godwit_transport_t *transport, godwit_error_t **error)
{
    const bool is_in_callback =
        godwit__completion_is_current (transport->completion) && transport->completion->callback_depth > 0;
    if (is_in_callback || (transport->options.external_loop && godwit__transport_is_processing (transport)))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "godwit_transport_wait_ready was called from a callback, or from a handler "
                                  "that runs in the program's loop: it would wait for itself");
    return GODWIT_OK;
}

/* True if it is ready; otherwise text says what is missing. */
static bool
wait_until_told (godwit_transport_t *transport, int64_t until_ns, char *text, size_t size)
{
    const godwit__told_names_t *const names = &transport->directory->names;
    pthread_mutex_lock (&transport->lock);
    while (!names->were_told && !atomic_load (&transport->closing)) {
        const int64_t left_ns =
            until_ns == GODWIT__NEVER ? GODWIT__NEVER : until_ns - godwit__transport_now (transport);
        if (left_ns <= 0)
            break;
        godwit__transport_wait_changed (transport, left_ns);
    }
    const bool is_ready = names->were_told;
    snprintf (text, size, "%s", names->text);
    godwit__transport_unlock (transport);
    return is_ready;
}

godwit_status_t
godwit_transport_wait_ready (godwit_transport_t *transport, int64_t timeout_ms, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    char text[GODWIT__NAMES_TEXT_SIZE];
    if (!transport)
        return godwit__error_null (error, "transport");
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK)
        status = check_blocking (transport, error);
    if (status)
        return status;
    const int64_t until_ns =
        timeout_ms < 0 ? GODWIT__NEVER : godwit__transport_now (transport) + godwit__ns_of_ms (timeout_ms);
    godwit__transport_ref (transport); /* another thread may destroy it meanwhile */
    const bool is_ready = wait_until_told (transport, until_ns, text, sizeof text);
    status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK && !is_ready)
        status = godwit__error_set (error, GODWIT_ERR_TIMEOUT, "The transport is not ready after %lld ms: %s",
                                    (long long) timeout_ms, text);
    godwit__transport_unref (transport);
    return status;
}
