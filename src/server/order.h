/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which a listener's lane handles notifications (docs/notifications.md).
 *
 * A lane is a server that takes NOTIFY frames of one topic and priority. Those of one sender are handled in
 * the order in which they came, one after the other, whatever the lane's concurrency; those of different
 * senders may be handled at the same time. What waits for its turn is limited as the queue of any server is.
 *
 * A sender is a notifier that says its number, or all of a connection that say none. It has several of them
 * under way. If one is refused, those that follow it are refused, too, until one
 * comes with the flag FIRST: by then the sender has heard of the refusal, and sends all of them again.
 */
#ifndef GODWIT_SRC_SERVER_ORDER_H
#define GODWIT_SRC_SERVER_ORDER_H

#include "src/server/server.h"

typedef struct godwit__sender {
    godwit__port_t *port;
    godwit__routing_id_t routing_id;
    uint32_t notifier; /* its number; 0: it says none */
} godwit__sender_t;

static inline godwit__sender_t
godwit__sender_of (const godwit_request_t *request)
{
    return (godwit__sender_t){request->port, request->routing_id, request->notifier};
}

/* ---- with pool.lock ---- */

/* Why a lane refuses a frame that its server would take, or why any other server refuses a NOTIFY; 0: it does
 * not. */
godwit__nack_t godwit__order_refuses (godwit_server_t *server, const godwit__sender_t *sender,
                                      const godwit__header_t *header);
/* A lane's request begins: the header's budget is the number of its sender. */
void godwit__order_begin (godwit_request_t *request, const godwit__header_t *header);
/* A handler runs for this sender, or a request of it is queued. */
bool godwit__order_is_busy (const godwit_server_t *server, const godwit__sender_t *sender);
/* The request in the server's queue whose turn it is; NULL: there is none that may run now. */
godwit_request_t *godwit__order_next (const godwit_server_t *server);
/* Frees what is remembered. */
void godwit__order_release (godwit_server_t *server);

/* ---- without it ---- */

/* One that was accepted must not be handled any more: since then an earlier one of its sender was refused. */
bool godwit__order_is_refused (const godwit__sender_t *sender, uint32_t server_id, uint64_t id);
/* The NOTIFY of this id was refused. */
void godwit__order_refused (const godwit__sender_t *sender, uint32_t server_id, uint64_t id);

#endif
