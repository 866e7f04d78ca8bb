/* SPDX-License-Identifier: Apache-2.0 */
/* The transport: a process's place in the cluster (docs/contract.md, sections 8 and 12).
 *
 * Clients and servers are made on a transport, and share its connections. A URL says how they are found:
 *  - "zmq://": no configuration; the processes of this user on this host find each other, and no other
 * user's;
 *  - "zmq://10.0.0.1:9573/": through rendezvous points on other hosts. Without the option host, servers are
 *    reached at the addresses of this machine on the ways there (SECURITY.md);
 *  - "inproc://name/": in this process only.
 * The query of the URL can set options (docs/options.md). Those of godwit_transport_options_t are among them;
 * the URL overrides the struct.
 *
 * Threads: any thread may use a transport and everything made on it, unless a function says otherwise. A
 * transport has one control thread; one more thread when it first connects to a server, or an asynchronous
 * call waits for one; and worker threads when a server is started. With external_loop it has no threads. The
 * name of a rendezvous is looked up on a thread of its own, which is left alone if it is not wanted any more,
 * and ends by itself.
 * These threads block the signals that come from outside, such as SIGTERM and SIGCHLD. SIGSEGV, SIGBUS,
 * SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT and SIGPROF reach the program's own handlers on them. After fork()
 * every call in the child returns GODWIT_ERR_FORKED, and destroy only frees memory.
 *
 * A thread that is cancelled (pthread_cancel) inside of the library ends when it has left it. In handlers and
 * callbacks on the library's threads a cancellation has no effect; they must not call pthread_exit.
 */
#ifndef GODWIT_TRANSPORT_H
#define GODWIT_TRANSPORT_H

#include <godwit/error.h>
#include <godwit/value.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_transport godwit_transport_t;

/* How important a log line is. */
typedef enum godwit_log_level {
    GODWIT_LOG_DEBUG,
    GODWIT_LOG_INFO,
    GODWIT_LOG_WARNING,
    GODWIT_LOG_ERROR
} godwit_log_level_t;

/* Gets a line of the log: text is one line without its newline, and borrowed. Runs on any thread, with no
 * lock held. It must not call the transport. */
typedef void godwit_log_fn (void *user, godwit_log_level_t level, const char *text);

/* Writes a line of the log to stderr, for the option `log` of a transport. This is a godwit_log_fn; user is
 * ignored. The line has the time (UTC), the level, the process, the thread and the text, and is written with
 * one system call, so that lines of several threads and processes do not mix:
 *
 *     2026-11-29T15:10:11.123Z WARNING 4711/godwit-work-3: ...
 *
 * Whoever starts a program can have the same without its help, with the variable GODWIT_LOG in its
 * environment: "debug", "info", "warning" or "error", and optionally ':' and a file to which the lines are
 * appended
 * ("info:/var/log/calc.log"). That is beside what the program's own log function gets, and whatever its
 * log_level; with godwit_log_stderr, no line is written twice. Each process reads it once, with its first
 * transport. It is ignored in setuid programs. Any thread. */
GODWIT_EXPORT void godwit_log_stderr (void *user, godwit_log_level_t level, const char *text);

/* Zero means the default, with which each comment begins. Durations are in milliseconds, sizes in bytes. */
typedef struct godwit_transport_options {
    size_t struct_size;
    const char *control_exchange;    /* "godwit": the exchange of targets that name none */
    int64_t rpc_response_timeout_ms; /* 60000: the timeout of calls that name none */
    bool external_loop;              /* false; true: no threads, the program calls godwit_transport_process */
    const char *host;                /* as the rendezvous is reached: to listen on and to be reached at */
    size_t max_message_size;         /* 64 MiB: the longest message */
    int queue_limit;                 /* 10000: messages that may wait, per connection and direction */
    int worker_limit;                /* 256: threads that run handlers, for all servers together */
    int64_t connect_timeout_ms;      /* 2000: how long connecting may take */
    int64_t heartbeat_ms;            /* 500: how often a silent connection is tested */
    int64_t heartbeat_timeout_ms;    /* 2000: after this time a silent connection is given up */
    int64_t idle_timeout_ms;         /* 300000: after this time a connection that nobody uses is closed */
    int64_t refresh_ms;              /* 5000: how often names are announced again */
    godwit_log_fn *log;              /* silent: the function that gets log lines (godwit_log_stderr) */
    void *log_user;
    godwit_log_level_t log_level; /* DEBUG: lines below this level are not made */
    int port; /* 0, any: the TCP port at which its servers are reached, for static lists; not with inproc */
    /* None: modules whose errors reach a caller as themselves without being registered, joined with ','
     * (contract 7). */
    const char *allowed_remote_exmods;
    bool rpc_ping_enabled; /* false; true: every server also answers oslo_rpc_server_ping (contract 5) */
    int executor_thread_pool_size; /* 64: a server's concurrency, unless its own options set it */
    /* 20: how many retries may put load on the servers of a topic, after OVERLOADED and of idempotent calls,
     * in percent of its calls; 10 more are free in each second. A retry beyond that waits. -1: no limit. */
    int retry_budget;
    /* 64 MiB: bytes that may wait to be sent, per connection and direction, and in the queue of a server.
     * What comes then has to wait, or is refused. Messages of up to 1 KiB are bounded by queue_limit alone.
     */
    size_t max_queue_size;
    /* false; true: godwit_error_print also shows where in a server an error from there was made: the server's
     * files and lines. */
    bool remote_traces;
    /* For ever: how long destroying a server or the transport waits for handlers that run. Those that do not
     * come back in this time are named in the log, as an error, and are not waited for. */
    int64_t destroy_timeout_ms;
    int64_t handler_log_after_ms; /* 30000: after this time a handler that runs is logged; -1: never */
    /* $GODWIT_DIR, or else both /run/user/UID/godwit and /tmp/godwit-UID: the private folder of the sockets
     * by which processes of this user meet on this machine (contract 12). */
    const char *runtime_dir;
    /* $GODWIT_REALM, ~/.config/godwit/realm.member or /etc/godwit/realm.member, the first that there is: the
     * member file, by which this process belongs to a realm; "none": to no realm (docs/security.md). */
    const char *realm;
    /* false; true: without a realm, tcp is used all the same, and everybody who reaches it can call, answer
     * and read. A warning says so at the start and every hour. */
    bool insecure;
    /* false; true: servers tell nothing of themselves to those who ask (contract 16). */
    bool without_introspection;
    /* 131072: the ring of the black box, which remembers what became of recent calls
     * (godwit_transport_calls), 128 bytes a call; what is said of failures takes 180 KiB besides. -1: there
     * is no black box. */
    int64_t black_box_size;
} godwit_transport_options_t;

/* Makes options for a transport: GODWIT_TRANSPORT_OPTIONS (.external_loop = true). */
#define GODWIT_TRANSPORT_OPTIONS(...)                                                                        \
    (&(const godwit_transport_options_t){.struct_size = sizeof (godwit_transport_options_t), __VA_ARGS__})

/* Makes a transport from a URL (contract 8). url is copied; options may be NULL. *transport belongs to the
 * caller. INVALID_URL, DRIVER_LOAD, INVALID_ARGUMENT (an unknown or ill-typed option, by name, or one that
 * needs a realm), SYSTEM, OUT_OF_MEMORY; MALFORMED, PERMISSION_DENIED: what is wrong with the member file of
 * the realm, or its certificate has no right to host, and host_rendezvous is set. Does not wait for the
 * network. */
GODWIT_EXPORT godwit_status_t godwit_transport_new (godwit_transport_t **transport, const char *url,
                                                    const godwit_transport_options_t *options,
                                                    godwit_error_t **error);

/* Ends a transport and sets *transport to NULL. Its pending calls end with CLOSED, each exactly once. Servers
 * are stopped: running handlers are waited for, queued requests are not. Connections are closed, and threads
 * joined. Then nothing of the library runs in this transport any more, except for handlers that did not end
 * within destroy_timeout_ms: what they use stays, what they do with their requests goes nowhere (CLOSED),
 * and the on_destroy of their servers' endpoints does not run. The limit does not hold for callbacks, for
 * calls that this process itself makes to INLINE methods, and with external_loop. Clients, servers and
 * futures may be destroyed before or after; until then their functions return CLOSED. Not from a handler or a
 * callback of the same transport. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_transport_destroy (godwit_transport_t **transport);

/* Registers a class of errors with a transport. Errors of this class then reach its callers as themselves,
 * and godwit_error_is recognises them (contract 7). So do all errors of a module that is named in
 * allowed_remote_exmods. Other errors are RemoteErrors. A class without a module is of module "godwit".
 * Registering a class again does nothing. error_class is borrowed. INVALID_ARGUMENT (no name), OUT_OF_MEMORY,
 * CLOSED, FORKED. */
GODWIT_EXPORT godwit_status_t godwit_transport_register_error (godwit_transport_t *transport,
                                                               const godwit_error_class_t *error_class,
                                                               godwit_error_t **error);

/* Replaces the rendezvous points of the URL at run time (docs/matchmaker-protocol.md, section 6). Each
 * address is as in a URL: "10.0.0.1", "10.0.0.1:9573", "[fd00::1]:9573", or a name. To change the list of a
 * cluster, first give every process the old and the new points, then the new ones alone.
 *
 * Connections to points that stay are kept. Added points are joined in the background. The connections to
 * removed points are closed, and these points forget this transport's servers after 4 s. Servers that
 * only a removed point had told of stay known, as after a lost connection, until the other points have told
 * all that they know. With the option host_rendezvous the transport hosts the points that it can listen on,
 * and stops hosting removed ones.
 *
 * Any thread, but not from the log function. Does not wait for the network: the stats say how many points are
 * joined. addresses are copied. INVALID_ARGUMENT: not 1 to 7 addresses, a malformed one, one that is there
 * twice, one that needs a realm (contract 12), or a transport without rendezvous points (inproc, a static
 * list). OUT_OF_MEMORY, CLOSED, FORKED. After a failure nothing has changed. */
GODWIT_EXPORT godwit_status_t godwit_transport_set_rendezvous (godwit_transport_t *transport,
                                                               const char *const *addresses, size_t count,
                                                               godwit_error_t **error);

/* Reads the member file and the bulletin of a transport's realm again, at once.
 *
 * Nobody has to call this: both are looked at every refresh_ms, and what is wrong with them is logged. It is
 * for programs that want to know. New certificates and keys are used from now on, by open connections too;
 * no call is lost. After a failure the old ones stay in use. Reads files, and waits for nothing else. Any
 * thread. SYSTEM (with the path, and what to do), MALFORMED, PERMISSION_DENIED: what is wrong with the files.
 * INVALID_ARGUMENT: NULL, or a transport without a realm. OUT_OF_MEMORY, CLOSED, FORKED. */
GODWIT_EXPORT godwit_status_t godwit_transport_reload_realm (godwit_transport_t *transport,
                                                             godwit_error_t **error);

/* Waits until a source of names has told all that it knows.
 *
 * The sources are the rendezvous points, and one is enough; a static list and the registry of an inproc URL
 * are ready at once. A rendezvous that began just now is given up to half a second to hear of its members
 * again. Nobody has to call this: whatever is sent first waits by itself, within its timeout. It is for
 * programs that want to know at their start, or that look at lists of servers.
 *
 * timeout_ms: -1 waits as long as it takes; 0 only looks. Once ready, a transport stays ready: what it was
 * told stays known, also when the rendezvous is gone. With external_loop it runs the loop meanwhile. TIMEOUT:
 * the text names the rendezvous that are out of reach, or that have not told yet. It waits to the end for
 * those too, because they may come. INVALID_ARGUMENT: NULL, or called in a callback, or in a handler of a
 * transport with external_loop. CLOSED, FORKED. Any thread. */
GODWIT_EXPORT godwit_status_t godwit_transport_wait_ready (godwit_transport_t *transport, int64_t timeout_ms,
                                                           godwit_error_t **error);

/* Lists all servers of the cluster that a transport knows. Does not wait until they are known: see
 * godwit_transport_wait_ready. *servers belongs to the caller. It is a list of maps (contract 12), in no
 * particular order:
 *
 *  - "exchange", "topic", "server": its names
 *  - "state": "up"; "draining": it ends, and takes no more requests; "suspect": no source of names knows it
 *    any more, but it has not said that it leaves; "unreachable": all of its addresses have failed;
 *    "refused": it is not called, because it is not there, or may not serve this
 *  - "addresses": a list, the shortest path first; "path": "inproc", "ipc" or "tcp": the one in use, or that
 *    would be; nil: it has none for this process; "connected" (bool)
 *  - "serves": a list of maps of "namespace" (nil: none) and "version"; empty: it did not say
 *  - "instance": of its transport, in hexadecimal digits (all zero: it was listed, and is not known yet);
 *    "incarnation": when that transport began, in microseconds of the wall clock since 1970; "server_id",
 *    "revision": as it was announced
 *  - "since": when this transport heard of it, in nanoseconds of the wall clock; "source": who told: "local"
 *    (this process itself), "static", "rendezvous", or "data path": only its connection; "own" (bool)
 *
 * Names come from other processes, and may hold any bytes. Any thread. CLOSED, FORKED, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_transport_servers (godwit_transport_t *transport,
                                                        godwit_value_t **servers, godwit_error_t **error);

/* ---- for a program with its own event loop (option external_loop) ---- */

/* Returns a descriptor for the program's event loop. It is readable when godwit_transport_process has
 * something to do, timers included. Borrowed: only poll it for reading. -1 without external_loop. */
GODWIT_EXPORT int godwit_transport_fd (const godwit_transport_t *transport);

/* Runs the loop of a transport: does what is due now (timeout_ms 0), or first waits for something to do
 * (timeout_ms at most; -1: for ever). Handlers and callbacks run in it. One thread at a time; not from a
 * handler. A synchronous call on the thread of the loop runs the loop itself until the reply is there.
 * INVALID_ARGUMENT without external_loop. */
GODWIT_EXPORT godwit_status_t godwit_transport_process (godwit_transport_t *transport, int64_t timeout_ms,
                                                        godwit_error_t **error);

/* ---- statistics and metrics ---- */

/* Counters since the start, and gauges, whose comments say "now". */
typedef struct godwit_transport_stats {
    uint64_t calls_started;
    uint64_t calls_succeeded;
    uint64_t calls_failed;
    uint64_t calls_retried; /* retries: after NOT_SENT, REJECTED, and MAYBE_RUN of idempotent calls */
    uint64_t casts;
    uint64_t fanouts;
    uint64_t requests_received;
    uint64_t requests_refused;   /* with a NACK: overloaded, draining, expired, no such server */
    uint64_t requests_duplicate; /* refused, because the id of the call had been seen before */
    uint64_t fanouts_received;
    /* Publications that were missed, or that a full queue of a server dropped. Missed ones show by their
     * sequence numbers: with the next one, or within a second or so. */
    uint64_t fanout_gaps;
    uint64_t frames_malformed;
    uint64_t frames_unknown;    /* ignored, because their type or version is unknown */
    uint64_t frames_dropped;    /* replies that nobody waits for any more, on this side or the other */
    uint64_t peers;             /* now: open connections */
    uint64_t servers_known;     /* now: servers in the directory */
    uint64_t workers;           /* now: worker threads */
    uint64_t calls_repeated;    /* of calls_retried: idempotent calls that may have run before */
    uint64_t retries_withheld;  /* retries that had to wait for the retry budget */
    uint64_t rendezvous_known;  /* now: rendezvous points to use; 0 without rendezvous */
    uint64_t rendezvous_joined; /* now: of these, those that have told all that they know, with hosted ones */
    uint64_t rendezvous_hosted; /* now: of these, those that this transport hosts */
    /* Requests that nobody waits for any more, as far as that was noticed. They were dropped before they
     * began, or left to their handlers (godwit_request_is_cancelled). */
    uint64_t requests_cancelled;
    /* Requests that a server refused because it had seen their ids before they were sent (DUPLICATE): another
     * process states the identity of this transport (SECURITY.md). */
    uint64_t calls_duplicate;
} godwit_transport_stats_t;

/* Reads the statistics of a transport: at most size bytes of them (sizeof *stats). Each field is right at
 * some moment of the call, not all at the same moment. */
GODWIT_EXPORT void godwit_transport_stats (const godwit_transport_t *transport,
                                           godwit_transport_stats_t *stats, size_t size);

/* Reads the metrics of clients and servers, per label (contract 12). *metrics belongs to the caller. It is a
 * list of maps:
 *
 *  - the label: "side" ("client" or "server"), "exchange", "topic", "namespace", "version", "server" (nil:
 *    unset), "fanout", "method"
 *  - "started", "ended" (with the failures), "in_flight" (now: started, and not ended), "failures"
 *  - "by_status": a map with the number of failures of each type of status that there was
 * ("MessagingTimeout")
 *  - "seconds": of processing, all together, a double
 *  - "p50", "p99": half of the invocations took at most so long, 99 of 100 at most so long; "max": the
 * longest one. Seconds since the transport began, doubles; nil: none has ended. The first two are estimates,
 * as if the durations in a bucket were spread evenly
 *  - "buckets": a list of [bound, count], in ascending order: how many invocations took at most bound
 * seconds, and more than the next smaller bound. (They are not cumulative, so those of several processes are
 * added bound by bound.) The bounds are 2^10 ns (about a microsecond) to 2^37 ns (137 s), four for each power
 * of two, evenly spaced; a longer duration has the bound nil. Buckets without any are left out; so are all
 *    buckets of some labels if a value has no room for all (GODWIT_VALUE_MAX_COUNT), which needs thousands
 *
 * The label of a client is its target. Its invocation lasts from the call to its end. Casts and fanouts end
 * when they are accepted. A call that fails before there is anything to send does not count. The label of a
 * server is what the server says: its target, the namespace and version of the endpoint, and the name of the
 * method. Its invocation lasts until the handler returns, or until a request that was kept is given back.
 * Publications that come in quick succession may share a measurement, and get into buckets a little later.
 *
 * Each entry is a snapshot, but not the whole. A side has at most 4096 labels; further ones are counted
 * together under the method "...", and so are requests for which there is no method. When memory is short,
 * "by_status" and "buckets" may miss some. Any thread. CLOSED, FORKED, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_transport_metrics (const godwit_transport_t *transport,
                                                        godwit_value_t **metrics, godwit_error_t **error);

/* Writes the metrics and statistics of a transport as a text that Prometheus reads: its text format, version
 * 0.0.4 ("text/plain; version=0.0.4; charset=utf-8"). *text ends with a NUL, which *size does not count; the
 * caller gives it back with free. The component godwit-http serves it (docs/monitoring.md, where the names
 * are).
 *
 * The names and labels are those of OpenTelemetry's conventions for RPC: rpc_client_call_duration_seconds and
 * rpc_server_call_duration_seconds, with rpc_system_name ("godwit"), rpc_method (topic/namespace/method) and
 * others. Whatever the names of methods and topics hold, the text is valid: bytes that are no UTF-8 stand
 * there as \xHH. Its length goes with the labels: 8 KiB each. Any thread. INVALID_ARGUMENT, LIMIT_EXCEEDED
 * (256 MiB), CLOSED, FORKED, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_transport_metrics_text (const godwit_transport_t *transport, char **text,
                                                             size_t *size, godwit_error_t **error);

/* ---- the black box ---- */

/* Which calls are told. Zero: any; the comments say what a set field leaves. Texts are borrowed. */
typedef struct godwit_calls_options {
    size_t struct_size;
    uint64_t after; /* those with a higher `seq`: what came since the last time */
    size_t limit; /* 100: at most so many, the newest (with oldest: the oldest; with slowest: the slowest) */
    const char *id; /* the call of this id (16 digits), or the calls of this trace (32 digits) */
    const char *exchange;
    const char *topic;
    const char *method;
    const char *server;
    bool failed;     /* those that failed */
    bool running;    /* those that have not ended */
    bool slowest;    /* all; the one that took the longest comes first */
    int64_t last_ms; /* those that were not over so many milliseconds ago */
    bool oldest;     /* all; of more than limit the oldest, so that `after` can go on from the last one */
} godwit_calls_options_t;

/* Makes options for a look at the black box: GODWIT_CALLS_OPTIONS (.failed = true). */
#define GODWIT_CALLS_OPTIONS(...)                                                                            \
    (&(const godwit_calls_options_t){.struct_size = sizeof (godwit_calls_options_t), __VA_ARGS__})

/* Reads what the black box of a transport knows of its recent calls (contract 15). *calls belongs to the
 * caller: a list of maps, the oldest first. Failures and the slowest calls of the last five minutes stay
 * longer than the others. options may be NULL.
 *
 *  - "seq": the number of the record, higher for a later one; "id", "trace", "parent" (nil: none): of its
 *    trace, in hexadecimal digits; "side": "client" or "server"; "kind": "call", "cast" or "fanout"
 *  - "exchange", "topic", "namespace", "version", "server", "method": as in the metrics; nil: unset, or not
 * known
 *  - "peer": the address of the other side, "instance": who that is; nil: not known
 *  - "at": when it began, in nanoseconds of the wall clock (UTC, since 1970); "clock": the same by the clock
 *    that all processes of a machine share and nobody sets (CLOCK_MONOTONIC). Further times are nanoseconds
 *    after that, nil if they have not come: at a client "sent" (handed over the last time) and "ended"; at a
 *    server "started" (the handler), "ended" (the handler), and "replied" if it was kept. "took": from the
 *    first to the last, or until now
 *  - "running"; "status" (a type, "Ok" for success), "outcome": nil while it runs
 *  - "attempts": how often it was handed over; "notes": why each was not the last, what it waited for, and
 * why it failed, as maps of "at", "attempt", "server", "address" and "text"
 *  - at a client "lost" (bool): its connection was lost while it waited; at a server "queued", "kept",
 * "refused" (bool), and what there was when it came: "waiting" (in its queue), "busy" (handlers); "span": of
 * the run of the handler, which the calls that it made have as their parent
 *  - "request_size", "reply_size": bytes of the frames; 0: there was none
 *
 * Any thread. CLOSED, FORKED, OUT_OF_MEMORY; INVALID_ARGUMENT: a malformed id. */
GODWIT_EXPORT godwit_status_t godwit_transport_calls (const godwit_transport_t *transport,
                                                      const godwit_calls_options_t *options,
                                                      godwit_value_t **calls, godwit_error_t **error);

/* ---- introspection ---- */

/* Tells the own program what servers tell of it to whoever asks (contract 16): the answer of a
 * method of godwit.introspection ("stats", "connections", ...), a map that belongs to the caller. It needs no
 * server, and no right, and is there with without_introspection, too. "describe" has a list of all servers
 * that were started. Takes locks for a short time, and may be called from handlers and callbacks. Any thread.
 * NO_SUCH_METHOD, naming those that there are; TYPE_MISMATCH or INVALID_ARGUMENT: an argument; CLOSED,
 * FORKED, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_transport_introspection (godwit_transport_t *transport,
                                                              const char *method, godwit_fields_t args,
                                                              godwit_value_t **answer,
                                                              godwit_error_t **error);

GODWIT_END_DECLS

#endif
