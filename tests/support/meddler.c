/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/meddler.h"

#include "src/connection/connection.h"
#include "src/discovery/directory.h"
#include "src/discovery/peer.h"
#include "src/runtime/control.h"
#include "src/wire/batch.h"
#include "src/wire/header.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DRIVERS 2
#define FLOWS_MAX 4096
/* Times out of 100. */
#define REPEAT 15
#define BATCH 10
#define DELAY 10
#define REPLAY 15
/* Frames after which one that is delayed is sent. */
#define DELAY_MAX 12

typedef struct copy {
    uint8_t *data;
    size_t size;
} copy_t;

typedef struct copies {
    copy_t *items;
    size_t count;
    size_t capacity;
} copies_t;

/* What one link has sent. */
typedef struct flow {
    godwit__channel_t *link;     /* NULL: closed */
    godwit__channel_t *replayer; /* to the same place; NULL: none */
    const godwit__channel_ops_t *ops;
    char address[GODWIT__ADDRESS_SIZE];
    copy_t hello;
    copies_t sent;
    copies_t delayed;
    unsigned delay; /* frames until they are sent */
} flow_t;

static struct {
    pthread_mutex_t lock;
    uint64_t random;
    flow_t *flows[FLOWS_MAX];
    size_t flow_count;
    copies_t published;
    meddler_counts_t counts;
    struct {
        const godwit__driver_ops_t *real;
        godwit__driver_ops_t mine;
        const godwit__channel_ops_t *real_link;
        godwit__channel_ops_t link;
    } drivers[DRIVERS];
    size_t driver_count;
} meddler = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Splitmix64. */
static uint64_t
next_random (uint64_t below)
{
    uint64_t x = meddler.random += UINT64_C (0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C (0x94d049bb133111eb);
    return (x ^ x >> 31) % below;
}

static bool
chance (uint64_t of_100)
{
    return next_random (100) < of_100;
}

/* ---- copies ---- */

static copy_t
copy_of (const void *data, size_t size)
{
    copy_t copy = {malloc (size), size};
    if (!copy.data)
        abort ();
    memcpy (copy.data, data, size);
    return copy;
}

static void
keep (copies_t *copies, const void *data, size_t size)
{
    if (copies->count == copies->capacity) {
        copies->capacity = copies->capacity ? 2 * copies->capacity : 64;
        copies->items = realloc (copies->items, copies->capacity * sizeof *copies->items);
        if (!copies->items)
            abort ();
    }
    copies->items[copies->count++] = copy_of (data, size);
}

static void
forget (copies_t *copies)
{
    for (size_t i = 0; i < copies->count; i++)
        free (copies->items[i].data);
    free (copies->items);
    *copies = (copies_t){NULL, 0, 0};
}

/* ---- links ---- */

/* Every link that is open has one. */
static flow_t *
flow_of (const godwit__channel_t *link)
{
    size_t i = meddler.flow_count;
    do {
        if (i-- == 0)
            abort ();
    } while (meddler.flows[i]->link != link);
    return meddler.flows[i];
}

/* Without room it is lost, as on a network. */
static void
queue_copy (const flow_t *flow, const copy_t *copy)
{
    const godwit__message_t message = {.data = copy->data, .size = copy->size};
    flow->ops->queue (flow->link, 0, &message);
}

static void
replay_copy (const flow_t *flow, const copy_t *copy)
{
    const godwit__message_t message = {.data = copy->data, .size = copy->size};
    flow->replayer->ops->queue (flow->replayer, 0, &message);
}

static void
send_delayed (flow_t *flow)
{
    for (size_t i = flow->delayed.count; i > 0; i--) /* the last one first */
        queue_copy (flow, &flow->delayed.items[i - 1]);
    forget (&flow->delayed);
}

static void
send_in_batch (const flow_t *flow, const void *data, size_t size)
{
    godwit__batch_writer_t writer = {.data = NULL};
    if (godwit__batch_add (&writer, data, size) && godwit__batch_add (&writer, data, size)) {
        const godwit__message_t batch = godwit__batch_take (&writer);
        flow->ops->queue (flow->link, 0, &batch);
        meddler.counts.batched++;
    }
    godwit__batch_writer_release (&writer);
}

static void
ignore_up (void *user)
{
    (void) user;
}

static void
ignore_down (void *user, const char *reason)
{
    (void) user;
    (void) reason;
}

/* What a link to the same place sent, which is over or not, with its HELLO: a connection of its own, with the
 * identity of the same client, or of another. Its replies reach nobody. They must not come over a link of the
 * client: a request that was held back runs here for the first time, and the client has another call of that
 * number by now. */
static void
replay_older (godwit__driver_t *driver, const godwit__driver_ops_t *real, flow_t *flow)
{
    static const godwit__link_events_t ignored = {.up = ignore_up, .down = ignore_down};
    const flow_t *older = meddler.flows[next_random (meddler.flow_count)];
    if (older == flow || strcmp (older->address, flow->address) != 0 || !older->hello.data ||
        real->open_link (driver, flow->address, &ignored, NULL, &flow->replayer, NULL))
        return;
    replay_copy (flow, &older->hello);
    for (int i = 0; i < 20 && older->sent.count; i++) {
        replay_copy (flow, &older->sent.items[next_random (older->sent.count)]);
        meddler.counts.replayed_older++;
    }
    flow->replayer->ops->flush (flow->replayer, 0);
}

/* Sends a frame that the core handed over: at last, or not yet. */
static godwit__io_t
meddle (flow_t *flow, const godwit__message_t *message, bool single)
{
    const copy_t copy = copy_of (message->data, message->size);
    godwit__io_t io = GODWIT__IO_OK;
    keep (&flow->sent, copy.data, copy.size);
    if (chance (DELAY)) {
        keep (&flow->delayed, copy.data, copy.size);
        flow->delay = (unsigned) next_random (DELAY_MAX);
        meddler.counts.delayed++;
        if (message->free_fn)
            message->free_fn (message->data, message->hint);
    } else {
        io = flow->ops->queue (flow->link, 0, message);
    }
    if (io == GODWIT__IO_OK) {
        for (int i = 0; i < 3 && chance (REPEAT); i++, meddler.counts.repeated++)
            queue_copy (flow, &copy);
        if (single && chance (BATCH))
            send_in_batch (flow, copy.data, copy.size);
        if (chance (REPLAY)) {
            queue_copy (flow, &flow->sent.items[next_random (flow->sent.count)]);
            meddler.counts.replayed++;
        }
        if (flow->delayed.count && flow->delay-- == 0)
            send_delayed (flow);
    } else {
        free (flow->sent.items[--flow->sent.count].data);
    }
    free (copy.data);
    return io;
}

static godwit__io_t
queue_link (godwit__channel_t *link, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    godwit__header_t header;
    godwit__io_t io;
    pthread_mutex_lock (&meddler.lock);
    flow_t *flow = flow_of (link);
    const bool is_known = godwit__header_read (&header, message->data, message->size) == GODWIT__HEADER_OK;
    if (is_known && header.type == GODWIT__HELLO) {
        free (flow->hello.data);
        flow->hello = copy_of (message->data, message->size);
    }
    if (is_known && (header.type == GODWIT__REQUEST || header.type == GODWIT__BATCH))
        io = meddle (flow, message, header.type == GODWIT__REQUEST);
    else
        io = flow->ops->queue (link, routing_id, message);
    pthread_mutex_unlock (&meddler.lock);
    return io;
}

static godwit__io_t
send_link (godwit__channel_t *link, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    const godwit__io_t io = queue_link (link, routing_id, message);
    link->ops->flush (link, routing_id);
    return io;
}

static void
close_link (godwit__channel_t *link)
{
    pthread_mutex_lock (&meddler.lock);
    flow_t *flow = flow_of (link);
    const godwit__channel_ops_t *ops = flow->ops;
    godwit__channel_t *const replayer = flow->replayer;
    flow->link = NULL;
    flow->replayer = NULL;
    link->ops = ops;
    pthread_mutex_unlock (&meddler.lock);
    if (replayer)
        replayer->ops->close (replayer);
    ops->close (link);
}

/* ---- drivers ---- */

static size_t
index_of (const godwit__driver_t *driver)
{
    size_t i = 0;
    while (driver->ops != &meddler.drivers[i].mine)
        i++;
    return i;
}

static godwit_status_t
open_link (godwit__driver_t *driver, const char *address, const godwit__link_events_t *events, void *user,
           godwit__channel_t **link, godwit_error_t **error)
{
    const size_t i = index_of (driver);
    const godwit_status_t status =
        meddler.drivers[i].real->open_link (driver, address, events, user, link, error);
    if (status)
        return status;
    flow_t *flow = calloc (1, sizeof *flow);
    if (!flow)
        abort ();
    pthread_mutex_lock (&meddler.lock);
    if (meddler.flow_count == FLOWS_MAX)
        abort ();
    if (!meddler.drivers[i].real_link) {
        meddler.drivers[i].real_link = (*link)->ops;
        meddler.drivers[i].link = *(*link)->ops;
        meddler.drivers[i].link.send = send_link;
        meddler.drivers[i].link.queue = queue_link;
        meddler.drivers[i].link.close = close_link;
    }
    *flow = (flow_t){.link = *link, .ops = (*link)->ops};
    strncpy (flow->address, address, sizeof flow->address - 1);
    meddler.flows[meddler.flow_count++] = flow;
    if (chance (70))
        replay_older (driver, meddler.drivers[i].real, flow);
    (*link)->ops = &meddler.drivers[i].link;
    pthread_mutex_unlock (&meddler.lock);
    return GODWIT_OK;
}

/* Each driver has a publish of its own, which tells nothing of the driver. */
static godwit__io_t
publish (size_t driver, godwit__channel_t *publisher, const godwit__message_t *message)
{
    const godwit__driver_ops_t *real = meddler.drivers[driver].real;
    const copy_t copy = copy_of (message->data, message->size);
    pthread_mutex_lock (&meddler.lock);
    const godwit__io_t io = real->publish (publisher, message);
    if (io == GODWIT__IO_OK) {
        keep (&meddler.published, copy.data, copy.size);
        for (int i = 0; i < 4; i++) {
            const size_t at = i ? next_random (meddler.published.count) : meddler.published.count - 1;
            const copy_t *again = &meddler.published.items[at];
            const godwit__message_t repeated = {.data = again->data, .size = again->size};
            if (chance (50) && real->publish (publisher, &repeated) == GODWIT__IO_OK)
                meddler.counts.published++;
        }
    }
    pthread_mutex_unlock (&meddler.lock);
    free (copy.data);
    return io;
}

static godwit__io_t
publish_first (godwit__channel_t *publisher, const godwit__message_t *message)
{
    return publish (0, publisher, message);
}

static godwit__io_t
publish_second (godwit__channel_t *publisher, const godwit__message_t *message)
{
    return publish (1, publisher, message);
}

static size_t
index_of_real (const godwit__driver_ops_t *real)
{
    size_t i = 0;
    while (i < meddler.driver_count && meddler.drivers[i].real != real)
        i++;
    if (i == DRIVERS)
        abort ();
    if (i == meddler.driver_count) {
        meddler.driver_count++;
        meddler.drivers[i].real = real;
        meddler.drivers[i].mine = *real;
        meddler.drivers[i].mine.open_link = open_link;
        meddler.drivers[i].mine.publish = i ? publish_second : publish_first;
    }
    return i;
}

/* On the thread that uses the drivers. */
static void
attach (void *arg)
{
    godwit_transport_t *transport = arg;
    pthread_mutex_lock (&meddler.lock);
    for (size_t i = 0; i < transport->driver_count; i++)
        transport->drivers[i]->ops = &meddler.drivers[index_of_real (transport->drivers[i]->ops)].mine;
    pthread_mutex_unlock (&meddler.lock);
}

/* ---- what a test asks for ---- */

void
meddler_open (uint64_t seed)
{
    meddler.random = seed;
    memset (&meddler.counts, 0, sizeof meddler.counts);
}

void
meddler_attach (godwit_transport_t *transport)
{
    godwit__control_run (transport, attach, transport);
}

void
meddler_replay_all (void)
{
    pthread_mutex_lock (&meddler.lock);
    for (size_t i = 0; i < meddler.flow_count; i++) {
        flow_t *flow = meddler.flows[i];
        if (!flow->link)
            continue;
        send_delayed (flow);
        for (size_t at = 0; at < flow->sent.count; at++, meddler.counts.replayed++)
            queue_copy (flow, &flow->sent.items[at]);
        flow->ops->flush (flow->link, 0);
    }
    pthread_mutex_unlock (&meddler.lock);
}

void
meddler_cut (godwit_transport_t *transport)
{
    godwit__connection_t *connections[64];
    size_t count = 0;
    pthread_mutex_lock (&transport->lock);
    for (godwit__peer_t *peer = GODWIT__PEERS_FIRST (transport->directory); peer;
         peer = GODWIT__PEERS_NEXT (transport->directory, peer)) {
        if (peer->connection && count < 64)
            connections[count++] = godwit__connection_ref (peer->connection);
    }
    godwit__transport_unlock (transport);
    while (count > 0) {
        godwit__connection_down (connections[--count], "the test cut it");
        godwit__connection_unref (&connections[count]);
    }
}

meddler_counts_t
meddler_close (void)
{
    pthread_mutex_lock (&meddler.lock);
    for (size_t i = 0; i < meddler.flow_count; i++) {
        flow_t *flow = meddler.flows[i];
        forget (&flow->sent);
        forget (&flow->delayed);
        free (flow->hello.data);
        free (flow);
    }
    meddler.flow_count = 0;
    forget (&meddler.published);
    const meddler_counts_t counts = meddler.counts;
    pthread_mutex_unlock (&meddler.lock);
    return counts;
}
