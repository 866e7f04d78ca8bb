/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests a server takes, and how it refuses the others. */
#ifndef GODWIT_SRC_SERVER_ACCEPT_H
#define GODWIT_SRC_SERVER_ACCEPT_H

#include "src/server/pool.h"
#include "src/wire/header.h"

/* Why a request is not accepted (0: it is), and with DRAINING the revision of the server's record. */
typedef struct godwit__refusal {
    uint32_t reason;
    uint32_t revision;
} godwit__refusal_t;

/* Accepts a request for a server, and moves the frame into it. Returns the request if it is to be run now
 * (only with may_run; it then counts as active). NULL and refused->reason 0: it was queued. NULL and a
 * reason: it was refused, and the frame is still the caller's. */
godwit_request_t *godwit__pool_accept (godwit__pool_t *pool, godwit__port_t *port,
                                       godwit__routing_id_t routing_id, const godwit__header_t *header,
                                       godwit__frame_t *frame, size_t body_offset, int64_t now_ns,
                                       bool may_run, godwit__refusal_t *refused);
/* The same for a caller in this process, but only if the request can run at once and a method of that name is
 * INLINE; NULL otherwise. The request has no frame yet. self: this process's own party; NULL: there is no
 * realm. */
godwit_request_t *godwit__pool_accept_inline (godwit__pool_t *pool, const godwit__header_t *header,
                                              const char *name, size_t name_size, int64_t now_ns,
                                              godwit__party_t *self);

/* Refuses a list of requests that never ran, as DRAINING; the list is empty afterwards. Without the lock. */
void godwit__refuse_requests (godwit__list_t *requests);
/* The same for all queued requests. */
void godwit__pool_refuse_queued (godwit__pool_t *pool);

#endif
