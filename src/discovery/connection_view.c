/* SPDX-License-Identifier: Apache-2.0 */
/* Calls wait for the locks that are taken here: under them only numbers and references are copied. */
#include "src/discovery/connection_view.h"

#include "src/discovery/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

/* Whether a server of the peer is let through. With transport.lock held. */
static bool
is_shown (const godwit__directory_t *directory, const godwit__peer_t *peer, godwit__topic_filter_fn *filter,
          const void *user)
{
    for (const godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); filter && group;
         group = GODWIT__GROUPS_NEXT (directory, group))
        for (size_t i = 0; i < group->count; i++)
            if (group->members[i]->peer == peer && filter (user, group->exchange, group->topic))
                return true;
    return !filter;
}

/* With transport.lock held. Out of memory: nothing is taken. */
static void
take_open (sights_t *sights, const godwit__directory_t *directory, godwit__topic_filter_fn *filter,
           const void *user)
{
    size_t count = 0;
    for (const godwit__peer_t *peer = GODWIT__PEERS_FIRST (directory); peer;
         peer = GODWIT__PEERS_NEXT (directory, peer))
        count += peer->connection != NULL;
    sights->open = calloc (count + 1, sizeof *sights->open);
    for (const godwit__peer_t *peer = GODWIT__PEERS_FIRST (directory); peer && sights->open;
         peer = GODWIT__PEERS_NEXT (directory, peer))
        if (peer->connection && is_shown (directory, peer, filter, user))
            sights->open[sights->open_count++] = godwit__connection_ref (peer->connection);
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

static void
add_instance (godwit_builder_t *builder, const uint8_t instance[GODWIT__UUID_SIZE])
{
    char text[2 * GODWIT__UUID_SIZE + 1];
    for (size_t i = 0; i < GODWIT__UUID_SIZE; i++)
        snprintf (text + 2 * i, 3, "%02x", instance[i]);
    godwit_builder_str (builder, "instance", text);
}

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
    add_instance (builder, sight->instance);
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

void
godwit__connections_view (godwit_transport_t *transport, size_t limit, godwit__topic_filter_fn *filter,
                          const void *user, godwit_builder_t *builder)
{
    sights_t sights = {0};
    struct timespec wall;
    clock_gettime (CLOCK_REALTIME, &wall);
    const int64_t shift_ns =
        (int64_t) wall.tv_sec * 1000000000 + wall.tv_nsec - godwit__transport_now (transport);
    pthread_mutex_lock (&transport->lock);
    take_open (&sights, transport->directory, filter, user);
    if (!filter)
        take_ended (&sights, &transport->directory->ended);
    godwit__transport_unlock (transport);
    add_open (&sights, limit, shift_ns, builder);
    for (size_t i = 0; i < sights.ended_count && sights.open_count + i < limit; i++)
        add_sight (builder, &sights.ended[i], "ended", shift_ns);
    free (sights.open);
    free (sights.ended);
}
