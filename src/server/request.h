/* The inside of a request: from the frame that came in to the reply that went out.
 *
 *     accept --> queued --> running --> settled --> recycled
 *        \________________/       \--> kept --/
 *
 * One allocation, reused: the request, room for the parameters of a method, and a block with room for the
 * nodes of a small body. It goes back to the free list when both the request and the values in its block are
 * given up.
 */
#ifndef GODWIT_SRC_SERVER_REQUEST_H
#define GODWIT_SRC_SERVER_REQUEST_H

#include "src/server/dispatch.h"
#include "src/server/pool_inside.h"

#define GODWIT__REQUEST_NODES 24
#define GODWIT__REQUEST_PARAMS 128

/* A caller in this process who waits for a kept request of its own; guarded by pool.lock. */
typedef struct godwit__inline_call {
    godwit__frame_t *reply;
    bool done;
} godwit__inline_call_t;

struct godwit_request {
    godwit_request_t *next; /* in a queue, or in the free list */
    godwit__pool_t *pool;
    godwit_server_t *server;            /* outlives the request's part in server->occupied */
    godwit__port_t *port;               /* where the reply goes; NULL: to inline_call */
    godwit__inline_call_t *inline_call; /* once the request is kept, guarded by pool.lock */
    godwit__origin_t origin;
    uint64_t id;
    int64_t received_ns;
    int64_t deadline_ns; /* GODWIT__NEVER: none */
    bool is_cast;
    bool is_fanout;
    bool failed;         /* written by whoever replies */
    atomic_bool kept;    /* turned on by the handler's thread, before anybody else can know the request, but
                            for its callback (src/server/cancel.h) */
    atomic_bool replied; /* who turns it on may reply */
    atomic_uint refs;    /* the handler's, and one for each keep */
    atomic_uint parts;   /* the request itself, and its own block while values in it are referenced */

    godwit__cancel_t cancel;
    godwit_request_t *running_next, *running_previous; /* of server->running; guarded by pool.lock */

    /* The call monitor (src/server/call_monitor.h); the rest is guarded by its lock. */
    int64_t monitor_ns; /* its client wants to hear of it in any such time; 0: it does not. Constant */
    int64_t monitor_due_ns;
    godwit_request_t *monitor_next, *monitor_previous;
    bool monitored;    /* in the monitor's list */
    bool monitor_told; /* ACCEPTED was sent */

    godwit__frame_t frame; /* what came, until it is decoded */
    size_t body_offset;
    godwit__block_t
        *block; /* the body, decoded: the request's own block or a larger one; NULL: not decoded */
    const godwit_value_t *body;
    godwit__route_t *route;
    godwit__metric_t *metric; /* from when it is run on */
    int64_t started_ns;
    godwit_value_t *args;    /* what the server's serializer made of them; NULL: nothing */
    godwit_value_t *context; /* the same; only with args */
    void *params;            /* what the slots filled; NULL: no slots */
    alignas (max_align_t) unsigned char params_room[GODWIT__REQUEST_PARAMS];
};

/* Not initialised but for what stays the same over its lives. NULL when memory is short. */
godwit_request_t *godwit__request_new (godwit__pool_t *pool);
void godwit__request_free (godwit_request_t *request);
/* Settles everything for a new life. */
void godwit__request_begin (godwit_request_t *request, godwit__port_t *port, godwit__origin_t origin,
                            const godwit__header_t *header, int64_t now_ns);

/* Decodes the body and finds the method; the arguments are checked. False: it cannot be run, and whoever sent
 * it was told. *malformed tells that the body was. */
bool godwit__request_prepare (godwit_request_t *request, bool *malformed);
/* Runs the handler and sees to its reply. The request is still the caller's. */
void godwit__request_call (godwit_request_t *request);
/* The handler has returned: counts the run, if it is over with that. */
static inline void
godwit__request_ran (godwit_request_t *request, int64_t started_ns, int64_t ended_ns)
{
    if (!request->kept) /* then it runs until it is given back */
        godwit__metric_ended (request->metric, ended_ns - started_ns, request->failed);
}
/* Its handler, or with a request that was kept its reply, took so long. */
void godwit__request_timed_slow (godwit_request_t *request, int64_t duration_ns);
static inline void
godwit__request_timed (godwit_request_t *request, int64_t duration_ns)
{
    if (godwit__run_time_concerns (&request->route->run_time, duration_ns))
        godwit__request_timed_slow (request, duration_ns);
}
/* Less time is left than the method usually takes: refuses it, and tells why. False: it is to be run. */
bool godwit__request_refuse_late (godwit_request_t *request, int64_t left_ns);
/* Ends the part of whoever ran the request, or was to: it no longer counts as active, and if nobody kept it,
 * it is over. looks: the caller looks for further work itself; otherwise somebody is woken if there is some.
 */
void godwit__request_settle (godwit_request_t *request, bool looks);
/* Gives up a request that was never active, and that was refused. With pool.lock not held. */
void godwit__request_drop (godwit_request_t *request);

/* ---- request_log.c ---- */

/* As an error with its trace, or as debug if it is one that was expected. Without the lock. */
void godwit__request_log_failure (const godwit_request_t *request, const godwit_error_t *error);

/* Tells the caller that it was not run. */
void godwit__request_refuse (godwit_request_t *request, godwit__nack_t reason);
/* The same, with a text for people of less than GODWIT__REFUSAL_TEXT bytes, or NULL. */
#define GODWIT__REFUSAL_TEXT 128
void godwit__request_refuse_saying (godwit_request_t *request, godwit__nack_t reason, const char *text);

#endif
