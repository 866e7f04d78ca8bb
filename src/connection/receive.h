/* SPDX-License-Identifier: Apache-2.0 */
/* The frames that arrive over a connection. */
#ifndef GODWIT_SRC_CONNECTION_RECEIVE_H
#define GODWIT_SRC_CONNECTION_RECEIVE_H

#include "src/connection/connection.h"

#define GODWIT__TOLD_MAX 16

/* What a leader keeps while it receives. */
typedef struct godwit__reader {
    godwit__connection_t *connection;
    godwit__pending_t *own; /* the leader's own call; NULL: none, or it is over */
    bool is_in_batch;
    /* Callers whose replies came, by the words that they sleep on. They are woken once no more frames are
     * there: so none of them keeps the leader from reading what has come for the others. */
    unsigned told_count;
    atomic_uint *told[GODWIT__TOLD_MAX];
} godwit__reader_t;

/* own: the leader's own pending call, or NULL. */
static inline void
godwit__reader_init (godwit__reader_t *reader, godwit__connection_t *connection, godwit__pending_t *own)
{
    reader->connection = connection;
    reader->own = own;
    reader->is_in_batch = false;
    reader->told_count = 0;
}

/* True if the next frame is there, so that the leader need not wait for it. */
static inline bool
godwit__reader_has_more (const godwit__reader_t *reader)
{
    const godwit__channel_t *const link = reader->connection->link;
    return reader->is_in_batch || (link->ops->has_more && link->ops->has_more (link));
}

/* Handles a frame that arrived, and consumes it. The leader's thread, without the lock. After the reply of
 * its own call the leader still leads if there are more frames, and no more otherwise. */
void godwit__connection_frame (godwit__reader_t *reader, godwit__frame_t *frame);
/* Wakes the callers that are to be told. Before the leader waits, or stops to read. */
void godwit__reader_tell (godwit__reader_t *reader);

#endif
