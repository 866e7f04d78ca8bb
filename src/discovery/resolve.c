/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/resolve.h"

#include <stdio.h>
#include <stdlib.h>

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

static bool
is_listed_of (const godwit__member_t *member, const godwit__peer_t *peer)
{
    return member->peer == peer && member->listed;
}

static godwit__resolve_query_t *
query_new (godwit__member_t *member)
{
    godwit__directory_t *directory = member->peer->transport->directory;
    const godwit__record_t *listed = member->listed;
    godwit__resolve_query_t *query = calloc (1, sizeof *query);
    if (!query)
        return NULL;
    query->size = godwit__resolve_write (query->frame, listed->exchange, listed->topic, listed->server);
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
            if (!is_listed_of (member, peer) ||
                (member->resolution != GODWIT__RESOLUTION_UNKNOWN &&
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
    if (!peer->is_listed)
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
            if (!is_listed_of (member, peer) || member->resolution != GODWIT__RESOLUTION_REFUSED)
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

static bool
answers (const godwit__resolve_query_t *query, const godwit__member_t *member, const godwit__record_t *answer)
{
    const godwit__record_t *listed = member->listed;
    return memcmp (answer->instance, query->connection->instance, sizeof answer->instance) == 0 &&
           strcmp (answer->exchange, listed->exchange) == 0 && strcmp (answer->topic, listed->topic) == 0 &&
           strcmp (answer->server, listed->server) == 0;
}

/* The member's record becomes the answer, with the addresses that were listed. With lock held. False when
 * memory is short. */
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
    member->resolution = GODWIT__RESOLUTION_KNOWN;
    member->query_number = 0;
    member->was_missed = false;
    member->peer->resolve_backoff_ns = 0;
    return true;
}

/* With lock held. Writes a text for the first refusal of a row only. */
static void
describe_refusal (godwit__member_t *member, char *text, size_t size)
{
    const godwit__record_t *listed = member->listed;
    const bool said = member->was_missed;
    member->was_missed = true;
    if (!said && godwit__logs (member->peer->transport, GODWIT_LOG_WARNING))
        snprintf (text, size, "%s/%s/%s is not at %s", listed->exchange, listed->topic, listed->server,
                  listed->addresses[0]);
}

static void
settle (const godwit__resolve_query_t *query, godwit__pending_outcome_t outcome,
        const godwit__record_t *answer)
{
    godwit_transport_t *transport = query->connection->transport;
    char refusal[1100] = "";
    pthread_mutex_lock (&transport->lock);
    godwit__member_t *member = asker (query);
    const bool is_wrong = member && answer && !answers (query, member, answer);
    if (is_wrong)
        GODWIT__COUNT (transport, frames_malformed);
    if (member && (outcome == GODWIT__PENDING_LOST || outcome == GODWIT__PENDING_ABANDONED)) {
        member->resolution = GODWIT__RESOLUTION_UNKNOWN; /* the peer will be lost, too */
    } else if (member && (!answer || is_wrong || !learn (member, answer))) {
        describe_refusal (member, refusal, sizeof refusal);
        godwit__resolve_refused (member);
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
    const godwit__pending_outcome_t outcome = atomic_load_explicit (&pending->outcome, memory_order_acquire);
    godwit__record_t *answer = NULL;
    if (outcome == GODWIT__PENDING_REPLIED) {
        godwit_status_t status = GODWIT_OK;
        if (pending->header.type == GODWIT__RESOLVED)
            status = godwit__resolved_read (&answer, pending->header.target, &pending->frame, NULL);
        else if (pending->header.type != GODWIT__NACK)
            status = GODWIT_ERR_MALFORMED;
        godwit__frame_release (&pending->frame);
        if (status != GODWIT_OK && status != GODWIT_ERR_OUT_OF_MEMORY)
            GODWIT__COUNT (transport, frames_malformed);
    }
    settle (query, outcome, answer);
    godwit__record_unref (&answer);
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
            settle (query, io == GODWIT__IO_CLOSED ? GODWIT__PENDING_LOST : GODWIT__PENDING_UNSENT, NULL);
            query_free (query);
        }
        godwit__connection_unref (&connection);
    }
}
