/* SPDX-License-Identifier: Apache-2.0 */
/* A request for the introspection of a server (docs/protocol.md 4.2): it is not the program's, and neither
 * waits in the server's queue nor counts as one of its requests. Who answers stands above this room
 * (src/introspection): it is told by a hook of the transport. */
#ifndef GODWIT_SRC_SERVER_ASK_H
#define GODWIT_SRC_SERVER_ASK_H

#include "src/base/list.h"
#include "src/server/caller.h"
#include "src/server/port.h"
#include "src/wire/header.h"

typedef struct godwit__ask {
    godwit__list_node_t in_queue;
    godwit__port_t *port; /* where the answer goes */
    godwit__routing_id_t routing_id;
    uint64_t id;
    uint32_t server_id; /* who is asked about */
    bool is_cast;
    int64_t deadline_ns;      /* GODWIT__NEVER: none */
    godwit__caller_t *caller; /* a reference; NULL: there is no realm */
    godwit__frame_t frame;    /* with the header; without a trace */
} godwit__ask_t;

/* Hands a request over to whoever answers it. Returns 0, or why it is refused. The frame is consumed if it
 * was taken. The port's leader. */
uint32_t godwit__port_ask (godwit__port_t *port, godwit__routing_id_t routing_id,
                           const godwit__header_t *header, godwit__frame_t *frame, int64_t now_ns);
/* Gives it back, with its memory. */
void godwit__ask_free (godwit__ask_t *ask);

/* ---- answering; any thread ---- */

/* Each does nothing for a cast, or if its client is gone. */
void godwit__ask_reply (godwit__ask_t *ask, const godwit_value_t *value);
/* Consumes the error: nothing ran. */
void godwit__ask_fail (godwit__ask_t *ask, godwit_error_t *error);
void godwit__ask_refuse (godwit__ask_t *ask, godwit__nack_t reason, const char *text);

#endif
