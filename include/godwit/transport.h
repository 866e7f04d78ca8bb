/* The transport: a process's place in the cluster (contract 8 and 12). Clients and servers are made on one,
 * and share its connections.
 *
 * A URL says how: "zmq://" (no configuration: the processes of this host find each other),
 * "zmq://10.0.0.1:9573/" (through rendezvous points on other hosts), "inproc://name/" (this process only).
 * docs/protocol.md and the README have the query options; each of them has a counterpart in
 * godwit_transport_options_t, and the URL wins.
 *
 * Threads: any thread may use a transport and everything made on it, unless a function says otherwise. After
 * fork() every call in the child returns GODWIT_ERR_FORKED, and destroy only frees memory. A transport has
 * one control thread, one more once it connects to a server (or an asynchronous call waits for one), and
 * workers once a server is started; with external_loop it has none of them.
 */
#ifndef GODWIT_TRANSPORT_H
#define GODWIT_TRANSPORT_H

#include <godwit/error.h>
#include <godwit/value.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_transport godwit_transport_t;

typedef enum godwit_log_level {
    GODWIT_LOG_DEBUG,
    GODWIT_LOG_INFO,
    GODWIT_LOG_WARNING,
    GODWIT_LOG_ERROR
} godwit_log_level_t;

/* text is one line without its end, borrowed. Runs on any thread, without a lock held; it must not call the
 * transport. */
typedef void godwit_log_fn (void *user, godwit_log_level_t level, const char *text);

/* Zero means the default, which stands behind each field. Durations in milliseconds, sizes in bytes. */
typedef struct godwit_transport_options {
    size_t struct_size;
    const char *control_exchange;    /* "godwit": the exchange of targets that name none */
    int64_t rpc_response_timeout_ms; /* 60000: of calls that name none */
    bool external_loop;              /* false: no threads; the program calls godwit_transport_process */
    const char *host;                /* address to listen on and to be reached at; unset: this host only */
    size_t max_message_size;         /* 64 MiB */
    int queue_limit;                 /* 10000 messages per connection and direction */
    int worker_limit;                /* 256 threads that run handlers, all servers together */
    int64_t connect_timeout_ms;      /* 2000 */
    int64_t heartbeat_ms;            /* 500: a silent connection is tested this often ... */
    int64_t heartbeat_timeout_ms;    /* 2000: ... and given up after this long */
    int64_t idle_timeout_ms;         /* 300000: a connection that nobody used for this long is closed */
    int64_t refresh_ms;              /* 5000: how often names are announced again */
    godwit_log_fn *log;              /* silent */
    void *log_user;
    godwit_log_level_t log_level; /* what is below it is not made; DEBUG */
    int port; /* 0: any. The TCP port that its servers are reached at, for static lists; not with inproc */
    /* Modules of errors that reach a caller as themselves, joined with ','; "godwit" always does (contract
     * 7). */
    const char *allowed_remote_exmods;
    bool rpc_ping_enabled;         /* false: every server also answers oslo_rpc_server_ping (contract 5) */
    int executor_thread_pool_size; /* 64: a server's concurrency, if its own options name none */
    /* 20 percent of the calls of a topic, and 10 in each second: how many retries may put load on its
     * servers, after OVERLOADED and of idempotent calls. The others wait for it. -1: without a limit. */
    int retry_budget;
    /* 64 MiB: bytes that may wait to be sent, per connection and direction, and in the queue of a server;
     * what comes when there are as many has to wait, or is refused. Messages of up to 1 KiB are bounded by
     * queue_limit alone. */
    size_t max_queue_size;
} godwit_transport_options_t;

#define GODWIT_TRANSPORT_OPTIONS(...)                                                                        \
    (&(const godwit_transport_options_t){.struct_size = sizeof (godwit_transport_options_t), __VA_ARGS__})

/* Contract 8. url is copied; options may be NULL. *transport belongs to the caller. INVALID_URL, DRIVER_LOAD,
 * INVALID_ARGUMENT (an unknown or ill-typed option, by name), SYSTEM, OUT_OF_MEMORY. Does not wait for the
 * network. */
GODWIT_EXPORT godwit_status_t godwit_transport_new (godwit_transport_t **transport, const char *url,
                                                    const godwit_transport_options_t *options,
                                                    godwit_error_t **error);

/* Ends it: outstanding calls complete with CLOSED, each exactly once; servers are stopped without waiting for
 * their queues (running handlers are waited for); connections are closed, threads joined. Nothing of the
 * library runs in this transport afterwards. Clients, servers and futures may be destroyed before or after;
 * until then their functions return CLOSED. Accepts NULL and a pointer to NULL; sets *transport to NULL. Not
 * from a handler or a callback of the same transport. */
GODWIT_EXPORT void godwit_transport_destroy (godwit_transport_t **transport);

/* Errors of this class, whose module is allowed, reach the transport's callers as themselves (contract 7):
 * godwit_error_is recognises them. What is allowed and not registered, and what is not allowed, is a
 * RemoteError. A class without a module is of module "godwit". Registering a class again does nothing.
 * error_class is borrowed. INVALID_ARGUMENT (no name), OUT_OF_MEMORY, CLOSED, FORKED. */
GODWIT_EXPORT godwit_status_t godwit_transport_register_error (godwit_transport_t *transport,
                                                               const godwit_error_class_t *error_class,
                                                               godwit_error_t **error);

/* Replaces the rendezvous points that the URL named (docs/matchmaker-protocol.md 6), at run time: one was
 * added, replaced or given up. Each address is as in a URL: "10.0.0.1", "10.0.0.1:9573", "[fd00::1]:9573", a
 * name. Connections to those that stay are kept; added ones are joined, in the background; removed ones are
 * hung up on, and forget this transport's servers when their lease ends. What they had told stays known as
 * after a lost connection, until the others have told it. With the option host_rendezvous the transport hosts
 * those that it can listen on, and stops hosting removed ones. To change a cluster's list, give every process
 * the old ones and the new ones first, then the new ones alone.
 *
 * Any thread, but not from the log function; does not wait for the network (the stats say how many are
 * joined). addresses are copied. INVALID_ARGUMENT: not 1 to 7 of them, one that is no address, or is there
 * twice; a transport without rendezvous points (inproc, a static list). OUT_OF_MEMORY, CLOSED, FORKED. After
 * a failure everything is as before. */
GODWIT_EXPORT godwit_status_t godwit_transport_set_rendezvous (godwit_transport_t *transport,
                                                               const char *const *addresses, size_t count,
                                                               godwit_error_t **error);

/* ---- for a program with its own event loop (option external_loop) ---- */

/* Readable when there is something to do, timers included. Borrowed: only poll it for reading. -1 without
 * external_loop. */
GODWIT_EXPORT int godwit_transport_fd (const godwit_transport_t *transport);

/* Does what is due, without blocking (timeout_ms 0), or waits for the next thing to do for that long (-1: for
 * ever). Handlers and callbacks run in it. One thread at a time; not from a handler. A synchronous call made
 * by the thread of the loop runs it until the reply is there. INVALID_ARGUMENT without external_loop. */
GODWIT_EXPORT godwit_status_t godwit_transport_process (godwit_transport_t *transport, int64_t timeout_ms,
                                                        godwit_error_t **error);

/* ---- what is going on ---- */

/* Counters since the start, and gauges (peers, servers, threads). */
typedef struct godwit_transport_stats {
    uint64_t calls_started;
    uint64_t calls_succeeded;
    uint64_t calls_failed;
    uint64_t calls_retried; /* tried again, after NOT_SENT, REJECTED, or MAYBE_RUN of idempotent ones */
    uint64_t casts;
    uint64_t fanouts;
    uint64_t requests_received;
    uint64_t requests_refused;   /* NACK: overloaded, draining, expired, not here */
    uint64_t requests_duplicate; /* refused because the call id had been seen */
    uint64_t fanouts_received;
    uint64_t fanout_gaps; /* publications that were missed: by their sequence numbers, which is noticed with
                             the next one or within a second or so; or since a server's queue was full */
    uint64_t frames_malformed;
    uint64_t frames_unknown;    /* of a type or version that is not known: ignored */
    uint64_t frames_dropped;    /* replies that nobody waits for any more, here or at the other end */
    uint64_t peers;             /* connections open now */
    uint64_t servers_known;     /* in the directory now */
    uint64_t workers;           /* threads now */
    uint64_t calls_repeated;    /* of those retried: idempotent ones that may have run before */
    uint64_t retries_withheld;  /* that had to wait for the retry budget */
    uint64_t rendezvous_known;  /* rendezvous points that it is to use now; 0 without such */
    uint64_t rendezvous_joined; /* of them, those that told it all that they know; hosted ones included */
    uint64_t rendezvous_hosted; /* of them, those that this transport hosts */
    /* Nobody waits for them any more, as far as that was noticed: dropped before they began, or left to their
     * handlers (godwit_request_is_cancelled). */
    uint64_t requests_cancelled;
} godwit_transport_stats_t;

/* Fills at most size bytes (sizeof *stats). A snapshot, field by field. */
GODWIT_EXPORT void godwit_transport_stats (const godwit_transport_t *transport,
                                           godwit_transport_stats_t *stats, size_t size);

/* What clients called and servers ran, per label (contract 12): a list of maps with "side" ("client" or
 * "server"), exchange, topic, namespace, version, server (nil: unset), fanout, method, and the numbers
 * "started", "ended", "failures" and "seconds" (of processing, a double). Ended includes failures. A client's
 * label is its target, and an invocation lasts from the call to its end; casts and fanouts end when they were
 * accepted, and calls that were refused before there was anything to send do not count. A server's label is
 * in its own words: its target, the namespace and the version of the endpoint, the method's name; an
 * invocation lasts until its handler returns, or until a request that was kept is given back. A snapshot,
 * entry by entry; at most 4096 labels a side, further ones are counted together under the method "...", and
 * so are requests that no method is for. *metrics belongs to the caller. Any thread. CLOSED, FORKED,
 * OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_transport_metrics (const godwit_transport_t *transport,
                                                        godwit_value_t **metrics, godwit_error_t **error);

GODWIT_END_DECLS

#endif
