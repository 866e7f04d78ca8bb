/* SPDX-License-Identifier: Apache-2.0 */
/* Warns of other programs that connect to this process. Control thread. */
#ifndef GODWIT_SRC_TRANSPORT_STRANGERS_H
#define GODWIT_SRC_TRANSPORT_STRANGERS_H

#include "src/runtime/transport.h"

/* A connection to the rendezvous at this address ended before its handshake was over. One or two a minute may
 * be of processes that ended at that moment: INFO. More are a warning. reason: why it was refused, or NULL.
 */
void godwit__stranger_came (godwit_transport_t *transport, const char *at, const char *peer,
                            const char *reason);
/* A connection was ended for what the peer did (godwit__driver_options_t.ended); peer NULL: this process made
 * it. */
void godwit__stranger_ended (godwit_transport_t *transport, const char *at, const char *peer,
                             const char *reason);
/* From time to time: warns if frames came that no peer of Godwit sends. */
void godwit__strange_frames_look (godwit_transport_t *transport);

#endif
