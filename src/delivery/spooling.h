/* SPDX-License-Identifier: Apache-2.0 */
/* An outbox with a spool: what it accepts is safe there before it is accepted. A thread of its own
 * ("godwit-spool"; with external_loop, the program's loop) tells the spool which pools there are and what
 * they are done with, and reads for consumers that are behind.
 *
 * In memory is what consumers are sent soon; all else is in the spool alone. So memory is bounded however far
 * a pool is behind, and what limits the outbox is the spool.
 *
 * The spool is never called with outbox.lock held: it may wait for the disk. */
#ifndef GODWIT_SRC_DELIVERY_SPOOLING_H
#define GODWIT_SRC_DELIVERY_SPOOLING_H

#include "src/delivery/consumer.h"

/* The name of the stream in the spool: "notify/EXCHANGE/TOPIC/PRIORITY". The caller's; NULL when memory is
 * short. */
char *godwit__spooling_name (const godwit__stream_t *stream);

/* The name of a pool in the spool, where none may be empty: "" is "-", and a name that begins with "-" gets
 * one more. The caller's; NULL when memory is short. */
char *godwit__spooling_pool (const char *pool);

/* Takes over what the spool holds, and starts the thread. The outbox has options.spool. */
godwit_status_t godwit__spooling_open (godwit__outbox_t *outbox, godwit_error_t **error);
/* Ends the thread. What pools are done with is told to the spool first. */
void godwit__spooling_close (godwit__outbox_t *outbox);
void godwit__spooling_free (godwit__outbox_t *outbox);

/* Gives an entry to the spool, and adds it to the stream. Consumes the entry. Without a lock. The statuses of
 * the spool: LIMIT_EXCEEDED when it is full. */
godwit_status_t godwit__spooling_append (godwit__stream_t *stream, godwit__entry_t *entry,
                                         godwit_error_t **error);

#define GODWIT__SPOOLING_FAILURE_SIZE 640
/* With external_loop: does what the thread would do. Without a lock. Returns when to come again. failure:
 * what the log is to hear; "": nothing. */
int64_t godwit__spooling_turn (godwit__outbox_t *outbox, char failure[GODWIT__SPOOLING_FAILURE_SIZE]);
/* Tells the log. Without a lock: the outbox may be gone. */
void godwit__spooling_tell (const godwit_transport_t *transport, const char *failure);

/* ---- with outbox.lock ---- */

/* The consumer was sent something: if it has little left to send, the thread reads on. With outbox.lock. */
void godwit__spooling_feed (const godwit__consumer_t *consumer);
/* There is something to do for the thread. */
void godwit__spooling_wake (const godwit__outbox_t *outbox);
/* A pool has appeared: it is behind. */
void godwit__spooling_new_consumer (godwit__consumer_t *consumer);
/* The pool is done with an entry. */
void godwit__spooling_settle (godwit__consumer_t *consumer, uint64_t number);
/* The pool is forgotten. */
void godwit__spooling_forget (const godwit__consumer_t *consumer);

#endif
