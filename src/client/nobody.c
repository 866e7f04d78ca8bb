/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/nobody.h"

#include "src/address/target.h"
#include "src/error/error.h"
#include "src/runtime/wait.h"

#include <stdio.h>

/* Calls that wait are looked at together: each look goes through all of them. */
#define STEP_NS (250 * GODWIT__NS_PER_MS)

/* ---- waiting ---- */

bool
godwit__nobody_may_wait (const godwit_transport_t *transport)
{
    return !transport->options.external_loop || !godwit__transport_is_processing (transport);
}

static bool
knows_some (const godwit__group_t *group)
{
    for (size_t i = 0; i < group->count; i++)
        if (!group->members[i]->draining)
            return true;
    return false;
}

bool
godwit__nobody_await_names (const godwit_client_t *client, int64_t until_ns)
{
    godwit_transport_t *const transport = client->transport;
    bool waited = false;
    while (transport->directory->names.state == GODWIT__NAMES_AWAITED &&
           !(transport->directory->names.were_told && knows_some (client->group))) {
        const int64_t left_ns = until_ns - godwit__transport_now (transport);
        if (left_ns <= 0 || atomic_load (&transport->closing) || godwit__client_is_closed (client) ||
            !godwit__nobody_may_wait (transport))
            break;
        godwit__transport_wait_changed (transport, left_ns);
        waited = true;
    }
    return waited;
}

/* ---- errors ---- */

void
godwit__nobody_explain (const godwit_client_t *client, char *text, size_t size)
{
    godwit_transport_t *const transport = client->transport;
    pthread_mutex_lock (&transport->lock);
    godwit__explain_unknown (transport->directory, client->group, client->target.server, text, size);
    godwit__transport_unlock (transport);
}

godwit_status_t
godwit__nobody_error (const godwit_client_t *client, bool is_certain, godwit_outcome_t outcome,
                      godwit_error_t **error)
{
    char why[GODWIT__EXPLAIN_SIZE], after[GODWIT__EXPLAIN_SIZE + 2];
    const godwit_status_t status = godwit__transport_check (client->transport, error);
    if (status)
        return status;
    if (godwit__client_is_closed (client))
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The client is being destroyed");
    godwit__nobody_explain (client, why, sizeof why);
    snprintf (after, sizeof after, ": %s", why);
    return godwit__target_error (error, is_certain ? GODWIT_ERR_UNDELIVERABLE : GODWIT_ERR_DELIVERY_FAILURE,
                                 outcome, &client->target,
                                 is_certain ? "Nobody listens at " : "Nobody is known at ", after);
}

/* ---- the log ---- */

int64_t
godwit__nobody_log (const godwit_client_t *client, int64_t since_ns, int64_t now_ns)
{
    godwit_transport_t *const transport = client->transport;
    godwit__group_t *const group = client->group;
    char why[GODWIT__EXPLAIN_SIZE], target[512], text[GODWIT__EXPLAIN_SIZE + 640];
    if (!godwit__logs (transport, GODWIT_LOG_WARNING))
        return 0;
    int64_t due_ns = since_ns + GODWIT__NOBODY_LOG_AFTER_NS;
    pthread_mutex_lock (&transport->lock);
    if (group->nobody_logged_ns && group->nobody_logged_ns + GODWIT__NOBODY_LOG_EVERY_NS > due_ns)
        due_ns = group->nobody_logged_ns + GODWIT__NOBODY_LOG_EVERY_NS;
    const bool is_due = now_ns >= due_ns;
    if (is_due) {
        group->nobody_logged_ns = now_ns;
        due_ns = now_ns + GODWIT__NOBODY_LOG_EVERY_NS;
        godwit__explain_unknown (transport->directory, group, client->target.server, why, sizeof why);
    }
    godwit__transport_unlock (transport);
    if (is_due) {
        godwit_target_print (&client->target, target, sizeof target);
        snprintf (text, sizeof text, "Waiting for %s, for %lld ms by now: %s", target,
                  (long long) ((now_ns - since_ns) / GODWIT__NS_PER_MS), why);
        godwit__log_text (transport, GODWIT_LOG_WARNING, text);
    }
    return due_ns + STEP_NS - due_ns % STEP_NS;
}
