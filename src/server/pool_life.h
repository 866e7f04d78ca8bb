/* SPDX-License-Identifier: Apache-2.0 */
/* How the pool of a transport is made, and how it ends. */
#ifndef GODWIT_SRC_SERVER_POOL_LIFE_H
#define GODWIT_SRC_SERVER_POOL_LIFE_H

#include <godwit/server.h>

#include <stddef.h>

typedef struct godwit__pool godwit__pool_t;

/* Makes the pool of a transport: opens a port of each driver, starts the first workers (or, with
 * external_loop, watches the ports in the control reactor). Control thread. */
godwit_status_t godwit__pool_new (godwit__pool_t **pool, godwit_transport_t *transport,
                                  godwit_error_t **error);
/* The transport is closing: callers in this process no longer wait for their requests that handlers have
 * kept. Any thread, before stop. */
void godwit__pool_interrupt (godwit__pool_t *pool);
/* Refuses the queued requests, waits for handlers that run, joins the workers. Not the control thread, which
 * must still run. All servers must have been removed or closed. */
void godwit__pool_stop (godwit__pool_t *pool);
/* Closes the ports and frees the pool. Control thread, after stop. */
void godwit__pool_destroy (godwit__pool_t **pool);

size_t godwit__pool_worker_count (godwit__pool_t *pool);

#endif
