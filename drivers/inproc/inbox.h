/* SPDX-License-Identifier: Apache-2.0 */
/* An inbox: the queue of frames for one inproc channel, and how the channel's leader waits for them. */
#ifndef GODWIT_DRIVERS_INPROC_INBOX_H
#define GODWIT_DRIVERS_INPROC_INBOX_H

#include "drivers/inproc/identity.h"

#include "src/interface/driver.h"

#include <pthread.h>

typedef struct godwit__inbox godwit__inbox_t;

/* One sender's bounded share of an inbox. Everything in it but the pointers is guarded by the lock of `to`.
 */
typedef struct godwit__lane {
    godwit__inbox_t *to;   /* a reference */
    godwit__inbox_t *from; /* a reference: the sender's own inbox, which is woken when there is room again */
    godwit__identity_t *sender; /* a reference; NULL: there is no realm */
    godwit__routing_id_t routing_id;
    size_t max_message_size;
    int limit;
    int queued;
    size_t size_limit; /* bytes */
    size_t queued_size;
    bool wants_room; /* a send said AGAIN, and there was no room since */
    bool abandoned;  /* the sender is gone; freed with the last entry */
} godwit__lane_t;

typedef struct godwit__inbox_entry {
    godwit__lane_t *lane; /* NULL: news of subscriptions, which no lane limits */
    godwit__frame_t frame;
} godwit__inbox_entry_t;

struct godwit__inbox {
    atomic_uint refs;
    /* How many lanes want room, of those on which this inbox's owner sends. */
    atomic_int starving;
    /* 0 while the leader sleeps, or is about to; the thread that wakes it sets it to 1. */
    atomic_uint futex;

    pthread_mutex_t lock; /* guards what follows; the port's is taken before a link's */
    godwit__inbox_entry_t *ring;
    size_t head;
    size_t count;
    size_t capacity; /* a power of two, or 0 */
    bool closed;     /* nothing more comes in */
    bool sleeping;   /* the leader sleeps, and no thread has decided to wake it yet */
    bool sleeping_for_room;
    bool woken; /* ends the next wait */
    bool room;  /* ends the next wait for room */
    int event_fd;
    bool event_set; /* event_fd is readable */

    godwit__identity_t *sender; /* of the frame that was received last: a reference; the leader */
};

godwit__inbox_t *godwit__inbox_new (void);
godwit__inbox_t *godwit__inbox_ref (godwit__inbox_t *inbox);
void godwit__inbox_unref (godwit__inbox_t *inbox);
/* From now on send says CLOSED; recv does after all queued frames were received. With drop, queued frames are
 * thrown away.
 */
void godwit__inbox_close (godwit__inbox_t *inbox, bool drop);

/* As the driver interface says (src/interface/driver.h). */
godwit__io_t godwit__inbox_recv (godwit__inbox_t *inbox, godwit__frame_t *frame,
                                 godwit__routing_id_t *routing_id);
void godwit__inbox_wait (godwit__inbox_t *inbox, bool for_room, int64_t timeout_ns);
void godwit__inbox_wake (godwit__inbox_t *inbox);
/* A descriptor that becomes readable when wait would return; a recv that says AGAIN or CLOSED ends that. Made
 * at the first call, closed with the inbox. -1 on failure. */
int godwit__inbox_fd (godwit__inbox_t *inbox);
/* Queues a frame that no lane limits. False when memory is short. */
bool godwit__inbox_push_news (godwit__inbox_t *inbox, const uint8_t *data, size_t size);

/* sender: who sends on it. NULL when memory is short. */
godwit__lane_t *godwit__lane_new (godwit__inbox_t *to, godwit__inbox_t *from, godwit__identity_t *sender,
                                  godwit__routing_id_t routing_id, const godwit__driver_options_t *options,
                                  size_t max_message_size);
/* The sender has gone; what it sent can still be received. */
void godwit__lane_abandon (godwit__lane_t *lane);
godwit__io_t godwit__lane_send (godwit__lane_t *lane, const godwit__message_t *message);

/* The same in two steps, so that a publisher can ask every lane before it uses any. The receiver only makes
 * more room. So true stays true as long as the sender keeps other threads from the lane. */
bool godwit__lane_has_room (godwit__lane_t *lane);
/* Makes a frame of the message. Small bytes are copied into the frame; bytes with a free_fn are taken over;
 * others are copied to the heap. False when memory is short. */
bool godwit__lane_frame (godwit__frame_t *frame, const godwit__message_t *message);
godwit__io_t godwit__lane_push (godwit__lane_t *lane, godwit__frame_t *frame);

#endif
