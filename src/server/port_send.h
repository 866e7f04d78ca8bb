/* SPDX-License-Identifier: Apache-2.0 */
/* Sending frames out of a port, and calling its leader. */
#ifndef GODWIT_SRC_SERVER_PORT_SEND_H
#define GODWIT_SRC_SERVER_PORT_SEND_H

#include "src/server/port.h"
#include "src/wire/header.h"

/* Sends a frame. False: it could not be sent, which is counted. data is consumed if it is on the heap. Any
 * thread. */
bool godwit__port_send (godwit__port_t *port, godwit__routing_id_t routing_id, uint8_t *data, size_t size,
                        bool on_heap);
/* The same for a message of any kind, which is consumed. */
bool godwit__port_send_message (godwit__port_t *port, godwit__routing_id_t routing_id,
                                const godwit__message_t *message);
/* Sends a frame that is only a header. */
void godwit__port_send_header (godwit__port_t *port, godwit__routing_id_t routing_id,
                               godwit__frame_type_t type, uint32_t target, uint64_t id, uint32_t aux);
/* Makes the leader call godwit__port_run_tasks soon. With or without pool.lock. */
void godwit__port_post_tasks (godwit__port_t *port);

#endif
