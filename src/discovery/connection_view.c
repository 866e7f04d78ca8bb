/* SPDX-License-Identifier: Apache-2.0 */
/* Calls wait for the locks that are taken here: under them only numbers and references are copied. */
#include "src/discovery/connection_view.h"

#include "src/discovery/directory.h"
#include "src/value/build.h"

#include <stdio.h>
#include <stdlib.h>

/* With connection.lock held, or when nobody uses it any more. */
static void
look_at (godwit__connection_sight_t *sight, const godwit__connection_t *connection)
{
    *sight = (godwit__connection_sight_t){
        .tally = connection->tally,
        .pending = connection->pending.count,
        .unread = connection->last_id - connection->read_id,
        .since_ns = connection->ready_ns,
    };
    snprintf (sight->address, sizeof sight->address, "%s", connection->address);
    memcpy (sight->instance, connection->instance, sizeof sight->instance);
}

void
godwit__ended_connections_add (godwit__ended_connections_t *ended, godwit__connection_t *connection,
                               const char *reason)
{
    godwit__connection_sight_t *const sight = &ended->last[ended->count % GODWIT__ENDED_MAX];
    pthread_mutex_lock (&connection->lock);
    const bool was_ready = connection->ready_ns != 0;
    if (was_ready)
        look_at (sight, connection);
    pthread_mutex_unlock (&connection->lock);
    if (!was_ready)
        return;
    ended->count++;
    sight->ended_ns = godwit__transport_now (connection->transport);
    snprintf (sight->reason, sizeof sight->reason, "%s", reason);
}

/* ---- taking ---- */

typedef struct sights {
    godwit__connection_t **open; /* references */
    size_t open_count;
    godwit__connection_sight_t *ended; /* the newest first */
    size_t ended_count;
} sights_t;

static void
take (sights_t *sights, const godwit__peer_t *peer)
{
    if (peer->connection)
        sights->open[sights->open_count++] = godwit__connection_ref (peer->connection);
}

/* With transport.lock held: those to the servers of a group. A process with several has several. */
static void
take_group (sights_t *sights, const godwit__group_t *group)
{
    for (size_t i = 0; i < group->count; i++)
        take (sights, group->members[i]->peer);
}

static size_t
count_peers (const godwit__directory_t *directory)
{
    size_t count = 0;
    for (const godwit__peer_t *peer = GODWIT__PEERS_FIRST (directory); peer;
         peer = GODWIT__PEERS_NEXT (directory, peer))
        count++;
    return count;
}

/* With transport.lock held. Out of memory: nothing is taken. */
static void
take_all (sights_t *sights, const godwit__directory_t *directory)
{
    sights->open = calloc (count_peers (directory) + 1, sizeof *sights->open);
    for (const godwit__peer_t *peer = GODWIT__PEERS_FIRST (directory); peer && sights->open;
         peer = GODWIT__PEERS_NEXT (directory, peer))
        take (sights, peer);
}

/* With transport.lock held. Out of memory: nothing is taken. */
static void
take_shown (sights_t *sights, const godwit__directory_t *directory, godwit__topic_filter_fn *filter,
            const void *user)
{
    sights->open = calloc (directory->member_count + 1, sizeof *sights->open);
    for (const godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group && sights->open;
         group = GODWIT__GROUPS_NEXT (directory, group))
        if (group->count && filter (user, group->exchange, group->topic))
            take_group (sights, group);
}

static void
take_ended (sights_t *sights, const godwit__ended_connections_t *ended)
{
    const size_t count = ended->count < GODWIT__ENDED_MAX ? (size_t) ended->count : GODWIT__ENDED_MAX;
    sights->ended = calloc (count + 1, sizeof *sights->ended);
    for (size_t i = 0; i < count && sights->ended; i++)
        sights->ended[sights->ended_count++] = ended->last[(ended->count - 1 - i) % GODWIT__ENDED_MAX];
}

/* ---- telling ---- */

/* shift_ns: from the transport's clock to the wall's. */
static void
add_time (godwit_builder_t *builder, const char *name, int64_t at_ns, int64_t shift_ns)
{
    if (at_ns)
        godwit_builder_int (builder, name, at_ns + shift_ns);
    else
        godwit_builder_nil (builder, name);
}

static void
add_sight (godwit_builder_t *builder, const godwit__connection_sight_t *sight, const char *state,
           int64_t shift_ns)
{
    const godwit__tally_of_link_t *const tally = &sight->tally;
    const char *const end = strstr (sight->address, "://");
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "direction", "out");
    godwit_builder_str (builder, "state", state);
    godwit_builder_str (builder, "address", sight->address);
    godwit_builder_strn (builder, "path", sight->address, end ? (size_t) (end - sight->address) : 0);
    godwit__build_hex (builder, "instance", sight->instance, sizeof sight->instance);
    add_time (builder, "since", sight->since_ns, shift_ns);
    godwit_builder_uint (builder, "sent", tally->sent);
    godwit_builder_uint (builder, "sent_bytes", tally->sent_size);
    godwit_builder_uint (builder, "received", tally->received);
    godwit_builder_uint (builder, "received_bytes", tally->received_size);
    godwit_builder_uint (builder, "replied", tally->replied);
    godwit_builder_uint (builder, "failed", tally->failed);
    godwit_builder_uint (builder, "refused", tally->refused);
    godwit_builder_uint (builder, "timed_out", tally->timed_out);
    godwit_builder_uint (builder, "lost", tally->lost);
    godwit_builder_uint (builder, "pending", sight->pending);
    godwit_builder_uint (builder, "unread", sight->unread);
    add_time (builder, "ended", sight->ended_ns, shift_ns);
    if (sight->ended_ns)
        godwit_builder_str (builder, "reason", sight->reason);
    else
        godwit_builder_nil (builder, "reason");
    godwit_builder_close (builder);
}

static const char *
state_of (godwit__connection_t *connection)
{
    static const char *const names[] = {"opening", "open", "leaving", "down"};
    return names[atomic_load (&connection->state)];
}

static int
compare_places (const void *left, const void *right)
{
    const godwit__connection_t *const *const a = left, *const *const b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Without a lock held. */
static void
drop_doubles (sights_t *sights)
{
    size_t kept = 0;
    if (sights->open_count)
        qsort (sights->open, sights->open_count, sizeof *sights->open, compare_places);
    for (size_t i = 0; i < sights->open_count; i++)
        if (kept && sights->open[kept - 1] == sights->open[i])
            godwit__connection_unref (&sights->open[i]);
        else
            sights->open[kept++] = sights->open[i];
    sights->open_count = kept;
}

/* Gives all references back. */
static void
add_open (const sights_t *sights, size_t limit, int64_t shift_ns, godwit_builder_t *builder)
{
    for (size_t i = 0; i < sights->open_count; i++) {
        godwit__connection_t *connection = sights->open[i];
        godwit__connection_sight_t sight;
        pthread_mutex_lock (&connection->lock);
        look_at (&sight, connection);
        pthread_mutex_unlock (&connection->lock);
        if (i < limit)
            add_sight (builder, &sight, state_of (connection), shift_ns);
        godwit__connection_unref (&connection);
    }
}

bool
godwit__connections_view (godwit_transport_t *transport, size_t limit, godwit__topic_filter_fn *filter,
                          const void *user, godwit_builder_t *builder)
{
    sights_t sights = {0};
    const int64_t shift_ns = godwit__transport_wall_shift (transport);
    pthread_mutex_lock (&transport->lock);
    if (filter) {
        take_shown (&sights, transport->directory, filter, user);
    } else {
        take_all (&sights, transport->directory);
        take_ended (&sights, &transport->directory->ended);
    }
    godwit__transport_unlock (transport);
    drop_doubles (&sights);
    add_open (&sights, limit, shift_ns, builder);
    for (size_t i = 0; i < sights.ended_count && sights.open_count + i < limit; i++)
        add_sight (builder, &sights.ended[i], "ended", shift_ns);
    const bool is_told = sights.open && (filter || sights.ended);
    free (sights.open);
    free (sights.ended);
    return is_told;
}
