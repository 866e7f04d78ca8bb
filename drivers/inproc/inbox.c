/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/inproc/inbox.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RING_FIRST 8
/* A larger ring is freed when it is empty. */
#define RING_KEPT 256

/* --- sleeping and waking ---
 *
 * The leader sets `sleeping` under the lock before it sleeps. A thread that brings it something decides under
 * the lock to wake it. So no wake-up is lost. The system call comes after the lock was released. The inbox
 * may be freed by then: waking an address on which nobody sleeps is harmless, and the futex's memory is not
 * touched.
 */

static void
futex_wait (godwit__inbox_t *self, int64_t timeout_ns)
{
    struct timespec timeout = {(time_t) (timeout_ns / 1000000000), (long) (timeout_ns % 1000000000)};
    syscall (SYS_futex, &self->futex, FUTEX_WAIT_PRIVATE, 0, timeout_ns == GODWIT__NEVER ? NULL : &timeout,
             NULL, 0);
}

static void
futex_wake (const godwit__inbox_t *self)
{
    syscall (SYS_futex, &self->futex, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void
set_event (godwit__inbox_t *self)
{
    const uint64_t one = 1;
    if (self->event_fd < 0 || self->event_set)
        return;
    self->event_set = write (self->event_fd, &one, sizeof one) == (ssize_t) sizeof one;
}

static void
clear_event (godwit__inbox_t *self)
{
    uint64_t count;
    if (self->event_set && read (self->event_fd, &count, sizeof count) > 0)
        self->event_set = false;
}

/* Lock held. True if the caller must futex_wake after it released the lock. */
static bool
rouse (godwit__inbox_t *self)
{
    set_event (self);
    if (!self->sleeping)
        return false;
    self->sleeping = false;
    atomic_store_explicit (&self->futex, 1, memory_order_release);
    return true;
}

void
godwit__inbox_wait (godwit__inbox_t *inbox, bool for_room, int64_t timeout_ns)
{
    pthread_mutex_lock (&inbox->lock);
    bool ready = inbox->count || inbox->closed || inbox->woken || timeout_ns <= 0;
    inbox->woken = false;
    if (for_room && (inbox->room || !atomic_load (&inbox->starving))) {
        inbox->room = false;
        ready = true;
    }
    if (!ready) {
        inbox->sleeping = true;
        inbox->sleeping_for_room = for_room;
        atomic_store_explicit (&inbox->futex, 0, memory_order_relaxed);
    }
    pthread_mutex_unlock (&inbox->lock);
    if (ready)
        return;
    futex_wait (inbox, timeout_ns);
    if (atomic_load_explicit (&inbox->futex, memory_order_acquire))
        return;
    pthread_mutex_lock (&inbox->lock); /* timed out, or a signal came */
    inbox->sleeping = false;
    pthread_mutex_unlock (&inbox->lock);
}

void
godwit__inbox_wake (godwit__inbox_t *inbox)
{
    pthread_mutex_lock (&inbox->lock);
    const bool roused = rouse (inbox);
    if (!roused)
        inbox->woken = true;
    pthread_mutex_unlock (&inbox->lock);
    if (roused)
        futex_wake (inbox);
}

int
godwit__inbox_fd (godwit__inbox_t *inbox)
{
    pthread_mutex_lock (&inbox->lock);
    if (inbox->event_fd < 0) {
        inbox->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (inbox->count || inbox->closed || inbox->woken || inbox->room)
            set_event (inbox);
    }
    const int fd = inbox->event_fd;
    pthread_mutex_unlock (&inbox->lock);
    return fd;
}

/* Tells the inbox's owner that a lane on which it sends has room again, or never will. */
static void
tell_room (godwit__inbox_t *self)
{
    pthread_mutex_lock (&self->lock);
    atomic_fetch_sub (&self->starving, 1);
    self->room = true;
    bool roused = false;
    if (self->sleeping && self->sleeping_for_room)
        roused = rouse (self);
    else
        set_event (self);
    pthread_mutex_unlock (&self->lock);
    if (roused)
        futex_wake (self);
}

/* --- life ------------------------------------------------------------------------------------ */

godwit__inbox_t *
godwit__inbox_new (void)
{
    godwit__inbox_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    atomic_init (&self->refs, 1);
    self->event_fd = -1;
    pthread_mutex_init (&self->lock, NULL);
    return self;
}

godwit__inbox_t *
godwit__inbox_ref (godwit__inbox_t *inbox)
{
    atomic_fetch_add_explicit (&inbox->refs, 1, memory_order_relaxed);
    return inbox;
}

void
godwit__inbox_unref (godwit__inbox_t *inbox)
{
    if (atomic_fetch_sub_explicit (&inbox->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__inbox_close (inbox, true);
    godwit__identity_unref (inbox->sender);
    if (inbox->event_fd >= 0)
        close (inbox->event_fd);
    pthread_mutex_destroy (&inbox->lock);
    free (inbox);
}

static void
free_lane (godwit__lane_t *lane)
{
    godwit__inbox_unref (lane->from);
    godwit__identity_unref (lane->sender);
    godwit__inbox_t *to = lane->to;
    free (lane);
    godwit__inbox_unref (to);
}

void
godwit__inbox_close (godwit__inbox_t *inbox, bool drop)
{
    pthread_mutex_lock (&inbox->lock);
    inbox->closed = true;
    const bool roused = rouse (inbox);
    godwit__inbox_entry_t *ring = inbox->ring;
    const size_t head = inbox->head, count = inbox->count, mask = inbox->capacity - 1;
    if (drop) {
        inbox->ring = NULL;
        inbox->head = inbox->count = inbox->capacity = 0;
        for (size_t i = 0; i < count; i++) {
            godwit__inbox_entry_t *entry = &ring[(head + i) & mask];
            if (entry->lane && (--entry->lane->queued || !entry->lane->abandoned))
                entry->lane = NULL; /* not ours to free */
        }
    }
    pthread_mutex_unlock (&inbox->lock);
    if (roused)
        futex_wake (inbox);
    if (!drop)
        return;
    for (size_t i = 0; i < count; i++) {
        godwit__inbox_entry_t *entry = &ring[(head + i) & mask];
        godwit__frame_release (&entry->frame);
        if (entry->lane)
            free_lane (entry->lane);
    }
    free (ring);
}

/* --- the queue ------------------------------------------------------------------------------- */

/* Lock held. */
static bool
ring_grow (godwit__inbox_t *self)
{
    const size_t capacity = self->capacity ? 2 * self->capacity : RING_FIRST;
    godwit__inbox_entry_t *ring = malloc (capacity * sizeof *ring);
    if (!ring)
        return false;
    for (size_t i = 0; i < self->count; i++) {
        godwit__inbox_entry_t *from = &self->ring[(self->head + i) & (self->capacity - 1)];
        ring[i].lane = from->lane;
        godwit__frame_move (&ring[i].frame, &from->frame);
    }
    free (self->ring);
    self->ring = ring;
    self->capacity = capacity;
    self->head = 0;
    return true;
}

/* Lock held. */
static bool
ring_push (godwit__inbox_t *self, godwit__lane_t *lane, godwit__frame_t *frame)
{
    if (self->count == self->capacity && !ring_grow (self))
        return false;
    godwit__inbox_entry_t *entry = &self->ring[(self->head + self->count++) & (self->capacity - 1)];
    entry->lane = lane;
    godwit__frame_move (&entry->frame, frame);
    return true;
}

godwit__io_t
godwit__inbox_recv (godwit__inbox_t *inbox, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    pthread_mutex_lock (&inbox->lock);
    if (!inbox->count) {
        const bool closed = inbox->closed;
        clear_event (inbox);
        if (inbox->capacity > RING_KEPT) {
            free (inbox->ring);
            inbox->ring = NULL;
            inbox->capacity = 0;
        }
        pthread_mutex_unlock (&inbox->lock);
        return closed ? GODWIT__IO_CLOSED : GODWIT__IO_AGAIN;
    }
    godwit__inbox_entry_t *entry = &inbox->ring[inbox->head];
    inbox->head = (inbox->head + 1) & (inbox->capacity - 1);
    inbox->count--;
    godwit__frame_move (frame, &entry->frame);
    godwit__lane_t *lane = entry->lane, *last = NULL;
    godwit__inbox_t *starved = NULL;
    if (routing_id)
        *routing_id = lane ? lane->routing_id : 0;
    if (lane) {
        lane->queued--;
        lane->queued_size -= frame->size;
        if (lane->sender != inbox->sender) {
            godwit__identity_unref (inbox->sender);
            inbox->sender = godwit__identity_ref (lane->sender);
        }
        if (lane->abandoned && !lane->queued) {
            last = lane;
        } else if (lane->wants_room && lane->queued <= lane->limit / 2 &&
                   lane->queued_size <= lane->size_limit / 2) {
            /* Only when half empty, so that a sender is not woken for each single message. */
            lane->wants_room = false;
            starved = godwit__inbox_ref (lane->from);
        }
    }
    pthread_mutex_unlock (&inbox->lock);
    if (last)
        free_lane (last);
    if (starved) {
        tell_room (starved);
        godwit__inbox_unref (starved);
    }
    return GODWIT__IO_OK;
}

bool
godwit__inbox_push_news (godwit__inbox_t *inbox, const uint8_t *data, size_t size)
{
    /* The bytes are copied at once, so the cast never leads to a write. */
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    godwit__frame_t frame;
    if (!godwit__lane_frame (&frame, &message))
        return false;
    pthread_mutex_lock (&inbox->lock);
    const bool pushed = ring_push (inbox, NULL, &frame);
    const bool roused = pushed && rouse (inbox);
    pthread_mutex_unlock (&inbox->lock);
    if (roused)
        futex_wake (inbox);
    if (!pushed)
        godwit__frame_release (&frame);
    return pushed;
}

/* --- lanes ----------------------------------------------------------------------------------- */

godwit__lane_t *
godwit__lane_new (godwit__inbox_t *to, godwit__inbox_t *from, godwit__identity_t *sender,
                  godwit__routing_id_t routing_id, const godwit__driver_options_t *options,
                  size_t max_message_size)
{
    godwit__lane_t *lane = calloc (1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->to = godwit__inbox_ref (to);
    lane->from = godwit__inbox_ref (from);
    lane->sender = godwit__identity_ref (sender);
    lane->routing_id = routing_id;
    lane->limit = options->queue_limit;
    lane->size_limit = options->max_queue_size ? options->max_queue_size : SIZE_MAX;
    lane->max_message_size = max_message_size;
    return lane;
}

void
godwit__lane_abandon (godwit__lane_t *lane)
{
    pthread_mutex_lock (&lane->to->lock);
    lane->abandoned = true;
    const bool starved = lane->wants_room;
    lane->wants_room = false;
    const bool last = !lane->queued;
    /* Once the lock is released, the receiver may free the lane. */
    godwit__inbox_t *from = starved ? godwit__inbox_ref (lane->from) : NULL;
    pthread_mutex_unlock (&lane->to->lock);
    if (last)
        free_lane (lane);
    if (from) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it is referred to here, not by the lane only */
        tell_room (from);
        godwit__inbox_unref (from);
    }
}

static void
release_copy (godwit__frame_t *frame)
{
    free (frame->storage.pointer);
}

/* What the frame's storage holds for a message with a free_fn. */
typedef struct handed_over {
    void (*free_fn) (void *data, void *hint);
    void *data;
    void *hint;
} handed_over_t;

static void
release_handed_over (godwit__frame_t *frame)
{
    handed_over_t over;
    memcpy (&over, &frame->storage, sizeof over);
    over.free_fn (over.data, over.hint);
}

bool
godwit__lane_frame (godwit__frame_t *frame, const godwit__message_t *message)
{
    frame->size = message->size;
    if (message->free_fn) {
        const handed_over_t over = {message->free_fn, message->data, message->hint};
        memcpy (&frame->storage, &over, sizeof over);
        frame->data = message->data;
        frame->release = release_handed_over;
        return true;
    }
    if (message->size <= sizeof frame->storage) {
        frame->data = (uint8_t *) &frame->storage;
        frame->release = NULL;
    } else {
        frame->data = malloc (message->size);
        if (!frame->data)
            return false;
        frame->storage.pointer = frame->data;
        frame->release = release_copy;
    }
    if (message->size)
        memcpy (frame->data, message->data, message->size);
    return true;
}

/* Lock of `to` held. */
static bool
has_room (godwit__lane_t *lane)
{
    if (lane->queued < lane->limit && lane->queued_size < lane->size_limit)
        return true;
    if (!lane->wants_room) {
        lane->wants_room = true;
        atomic_fetch_add (&lane->from->starving, 1);
    }
    return false;
}

bool
godwit__lane_has_room (godwit__lane_t *lane)
{
    pthread_mutex_lock (&lane->to->lock);
    const bool room = has_room (lane);
    pthread_mutex_unlock (&lane->to->lock);
    return room;
}

godwit__io_t
godwit__lane_push (godwit__lane_t *lane, godwit__frame_t *frame)
{
    godwit__inbox_t *to = lane->to;
    godwit__io_t result = GODWIT__IO_OK;
    bool roused = false;
    const size_t size = frame->size;
    pthread_mutex_lock (&to->lock);
    if (to->closed) {
        result = GODWIT__IO_CLOSED;
    } else if (!has_room (lane)) {
        result = GODWIT__IO_AGAIN;
    } else if (!ring_push (to, lane, frame)) {
        result = GODWIT__IO_REFUSED;
    } else {
        lane->queued++;
        lane->queued_size += size;
        roused = rouse (to);
    }
    pthread_mutex_unlock (&to->lock);
    if (roused)
        futex_wake (to);
    return result;
}

godwit__io_t
godwit__lane_send (godwit__lane_t *lane, const godwit__message_t *message)
{
    godwit__frame_t frame;
    if (message->size > lane->max_message_size || !godwit__lane_frame (&frame, message))
        return GODWIT__IO_REFUSED;
    const godwit__io_t result = godwit__lane_push (lane, &frame);
    /* A message that was not accepted stays the caller's: only a copy is released. */
    if (result != GODWIT__IO_OK && frame.release == release_copy)
        godwit__frame_release (&frame);
    return result;
}
