/* SPDX-License-Identifier: Apache-2.0 */
/* Events under way, in the order of time, and what the fault plan does to frames. */
#include "drivers/sim/sim.h"

#include "src/base/hash.h"

#include <stdlib.h>
#include <string.h>

/* ---- chance ---- */

/* splitmix64: one number must determine the whole run. */
uint64_t
godwit__sim_random (godwit_cluster_t *cluster)
{
    return godwit__mix (cluster->chance += UINT64_C (0x9e3779b97f4a7c15));
}

static bool
happens (godwit_cluster_t *cluster, double probability)
{
    if (probability <= 0)
        return false;
    return (double) (godwit__sim_random (cluster) >> 11) * 0x1p-53 < probability;
}

/* ---- the fault plan ---- */

static int64_t
delay_ns (godwit_cluster_t *cluster, const godwit_faults_t *faults)
{
    int64_t least = faults->delay_min_us, most = faults->delay_max_us;
    if (most < least)
        most = least;
    if (most == 0)
        least = most = 100;
    return 1000 * (least + (int64_t) (godwit__sim_random (cluster) % (uint64_t) (most - least + 1)));
}

/* ---- the heap ---- */

static bool
is_before (const godwit__sim_entry_t *a, const godwit__sim_entry_t *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void
heap_push (godwit_cluster_t *cluster, godwit__sim_event_t *event)
{
    if (cluster->event_count + 1 >= cluster->event_capacity) {
        const size_t capacity = cluster->event_capacity ? 2 * cluster->event_capacity : 64;
        godwit__sim_entry_t *heap = realloc (cluster->heap, capacity * sizeof *heap);
        if (!heap) {
            cluster->failed = true;
            godwit__sim_event_free (cluster, event);
            return;
        }
        cluster->heap = heap;
        cluster->event_capacity = capacity;
    }
    const godwit__sim_entry_t entry = {event->at_ns, event->order, event};
    size_t at = ++cluster->event_count;
    for (; at > 1 && is_before (&entry, &cluster->heap[at / 2]); at /= 2)
        cluster->heap[at] = cluster->heap[at / 2];
    cluster->heap[at] = entry;
}

static godwit__sim_event_t *
heap_pop (godwit_cluster_t *cluster)
{
    godwit__sim_event_t *top = cluster->heap[1].event;
    const godwit__sim_entry_t last = cluster->heap[cluster->event_count--];
    size_t at = 1;
    for (size_t child; (child = 2 * at) <= cluster->event_count; at = child) {
        if (child < cluster->event_count && is_before (&cluster->heap[child + 1], &cluster->heap[child]))
            child++;
        if (!is_before (&cluster->heap[child], &last))
            break;
        cluster->heap[at] = cluster->heap[child];
    }
    cluster->heap[at] = last;
    return top;
}

int64_t
godwit__sim_next_at (const godwit_cluster_t *cluster)
{
    return cluster->event_count ? cluster->heap[1].at_ns : GODWIT__NEVER;
}

godwit__sim_event_t *
godwit__sim_next (godwit_cluster_t *cluster, int64_t until_ns)
{
    return godwit__sim_next_at (cluster) <= until_ns && cluster->event_count ? heap_pop (cluster) : NULL;
}

void
godwit__sim_event_free (godwit_cluster_t *cluster, godwit__sim_event_t *event)
{
    free (event->frame);
    if (event->connection)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the event has a reference of its own */
        godwit__sim_connection_unref (event->connection);
    event->next = cluster->unused;
    cluster->unused = event;
}

static godwit__sim_way_t *
way_of (godwit__sim_connection_t *connection, bool to_port)
{
    return to_port ? &connection->to_port : &connection->to_client;
}

static const godwit__sim_node_t *
node_of (const godwit__sim_connection_t *connection, bool port)
{
    return port ? connection->port_node : connection->client_node;
}

/* ---- sending ---- */

static godwit__sim_event_t *
new_event (godwit_cluster_t *cluster, godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind,
           bool to_port, int64_t at_ns)
{
    godwit__sim_event_t *event = cluster->unused;
    if (event)
        cluster->unused = event->next;
    else
        event = malloc (sizeof *event);
    if (!event) {
        cluster->failed = true;
        return NULL;
    }
    memset (event, 0, sizeof *event);
    event->kind = kind;
    event->to_port = to_port;
    event->at_ns = at_ns;
    event->order = ++cluster->order;
    event->connection = connection;
    if (connection) {
        connection->refs++;
        /* SILENCE and VOID belong to the attempt of the end that watches; all else to that of the sending
         * end. */
        const bool is_watch = kind == GODWIT__SIM_SILENCE || kind == GODWIT__SIM_VOID;
        event->attempt = to_port == !is_watch ? connection->attempt : connection->port_attempt;
    }
    return event;
}

static void
post (godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind, bool to_port, bool flag,
      godwit__sim_frame_t *frame, const char *word)
{
    godwit_cluster_t *cluster = connection->cluster;
    godwit__sim_way_t *way = way_of (connection, to_port);
    const godwit_faults_t faults =
        godwit__sim_faults_of (cluster, node_of (connection, !to_port), node_of (connection, to_port));
    int64_t at_ns = cluster->now_ns + delay_ns (cluster, &faults);
    if (at_ns < way->last_ns)
        at_ns = way->last_ns;
    way->last_ns = at_ns;
    godwit__sim_event_t *event = new_event (cluster, connection, kind, to_port, at_ns);
    if (!event) {
        free (frame);
        return;
    }
    event->flag = flag;
    event->frame = frame;
    event->word = word;
    heap_push (cluster, event);
}

void
godwit__sim_post (godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind, bool to_port,
                  bool flag, godwit__sim_frame_t *frame)
{
    post (connection, kind, to_port, flag, frame, NULL);
}

void
godwit__sim_post_word (godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind, bool to_port,
                       const char *word)
{
    post (connection, kind, to_port, false, NULL, word);
}

void
godwit__sim_post_at (godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind, bool to_port,
                     int64_t at_ns, int64_t since_ns)
{
    godwit__sim_event_t *event = new_event (connection->cluster, connection, kind, to_port, at_ns);
    if (!event)
        return;
    event->since_ns = since_ns;
    heap_push (connection->cluster, event);
}

bool
godwit__sim_call_at (godwit_cluster_t *cluster, int64_t at_ns, void (*fn) (void *user), void *user)
{
    const bool failed = cluster->failed;
    cluster->failed = false;
    godwit__sim_event_t *event = new_event (cluster, NULL, GODWIT__SIM_CALL, false, at_ns);
    if (event) {
        event->fn = fn;
        event->user = user;
        heap_push (cluster, event);
    }
    const bool done = !cluster->failed;
    cluster->failed = failed; /* the caller is told */
    return done;
}

static void
send_copy (godwit__sim_connection_t *connection, bool to_port, const godwit__message_t *message,
           godwit__routing_id_t routing_id, bool overtakes, const godwit_faults_t *faults)
{
    godwit_cluster_t *cluster = connection->cluster;
    godwit__sim_way_t *way = way_of (connection, to_port);
    godwit__sim_frame_t *frame = malloc (sizeof *frame + message->size);
    int64_t at_ns = cluster->now_ns + delay_ns (cluster, faults);
    if (!overtakes && at_ns < way->last_ns)
        at_ns = way->last_ns;
    if (at_ns > way->last_ns)
        way->last_ns = at_ns;
    godwit__sim_event_t *event =
        frame ? new_event (cluster, connection, GODWIT__SIM_FRAME, to_port, at_ns) : NULL;
    if (!event) {
        cluster->failed = true;
        free (frame);
        return;
    }
    *frame = (godwit__sim_frame_t){.connection = connection, .routing_id = routing_id, .size = message->size};
    memcpy (frame->data, message->data, message->size);
    event->frame = frame;
    way->queued++;
    heap_push (cluster, event);
}

godwit__io_t
godwit__sim_send (godwit__sim_connection_t *connection, bool to_port, const godwit__message_t *message,
                  godwit__routing_id_t routing_id)
{
    godwit_cluster_t *cluster = connection->cluster;
    const godwit__sim_node_t *from = node_of (connection, !to_port);
    if (way_of (connection, to_port)->queued >= from->options.queue_limit) {
        godwit__sim_channel_t *sender = to_port ? connection->client : connection->port;
        sender->wants_room = true;
        return GODWIT__IO_AGAIN;
    }
    const godwit_faults_t faults = godwit__sim_faults_of (cluster, from, node_of (connection, to_port));
    unsigned copies = happens (cluster, faults.drop) ? 0 : happens (cluster, faults.duplicate) ? 2 : 1;
    godwit__sim_tell (connection,
                      copies == 0   ? GODWIT__SIM_DROPPED
                      : copies == 2 ? GODWIT__SIM_REPEATED
                                    : GODWIT__SIM_SENT,
                      to_port, message->data, message->size);
    while (copies--) {
        const bool overtakes = happens (cluster, faults.reorder);
        if (overtakes)
            godwit__sim_tell (connection, GODWIT__SIM_OVERTAKES, to_port, message->data, message->size);
        send_copy (connection, to_port, message, routing_id, overtakes, &faults);
    }
    if (message->free_fn)
        message->free_fn (message->data, message->hint);
    return GODWIT__IO_OK;
}

void
godwit__sim_leaves_queue (godwit__sim_connection_t *connection, bool to_port)
{
    godwit__sim_channel_t *sender = to_port ? connection->client : connection->port;
    way_of (connection, to_port)->queued--;
    if (!sender || !sender->wants_room)
        return;
    sender->wants_room = false;
    sender->has_room = true;
    godwit__sim_readable (sender);
}

/* ---- arriving ---- */

/* No answer will come from the port's node. A link has its TIMEOUT; a publisher tries again. */
static void
unanswered (godwit__sim_connection_t *connection)
{
    if (connection->client && connection->client->kind == GODWIT__SIM_PUBLISHER)
        godwit__sim_publisher_lost (connection);
}

/* A cut way holds events that a reliable connection would send again, and drops the others. A paused node
 * answers nobody. */
static bool
hold (godwit_cluster_t *cluster, godwit__sim_event_t *event)
{
    godwit__sim_connection_t *connection = event->connection;
    switch (event->kind) {
    case GODWIT__SIM_CONNECT:
    case GODWIT__SIM_ANSWER:
    case GODWIT__SIM_FRAME:
    case GODWIT__SIM_CLOSED:
    case GODWIT__SIM_NEWS:
    case GODWIT__SIM_CREDENTIAL:
    case GODWIT__SIM_BULLETIN:
    case GODWIT__SIM_DISMISSED:
        break;
    case GODWIT__SIM_TIMEOUT:
    case GODWIT__SIM_SILENCE:
    case GODWIT__SIM_RETRY:
    case GODWIT__SIM_VOID:
    case GODWIT__SIM_CALL:
        return false;
    }
    const godwit__sim_node_t *from = node_of (connection, !event->to_port);
    const godwit__sim_node_t *to = node_of (connection, event->to_port);
    const bool is_news = event->kind == GODWIT__SIM_CREDENTIAL || event->kind == GODWIT__SIM_BULLETIN;
    const bool waits = (event->kind == GODWIT__SIM_CONNECT || is_news) && to && to->paused_ns && !to->is_dead;
    if (!waits && godwit__sim_cut_since (cluster, from, to) == GODWIT__NEVER)
        return false;
    if (!waits && (event->kind == GODWIT__SIM_CONNECT || event->kind == GODWIT__SIM_ANSWER)) {
        unanswered (connection);
        godwit__sim_event_free (cluster, event);
        return true;
    }
    godwit__sim_way_t *way = way_of (connection, event->to_port);
    event->next = NULL;
    if (way->held_last)
        way->held_last->next = event;
    else
        way->held_first = event;
    way->held_last = event;
    return true;
}

static void
release_way (godwit_cluster_t *cluster, godwit__sim_way_t *way)
{
    while (way->held_first) {
        godwit__sim_event_t *event = way->held_first;
        way->held_first = event->next;
        event->at_ns = cluster->now_ns;
        event->order = ++cluster->order;
        heap_push (cluster, event);
    }
    way->held_last = NULL;
}

void
godwit__sim_release_held (godwit_cluster_t *cluster)
{
    for (godwit__sim_connection_t *connection = GODWIT__SIM_CONNECTIONS_FIRST (cluster), *next; connection;
         connection = next) {
        next = GODWIT__SIM_CONNECTIONS_NEXT (cluster, connection);
        const godwit__sim_node_t *client = connection->client_node, *port = connection->port_node;
        if (godwit__sim_cut_since (cluster, client, port) == GODWIT__NEVER)
            release_way (cluster, &connection->to_port);
        if (godwit__sim_cut_since (cluster, port, client) == GODWIT__NEVER)
            release_way (cluster, &connection->to_client);
    }
}

/* True if the event belongs to an attempt that its end has given up since, or that another one has
 * followed. */
static bool
is_stale (const godwit__sim_event_t *event)
{
    const godwit__sim_connection_t *connection = event->connection;
    switch (event->kind) {
    case GODWIT__SIM_CONNECT:
    case GODWIT__SIM_RETRY:
        return event->attempt != connection->attempt;
    case GODWIT__SIM_ANSWER:
    case GODWIT__SIM_FRAME:
    case GODWIT__SIM_CLOSED:
    case GODWIT__SIM_SILENCE:
    case GODWIT__SIM_NEWS:
    case GODWIT__SIM_CREDENTIAL:
    case GODWIT__SIM_BULLETIN:
    case GODWIT__SIM_DISMISSED:
    case GODWIT__SIM_VOID:
        return event->attempt != (event->to_port ? connection->port_attempt : connection->attempt);
    case GODWIT__SIM_TIMEOUT:
    case GODWIT__SIM_CALL:
        break;
    }
    return false;
}

void
godwit__sim_lose_client (godwit__sim_connection_t *connection, const char *reason)
{
    godwit__sim_channel_t *client = connection->client;
    if (!client)
        return;
    godwit__sim_tell (connection, connection->up ? GODWIT__SIM_DOWN : GODWIT__SIM_REFUSED, false,
                      (const uint8_t *) reason, strlen (reason));
    if (client->kind == GODWIT__SIM_PUBLISHER)
        godwit__sim_publisher_lost (connection);
    else
        godwit__sim_link_down (client, reason);
}

/* said: what the client says of itself; NULL: it has no realm. */
static void
on_connect (godwit__sim_connection_t *connection, godwit__sim_frame_t *said)
{
    const char *word = NULL;
    godwit__sim_channel_t *port = godwit__sim_find_port (connection->cluster, connection->address);
    if (!connection->client)
        return;
    connection->port_attempt = connection->attempt;
    godwit__sim_set_port (connection, NULL);
    if (!port && connection->port_node && connection->port_node->is_dead) { /* no kernel is there to refuse */
        unanswered (connection);
        return;
    }
    if (port && (connection->client->kind == GODWIT__SIM_LINK || port->takes_publications)) {
        connection->port_node = port->node;
        word = godwit__sim_let_client_in (connection, said);
        if (!word)
            godwit__sim_set_port (connection, port);
    }
    const bool is_in = connection->port != NULL;
    const bool publishes = is_in && connection->client->kind == GODWIT__SIM_PUBLISHER;
    post (connection, GODWIT__SIM_ANSWER, false, is_in,
          is_in ? godwit__sim_introduce (connection->port_node) : NULL, word);
    if (is_in)
        godwit__sim_client_is_in (connection);
    if (publishes)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the event that brought us here has a reference */
        godwit__sim_tell_all (connection);
}

/* said: what the port says of its process; NULL: nothing. */
static void
on_answer (godwit__sim_connection_t *connection, bool up, godwit__sim_frame_t *said, const char *word)
{
    godwit__sim_channel_t *client = connection->client;
    if (!client || connection->up)
        return;
    const char *const wrong =
        up || word ? godwit__sim_meet_port (connection, said, word) : "nobody listens at the address";
    if (wrong) {
        godwit__sim_lose_client (connection, wrong);
        return;
    }
    connection->up = true;
    godwit__sim_tell (connection, GODWIT__SIM_UP, false, NULL, 0);
    if (client->kind == GODWIT__SIM_LINK)
        godwit__sim_link_up (client);
}

static void
on_frame (godwit__sim_event_t *event)
{
    godwit__sim_connection_t *connection = event->connection;
    godwit__sim_channel_t *to = event->to_port ? connection->port : connection->client;
    const bool lost = !to || to->node->is_dead || is_stale (event);
    godwit__sim_tell (connection, lost ? GODWIT__SIM_LOST : GODWIT__SIM_ARRIVED, event->to_port,
                      event->frame->data, event->frame->size);
    if (lost) {
        godwit__sim_leaves_queue (connection, event->to_port);
        return;
    }
    if (event->frame->size > to->node->options.max_message_size) { /* the sender loses the connection */
        godwit__sim_leaves_queue (connection, event->to_port);
        if (event->to_port)
            godwit__sim_set_port (connection, NULL);
        else
            godwit__sim_lose_client (connection, "a frame was too large");
        if (event->to_port)
            godwit__sim_post (connection, GODWIT__SIM_CLOSED, false, false, NULL);
        return;
    }
    connection->refs++; /* the frame's, while it waits to be received */
    godwit__sim_arrive (to, event->frame);
    event->frame = NULL;
}

/* The end that watches gives the connection up, if the other node is dead, or was paused or cut off ever
 * since the watch began. */
static void
on_silence (godwit__sim_event_t *event)
{
    godwit__sim_connection_t *connection = event->connection;
    const godwit__sim_node_t *from = node_of (connection, !event->to_port);
    const bool is_silent = from && (from->is_dead || (from->paused_ns && from->paused_ns <= event->since_ns));
    const int64_t cut_ns =
        godwit__sim_cut_since (connection->cluster, from, node_of (connection, event->to_port));
    if (!is_silent && cut_ns > event->since_ns)
        return;
    if (!event->to_port) {
        godwit__sim_lose_client (connection, "the other side has been silent for too long");
    } else if (connection->port) {
        godwit__sim_set_port (connection, NULL);
        godwit__sim_post (connection, GODWIT__SIM_CLOSED, false, false, NULL);
    }
}

static void
happen (godwit__sim_event_t *event)
{
    godwit__sim_connection_t *connection = event->connection;
    switch (event->kind) {
    case GODWIT__SIM_CONNECT:
        on_connect (connection, event->frame);
        break;
    case GODWIT__SIM_ANSWER:
        on_answer (connection, event->flag, event->frame, event->word);
        break;
    case GODWIT__SIM_FRAME:
        on_frame (event);
        break;
    case GODWIT__SIM_CLOSED:
        if (event->to_port)
            godwit__sim_set_port (connection, NULL);
        else
            godwit__sim_lose_client (connection, "the other side closed the connection");
        break;
    case GODWIT__SIM_TIMEOUT:
        if (!connection->up)
            godwit__sim_lose_client (connection, "no connection in time");
        break;
    case GODWIT__SIM_SILENCE:
        on_silence (event);
        break;
    case GODWIT__SIM_NEWS:
        if (connection->client) {
            godwit__sim_news (connection, event->frame);
            event->frame = NULL;
        }
        break;
    case GODWIT__SIM_RETRY:
        if (connection->client)
            godwit__sim_post (connection, GODWIT__SIM_CONNECT, true, false,
                              godwit__sim_introduce (connection->client_node));
        break;
    case GODWIT__SIM_CREDENTIAL:
        godwit__sim_on_credential (connection, event->to_port, event->frame);
        break;
    case GODWIT__SIM_BULLETIN:
        godwit__sim_on_bulletin (connection, event->to_port, event->frame);
        break;
    case GODWIT__SIM_DISMISSED:
        godwit__sim_on_dismissed (connection, event->to_port, event->word);
        break;
    case GODWIT__SIM_VOID:
        godwit__sim_void_ends (connection, event->to_port);
        break;
    case GODWIT__SIM_CALL:
        event->fn (event->user);
        break;
    }
}

void
godwit__sim_happen (godwit_cluster_t *cluster, godwit__sim_event_t *event)
{
    if (hold (cluster, event))
        return;
    if (event->kind == GODWIT__SIM_FRAME || !is_stale (event))
        happen (event);
    godwit__sim_event_free (cluster, event);
}
