/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/view.h"

#include <stdio.h>
#include <time.h>

/* "tcp" of "tcp://10.0.0.1:4711"; nil without an address. */
static void
add_path (godwit_builder_t *builder, const char *address)
{
    const char *const end = address ? strstr (address, "://") : NULL;
    if (end)
        godwit_builder_strn (builder, "path", address, (size_t) (end - address));
    else
        godwit_builder_nil (builder, "path");
}

static void
add_instance (godwit_builder_t *builder, const uint8_t instance[GODWIT__UUID_SIZE])
{
    char text[2 * GODWIT__UUID_SIZE + 1];
    for (size_t i = 0; i < GODWIT__UUID_SIZE; i++)
        snprintf (text + 2 * i, 3, "%02x", instance[i]);
    godwit_builder_str (builder, "instance", text);
}

static void
add_version (godwit_builder_t *builder, godwit__version_t version)
{
    char text[40];
    if (version.revision)
        snprintf (text, sizeof text, "%u.%u.%u", version.major, version.minor, version.revision);
    else
        snprintf (text, sizeof text, "%u.%u", version.major, version.minor);
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

static const char *
state_of (const godwit__member_t *member)
{
    return member->draining                                   ? "draining"
           : member->resolution == GODWIT__RESOLUTION_REFUSED ? "refused"
           : member->is_suspect                               ? "suspect"
           : member->peer->state == GODWIT__PEER_BACKOFF      ? "unreachable"
                                                              : "up";
}

/* Who told of it. */
static const char *
source_of (const godwit_transport_t *transport, const godwit__member_t *member, bool is_own)
{
    return is_own               ? "local"
           : member->listed     ? "static"
           : member->is_suspect ? "data path"
                                : transport->matchmaker->ops->name;
}

static void
add_member (godwit_builder_t *builder, const godwit_transport_t *transport, const godwit__member_t *member,
            int64_t wall_minus_ns)
{
    const godwit__record_t *const record = member->record;
    const bool is_own = memcmp (record->instance, transport->instance, GODWIT__UUID_SIZE) == 0;
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "exchange", record->exchange);
    godwit_builder_str (builder, "topic", record->topic);
    godwit_builder_str (builder, "server", record->server);
    godwit_builder_str (builder, "state", state_of (member));
    godwit_builder_open_list (builder, "addresses");
    for (size_t i = 0; i < record->address_count; i++)
        godwit_builder_str (builder, NULL, record->addresses[i]);
    godwit_builder_close (builder);
    add_serves (builder, record->versions);
    add_instance (builder, record->instance);
    godwit_builder_uint (builder, "incarnation", record->incarnation);
    godwit_builder_int (builder, "revision", record->revision);
    godwit_builder_int (builder, "server_id", record->server_id);
    godwit_builder_bool (builder, "connected", godwit__member_is_ready (member));
    add_path (builder, godwit__peer_address (member->peer));
    godwit_builder_int (builder, "since", member->since_ns + wall_minus_ns);
    godwit_builder_str (builder, "source", source_of (transport, member, is_own));
    godwit_builder_bool (builder, "own", is_own);
    godwit_builder_close (builder);
}

void
godwit__directory_view (godwit_transport_t *transport, godwit_builder_t *builder)
{
    struct timespec wall;
    clock_gettime (CLOCK_REALTIME, &wall);
    const int64_t wall_minus_ns =
        (int64_t) wall.tv_sec * 1000000000 + wall.tv_nsec - godwit__transport_now (transport);
    godwit_builder_open_list (builder, NULL);
    pthread_mutex_lock (&transport->lock);
    for (const godwit__group_t *group = GODWIT__GROUPS_FIRST (transport->directory); group;
         group = GODWIT__GROUPS_NEXT (transport->directory, group))
        for (size_t i = 0; i < group->count; i++)
            add_member (builder, transport, group->members[i], wall_minus_ns);
    godwit__transport_unlock (transport);
    godwit_builder_close (builder);
}
