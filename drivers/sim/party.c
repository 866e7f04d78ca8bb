/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the ends of a connection, where nodes have realms. What a handshake and commands do on a network
 * (docs/security.md) are events here: delayed, cut and lost as all else.
 *
 *     client                                            port
 *       | --- CONNECT: credential, bulletin's number ----> |   admitted, or ANSWER with the word
 *       | <-- ANSWER: the same of the port --------------- |
 *       |   admitted, or DISMISSED with the word           |
 *       | <-- CREDENTIAL, BULLETIN, DISMISSED -----------> |   whenever there is something new
 *
 * An end that finds the other void tells its link, hears nothing more of it, and ends the connection half a
 * second later. CURVE is not spoken here: whoever has a credential is believed to have its keys. */
#include "drivers/sim/sim.h"

#include "src/error/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Running calls of a party that has become void have so long. */
#define GRACE_NS (500 * GODWIT__NS_PER_MS)

/* What an end says of itself in a handshake. */
typedef struct introduction {
    uint64_t bulletin; /* the number of the newest that it has; 0: none */
    uint8_t curve[GODWIT__PUBLIC_SIZE];
    size_t size;
    uint8_t credential[];
} introduction_t;

/* ---- texts; those of links have to be static ---- */

static const char *
refused_us (const char *word)
{
    static const char *const texts[][2] = {
        {"no-certificate", "refused us: no-certificate"},
        {"wrong-realm", "refused us: wrong-realm"},
        {"not-yet-valid", "refused us: not-yet-valid"},
        {"expired", "refused us: expired"},
        {"revoked", "refused us: revoked"},
        {"other-key", "refused us: other-key"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp (word, texts[i][0]) == 0)
            return texts[i][1];
    return "refused us: no-memory";
}

static void
tell_ended (const godwit__sim_connection_t *connection, bool at_port, const char *text)
{
    const godwit__sim_node_t *const node = at_port ? connection->port_node : connection->client_node;
    if (node->options.ended)
        node->options.ended (node->options.stranger_user, connection->address,
                             at_port ? connection->client_node->name : NULL, text);
}

/* ---- the two ends ---- */

static godwit__realm_t *
realm_of (const godwit__sim_node_t *node)
{
    return node ? node->options.realm : NULL;
}

static godwit__sim_node_t *
node_at (const godwit__sim_connection_t *connection, bool at_port)
{
    return at_port ? connection->port_node : connection->client_node;
}

/* What this end knows of the other one. */
static godwit__sim_party_t *
other_of (godwit__sim_connection_t *connection, bool at_port)
{
    return at_port ? &connection->of_client : &connection->of_port;
}

static bool
is_there (const godwit__sim_connection_t *connection, bool at_port)
{
    return (at_port ? connection->port : connection->client) && !node_at (connection, at_port)->is_dead;
}

/* ---- dates ---- */

static void on_look (godwit__timer_t *timer);

/* Looks again when the first of the parties that this node knows has ended. */
static void
arm_look (godwit__sim_node_t *node, const godwit__party_t *party)
{
    const int64_t left_s = godwit__party_until (party) - godwit__sim_now_s (node->cluster);
    const int64_t at_ns = node->cluster->now_ns + (left_s > 0 ? left_s : 1) * 1000 * GODWIT__NS_PER_MS;
    godwit__timer_t *const timer = &node->driver->look;
    if (timer->heap_index && timer->deadline_ns <= at_ns)
        return;
    if (godwit__reactor_arm (node->options.reactor, timer, at_ns))
        node->cluster->failed = true;
    godwit__sim_touch (node);
}

/* ---- being let in ---- */

static void
take_party (godwit__sim_connection_t *connection, bool at_port, godwit__party_t *party)
{
    godwit__sim_party_t *const other = other_of (connection, at_port);
    godwit__party_unref (&other->party);
    other->party = party;
    other->is_void = false;
    arm_look (node_at (connection, at_port), party);
}

/* Returns the word that the other end is told, or NULL: it is let in. said NULL: it has no realm. */
static const char *
admit (godwit__sim_connection_t *connection, bool at_port, const introduction_t *said)
{
    godwit__realm_t *const realm = realm_of (node_at (connection, at_port));
    char text[GODWIT__ADMIT_TEXT] = "it says that it is of a realm, and this process is of none";
    godwit__party_t *party = NULL;
    if (!realm && !said)
        return NULL;
    godwit__no_entry_t refusal = GODWIT__NO_ENTRY_NO_CERTIFICATE;
    if (realm)
        refusal = godwit__realm_admit (realm, said ? said->credential : NULL, said ? said->size : 0,
                                       said ? said->curve : NULL, &party, text);
    if (refusal == GODWIT__NO_ENTRY_NONE) {
        take_party (connection, at_port, party);
        other_of (connection, at_port)->bulletin = said->bulletin;
        return NULL;
    }
    atomic_fetch_add (&node_at (connection, at_port)->driver->counters.refused, 1);
    tell_ended (connection, at_port, text);
    return godwit__no_entry_word (refusal);
}

static godwit__sim_frame_t *
new_frame (godwit_cluster_t *cluster, size_t size)
{
    godwit__sim_frame_t *frame = malloc (sizeof *frame + size);
    if (!frame) {
        cluster->failed = true;
        return NULL;
    }
    *frame = (godwit__sim_frame_t){.size = size};
    return frame;
}

/* The introduction lies behind the frame, which keeps it aligned. */
static introduction_t *
introduction_in (godwit__sim_frame_t *frame)
{
    return frame ? (introduction_t *) (void *) frame->data : NULL;
}

godwit__sim_frame_t *
godwit__sim_introduce (godwit__sim_connection_t *connection, bool at_port)
{
    godwit__realm_t *const realm = realm_of (node_at (connection, at_port));
    if (!realm)
        return NULL;
    godwit__credential_t *credential = godwit__realm_credential (realm);
    godwit__keyring_t *keyring = godwit__realm_keyring (realm);
    godwit__sim_frame_t *frame = new_frame (connection->cluster, sizeof (introduction_t) + credential->size);
    other_of (connection, at_port)->told = credential->number;
    introduction_t *const says = introduction_in (frame);
    if (says) {
        says->bulletin = godwit__realm_bulletin_number (realm);
        memcpy (says->curve, keyring->curve, sizeof says->curve);
        says->size = credential->size;
        memcpy (says->credential, credential->bytes, credential->size);
    }
    godwit__keyring_unref (&keyring);
    godwit__credential_unref (&credential);
    return frame;
}

/* ---- news ---- */

static void
send_credential (godwit__sim_connection_t *connection, bool at_port)
{
    godwit__credential_t *credential = godwit__realm_credential (realm_of (node_at (connection, at_port)));
    const bool is_news = other_of (connection, at_port)->told < credential->number;
    godwit__credential_unref (&credential);
    godwit__sim_frame_t *const frame = is_news ? godwit__sim_introduce (connection, at_port) : NULL;
    if (frame)
        godwit__sim_post (connection, GODWIT__SIM_CREDENTIAL, !at_port, false, frame);
}

static void
send_bulletin (godwit__sim_connection_t *connection, bool at_port, const godwit__bulletin_t *bulletin)
{
    godwit__sim_party_t *const other = other_of (connection, at_port);
    if (!bulletin || other->bulletin >= bulletin->number)
        return;
    godwit__sim_frame_t *const frame = new_frame (connection->cluster, bulletin->sealed_size);
    if (!frame)
        return;
    memcpy (frame->data, bulletin->sealed, bulletin->sealed_size);
    other->bulletin = bulletin->number;
    godwit__sim_post (connection, GODWIT__SIM_BULLETIN, !at_port, false, frame);
}

/* Sends what the other end has not been sent: there may be news since the handshake began. */
static void
send_news (godwit__sim_connection_t *connection, bool at_port)
{
    godwit__realm_t *const realm = realm_of (node_at (connection, at_port));
    if (!realm)
        return;
    godwit__bulletin_t *bulletin = godwit__realm_bulletin (realm);
    send_credential (connection, at_port);
    send_bulletin (connection, at_port, bulletin);
    godwit__bulletin_unref (&bulletin);
}

const char *
godwit__sim_let_client_in (godwit__sim_connection_t *connection, godwit__sim_frame_t *said)
{
    return admit (connection, true, introduction_in (said));
}

void
godwit__sim_client_is_in (godwit__sim_connection_t *connection)
{
    send_news (connection, true);
}

const char *
godwit__sim_meet_port (godwit__sim_connection_t *connection, godwit__sim_frame_t *said, const char *refused)
{
    if (refused)
        return refused_us (refused);
    const char *const word = admit (connection, false, introduction_in (said));
    if (!word) {
        send_news (connection, false);
        return NULL;
    }
    godwit__sim_post_word (connection, GODWIT__SIM_DISMISSED, true, word);
    return "its certificate was refused";
}

/* ---- the end of those who are void ---- */

static void
end (godwit__sim_connection_t *connection, bool at_port, const char *word)
{
    if (!is_there (connection, at_port))
        return;
    if (at_port) {
        godwit__sim_set_port (connection, NULL);
        godwit__sim_post_word (connection, GODWIT__SIM_DISMISSED, false, word);
    } else {
        godwit__sim_post_word (connection, GODWIT__SIM_DISMISSED, true, word);
        godwit__sim_lose_client (connection, "its certificate is void");
    }
}

static void
make_void (godwit__sim_connection_t *connection, bool at_port, const char *word, const char *text)
{
    godwit__sim_party_t *const other = other_of (connection, at_port);
    if (other->is_void)
        return;
    other->is_void = true;
    other->word = word;
    tell_ended (connection, at_port, text);
    if (!at_port && connection->client->kind == GODWIT__SIM_LINK)
        godwit__sim_link_voided (connection->client, text);
    godwit__sim_post_at (connection, GODWIT__SIM_VOID, at_port, connection->cluster->now_ns + GRACE_NS, 0);
}

void
godwit__sim_void_ends (godwit__sim_connection_t *connection, bool at_port)
{
    if (other_of (connection, at_port)->is_void)
        end (connection, at_port, other_of (connection, at_port)->word);
}

/* Checks the party that this end knows, unless it is void already. */
static void
check (godwit__sim_connection_t *connection, bool at_port)
{
    char text[GODWIT__ADMIT_TEXT];
    const godwit__sim_party_t *const other = other_of (connection, at_port);
    if (!other->party || other->is_void)
        return;
    godwit__sim_node_t *const node = node_at (connection, at_port);
    const godwit__no_entry_t refusal = godwit__realm_judge (node->options.realm, other->party, text);
    if (refusal != GODWIT__NO_ENTRY_NONE)
        make_void (connection, at_port, godwit__no_entry_word (refusal), text);
    else
        arm_look (node, other->party);
}

/* Calls fn for each end that the node has. fn does not take connections out of the cluster's list. */
static void
each_end (godwit__sim_node_t *node, void (*fn) (godwit__sim_connection_t *connection, bool at_port))
{
    for (godwit__sim_connection_t *at = GODWIT__SIM_CONNECTIONS_FIRST (node->cluster); at;
         at = GODWIT__SIM_CONNECTIONS_NEXT (node->cluster, at)) {
        if (at->client && at->client_node == node && at->up)
            fn (at, false);
        if (at->port && at->port_node == node)
            fn (at, true);
    }
}

static void
on_look (godwit__timer_t *timer)
{
    each_end (timer->user, check);
}

/* ---- what arrives ---- */

/* The other end, which has another member file perhaps, has the bulletin with this number. */
static void
tell_again (godwit__sim_connection_t *connection, bool at_port, uint64_t number)
{
    godwit__bulletin_t *bulletin = godwit__realm_bulletin (realm_of (node_at (connection, at_port)));
    other_of (connection, at_port)->bulletin = number;
    send_bulletin (connection, at_port, bulletin);
    godwit__bulletin_unref (&bulletin);
}

void
godwit__sim_on_credential (godwit__sim_connection_t *connection, bool to_port, godwit__sim_frame_t *frame)
{
    const introduction_t *const said = introduction_in (frame);
    godwit__realm_t *const realm = realm_of (node_at (connection, to_port));
    const godwit__sim_party_t *const other = other_of (connection, to_port);
    char text[GODWIT__ADMIT_TEXT];
    godwit__party_t *party = NULL;
    if (!is_there (connection, to_port) || !realm || other->is_void)
        return;
    const godwit__no_entry_t refusal =
        godwit__realm_admit (realm, said->credential, said->size, said->curve, &party, text);
    if (refusal != GODWIT__NO_ENTRY_NONE) {
        tell_ended (connection, to_port, text);
        end (connection, to_port, godwit__no_entry_word (refusal));
        return;
    }
    take_party (connection, to_port, party);
    tell_again (connection, to_port, said->bulletin);
    if (!to_port && connection->client->kind == GODWIT__SIM_LINK)
        godwit__sim_link_renewed (connection->client);
}

void
godwit__sim_on_bulletin (godwit__sim_connection_t *connection, bool to_port, const godwit__sim_frame_t *frame)
{
    godwit__realm_t *const realm = realm_of (node_at (connection, to_port));
    if (!is_there (connection, to_port) || !realm)
        return;
    const godwit_status_t status = godwit__realm_take_bulletin (realm, frame->data, frame->size, NULL);
    if (status == GODWIT_OK)
        other_of (connection, to_port)->bulletin = godwit__realm_bulletin_number (realm);
    else if (status == GODWIT_ERR_MALFORMED) /* a key that is not known here may be by others */
        end (connection, to_port, "no-certificate");
}

void
godwit__sim_on_dismissed (godwit__sim_connection_t *connection, bool to_port, const char *word)
{
    if (!to_port) {
        godwit__sim_lose_client (connection, refused_us (word));
    } else if (connection->port) {
        tell_ended (connection, true, refused_us (word));
        godwit__sim_set_port (connection, NULL);
    }
}

/* ---- changes of this node's realm ---- */

static void
on_change_task (godwit__task_t *task)
{
    godwit__sim_node_t *const node = task->user;
    const unsigned changes = node->driver->changes;
    node->driver->changes = 0;
    if (changes & (GODWIT__REALM_CREDENTIAL | GODWIT__REALM_BULLETIN))
        each_end (node, send_news); /* first: who has become void hears of it, too */
    if (changes & (GODWIT__REALM_BULLETIN | GODWIT__REALM_KEYS))
        each_end (node, check);
}

static void
on_changed (godwit__realm_watch_t *watch, unsigned changes)
{
    godwit__sim_node_t *const node = watch->user;
    node->driver->changes |= changes;
    godwit__reactor_post (node->options.reactor, &node->driver->change_task);
}

void
godwit__sim_watch_realm (godwit__sim_driver_t *driver)
{
    godwit__sim_node_t *const node = driver->node;
    driver->look = (godwit__timer_t){.fire = on_look, .user = node};
    driver->change_task = (godwit__task_t){.run = on_change_task, .user = node};
    driver->watch = (godwit__realm_watch_t){.changed = on_changed, .user = node};
    if (node->options.realm)
        godwit__realm_watch (node->options.realm, &driver->watch);
}

void
godwit__sim_unwatch_realm (godwit__sim_driver_t *driver)
{
    const godwit__driver_options_t *const options = &driver->node->options;
    if (!options->realm)
        return;
    godwit__realm_unwatch (options->realm, &driver->watch);
    godwit__reactor_unpost (options->reactor, &driver->change_task);
    godwit__reactor_disarm (options->reactor, &driver->look);
}

/* ---- topics of keys ---- */

godwit_status_t
godwit__sim_name_topic (godwit__channel_t *publisher, const uint8_t key[GODWIT__KEY_SIZE],
                        const char *exchange, const char *topic)
{
    godwit__sim_channel_t *const self = (godwit__sim_channel_t *) publisher;
    if (godwit__sim_topic_of (self, key))
        return GODWIT_OK;
    godwit__sim_topic_t *const made = calloc (1, sizeof *made);
    if (made) {
        made->exchange = strdup (exchange);
        made->topic = strdup (topic);
    }
    if (!made || !made->exchange || !made->topic) {
        godwit__sim_topics_free (made);
        return GODWIT_ERR_OUT_OF_MEMORY;
    }
    memcpy (made->key, key, GODWIT__KEY_SIZE);
    made->next = self->topics;
    self->topics = made;
    return GODWIT_OK;
}

const godwit__sim_topic_t *
godwit__sim_topic_of (const godwit__sim_channel_t *publisher, const uint8_t *key)
{
    const godwit__sim_topic_t *at = publisher->topics;
    while (at && memcmp (at->key, key, GODWIT__KEY_SIZE) != 0)
        at = at->next;
    return at;
}

void
godwit__sim_topics_free (godwit__sim_topic_t *topics)
{
    while (topics) {
        godwit__sim_topic_t *const at = topics;
        topics = at->next;
        free (at->exchange);
        free (at->topic);
        free (at);
    }
}

bool
godwit__sim_may_publish_to (const godwit__sim_connection_t *connection, const godwit__sim_topic_t *topic)
{
    if (!connection->client_node->options.realm)
        return true;
    return topic && connection->of_port.party && !connection->of_port.is_void &&
           godwit__party_may_topic (connection->of_port.party, GODWIT__VERB_SERVE, topic->exchange,
                                    topic->topic);
}
