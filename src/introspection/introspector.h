/* SPDX-License-Identifier: Apache-2.0 */
/* Answers what is asked about a process. One thread, `godwit-look`, which is there while there is something
 * to do; with external_loop, the loop. */
#ifndef GODWIT_SRC_INTROSPECTION_INTROSPECTOR_H
#define GODWIT_SRC_INTROSPECTION_INTROSPECTOR_H

#include "src/runtime/transport.h"
#include "src/server/ask.h"

/* Makes transport->introspector, unless the options say that there is none. OUT_OF_MEMORY. */
godwit_status_t godwit__introspector_open (godwit_transport_t *transport, godwit_error_t **error);
/* For the transport's hooks. */
uint32_t godwit__introspector_ask (godwit_transport_t *transport, godwit__ask_t *ask);
/* Nothing is taken any more, what waits is dropped, and the thread is joined. Before the pool ends. */
void godwit__introspector_stop (godwit_transport_t *transport);
/* Frees it. */
void godwit__introspector_close (godwit_transport_t *transport);

#endif
