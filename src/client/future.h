/* SPDX-License-Identifier: Apache-2.0 */
/* Futures: asynchronous calls whose callback wakes the waiting thread. Destroying a future before its call
 * has ended gives the call up: the completion reactor then ends the call soon. Each transport has a list of
 * the futures that were given up.
 */
#ifndef GODWIT_SRC_CLIENT_FUTURE_H
#define GODWIT_SRC_CLIENT_FUTURE_H

#include "src/runtime/transport.h"

typedef struct godwit__given_up {
    pthread_mutex_t lock; /* a leaf */
    godwit__list_t futures;
    godwit__task_t task;
} godwit__given_up_t;

/* Makes transport->given_up. */
godwit_status_t godwit__given_up_open (godwit_transport_t *transport, godwit_error_t **error);
/* Nothing of it runs afterwards. */
void godwit__given_up_close (godwit_transport_t *transport);
/* Ends the calls that were given up meanwhile. Completion reactor, or after the end of its thread. */
void godwit__given_up_end (godwit_transport_t *transport);

#endif
