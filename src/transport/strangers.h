/* SPDX-License-Identifier: Apache-2.0 */
/* Warns of other programs that connect to this process. Control thread. */
#ifndef GODWIT_SRC_TRANSPORT_STRANGERS_H
#define GODWIT_SRC_TRANSPORT_STRANGERS_H

#include "src/runtime/transport.h"

/* A connection to the rendezvous at this address ended before its handshake was over. One or two a minute may
 * be of processes that ended at that moment: INFO. More are a warning. */
void godwit__stranger_came (godwit_transport_t *transport, const char *at, const char *peer);
/* From time to time: warns if frames came that no peer of Godwit sends. */
void godwit__strange_frames_look (godwit_transport_t *transport);

#endif
