/* SPDX-License-Identifier: Apache-2.0 */
/* Asynchronous calls: the completion reactor makes their further attempts, and runs their callbacks.
 *
 * A call that cannot be sent now is *stalled*: it waits for a server, for a connection, or for a back-off to
 * pass. A transport has one list of stalled calls.
 */
#ifndef GODWIT_SRC_CLIENT_ASYNC_H
#define GODWIT_SRC_CLIENT_ASYNC_H

#include "src/client/call.h"

/* Starts an asynchronous call, which is heap-allocated and owned by this function; on failure it is freed and
 * the callback does not run. */
godwit_status_t godwit__call_start (godwit__call_t *call, godwit_error_t **error);
/* Makes and starts an asynchronous call. *started (may be NULL) is written before the call can end. Arguments
 * as of godwit_client_call_async, already checked for NULL. */
godwit_status_t godwit__call_async (godwit_client_t *client, const godwit_value_t *context,
                                    const char *method, const godwit_fields_t *args,
                                    godwit_reply_fn *callback, void *user, godwit__call_t **started,
                                    godwit_error_t **error);
/* Nobody waits for an asynchronous call any more: it ends soon. Completion reactor. */
void godwit__call_give_up (godwit__call_t *call);

/* ---- stalled calls ---- */

typedef struct godwit__stalled {
    pthread_mutex_t lock; /* a leaf */
    godwit__list_t calls; /* the oldest first */
    atomic_size_t count;  /* calls in the list, and those that are being looked at */
    godwit__task_t advance;
} godwit__stalled_t;

/* Makes transport->stalled. */
godwit_status_t godwit__stalled_open (godwit_transport_t *transport, godwit_error_t **error);
/* Nothing of it runs afterwards. No call may be stalled any more. */
void godwit__stalled_close (godwit_transport_t *transport);

/* Something has changed that stalled calls may wait for. With transport.lock held. */
void godwit__stalled_wake (godwit_transport_t *transport);
/* Advances every stalled call that may be advanced. Completion reactor. */
void godwit__stalled_advance (godwit_transport_t *transport);
/* Whether any call is stalled. After the end of the completion reactor's thread. */
bool godwit__stalled_any (const godwit_transport_t *transport);

#endif
