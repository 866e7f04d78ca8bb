/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/whereabouts.h"

#include <stdio.h>

#define NAMED_MAX 3

/* With lock held. A server of this transport that runs inline methods has no connection. */
static bool
find (const godwit__group_t *group, uint64_t key, godwit__whereabouts_t *whereabouts)
{
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *const member = group->members[i];
        const godwit__connection_t *const connection = member->peer->connection;
        if (godwit__member_key (member) != key)
            continue;
        snprintf (whereabouts->server, sizeof whereabouts->server, "%s", member->record->server);
        snprintf (whereabouts->address, sizeof whereabouts->address, "%s",
                  connection ? connection->address : "");
        return true;
    }
    for (size_t i = 0; i < GODWIT__DEPARTED_MAX; i++) {
        const godwit__departed_t *const departed = &group->departed[i];
        if (!departed->record || departed->key != key)
            continue;
        snprintf (whereabouts->server, sizeof whereabouts->server, "%s", departed->record->server);
        whereabouts->address[0] = '\0';
        return true;
    }
    return false;
}

bool
godwit__whereabouts_find (godwit_transport_t *transport, const godwit__group_t *group, uint64_t key,
                          godwit__whereabouts_t *whereabouts)
{
    pthread_mutex_lock (&transport->lock);
    const bool found = find (group, key, whereabouts);
    godwit__transport_unlock (transport);
    return found;
}

void
godwit__whereabouts_failures (godwit_transport_t *transport, const godwit__group_t *group, const char *server,
                              char *text, size_t size)
{
    size_t used = 0, count = 0;
    text[0] = '\0';
    pthread_mutex_lock (&transport->lock);
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *const member = group->members[i];
        const char *const failed = member->peer->failed ? member->peer->failed : member->peer->failing;
        if ((!failed && !member->refusal) || (server && strcmp (server, member->record->server) != 0) ||
            count++ >= NAMED_MAX || used >= size)
            continue;
        if (failed)
            used += (size_t) snprintf (text + used, size - used, "%sserver \"%s\" cannot be reached: %s",
                                       used ? "; " : "", member->record->server, failed);
        else
            used += (size_t) snprintf (text + used, size - used, "%s%s", used ? "; " : "", member->refusal);
    }
    godwit__transport_unlock (transport);
    if (count > NAMED_MAX && used < size)
        snprintf (text + used, size - used, "; and %zu more", count - NAMED_MAX);
}
