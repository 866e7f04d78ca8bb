/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/resolve.h"

#include <stdio.h>
#include <stdlib.h>

/* Bytes of a text that says why a server is not called, with its '\0'. */
#define REFUSAL_SIZE 1400

/* One query, from its making to its answer. It may outlive the member that it is about. */
struct godwit__resolve_query {
    godwit__pending_t pending; /* the first member */
    godwit__connection_t *connection;
    godwit__group_t *group;
    uint64_t number; /* the member's query_number while it waits for this answer */
    godwit__resolve_query_t *next;
    size_t size;
    uint8_t frame[GODWIT__RESOLVE_FRAME_MAX];
};

/* ---- asking; with lock held ---- */

/* It has to say who it is. */
static bool
is_asked_of (const godwit__member_t *member, const godwit__peer_t *peer)
{
    return member->peer == peer && (member->listed || peer->transport->realm);
}

/* What was told of it. */
static const godwit__record_t *
told_of (const godwit__member_t *member)
{
    return member->listed ? member->listed : member->record;
}

static godwit__resolve_query_t *
query_new (godwit__member_t *member)
{
    godwit__directory_t *directory = member->peer->transport->directory;
    const godwit__record_t *told = told_of (member);
    godwit__resolve_query_t *query = calloc (1, sizeof *query);
    if (!query)
        return NULL;
    query->size =
        godwit__resolve_write (query->frame, told->server_id, told->exchange, told->topic, told->server);
    if (!query->size) {
        free (query);
        return NULL;
    }
    query->connection = godwit__connection_ref (member->peer->connection);
    query->group = member->group;
    query->number = ++directory->last_query;
    return query;
}

static void
ask_again_later (godwit__peer_t *peer)
{
    godwit__reactor_post (peer->transport->control, &peer->resolve_task);
}

/* Queries about all members that are UNKNOWN; `again`: also about those that are REFUSED. */
static godwit__resolve_query_t *
queries_for (godwit__peer_t *peer, bool again)
{
    godwit__resolve_query_t *queries = NULL;
    const godwit__directory_t *const directory = peer->transport->directory;
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group;
         group = GODWIT__GROUPS_NEXT (directory, group)) {
        for (size_t i = 0; i < group->count; i++) {
            godwit__member_t *member = group->members[i];
            if (!is_asked_of (member, peer) || (member->resolution != GODWIT__RESOLUTION_UNKNOWN &&
                                                !(again && member->resolution == GODWIT__RESOLUTION_REFUSED)))
                continue;
            godwit__resolve_query_t *query = query_new (member);
            if (!query) {
                member->resolution = GODWIT__RESOLUTION_REFUSED;
                ask_again_later (peer);
                continue;
            }
            member->resolution = GODWIT__RESOLUTION_ASKED;
            member->query_number = query->number;
            query->next = queries;
            queries = query;
        }
    }
    return queries;
}

godwit__resolve_query_t *
godwit__resolve_ready (godwit__peer_t *peer)
{
    if (!peer->is_listed && !peer->transport->realm)
        return NULL;
    peer->resolve_backoff_ns = 0;
    peer->resolve_paused = false;
    return queries_for (peer, true);
}

void
godwit__resolve_refused (godwit__member_t *member)
{
    if (member->resolution == GODWIT__RESOLUTION_UNKNOWN)
        return; /* the connection was lost meanwhile */
    member->resolution = GODWIT__RESOLUTION_REFUSED;
    member->refusals++;
    member->query_number = 0;
    ask_again_later (member->peer);
}

void
godwit__resolve_voided (const godwit__peer_t *peer)
{
    const godwit__directory_t *const directory = peer->transport->directory;
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group;
         group = GODWIT__GROUPS_NEXT (directory, group))
        for (size_t i = 0; i < group->count; i++)
            if (group->members[i]->peer == peer) {
                group->members[i]->resolution = GODWIT__RESOLUTION_UNKNOWN;
                group->members[i]->query_number = 0;
            }
}

void
godwit__resolve_renewed (godwit__peer_t *peer, const godwit__party_t *party)
{
    const godwit__directory_t *const directory = peer->transport->directory;
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group;
         group = GODWIT__GROUPS_NEXT (directory, group))
        for (size_t i = 0; i < group->count; i++) {
            godwit__member_t *const member = group->members[i];
            if (member->peer != peer || member->resolution == GODWIT__RESOLUTION_ASKED)
                continue; /* the answer is looked at when it comes */
            if (member->resolution == GODWIT__RESOLUTION_REFUSED ||
                !godwit__party_may_topic (party, GODWIT__VERB_SERVE, group->exchange, group->topic))
                member->resolution = GODWIT__RESOLUTION_UNKNOWN;
        }
    peer->resolve_now = true;
    ask_again_later (peer);
}

/* ---- asking again; the control thread ---- */

/* True if a member of the peer is REFUSED. pause: such a member is asked for again only when somebody wants
 * the peer. */
static bool
has_refused (const godwit__peer_t *peer, bool pause)
{
    bool found = false;
    const godwit__directory_t *const directory = peer->transport->directory;
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group;
         group = GODWIT__GROUPS_NEXT (directory, group)) {
        for (size_t i = 0; i < group->count; i++) {
            godwit__member_t *member = group->members[i];
            if (!is_asked_of (member, peer) || member->resolution != GODWIT__RESOLUTION_REFUSED)
                continue;
            if (pause)
                member->resolution = GODWIT__RESOLUTION_UNKNOWN;
            found = true;
        }
    }
    return found;
}

static void
on_resolve_timer (godwit__timer_t *timer)
{
    godwit__peer_t *peer = timer->user;
    godwit_transport_t *transport = peer->transport;
    godwit__resolve_query_t *queries = NULL;
    pthread_mutex_lock (&transport->lock);
    if (peer->state == GODWIT__PEER_READY) {
        if (peer->wanted)
            queries = queries_for (peer, true);
        else
            peer->resolve_paused = has_refused (peer, true) || peer->resolve_paused;
        peer->wanted = false;
    }
    godwit__transport_unlock (transport);
    godwit__resolve_send (queries);
}

static void
on_resolve_task (godwit__task_t *task)
{
    godwit__peer_t *peer = task->user;
    godwit_transport_t *transport = peer->transport;
    godwit__resolve_query_t *queries = NULL;
    pthread_mutex_lock (&transport->lock);
    if (peer->state == GODWIT__PEER_READY) {
        if (peer->resolve_now)
            queries = queries_for (peer, false);
        if (!peer->resolve_timer.heap_index && has_refused (peer, false)) {
            const int64_t wait_ns = godwit__peer_next_backoff (peer, &peer->resolve_backoff_ns);
            if (godwit__reactor_arm (transport->control, &peer->resolve_timer,
                                     godwit__transport_now (transport) + wait_ns))
                peer->resolve_paused = has_refused (peer, true) || peer->resolve_paused;
        }
    }
    peer->resolve_now = false;
    godwit__transport_unlock (transport);
    godwit__resolve_send (queries);
}

void
godwit__resolve_init (godwit__peer_t *peer)
{
    peer->resolve_timer = (godwit__timer_t){.fire = on_resolve_timer, .user = peer};
    peer->resolve_task = (godwit__task_t){.run = on_resolve_task, .user = peer};
}

/* ---- answers ---- */

/* The member that waits for this answer; NULL: none does any more. With lock held. */
static godwit__member_t *
asker (const godwit__resolve_query_t *query)
{
    for (size_t i = 0; i < query->group->count; i++) {
        godwit__member_t *member = query->group->members[i];
        if (member->query_number == query->number && member->resolution == GODWIT__RESOLUTION_ASKED)
            return member;
    }
    return NULL;
}

/* An answer, and why it is not taken. */
typedef struct answer {
    godwit__pending_outcome_t outcome;
    godwit__record_t *record; /* NULL: none, or a refusal */
    bool is_denied;           /* the process says that there is no such server */
    godwit__party_t *party;   /* who answered; NULL: there is no realm */
} answer_t;

static bool
is_of (const godwit__resolve_query_t *query, const godwit__member_t *member, const godwit__record_t *answer)
{
    const godwit__record_t *told = told_of (member);
    return memcmp (answer->instance, query->connection->instance, sizeof answer->instance) == 0 &&
           (member->listed || answer->server_id == told->server_id) &&
           strcmp (answer->exchange, told->exchange) == 0 && strcmp (answer->topic, told->topic) == 0 &&
           strcmp (answer->server, told->server) == 0;
}

/* Its certificate lets it serve the topic. */
static bool
may_serve (const godwit__resolve_query_t *query, const answer_t *answer)
{
    return !query->connection->transport->realm ||
           (answer->party && godwit__party_may_topic (answer->party, GODWIT__VERB_SERVE,
                                                      query->group->exchange, query->group->topic));
}

/* The record of a listed member becomes the answer, with the addresses that were listed. False when memory is
 * short. */
static bool
learn (godwit__member_t *member, const godwit__record_t *answer)
{
    godwit__record_t fields = *answer;
    fields.address_count = member->listed->address_count;
    memcpy (fields.addresses, member->listed->addresses, sizeof fields.addresses);
    godwit__record_t *record = godwit__record_new (&fields);
    if (!record)
        return false;
    const bool was_known = member->record->server_id != 0;
    if (was_known && !godwit__record_is_of (record, member->record))
        godwit__member_replaced (member);
    godwit__member_set_record (member, record);
    return true;
}

/* With lock held. False when memory is short. */
static bool
confirm (godwit__member_t *member, const godwit__record_t *answer)
{
    if (member->listed && !learn (member, answer))
        return false;
    if (answer->state == GODWIT__RECORD_DRAINING)
        godwit__member_drains (member);
    member->resolution = GODWIT__RESOLUTION_KNOWN;
    member->query_number = 0;
    member->was_missed = false;
    free (member->refusal);
    member->refusal = NULL;
    member->peer->resolve_backoff_ns = 0;
    return true;
}

/* ---- refusals; with lock held ---- */

/* Notes for errors that it is connected, and not called. */
static void
note_refusal (const godwit__resolve_query_t *query, godwit__member_t *member, const godwit__party_t *party)
{
    char why[GODWIT__DEED_TEXT] = "its certificate is void", text[REFUSAL_SIZE];
    if (party)
        godwit__deed_refusal (why, party->certificate.name,
                              &(godwit__deed_t){.verb = GODWIT__VERB_SERVE,
                                                .exchange = query->group->exchange,
                                                .topic = query->group->topic});
    snprintf (text, sizeof text, "server \"%s\" at %s is not called: %s", told_of (member)->server,
              query->connection->address, why);
    free (member->refusal);
    member->refusal = strdup (text);
}

/* Writes a text for the first refusal of a row only. */
static void
describe_refusal (const godwit__resolve_query_t *query, godwit__member_t *member, char *text, size_t size)
{
    const godwit__record_t *told = told_of (member);
    const bool said = member->was_missed;
    member->was_missed = true;
    if (said || !godwit__logs (member->peer->transport, GODWIT_LOG_WARNING))
        return;
    if (member->refusal)
        snprintf (text, size, "%s", member->refusal);
    else
        snprintf (text, size, "%s/%s/%s is not at %s", told->exchange, told->topic, told->server,
                  member->listed ? told->addresses[0] : query->connection->address);
}

/* The process itself says that it has no such server: so a rendezvous was wrong, or told of it too late. */
static void
forget (godwit__member_t *member)
{
    godwit__group_t *const group = member->group;
    godwit__member_drains (member);
    for (size_t i = group->count; i-- > 0;)
        if (group->members[i] == member)
            godwit__directory_remove (group, i);
}

static void
refuse (const godwit__resolve_query_t *query, godwit__member_t *member, const answer_t *answer, char *text,
        size_t size)
{
    const bool is_allowed = !answer->record || may_serve (query, answer);
    free (member->refusal);
    member->refusal = NULL;
    if (!is_allowed)
        note_refusal (query, member, answer->party);
    describe_refusal (query, member, text, size);
    if (answer->is_denied && !member->listed)
        forget (member);
    else
        godwit__resolve_refused (member);
}

static void
settle (const godwit__resolve_query_t *query, const answer_t *answer)
{
    godwit_transport_t *transport = query->connection->transport;
    char refusal[REFUSAL_SIZE] = "";
    pthread_mutex_lock (&transport->lock);
    godwit__member_t *member = asker (query);
    const bool is_wrong = member && answer->record && !is_of (query, member, answer->record);
    if (is_wrong)
        GODWIT__COUNT (transport, frames_malformed);
    if (member && (answer->outcome == GODWIT__PENDING_LOST || answer->outcome == GODWIT__PENDING_ABANDONED)) {
        member->resolution = GODWIT__RESOLUTION_UNKNOWN; /* the peer will be lost, too */
    } else if (member && (!answer->record || is_wrong || !may_serve (query, answer) ||
                          !confirm (member, answer->record))) {
        refuse (query, member, answer, refusal, sizeof refusal);
    }
    if (member)
        godwit__transport_changed (transport);
    godwit__transport_unlock (transport);
    if (*refusal)
        godwit__log (transport, GODWIT_LOG_WARNING, "%s", refusal);
}

static void
query_free (godwit__resolve_query_t *query)
{
    godwit__connection_unref (&query->connection);
    free (query);
}

static void
on_finished (godwit__pending_t *pending)
{
    godwit__resolve_query_t *query = (godwit__resolve_query_t *) pending;
    godwit_transport_t *transport = query->connection->transport;
    answer_t answer = {.outcome = atomic_load_explicit (&pending->outcome, memory_order_acquire)};
    if (answer.outcome == GODWIT__PENDING_REPLIED) {
        const godwit__header_t *const header = &pending->header;
        godwit_status_t status = GODWIT_OK;
        if (header->type == GODWIT__RESOLVED)
            status = godwit__resolved_read (&answer.record, header->target, &pending->frame, NULL);
        else if (header->type != GODWIT__NACK)
            status = GODWIT_ERR_MALFORMED;
        answer.is_denied = header->type == GODWIT__NACK && header->aux == GODWIT__NACK_NOT_HERE;
        godwit__frame_release (&pending->frame);
        if (status != GODWIT_OK && status != GODWIT_ERR_OUT_OF_MEMORY)
            GODWIT__COUNT (transport, frames_malformed);
        answer.party = godwit__connection_party (query->connection);
    }
    settle (query, &answer);
    godwit__record_unref (&answer.record);
    godwit__party_unref (&answer.party);
    query_free (query);
}

void
godwit__resolve_send (godwit__resolve_query_t *queries)
{
    while (queries) {
        godwit__resolve_query_t *query = queries;
        queries = query->next;
        /* Once the query was accepted, it may end and be freed at any moment. */
        godwit__connection_t *connection = godwit__connection_ref (query->connection);
        const godwit_transport_t *transport = connection->transport;
        query->pending.finished = on_finished;
        query->pending.deadline_ns =
            godwit__transport_now (transport) + transport->options.connect_timeout_ms * GODWIT__NS_PER_MS;
        const godwit__message_t message = {.data = query->frame, .size = query->size};
        const godwit__io_t io = godwit__connection_send (connection, &message, &query->pending);
        if (io != GODWIT__IO_OK) {
            settle (query, &(answer_t){.outcome = io == GODWIT__IO_CLOSED ? GODWIT__PENDING_LOST
                                                                          : GODWIT__PENDING_UNSENT});
            query_free (query);
        }
        godwit__connection_unref (&connection);
    }
}
