/* SPDX-License-Identifier: Apache-2.0 */
/* What is on its way to one inproc channel, and how its leader waits for it. */
#ifndef GODWIT_DRIVERS_INPROC_INBOX_H
#define GODWIT_DRIVERS_INPROC_INBOX_H

#include "src/interface/driver.h"

#include <pthread.h>

typedef struct godwit__inbox godwit__inbox_t;

/* One sender's bounded share of an inbox. Everything in it but the pointers is guarded by the lock of `to`.
 */
typedef struct godwit__lane {
    godwit__inbox_t *to;   /* a reference */
    godwit__inbox_t *from; /* a reference: the sender's own inbox, told when there is room again */
    godwit__routing_id_t routing_id;
    size_t max_message_size;
    int limit;
    int queued;
    size_t size_limit; /* bytes */
    size_t queued_size;
    bool wants_room; /* a send said AGAIN since there was room */
    bool abandoned;  /* the sender is gone; freed with the last entry */
} godwit__lane_t;

typedef struct godwit__inbox_entry {
    godwit__lane_t *lane; /* NULL: news, which no lane bounds */
    godwit__frame_t frame;
} godwit__inbox_entry_t;

struct godwit__inbox {
    atomic_uint refs;
    /* How many of the lanes that this inbox's owner sends on want room. */
    atomic_int starving;
    /* 0 while the leader sleeps, or is about to; whoever wakes it makes it 1. */
    atomic_uint futex;

    pthread_mutex_t lock; /* guards what follows; the port's is taken before a link's */
    godwit__inbox_entry_t *ring;
    size_t head;
    size_t count;
    size_t capacity; /* a power of two, or 0 */
    bool closed;     /* nothing more comes in */
    bool sleeping;   /* the leader, until somebody decided to wake it */
    bool sleeping_for_room;
    bool woken; /* for the next wait */
    bool room;  /* for the next wait that is for room */
    int event_fd;
    bool event_set; /* event_fd is readable */
};

godwit__inbox_t *godwit__inbox_new (void);
godwit__inbox_t *godwit__inbox_ref (godwit__inbox_t *inbox);
void godwit__inbox_unref (godwit__inbox_t *inbox);
/* From now on sends say CLOSED, and recv does when what is there was received; with drop, it is thrown away.
 */
void godwit__inbox_close (godwit__inbox_t *inbox, bool drop);

/* As the driver interface says (src/interface/driver.h). */
godwit__io_t godwit__inbox_recv (godwit__inbox_t *inbox, godwit__frame_t *frame,
                                 godwit__routing_id_t *routing_id);
void godwit__inbox_wait (godwit__inbox_t *inbox, bool for_room, int64_t timeout_ns);
void godwit__inbox_wake (godwit__inbox_t *inbox);
int godwit__inbox_fd (godwit__inbox_t *inbox);
/* A frame that no lane bounds. False when memory is short. */
bool godwit__inbox_push_news (godwit__inbox_t *inbox, const uint8_t *data, size_t size);

/* NULL when memory is short. */
godwit__lane_t *godwit__lane_new (godwit__inbox_t *to, godwit__inbox_t *from, godwit__routing_id_t routing_id,
                                  const godwit__driver_options_t *options, size_t max_message_size);
/* The sender has gone; what it sent can still be received. */
void godwit__lane_abandon (godwit__lane_t *lane);
godwit__io_t godwit__lane_send (godwit__lane_t *lane, const godwit__message_t *message);

/* The same in two steps, so that a publisher can ask every lane before it uses any. Whether there is room is
 * only made truer by the receiver, so the answer holds as long as the sender keeps other threads from the
 * lane. */
bool godwit__lane_has_room (godwit__lane_t *lane);
/* A frame of the message: inside the frame if it is small, as it is if it has a free_fn, else a copy. False
 * when memory is short. */
bool godwit__lane_frame (godwit__frame_t *frame, const godwit__message_t *message);
godwit__io_t godwit__lane_push (godwit__lane_t *lane, godwit__frame_t *frame);

#endif
