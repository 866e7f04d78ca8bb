/* What the files of a connection share: connection.c (life), pending.c (calls that wait for a reply), send.c,
 * receive.c, lead.c (who receives, and who waits). "With lock" means connection.lock.
 */
#ifndef GODWIT_SRC_CONNECTION_CONNECTION_INSIDE_H
#define GODWIT_SRC_CONNECTION_CONNECTION_INSIDE_H

#include "src/connection/connection.h"

/* ---- pending.c; with lock, except notify ---- */

void godwit__pending_add (godwit__connection_t *connection, godwit__pending_t *pending);
/* Unlinks and returns it; NULL if it is not there. */
godwit__pending_t *godwit__pending_take (godwit__connection_t *connection, uint64_t id);
/* Moves the deadline of a call that is monitored: it is still there. */
void godwit__pending_extend (godwit__connection_t *connection, uint64_t id);
/* Ends a pending that was taken. A caller that waits for it is woken; an asynchronous one is put on the list,
 * for pass_on when the lock is released. */
void godwit__pending_finish (godwit__connection_t *connection, godwit__pending_t *pending,
                             godwit__pending_outcome_t outcome, godwit__pending_t **finished);
/* Ends all of an owner (NULL: of everybody). */
void godwit__pending_finish_all (godwit__connection_t *connection, const void *owner,
                                 godwit__pending_outcome_t outcome, godwit__pending_t **finished);
/* Hands what has ended to the completion reactor. */
void godwit__pending_notify (godwit_transport_t *transport, godwit__pending_t *finished);

static inline bool
godwit__pending_is_waiting (godwit__pending_t *pending)
{
    return atomic_load_explicit (&pending->outcome, memory_order_acquire) == GODWIT__PENDING_WAITING;
}

/* What is left until a deadline; 0 when it has passed. */
static inline int64_t
godwit__connection_left_ns (const godwit__connection_t *connection, int64_t deadline_ns)
{
    if (deadline_ns == GODWIT__NEVER)
        return GODWIT__NEVER;
    const int64_t left = deadline_ns - godwit__transport_now (connection->transport);
    return left > 0 ? left : 0;
}

/* ---- lead.c; with lock ---- */

/* Has the completion reactor receive. Never after the retire task, which is the last. */
void godwit__lead_post (godwit__connection_t *connection);
/* Gives the lead away: to the reactor while asynchronous calls are pending, else to a caller that waits,
 * else it rests with `rest`. */
void godwit__lead_release (godwit__connection_t *connection, godwit__lead_t rest);
/* Takes the lead for a caller, if it is to be had. */
void godwit__lead_claim (godwit__connection_t *connection, godwit__pending_t *pending);

/* ---- send.c ---- */

void godwit__connection_say_hello (godwit__connection_t *connection);
/* With lock: says that nothing more will be sent, to one server or (0) at all. */
void godwit__connection_say_goodbye (godwit__connection_t *connection, uint32_t server_id);
/* A server said GOODBYE: nothing is sent to it any more ... */
void godwit__connection_note_goodbye (godwit__connection_t *connection, uint32_t server_id);
/* ... and it is told so if it waits for that. */
void godwit__connection_answer_goodbye (godwit__connection_t *connection, uint32_t server_id);
/* With lock: sends the batch. Without room for it, its calls are UNSENT. */
void godwit__connection_send_batch (godwit__connection_t *connection, godwit__pending_t **finished);

/* ---- receive.c ---- */

/* A frame that arrived, which is consumed. The leader, without lock; own: the leader's own pending, or NULL.
 */
void godwit__connection_frame (godwit__connection_t *connection, godwit__frame_t *frame,
                               godwit__pending_t *own);

#endif
