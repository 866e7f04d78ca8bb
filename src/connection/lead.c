/* SPDX-License-Identifier: Apache-2.0 */
#include "src/connection/lead.h"

#include "src/base/futex.h"
#include "src/connection/completion.h"

void
godwit__lead_post (godwit__connection_t *connection)
{
    if (atomic_load_explicit (&connection->state, memory_order_relaxed) != GODWIT__CONNECTION_DOWN)
        godwit__reactor_post (connection->transport->completion->reactor, &connection->receive_task);
}

void
godwit__lead_release (godwit__connection_t *connection, godwit__lead_t otherwise)
{
    if (connection->asynchronous_count > 0 || connection->transport->options.external_loop) {
        connection->lead = GODWIT__LEAD_REACTOR;
        if (otherwise != GODWIT__LEAD_REACTOR)
            godwit__lead_post (connection);
        return;
    }
    godwit__pending_t *const next = GODWIT__FIRST (&connection->followers, godwit__pending_t, follower);
    if (!next) {
        connection->lead = otherwise;
        return;
    }
    connection->lead = GODWIT__LEAD_CALLER;
    next->leads = true;
    godwit__futex_wake (godwit__pending_unfollow (next), 1);
    if (otherwise == GODWIT__LEAD_REACTOR)
        godwit__completion_unparked (connection->transport->completion);
}

void
godwit__lead_claim (godwit__connection_t *connection, godwit__pending_t *pending)
{
    const bool external = connection->transport->options.external_loop;
    switch (connection->lead) {
    case GODWIT__LEAD_NOBODY:
        break;
    case GODWIT__LEAD_REACTOR:
        /* With an external loop, only the loop's own thread may take the lead, inside a handler: no other
         * thread would receive then. */
        if (external ? !godwit__completion_is_current (connection->transport->completion)
                     : connection->asynchronous_count > 0)
            return;
        godwit__completion_unparked (connection->transport->completion);
        break;
    case GODWIT__LEAD_CALLER:
    case GODWIT__LEAD_REACTOR_BUSY:
        return;
    }
    connection->lead = GODWIT__LEAD_CALLER;
    pending->leads = true;
    if (pending->follows)
        godwit__pending_unfollow (pending); /* from now on it waits on the link */
}
