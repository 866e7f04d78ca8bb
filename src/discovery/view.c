/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/view.h"

#include "src/error/error.h"
#include "src/value/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A server at one moment. */
typedef struct sight {
    godwit__record_t *record; /* a reference */
    const char *state, *source;
    bool is_connected;
    char path[16]; /* of the connection's address; "": there is none */
    int64_t since_ns;
} sight_t;

typedef struct sights {
    size_t count;
    sight_t *items;
} sights_t;

/* ---- with transport.lock: calls wait for it ---- */

static const char *
state_of (const godwit__member_t *member)
{
    return member->draining                                   ? "draining"
           : member->resolution == GODWIT__RESOLUTION_REFUSED ? "refused"
           : member->is_suspect                               ? "suspect"
           : member->peer->state == GODWIT__PEER_BACKOFF      ? "unreachable"
                                                              : "up";
}

static bool
is_own (const godwit_transport_t *transport, const godwit__record_t *record)
{
    return memcmp (record->instance, transport->instance, GODWIT__UUID_SIZE) == 0;
}

/* Who told of it. */
static const char *
source_of (const godwit_transport_t *transport, const godwit__member_t *member)
{
    return is_own (transport, member->record) ? "local"
           : member->listed                   ? "static"
           : member->is_suspect               ? "data path"
                                              : transport->matchmaker->ops->name;
}

/* "tcp" of "tcp://10.0.0.1:4711" */
static void
copy_path (char *path, size_t size, const char *address)
{
    const char *const end = address ? strstr (address, "://") : NULL;
    if (end)
        snprintf (path, size, "%.*s", (int) (end - address), address);
}

static void
look_at (sight_t *sight, const godwit_transport_t *transport, const godwit__member_t *member)
{
    *sight = (sight_t){
        .record = godwit__record_ref (member->record),
        .state = state_of (member),
        .source = source_of (transport, member),
        .is_connected = godwit__member_is_ready (member),
        .since_ns = member->since_ns,
    };
    copy_path (sight->path, sizeof sight->path, godwit__peer_address (member->peer));
}

/* Out of memory: nothing is taken. */
static void
take (sights_t *sights, const godwit_transport_t *transport)
{
    const godwit__directory_t *const directory = transport->directory;
    sights->items = calloc (directory->member_count + 1, sizeof *sights->items);
    for (const godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group && sights->items;
         group = GODWIT__GROUPS_NEXT (directory, group))
        for (size_t i = 0; i < group->count; i++)
            look_at (&sights->items[sights->count++], transport, group->members[i]);
}

/* ---- without it ---- */

static void
add_version (godwit_builder_t *builder, godwit__version_t version)
{
    char text[GODWIT__VERSION_TEXT];
    godwit__version_print (version, text);
    godwit_builder_str (builder, "version", text);
}

static void
add_serves (godwit_builder_t *builder, const char *versions)
{
    godwit__offer_t *offer = godwit__offer_read (versions);
    const char *name_space = NULL;
    godwit__version_t version;
    godwit_builder_open_list (builder, "serves");
    for (size_t i = 0; godwit__offer_at (offer, i, &name_space, &version); i++) {
        godwit_builder_open_map (builder, NULL);
        if (name_space)
            godwit_builder_str (builder, "namespace", name_space);
        else
            godwit_builder_nil (builder, "namespace");
        add_version (builder, version);
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
    godwit__offer_destroy (&offer);
}

static void
add_sight (godwit_builder_t *builder, const sight_t *sight, bool is_own, int64_t shift_ns)
{
    const godwit__record_t *const record = sight->record;
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "exchange", record->exchange);
    godwit_builder_str (builder, "topic", record->topic);
    godwit_builder_str (builder, "server", record->server);
    godwit_builder_str (builder, "state", sight->state);
    godwit_builder_open_list (builder, "addresses");
    for (size_t i = 0; i < record->address_count; i++)
        godwit_builder_str (builder, NULL, record->addresses[i]);
    godwit_builder_close (builder);
    add_serves (builder, record->versions);
    godwit__build_hex (builder, "instance", record->instance, GODWIT__UUID_SIZE);
    godwit_builder_uint (builder, "incarnation", record->incarnation);
    godwit_builder_int (builder, "revision", record->revision);
    godwit_builder_int (builder, "server_id", record->server_id);
    godwit_builder_bool (builder, "connected", sight->is_connected);
    if (*sight->path)
        godwit_builder_str (builder, "path", sight->path);
    else
        godwit_builder_nil (builder, "path");
    godwit_builder_int (builder, "since", sight->since_ns + shift_ns);
    godwit_builder_str (builder, "source", sight->source);
    godwit_builder_bool (builder, "own", is_own);
    godwit_builder_close (builder);
}

godwit_status_t
godwit__directory_view (godwit_transport_t *transport, godwit_value_t **list, godwit_error_t **error)
{
    sights_t sights = {0};
    const int64_t shift_ns = godwit__transport_wall_shift (transport);
    pthread_mutex_lock (&transport->lock);
    take (&sights, transport);
    godwit__transport_unlock (transport);
    if (!sights.items)
        return godwit__error_no_memory (error);
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    for (size_t i = 0; i < sights.count; i++) {
        add_sight (builder, &sights.items[i], is_own (transport, sights.items[i].record), shift_ns);
        godwit__record_unref (&sights.items[i].record);
    }
    godwit_builder_close (builder);
    free (sights.items);
    return godwit_builder_finish (&builder, list, error);
}
