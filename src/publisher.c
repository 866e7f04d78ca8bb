#include "src/publisher.h"

#include "src/burst.h"
#include "src/error.h"
#include "src/fanout.h"
#include "src/target.h"

#include <stdlib.h>

#define NEWS_SIZE (1 + GODWIT__KEY_SIZE)
/* How long a full subscriber is waited for before the next try. */
#define FULL_NS (1 * GODWIT__NS_PER_MS)

/* A server that is subscribed, by its marker. */
typedef struct marker {
    uint8_t key[GODWIT__KEY_SIZE];
    UT_hash_handle hh;
} marker_t;

/* The numbers that a topic's publications carry. */
typedef struct sequence {
    uint8_t key[GODWIT__KEY_SIZE];
    uint64_t last;
    UT_hash_handle hh;
} sequence_t;

/* A port that a channel is connected to. */
typedef struct subscriber {
    char *address;
    size_t channel;
    bool wanted; /* mark of the sweep */
    UT_hash_handle hh;
} subscriber_t;

typedef struct godwit__publisher {
    godwit_transport_t *transport;
    uint32_t number; /* tells this publisher's sequences from others' */
    godwit__channel_t *channels[GODWIT__DRIVER_MAX];
    godwit__source_t sources[GODWIT__DRIVER_MAX];
    atomic_size_t subscriber_counts[GODWIT__DRIVER_MAX]; /* of each channel */
    subscriber_t *subscribers;                           /* the control thread's own */
    marker_t *markers;                                   /* guarded by transport.lock */
    pthread_mutex_t lock; /* guards what follows, and keeps publications in their order */
    sequence_t *sequences;
    godwit__burst_t burst;
    godwit__message_t unsent; /* taken from the burst, and somebody's queue was full; size 0: none */
    unsigned unsent_done;     /* channels that had it */
    bool burst_watched;       /* burst_timer is armed, or will be */
    godwit__task_t burst_task;
    godwit__timer_t burst_timer;
} godwit__publisher_t;

/* ---- news of subscriptions; the control thread ---- */

/* With transport.lock held. */
static void
note_news (godwit__publisher_t *publisher, const uint8_t *news)
{
    marker_t *marker = NULL;
    HASH_FIND (hh, publisher->markers, news + 1, GODWIT__KEY_SIZE, marker);
    if (news[0] == 0 && marker) {
        HASH_DEL (publisher->markers, marker);
        free (marker);
    } else if (news[0] == 1 && !marker) {
        marker = calloc (1, sizeof *marker);
        if (!marker)
            return; /* counts as missing */
        memcpy (marker->key, news + 1, sizeof marker->key);
        HASH_ADD (hh, publisher->markers, key, sizeof marker->key, marker);
        if (!marker->hh.tbl)
            free (marker);
    }
}

static void
on_news (godwit__source_t *source)
{
    godwit__publisher_t *publisher = source->user;
    godwit_transport_t *transport = publisher->transport;
    godwit__channel_t *channel = publisher->channels[source - publisher->sources];
    godwit__frame_t frame;
    godwit__origin_t origin;
    while (channel->ops->recv (channel, &frame, &origin) == GODWIT__IO_OK) {
        pthread_mutex_lock (&transport->lock);
        if (frame.size == NEWS_SIZE)
            note_news (publisher, frame.data);
        godwit__transport_changed (transport);
        pthread_mutex_unlock (&transport->lock);
        godwit__frame_release (&frame);
    }
}

/* ---- sending; with publisher.lock held ---- */

/* On every channel that has not had it yet. shared: the message's memory, NULL if it is to be copied. */
static godwit__io_t
send_on_channels (godwit__publisher_t *publisher, void *data, size_t size, godwit__shared_t *shared,
                  unsigned *done)
{
    godwit__io_t io = GODWIT__IO_OK;
    for (size_t i = 0; i < publisher->transport->driver_count && io == GODWIT__IO_OK; i++) {
        godwit__message_t message = {data, size, NULL, NULL};
        if (!publisher->channels[i] || (*done & 1u << i) ||
            atomic_load_explicit (&publisher->subscriber_counts[i], memory_order_relaxed) == 0)
            continue;
        if (shared) {
            message.free_fn = godwit__shared_unref;
            message.hint = shared;
            atomic_fetch_add_explicit (&shared->refs, 1, memory_order_relaxed);
        }
        io = publisher->transport->drivers[i]->ops->publish (publisher->channels[i], &message);
        if (io == GODWIT__IO_OK)
            *done |= 1u << i;
        else if (shared)
            godwit__shared_unref (NULL, shared);
    }
    return io;
}

/* Sends what is kept. AGAIN: somebody's queue is full, and all of it is kept still. */
static godwit__io_t
flush (godwit__publisher_t *publisher)
{
    if (!publisher->unsent.size) {
        if (godwit__burst_is_empty (&publisher->burst))
            return GODWIT__IO_OK;
        publisher->unsent = godwit__burst_take (&publisher->burst);
        publisher->unsent_done = 0;
    }
    const godwit__io_t io = send_on_channels (publisher, publisher->unsent.data, publisher->unsent.size, NULL,
                                              &publisher->unsent_done);
    if (io == GODWIT__IO_AGAIN)
        return io;
    if (io != GODWIT__IO_OK)
        GODWIT__COUNT (publisher->transport, frames_dropped);
    publisher->unsent.size = 0;
    return GODWIT__IO_OK;
}

/* ---- what is kept in a burst is sent in time; the control thread ---- */

static void
on_burst_timer (godwit__timer_t *timer)
{
    godwit__publisher_t *publisher = timer->user;
    const int64_t now_ns = godwit__transport_now (publisher->transport);
    pthread_mutex_lock (&publisher->lock);
    int64_t next_ns = now_ns + FULL_NS;
    if (publisher->unsent.size || godwit__burst_is_due (&publisher->burst, now_ns))
        publisher->burst_watched = flush (publisher) == GODWIT__IO_AGAIN;
    else if (godwit__burst_is_empty (&publisher->burst))
        publisher->burst_watched = false;
    else
        next_ns = publisher->burst.first_ns + GODWIT__BURST_NS;
    if (publisher->burst_watched &&
        godwit__reactor_arm (publisher->transport->control, timer, next_ns) != GODWIT_OK)
        publisher->burst_watched = false; /* no memory: who publishes next sends it */
    pthread_mutex_unlock (&publisher->lock);
}

static void
on_burst_task (godwit__task_t *task)
{
    godwit__publisher_t *publisher = task->user;
    on_burst_timer (&publisher->burst_timer);
}

/* ---- life; the control thread ---- */

static void
open_channel (godwit__publisher_t *publisher, size_t i)
{
    godwit_transport_t *transport = publisher->transport;
    godwit__driver_t *driver = transport->drivers[i];
    if (driver->ops->open_publisher (driver, &publisher->channels[i], NULL))
        return; /* its subscribers are missing, and said to be */
    publisher->sources[i] = (godwit__source_t){
        .fd = publisher->channels[i]->ops->fd (publisher->channels[i]),
        .ready = on_news,
        .user = publisher,
    };
    if (publisher->sources[i].fd >= 0 &&
        godwit__reactor_watch (transport->control, &publisher->sources[i], NULL) == GODWIT_OK) {
        on_news (&publisher->sources[i]);
        return;
    }
    publisher->channels[i]->ops->close (publisher->channels[i]);
    publisher->channels[i] = NULL;
}

static void
create (void *arg)
{
    godwit_transport_t *transport = arg;
    if (transport->publisher || atomic_load (&transport->closing))
        return;
    godwit__publisher_t *publisher = calloc (1, sizeof *publisher);
    if (!publisher)
        return;
    publisher->transport = transport;
    publisher->number = (uint32_t) godwit__transport_random (transport, UINT32_MAX);
    pthread_mutex_init (&publisher->lock, NULL);
    godwit__burst_init (&publisher->burst);
    publisher->burst_task = (godwit__task_t){.run = on_burst_task, .user = publisher};
    publisher->burst_timer = (godwit__timer_t){.fire = on_burst_timer, .user = publisher};
    for (size_t i = 0; i < transport->driver_count; i++)
        open_channel (publisher, i);
    pthread_mutex_lock (&transport->lock);
    transport->publisher = publisher;
    pthread_mutex_unlock (&transport->lock);
}

void
godwit__publisher_destroy (struct godwit__publisher **publisher)
{
    godwit__publisher_t *self = *publisher;
    marker_t *marker, *next_marker;
    sequence_t *sequence, *next_sequence;
    subscriber_t *subscriber, *next_subscriber;
    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    flush (self);
    pthread_mutex_unlock (&self->lock);
    godwit__reactor_unpost (self->transport->control, &self->burst_task);
    godwit__reactor_disarm (self->transport->control, &self->burst_timer);
    godwit__burst_release (&self->burst);
    for (size_t i = 0; i < GODWIT__DRIVER_MAX; i++) {
        if (!self->channels[i])
            continue;
        godwit__reactor_unwatch (self->transport->control, &self->sources[i]);
        self->channels[i]->ops->close (self->channels[i]);
    }
    HASH_ITER (hh, self->markers, marker, next_marker)
    {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the table goes with its last marker only */
        HASH_DEL (self->markers, marker);
        free (marker);
    }
    HASH_ITER (hh, self->sequences, sequence, next_sequence)
    {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the table goes with its last sequence only */
        HASH_DEL (self->sequences, sequence);
        free (sequence);
    }
    HASH_ITER (hh, self->subscribers, subscriber, next_subscriber)
    {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the table goes with its last subscriber only */
        HASH_DEL (self->subscribers, subscriber);
        free (subscriber->address);
        free (subscriber);
    }
    pthread_mutex_destroy (&self->lock);
    free (self);
    *publisher = NULL;
}

/* ---- connecting; the control thread, with transport.lock held ---- */

static void
connect_member (godwit__publisher_t *publisher, const char *address)
{
    godwit_transport_t *transport = publisher->transport;
    subscriber_t *subscriber = NULL;
    HASH_FIND_STR (publisher->subscribers, address, subscriber);
    if (subscriber) {
        subscriber->wanted = true;
        return;
    }
    for (size_t i = 0; i < transport->driver_count; i++) {
        const godwit__driver_ops_t *ops = transport->drivers[i]->ops;
        if (!publisher->channels[i] || !ops->speaks (address))
            continue;
        subscriber = calloc (1, sizeof *subscriber);
        if (!subscriber)
            return;
        subscriber->address = strdup (address);
        subscriber->channel = i;
        subscriber->wanted = true;
        if (subscriber->address)
            HASH_ADD_KEYPTR (hh, publisher->subscribers, subscriber->address, strlen (subscriber->address),
                             subscriber);
        if (!subscriber->address || !subscriber->hh.tbl) {
            free (subscriber->address);
            free (subscriber);
            return;
        }
        if (ops->publisher_connect (publisher->channels[i], address, NULL)) {
            HASH_DEL (publisher->subscribers, subscriber);
            free (subscriber->address);
            free (subscriber);
            return;
        }
        atomic_fetch_add (&publisher->subscriber_counts[i], 1);
        return;
    }
}

static void
connect_groups (void *arg)
{
    godwit_transport_t *transport = arg;
    godwit__publisher_t *publisher = transport->publisher;
    godwit__group_t *group, *next_group;
    subscriber_t *subscriber, *next;

    pthread_mutex_lock (&transport->lock);
    for (subscriber = publisher->subscribers; subscriber; subscriber = subscriber->hh.next)
        subscriber->wanted = false;
    HASH_ITER (hh, transport->directory->groups, group, next_group)
    if (group->fans_out)
        for (size_t i = 0; i < group->count; i++)
            if (*group->members[i]->record->fanout_address)
                connect_member (publisher, group->members[i]->record->fanout_address);
    HASH_ITER (hh, publisher->subscribers, subscriber, next)
    {
        if (subscriber->wanted)
            continue;
        transport->drivers[subscriber->channel]->ops->publisher_disconnect (
            publisher->channels[subscriber->channel], subscriber->address);
        atomic_fetch_sub (&publisher->subscriber_counts[subscriber->channel], 1);
        HASH_DEL (publisher->subscribers, subscriber);
        free (subscriber->address);
        free (subscriber);
    }
    pthread_mutex_unlock (&transport->lock);
}

/* ---- one fanout ---- */

/* It can be hoped that a member subscribes soon: it is alive, as far as is known, and said where; or it is
 * being asked. */
static bool
may_subscribe (const godwit__member_t *member)
{
    if (member->peer->state == GODWIT__PEER_BACKOFF)
        return false;
    return member->acquaintance == GODWIT__KNOWN ? *member->record->fanout_address != 0
                                                 : member->acquaintance != GODWIT__REFUSED;
}

/* Counts who is subscribed and who is not; returns how many are worth waiting for. With transport.lock held.
 */
static uint32_t
survey (const godwit__publisher_t *publisher, godwit__group_t *group, const uint8_t *topic_key)
{
    uint32_t waits = 0;
    group->fanout_reached = group->fanout_missing = 0;
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *member = group->members[i];
        const godwit__record_t *record = member->record;
        uint8_t key[GODWIT__KEY_SIZE];
        marker_t *marker = NULL;
        if (member->draining)
            continue;
        godwit__fanout_marker (key, topic_key, record->instance, record->server_id);
        HASH_FIND (hh, publisher->markers, key, sizeof key, marker);
        if (marker) {
            group->fanout_reached++;
            continue;
        }
        group->fanout_missing++;
        /* The data path says who is alive: whoever cannot be connected to is missing, and not waited for. */
        godwit__peer_want (member->peer);
        if (may_subscribe (member))
            waits++;
    }
    return waits;
}

/* Waits until all who are alive are subscribed, or until_ns. */
static void
gather (godwit__publisher_t *publisher, godwit__group_t *group, const uint8_t *topic_key, int64_t until_ns,
        godwit_fanout_report_t *report)
{
    godwit_transport_t *transport = publisher->transport;
    pthread_mutex_lock (&transport->lock);
    while (!group->fanout_settled || group->fanout_change != transport->change_count) {
        group->fanout_change = transport->change_count;
        group->fanout_settled = survey (publisher, group, topic_key) == 0;
        const int64_t left_ns = until_ns - godwit__transport_now (transport);
        if (group->fanout_settled || left_ns <= 0 || atomic_load (&transport->closing))
            break;
        pthread_mutex_unlock (&transport->lock);
        godwit__control_run (transport, connect_groups, transport);
        pthread_mutex_lock (&transport->lock);
        if (group->fanout_change == transport->change_count)
            godwit__transport_wait_changed (transport, left_ns);
    }
    report->reached = group->fanout_reached;
    report->missing = group->fanout_missing;
    pthread_mutex_unlock (&transport->lock);
}

/* With publisher.lock held. NULL when memory is short. */
static sequence_t *
sequence_of (godwit__publisher_t *publisher, const uint8_t *topic_key)
{
    sequence_t *sequence = NULL;
    HASH_FIND (hh, publisher->sequences, topic_key, GODWIT__KEY_SIZE, sequence);
    if (sequence)
        return sequence;
    sequence = calloc (1, sizeof *sequence);
    if (!sequence)
        return NULL;
    memcpy (sequence->key, topic_key, sizeof sequence->key);
    HASH_ADD (hh, publisher->sequences, key, sizeof sequence->key, sequence);
    if (sequence->hh.tbl)
        return sequence;
    free (sequence);
    return NULL;
}

/* Keeps a publication, since others come in quick succession. False if it cannot be kept. */
static bool
keep (godwit__publisher_t *publisher, const void *data, size_t size, int64_t now_ns)
{
    if (!godwit__burst_add (&publisher->burst, data, size, now_ns) &&
        (flush (publisher) != GODWIT__IO_OK || !godwit__burst_add (&publisher->burst, data, size, now_ns)))
        return false;
    if (godwit__burst_is_due (&publisher->burst, now_ns))
        flush (publisher);
    if (!publisher->burst_watched &&
        (publisher->unsent.size || !godwit__burst_is_empty (&publisher->burst))) {
        publisher->burst_watched = true;
        godwit__reactor_post (publisher->transport->control, &publisher->burst_task);
    }
    return true;
}

/* Hands it over, to the driver or to the burst. */
static godwit__io_t
publish (godwit__publisher_t *publisher, godwit__call_t *call, const uint8_t *topic_key, int64_t now_ns,
         unsigned *done)
{
    uint8_t *data = godwit__call_data (call) - GODWIT__KEY_SIZE;
    const size_t size = GODWIT__KEY_SIZE + call->request_size;
    pthread_mutex_lock (&publisher->lock);
    sequence_t *sequence = sequence_of (publisher, topic_key);
    if (!sequence) {
        pthread_mutex_unlock (&publisher->lock);
        return GODWIT__IO_REFUSED;
    }
    memcpy (data, topic_key, GODWIT__KEY_SIZE);
    godwit__header_write (data + GODWIT__KEY_SIZE, &(godwit__header_t){
                                                       .type = GODWIT__PUBLICATION,
                                                       .flags = GODWIT__FLAG_CAST,
                                                       .target = publisher->number,
                                                       .id = sequence->last + 1,
                                                   });
    /* A foreign loop may not come back for a while. */
    const bool may_keep = !*done && !publisher->transport->options.external_loop &&
                          godwit__burst_goes_on (&publisher->burst, now_ns);
    godwit__io_t io = publisher->unsent.size ? flush (publisher) : GODWIT__IO_OK;
    if (io == GODWIT__IO_OK && !(may_keep && keep (publisher, data, size, now_ns))) {
        io = flush (publisher); /* first what came before */
        if (io == GODWIT__IO_OK)
            io = send_on_channels (publisher, data, size, call->shared, done);
    }
    if (io == GODWIT__IO_OK)
        sequence->last++;
    pthread_mutex_unlock (&publisher->lock);
    return io;
}

godwit_status_t
godwit__publisher_fanout (godwit__call_t *call, godwit_fanout_report_t *report, godwit_error_t **error)
{
    godwit_transport_t *transport = call->client->transport;
    godwit__group_t *group = call->client->group;
    uint8_t topic_key[GODWIT__KEY_SIZE];
    pthread_mutex_lock (&transport->lock);
    godwit__publisher_t *publisher = transport->publisher;
    if (!group->fans_out)
        godwit__fanout_key (group->fanout_key, transport->virtual_host, group->exchange, group->topic);
    memcpy (topic_key, group->fanout_key, sizeof topic_key);
    group->fans_out = true;
    pthread_mutex_unlock (&transport->lock);
    if (!publisher) {
        godwit__control_run (transport, create, transport);
        publisher = transport->publisher;
    }
    if (!publisher)
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The transport cannot publish");

    gather (publisher, group, topic_key, call->deadline_ns, report);
    if (report->reached == 0) {
        if (call->client->mandatory)
            return godwit__target_error (error, GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT,
                                         &call->client->target, "Nobody listens at ", "");
        return GODWIT_OK;
    }
    unsigned done = 0;
    for (int64_t now_ns = call->now_ns;;) {
        const godwit__io_t io = publish (publisher, call, topic_key, now_ns, &done);
        if (io == GODWIT__IO_OK)
            return GODWIT_OK;
        if (io != GODWIT__IO_AGAIN)
            return godwit__target_error (error, GODWIT_ERR_CLIENT_SEND, GODWIT_OUTCOME_NOT_SENT,
                                         &call->client->target, "Failed to send to target \"",
                                         "\": the driver refused the message");
        now_ns = godwit__transport_now (transport);
        if (now_ns >= call->deadline_ns || atomic_load (&transport->closing))
            return godwit__error_set_outcome (error, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT,
                                              "A subscriber's queue stayed full");
        pthread_mutex_lock (&transport->lock);
        godwit__transport_wait_changed (transport, FULL_NS);
        pthread_mutex_unlock (&transport->lock);
    }
}
