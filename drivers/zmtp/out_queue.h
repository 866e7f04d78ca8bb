/* SPDX-License-Identifier: Apache-2.0 */
/* What waits to be written to one socket. Adding is cheap and makes no system call, so it may be done under
 * locks, and it orders. Flushing writes; it is done by one thread at a time, without the queue's lock, while
 * others add. So writes are gathered by themselves: whoever flushes takes all that has been added meanwhile.
 *
 *   IDLE --- add, flush ---> FLUSHING --- all written ---> IDLE
 *                               |  ^
 *                        EAGAIN |  | godwit__zmtp_out_writable
 *                               v  |
 *                             BLOCKED          any --- close, or the socket fails ---> CLOSED
 *
 * A small message that `stays` and finds IDLE is not copied: its thread is the flusher from the moment it has
 * added it, and writes it from where it is when it flushes.
 *
 * With a box the flusher seals what it writes, just before: so it is done without the lock, by one thread at
 * a time, in the order of the nonces.
 */
#ifndef GODWIT_DRIVERS_ZMTP_OUT_QUEUE_H
#define GODWIT_DRIVERS_ZMTP_OUT_QUEUE_H

#include "drivers/zmtp/box.h"

#include "src/base/light_lock.h"
#include "src/interface/driver.h"

/* A message of up to this size is copied, whoever owns it; larger ones are referred to, and count as bytes
 * that wait. */
#define GODWIT__ZMTP_LIGHT 1024
/* Commands to which no limit of messages applies wait while these are fewer bytes: four of the largest
 * bulletins, in a row. */
#define GODWIT__ZMTP_SAID_MAX ((size_t) 256 * 1024)

typedef struct godwit__zmtp_batch godwit__zmtp_batch_t;

typedef enum godwit__zmtp_flushed {
    GODWIT__ZMTP_FLUSHED, /* all was written, or another thread is writing */
    GODWIT__ZMTP_BLOCKED, /* the socket takes no more: call godwit__zmtp_out_writable when it does */
    GODWIT__ZMTP_BROKEN   /* the socket failed just now */
} godwit__zmtp_flushed_t;

typedef struct godwit__zmtp_out {
    godwit__zmtp_box_t *box;            /* the flusher's; NULL: frames travel as they are */
    godwit__light_lock_t lock;          /* all that follows */
    godwit__zmtp_batch_t *first, *last; /* added, not taken by the flusher */
    godwit__zmtp_batch_t *writing;      /* taken by the flusher, in order; only it looks inside */
    godwit__zmtp_batch_t *spare;        /* a small one, kept for the next message */
    size_t heavy_size;                  /* bytes of messages above LIGHT that are not wholly written */
    size_t said_size;                   /* the same of what godwit__zmtp_out_add_command has added */
    unsigned count;                     /* messages that are not wholly written, batch by batch */
    uint64_t written_size;              /* bytes of batches, ever */
    bool is_flushing;
    atomic_bool is_blocked; /* written with lock held */
    bool is_closed;
    bool drops;      /* the flusher frees what it has instead of writing it */
    bool wants_room; /* somebody was told AGAIN */
    bool has_sent;   /* something was added since godwit__zmtp_out_take_sent */

    /* A message that is written from where it is, before all others, by the thread that has queued it. */
    _Atomic (uintptr_t) keeper; /* that thread, which is the flusher then; 0: there is none */
    const void *kept;           /* the keeper's */
    size_t kept_size;
} godwit__zmtp_out_t;

/* What limits a queue (godwit__driver_options_t). */
typedef struct godwit__zmtp_out_limits {
    unsigned queue_limit;
    size_t max_queue_size; /* SIZE_MAX: no limit */
    size_t max_message_size;
} godwit__zmtp_out_limits_t;

void godwit__zmtp_out_init (godwit__zmtp_out_t *out);
/* What is added from now on is sealed with this box, which lives as long as the queue. Nobody flushes. */
void godwit__zmtp_out_use_box (godwit__zmtp_out_t *out, godwit__zmtp_box_t *box);
/* Frees all that waits. No other thread uses it any more. */
void godwit__zmtp_out_release (godwit__zmtp_out_t *out);

/* Adds a message as one frame: OK, AGAIN, CLOSED, REFUSED as a channel's send. On OK it takes over what the
 * message has a free_fn for; one that stays may be referred to until this thread has flushed. Any thread. */
godwit__io_t godwit__zmtp_out_add (godwit__zmtp_out_t *out, const godwit__zmtp_out_limits_t *limits,
                                   const godwit__message_t *message);
/* Adds bytes as they are, without a limit: a part of a handshake; afterwards one whole frame. */
godwit__io_t godwit__zmtp_out_add_raw (godwit__zmtp_out_t *out, const void *data, size_t size);
/* The same for a command that is said whatever messages wait. AGAIN: GODWIT__ZMTP_SAID_MAX bytes of such ones
 * wait already, so the peer does not read. */
godwit__io_t godwit__zmtp_out_add_command (godwit__zmtp_out_t *out, const void *frame, size_t size);
/* The same for a PING or PONG, of which a peer that reads nothing could ask for any number: while the socket
 * takes nothing it is forgotten, because what waits says as well that this end is alive. */
godwit__io_t godwit__zmtp_out_add_sign (godwit__zmtp_out_t *out, const void *data, size_t size);
/* True if a message of this size would be accepted; else it notes that room is wanted. */
bool godwit__zmtp_out_has_room (godwit__zmtp_out_t *out, const godwit__zmtp_out_limits_t *limits,
                                size_t size);

/* Writes to the socket what waits, unless another thread does. *room: true if there is room for somebody who
 * was told AGAIN. The caller holds no lock. Any thread. */
godwit__zmtp_flushed_t godwit__zmtp_out_flush (godwit__zmtp_out_t *out, int fd, bool *room);
/* The same, after BLOCKED, when the socket is writable again. */
godwit__zmtp_flushed_t godwit__zmtp_out_writable (godwit__zmtp_out_t *out, int fd, bool *room);
/* Add and flush in one, at less cost where nothing else waits. */
godwit__io_t godwit__zmtp_out_send (godwit__zmtp_out_t *out, int fd, const godwit__zmtp_out_limits_t *limits,
                                    const godwit__message_t *message, godwit__zmtp_flushed_t *flushed,
                                    bool *room);
/* From now on nothing is accepted. drop: what waits is freed; a flusher that runs frees what it has. */
void godwit__zmtp_out_close (godwit__zmtp_out_t *out, bool drop);
/* A hint, without the lock: the socket took no more, and somebody has to go on. */
static inline bool
godwit__zmtp_out_seems_blocked (const godwit__zmtp_out_t *out)
{
    return atomic_load_explicit (&out->is_blocked, memory_order_relaxed);
}
/* True if nothing waits to be written. */
bool godwit__zmtp_out_is_empty (godwit__zmtp_out_t *out);
/* True if the socket takes no more. *written: the bytes that it took so far; they tell whether it goes on. */
bool godwit__zmtp_out_is_blocked (godwit__zmtp_out_t *out, uint64_t *written);
/* True if something was added since the last time: then no heartbeat is needed. */
bool godwit__zmtp_out_take_sent (godwit__zmtp_out_t *out);

#endif
