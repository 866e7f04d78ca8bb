/* SPDX-License-Identifier: Apache-2.0 */
/* A request: from the frame that came in to the reply that went out.
 *
 *     accept --> queued --> running --> settled --> recycled
 *        \________________/       \--> kept --/
 *    accept.c   queue.c     request_call.c, request_end.c; reply.c, request_read.c: the handler's side
 *
 * A request is one allocation, which is reused: the request itself, room for the parameters of a method, and
 * a block with room for the nodes of a small body. It goes back to the free list when both the request and
 * the values in its block are given up.
 */
#ifndef GODWIT_SRC_SERVER_REQUEST_H
#define GODWIT_SRC_SERVER_REQUEST_H

#include <godwit/server.h>

#include "src/base/list.h"
#include "src/server/dispatch.h"
#include "src/server/pool.h"

#include <stdalign.h>

#define GODWIT__REQUEST_NODES 24
#define GODWIT__REQUEST_PARAMS 128

/* A caller in this process that waits for the reply to a kept request; guarded by pool.lock. */
typedef struct godwit__inline_call {
    godwit__frame_t *reply;
    bool done;
} godwit__inline_call_t;

struct godwit_request {
    godwit__list_node_t in_queue; /* of its server; or among those that are refused */
    godwit_request_t *next_free;
    godwit__pool_t *pool;
    godwit_server_t *server;            /* there while the request counts in server->occupied */
    godwit__port_t *port;               /* where the reply goes; NULL: to inline_call */
    godwit__inline_call_t *inline_call; /* once the request is kept, guarded by pool.lock */
    godwit__routing_id_t routing_id;
    uint64_t id;
    int64_t received_ns;
    uint64_t span;        /* of the call: its id. 0: its client did not tell */
    godwit_trace_t trace; /* of the handler's run */

    /* For the black box (request_record.h). */
    godwit__box_record_t *record; /* while it runs; NULL: there is none */
    uint32_t server_id;
    uint32_t box_peer, box_name;
    uint32_t queued_then, running_then; /* at its server, when it came */
    uint32_t frame_size, reply_size;
    int64_t replied_ns;      /* of one that was kept; 0: it was not, or is not answered */
    godwit_status_t failure; /* OK: none */
    bool was_queued;

    int64_t deadline_ns; /* GODWIT__NEVER: none */
    bool is_cast;
    bool is_fanout;
    bool is_redelivered; /* a durable cast that may have run before */
    bool is_notify;      /* a NOTIFY: its body is not decoded */
    uint32_t notifier;   /* of a NOTIFY: its sender's number on the connection; 0: none */
    bool is_active;      /* its handler runs, or is about to; guarded by pool.lock */
    bool failed;         /* written by whoever replies */
    atomic_bool kept; /* set by the handler's thread, before any other thread can know the request, except its
                         callback (src/server/cancel.h) */
    atomic_bool replied; /* the thread that sets it may reply */
    atomic_bool is_sent; /* and that thread, if it is the handler's, does not use the port any more */
    /* What runs, from before the handler begins until it has returned; NULL: nothing. For those who name it.
     */
    _Atomic (const godwit_method_t *) runs;
    atomic_bool abandoned; /* its handler is not waited for (src/server/abandon.h); set under pool.lock */
    atomic_uint refs;      /* the handler's, and one for each keep */
    atomic_uint parts;     /* the request itself, and its own block while values in it are referenced */

    godwit__caller_t *caller; /* a reference; NULL: there is no realm */
    godwit__cancel_t cancel;
    godwit__list_node_t in_running; /* of its server; guarded by pool.lock */

    /* The call monitor (src/server/call_monitor.h); the rest is guarded by its lock. */
    int64_t monitor_ns; /* its client wants to hear of it within this time; 0: it does not. Constant */
    int64_t monitor_due_ns;
    godwit__list_node_t in_monitor;
    bool monitor_told; /* ACCEPTED was sent */

    size_t body_offset; /* in its frame */
    godwit__block_t
        *block; /* the body, decoded: the request's own block or a larger one; NULL: not decoded */
    const godwit_value_t *body;
    godwit__route_t *route;
    godwit__metric_t *metric; /* from the start of its run on */
    int64_t started_ns;
    godwit_value_t *args;    /* as the server's serializer made them; NULL: it made none */
    godwit_value_t *context; /* the same; only with args */
    void *params;            /* what the slots filled; NULL: no slots */
    alignas (max_align_t) unsigned char params_room[GODWIT__REQUEST_PARAMS];
};

/* Where its own block lies, behind the request itself. */
#define GODWIT__REQUEST_BLOCK_AT                                                                             \
    ((sizeof (godwit_request_t) + alignof (max_align_t) - 1) / alignof (max_align_t) * alignof (max_align_t))

static inline godwit__block_t *
godwit__request_own_block (godwit_request_t *request)
{
    return (godwit__block_t *) (void *) ((unsigned char *) request + GODWIT__REQUEST_BLOCK_AT);
}

/* What came, until it is decoded. */
static inline godwit__frame_t *
godwit__request_frame (godwit_request_t *request)
{
    return &godwit__request_own_block (request)->frame;
}

/* A new request. Only the members that stay the same in all its lives are initialised. NULL when memory is
 * short. */
godwit_request_t *godwit__request_new (godwit__pool_t *pool);
/* Initialises the other members, for a new life. */
void godwit__request_begin (godwit_request_t *request, godwit__port_t *port, godwit__routing_id_t routing_id,
                            const godwit__header_t *header, int64_t now_ns);
/* Takes the trace context from behind the body; TRACED: it stands there. After the frame was given to the
 * request. */
void godwit__request_take_trace (godwit_request_t *request, bool traced);
/* Decodes the body but its context, which is only checked. False: it is malformed. */
bool godwit__request_decode (godwit_request_t *request);
/* Gives back all that the request holds besides its own memory. */
void godwit__request_release (godwit_request_t *request);
/* With pool.lock, after that: the request itself is over; its block may still be in use. */
void godwit__request_recycle (godwit_request_t *request);
/* Gives up a request that was never active, and that was refused. With pool.lock not held. */
void godwit__request_drop (godwit_request_t *request);
/* The same in the child of a fork(): its memory only. Values that were taken from it may stay longer. */
void godwit__request_free_in_child (godwit_request_t *request);

/* True in the child of a fork(): there the socket is the parent's, and the locks may be held by threads that
 * the child does not have.
 */
static inline bool
godwit__request_is_forked (const godwit_request_t *request)
{
    return !*request->pool->alive;
}

/* An element of the body, which is a list; NULL beyond its end. The first may not be looked into
 * (godwit__request_sent_context). */
static inline const godwit_value_t *
godwit__request_part (const godwit_request_t *request, uint32_t index)
{
    const godwit_value_t *const body = request->body;
    return index < body->count ? body - body->index + body->as.first + index : NULL;
}

/* The context, as it was sent: decoded when somebody asks for it. A request belongs to one thread at a
 * time. */
static inline const godwit_value_t *
godwit__request_sent_context (const godwit_request_t *request)
{
    godwit__decode_context (request->block, request->body_offset);
    return godwit__request_part (request, 0);
}

#endif
