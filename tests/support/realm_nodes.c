/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/realm_nodes.h"

#include "tests/support/must.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static node_t *nodes;
static node_link_t *links;
static char folder[64];

void
nodes_begin (void)
{
    snprintf (folder, sizeof folder, "/tmp/godwit-nodes-XXXXXX");
    cr_assert_not_null (mkdtemp (folder));
}

void
nodes_end (void)
{
    char lock[80];
    cr_assert (!nodes && !links, "all were closed");
    snprintf (lock, sizeof lock, "%s/.lock", folder);
    unlink (lock);
    cr_assert_eq (rmdir (folder), 0, "%s: %s", folder, strerror (errno));
}

int64_t
nodes_now_ns (void)
{
    return godwit__clock_now (&godwit__clock_system);
}

/* ---- what a driver tells ---- */

static void
write_line (node_t *node, const char *before, const char *peer, const char *text)
{
    const size_t used = strlen (node->log);
    snprintf (node->log + used, sizeof node->log - used, "%s%s%s%s\n", before, peer ? " from " : "",
              peer ? peer : "", text);
}

static void
tell (node_t *node, const char *what, const char *at, const char *peer, const char *reason)
{
    char text[1024];
    snprintf (text, sizeof text, " at %s: %s", at, reason ? reason : "no reason");
    write_line (node, what, peer, text);
}

static void
on_stranger (void *user, const char *at, const char *peer, const char *reason)
{
    tell (user, "stranger", at, peer, reason);
}

static void
on_end (void *user, const char *at, const char *peer, const char *reason)
{
    tell (user, "ended", at, peer, reason);
}

static void
on_warning (void *user, const char *text)
{
    write_line (user, "", NULL, text);
}

bool
node_says (const node_t *node, const char *text)
{
    return strstr (node->log, text) != NULL;
}

/* ---- nodes ---- */

static int64_t
clock_of (void *user)
{
    return (int64_t) time (NULL) + ((const node_t *) user)->ahead_s;
}

static int64_t
reactor_clock_of (void *user)
{
    return nodes_now_ns () + ((const node_t *) user)->ahead_ns;
}

void
node_open (node_t *node, const godwit__driver_ops_t *ops, const char *member, const char *host)
{
    memset (node, 0, sizeof *node);
    node->clock = (godwit__clock_t){.now_ns = reactor_clock_of, .user = node};
    MUST (godwit__reactor_new (&node->reactor, &node->clock, &error));
    if (member) {
        const godwit__realm_options_t realm = {.path = member, .now_s = clock_of, .now_user = node};
        MUST (godwit__realm_open (&node->realm, &realm, &error));
    }
    const godwit__driver_options_t options = {.reactor = node->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 1000,
                                              .connect_timeout_ms = 10000,
                                              .heartbeat_ms = 5000,
                                              .heartbeat_timeout_ms = 20000,
                                              .host = host,
                                              .loopback = true,
                                              .virtual_host = "",
                                              .runtime_dir = folder,
                                              .stranger = on_stranger,
                                              .ended = on_end,
                                              .stranger_user = node,
                                              .warn = on_warning,
                                              .warn_user = node,
                                              .realm = node->realm,
                                              .insecure = !member};
    MUST (ops->open (&node->driver, &options, &error));
    MUST (ops->open_port (node->driver, NULL, &node->port, &node->at, &error));
    MUST (ops->open_publisher (node->driver, &node->publisher, &error));
    node->next = nodes;
    nodes = node;
}

void
node_close (node_t *node)
{
    node_t **at = &nodes;
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    node->publisher->ops->close (node->publisher);
    node->port->ops->close (node->port);
    node->driver->ops->close (node->driver);
    godwit__realm_close (&node->realm);
    godwit__reactor_destroy (&node->reactor);
}

void
node_look (node_t *node)
{
    MUST (godwit__realm_look (node->realm, true, &error));
}

/* ---- links ---- */

static void
on_up (void *user)
{
    ((node_link_t *) user)->ups++;
}

static void
on_down (void *user, const char *reason)
{
    node_link_t *link = user;
    link->downs++;
    link->down_ns = nodes_now_ns ();
    snprintf (link->reason, sizeof link->reason, "%s", reason);
    cr_assert_str_eq (link->channel->ops->why_down (link->channel), reason);
}

static void
on_voided (void *user, const char *reason)
{
    node_link_t *link = user;
    link->voids++;
    link->voided_ns = nodes_now_ns ();
    snprintf (link->reason, sizeof link->reason, "%s", reason);
}

static void
on_renewed (void *user)
{
    ((node_link_t *) user)->renewals++;
}

bool
node_link_try (node_link_t *link, node_t *node, const char *address)
{
    static const godwit__link_events_t events = {
        .up = on_up, .down = on_down, .voided = on_voided, .renewed = on_renewed};
    memset (link, 0, sizeof *link);
    if (node->driver->ops->open_link (node->driver, address, &events, link, &link->channel, NULL))
        return false;
    link->next = links;
    links = link;
    return true;
}

void
node_link_open (node_link_t *link, node_t *node, const char *address)
{
    cr_assert (node_link_try (link, node, address), "%s", address);
}

void
node_link_close (node_link_t *link)
{
    node_link_t **at = &links;
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    link->channel->ops->close (link->channel);
}

const char *
node_link_party (const node_link_t *link)
{
    static char name[64];
    godwit__party_t *party = godwit__channel_party (link->channel);
    snprintf (name, sizeof name, "%s", party ? party->certificate.name : "");
    godwit__party_unref (&party);
    return name;
}

/* ---- what travels ---- */

static void
keep (char text[64], const godwit__frame_t *frame, size_t skipped)
{
    cr_assert_geq (frame->size, skipped);
    snprintf (text, 64, "%.*s", (int) (frame->size - skipped), (const char *) frame->data + skipped);
}

static void
receive (node_t *node)
{
    godwit__frame_t frame;
    godwit__routing_id_t from;
    while (node->port->ops->recv (node->port, &frame, &from) == GODWIT__IO_OK) {
        const godwit__party_t *sender = godwit__channel_sender (node->port);
        keep (node->last, &frame, from == GODWIT__ROUTING_ID_FANOUT ? GODWIT__KEY_SIZE : 0);
        snprintf (node->sender, sizeof node->sender, "%s", sender ? sender->certificate.name : "");
        node->serial = sender ? sender->certificate.serial : 0;
        node->until = sender ? sender->proof.until : 0;
        node->from = from;
        node->received++;
        godwit__frame_release (&frame);
    }
    while (node->publisher->ops->recv (node->publisher, &frame, &from) == GODWIT__IO_OK) {
        node->news++;
        godwit__frame_release (&frame);
    }
}

static void
receive_link (node_link_t *link)
{
    godwit__frame_t frame;
    while (link->channel->ops->recv (link->channel, &frame, NULL) == GODWIT__IO_OK) {
        keep (link->last, &frame, 0);
        link->received++;
        godwit__frame_release (&frame);
    }
}

void
nodes_turn (void)
{
    bool ran = false;
    for (node_t *node = nodes; node; node = node->next) {
        ran = godwit__reactor_run_once (node->reactor, 0) || ran;
        receive (node);
    }
    for (node_link_t *link = links; link; link = link->next)
        receive_link (link);
    if (!ran)
        poll (NULL, 0, 1);
}

void
node_send (godwit__channel_t *channel, godwit__routing_id_t to, const char *text)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) text, .size = strlen (text)};
    cr_assert_eq (channel->ops->send (channel, to, &message), GODWIT__IO_OK, "%s", text);
}

static void
make_key (uint8_t key[GODWIT__KEY_SIZE], unsigned number)
{
    memset (key, 0, GODWIT__KEY_SIZE);
    memcpy (key, &number, sizeof number);
}

bool
node_publish (node_t *node, unsigned key, const char *text)
{
    uint8_t bytes[GODWIT__KEY_SIZE + 64];
    const godwit__message_t message = {.data = bytes, .size = GODWIT__KEY_SIZE + strlen (text)};
    make_key (bytes, key);
    snprintf ((char *) bytes + GODWIT__KEY_SIZE, sizeof bytes - GODWIT__KEY_SIZE, "%s", text);
    if (node->driver->ops->publish (node->publisher, &message) != GODWIT__IO_OK)
        return false;
    node->publisher->ops->flush (node->publisher, 0);
    return true;
}

void
node_subscribe (node_t *node, unsigned key)
{
    uint8_t bytes[GODWIT__KEY_SIZE];
    make_key (bytes, key);
    MUST (node->driver->ops->subscribe (node->port, bytes, &error));
}

void
node_name (node_t *node, unsigned key, const char *exchange, const char *topic)
{
    uint8_t bytes[GODWIT__KEY_SIZE];
    make_key (bytes, key);
    cr_assert_eq (node->driver->ops->name_topic (node->publisher, bytes, exchange, topic), GODWIT_OK);
}
