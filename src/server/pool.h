/* The server's side of a transport: the ports it listens on, the servers behind them, and the workers that
 * run handlers.
 *
 * One worker *leads* on each port: it receives, and runs short handlers itself. Before a handler that is
 * known to take long (the method's flag or its running average), or that is not known at all, it hands the
 * lead to another worker; and while it runs a handler with the lead, the watchdog of the control thread takes
 * the lead away if that lasts more than a millisecond.
 *
 *      follower --promote--> leading --receives a short one--> leading, busy --done--> leading
 *         ^                     |                                   |
 *         |                     | receives a long one               | watchdog: took too long
 *         |                     v                                   v
 *         +------done----- running (another one leads)  <-----------+
 */
#ifndef GODWIT_SRC_SERVER_POOL_H
#define GODWIT_SRC_SERVER_POOL_H

#include <godwit/server.h>

#include "src/runtime/transport.h"

typedef struct godwit__pool godwit__pool_t;

/* Makes the pool of a transport: opens a port of each driver, starts the first workers (or, with
 * external_loop, watches the ports in the control reactor). Control thread. */
godwit_status_t godwit__pool_new (godwit__pool_t **pool, godwit_transport_t *transport,
                                  godwit_error_t **error);
/* The transport is closing: callers in this process no longer wait for requests of theirs that were kept. Any
 * thread, before stop. */
void godwit__pool_interrupt (godwit__pool_t *pool);
/* Tells all clients that the process leaves, and waits, for a bounded time, until each has sent its last
 * request. From now on no request is accepted. Not the control thread. */
void godwit__pool_drain (godwit__pool_t *pool);
/* Refuses what is queued, waits for handlers that run, joins the workers. Not the control thread, which must
 * still run. All servers must have been removed or closed. */
void godwit__pool_stop (godwit__pool_t *pool);
/* Closes the ports and frees the pool. Control thread, after stop. */
void godwit__pool_destroy (godwit__pool_t **pool);

/* For a caller on the same transport (client side): if server_id is here and accepts, and the method that
 * this request body names is INLINE, runs it on this thread and returns true, with the reply frame (REPLY,
 * FAILURE or NACK, header included) in *reply; *reply is empty if the handler kept the request for longer
 * than its time. Otherwise returns false and does nothing. request is a whole REQUEST frame, borrowed.
 * now_ns: the time; *ended_ns: the time when the method had ended, if it is known. */
bool godwit__pool_call_inline (godwit__pool_t *pool, const godwit__message_t *request, int64_t now_ns,
                               godwit__frame_t *reply, int64_t *ended_ns);

size_t godwit__pool_worker_count (godwit__pool_t *pool);

#endif
