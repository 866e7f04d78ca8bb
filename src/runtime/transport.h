/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a transport: what clients, servers and the control thread share.
 *
 * transport.lock guards the directory (groups, members), peers and their current connections, the list of
 * clients, and the states of servers. The order of all locks is drawn in docs/architecture.md, "Locks".
 */
#ifndef GODWIT_SRC_RUNTIME_TRANSPORT_H
#define GODWIT_SRC_RUNTIME_TRANSPORT_H

#include <godwit/transport.h>

#include "src/base/list.h"
#include "src/base/trace.h"
#include "src/base/wall.h"
#include "src/blackbox/blackbox.h"
#include "src/interface/driver.h"
#include "src/interface/matchmaker.h"
#include "src/loop/change.h"
#include "src/loop/reactor.h"
#include "src/runtime/log.h"
#include "src/runtime/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

#define GODWIT__DRIVER_MAX 2

/* What arrived at one port. Written by its leader alone, so that no locked instruction is needed
 * (godwit__port_count); read by any thread. */
typedef struct godwit__port_counters {
    atomic_uint_fast64_t requests_received;
    atomic_uint_fast64_t fanouts_received;
} godwit__port_counters_t;

/* Written with relaxed atomics from anywhere; godwit_transport_stats_t says what each means. */
typedef struct godwit__counters {
    atomic_uint_fast64_t calls_started;
    atomic_uint_fast64_t calls_succeeded;
    atomic_uint_fast64_t calls_failed;
    atomic_uint_fast64_t calls_retried;
    atomic_uint_fast64_t casts;
    atomic_uint_fast64_t fanouts;
    atomic_uint_fast64_t requests_received; /* by a call within the process; all others: in ports */
    atomic_uint_fast64_t requests_refused;
    atomic_uint_fast64_t requests_duplicate;
    atomic_uint_fast64_t fanout_gaps;
    atomic_uint_fast64_t frames_malformed;
    atomic_uint_fast64_t frames_unknown;
    atomic_uint_fast64_t frames_dropped;
    atomic_uint_fast64_t workers;
    atomic_uint_fast64_t calls_repeated;
    atomic_uint_fast64_t retries_withheld;
    atomic_uint_fast64_t requests_cancelled;
    atomic_uint_fast64_t calls_duplicate;
    godwit__port_counters_t ports[GODWIT__DRIVER_MAX];
} godwit__counters_t;

#define GODWIT__COUNT(transport, counter)                                                                    \
    ((void) atomic_fetch_add_explicit (&(transport)->counters.counter, 1, memory_order_relaxed))

struct godwit__ask;

/* What src/transport/ does when these things happen. */
typedef struct godwit__transport_hooks {
    /* Something changed that a stalled call may wait for. Without a lock. */
    void (*changed) (godwit_transport_t *transport);
    /* A request for the introspection of a server came: takes it, and returns 0; or why it is refused. A
     * port's leader, without a lock. */
    uint32_t (*ask) (godwit_transport_t *transport, struct godwit__ask *ask);
    /* The last reference is gone: only memory is left. */
    void (*release) (godwit_transport_t *transport);
} godwit__transport_hooks_t;

struct godwit_transport {
    const godwit__transport_hooks_t *hooks;
    atomic_uint refs; /* the program's, and one for each client, server and future */
    atomic_bool closing;
    const unsigned char
        *alive; /* cleared by fork(): 1 in the process that made the transport, 0 in a child */

    /* Set by godwit_transport_new, constant afterwards. */
    godwit_transport_options_t options; /* with defaults filled in; strings are the transport's own */
    godwit__clock_t clock;
    void (*random) (void *user, void *bytes, size_t size);
    void *random_user;
    godwit__trace_source_t traces;
    int log_from; /* the lowest level that anybody wants; GODWIT__LOG_NOTHING: nobody does */
    struct godwit__warnings *warnings; /* those of the last minute (src/runtime/warnings.h); may be NULL */
    const godwit__log_variable_t *log_variable; /* NULL: it is not set, or its lines are the program's own */
    char *control_exchange;
    char *host;
    char *runtime_dir;  /* NULL: the usual ones (src/folder/folder.h) */
    char *virtual_host; /* "" if unset */
    char *realm_name;   /* the option realm */
    unsigned paths;     /* GODWIT__PATH_... that may be used to connect */
    bool refuses_tcp;   /* settings may not ask for tcp (src/transport/secure_defaults.h) */
    char *host_id;      /* an opaque name of this machine */
    godwit_url_t *url;
    godwit__realm_t *realm; /* NULL: there is none */
    uint8_t instance[GODWIT__UUID_SIZE];
    uint64_t incarnation;
    size_t driver_count;
    godwit__driver_t *drivers[GODWIT__DRIVER_MAX]; /* shortest path first: inproc, then what the URL names */
    godwit__matchmaker_t *matchmaker;
    bool has_rendezvous; /* its list can be changed by the program */

    struct godwit__error_classes *error_classes; /* errors that reach callers with their own class */

    /* The control thread's loop. With external_loop the program runs it, holding process_lock. */
    godwit__reactor_t *control;
    pthread_t control_thread;
    bool control_runs; /* there is such a thread */
    atomic_bool control_stop;
    godwit__timer_t tick;
    pthread_mutex_t process_lock;
    _Atomic (uintptr_t) process_owner; /* the thread that holds it: an address unique to it, or 0 */

    /* The client's side: peers, connections, calls (src/discovery/peer.h, src/discovery/directory.h). */
    pthread_mutex_t lock;
    godwit__change_t
        changed; /* something that a stalled call may wait for: a member, a connection, closing */
    uint64_t change_count;
    bool wakes;                      /* something has changed, and those who wait for it have not been told */
    atomic_uint connections_closing; /* threads that are about to have posted the closing of one */
    size_t connection_count;         /* open, or being closed */
    struct godwit__directory *directory;
    godwit__list_t clients; /* only the root of each family (src/client/client.h) */
    struct godwit__completion
        *completion;                     /* leads on links that no caller leads on; NULL until there is one */
    struct godwit__stalled *stalled;     /* asynchronous calls that wait (src/client/async.h) */
    struct godwit__given_up *given_up;   /* futures that were destroyed early (src/client/future.h) */
    struct godwit__publisher *publisher; /* NULL until the first fanout */
    godwit__list_t end_hooks;            /* what else ends with it (src/runtime/end_hook.h) */
    _Atomic (struct godwit__outboxes *) outboxes; /* NULL until the first notifier; made with lock held */

    /* The server's side: servers, workers, ports (src/server/pool.h). Set once by the first server's start,
     * with lock held. */
    struct godwit__pool *pool;

    /* The control thread's: connections and frames of other programs (src/transport/strangers.h). */
    struct {
        int64_t since_ns;
        unsigned count; /* connections since then */
        uint64_t frames;
    } strangers;

    /* The control thread's: what is looked at and said again (src/transport/transport_realm.h). */
    godwit__timer_t realm_look;
    int64_t remind_ns; /* when the next reminder is due */

    godwit__counters_t counters;
    godwit__matchmaker_gauges_t gauges;
    godwit__rendezvous_points_t points;
    godwit__metrics_t *metrics;
    godwit__box_t *box; /* NULL: there is none */
    struct godwit__introspector
        *introspector; /* answers what is asked about this process; NULL: nothing does */
};

/* FORKED in a child of the process that made the transport, CLOSED while it is being destroyed, OK otherwise.
 */
godwit_status_t godwit__transport_check (const godwit_transport_t *transport, godwit_error_t **error);

godwit_transport_t *godwit__transport_ref (godwit_transport_t *transport);
void godwit__transport_unref (godwit_transport_t *transport);

/* Runs fn (arg) on the control thread and returns when it has run. If called on that thread, or with
 * external_loop, runs fn at once. Call it without a lock. False if the control thread is gone; then fn did
 * not run. */
bool godwit__control_run (godwit_transport_t *transport, void (*fn) (void *arg), void *arg);

/* Runs the control reactor once, for at most timeout_ns: for a call that waits in a program with its own
 * loop. If another thread runs the reactor, waits for the end of that round first. */
void godwit__transport_pump (godwit_transport_t *transport, int64_t timeout_ns);
/* The same, but only if no other thread runs the reactor. False: another thread does, and nothing was
 * done. */
bool godwit__transport_try_pump (godwit_transport_t *transport, int64_t timeout_ns);
/* True if this thread is inside godwit_transport_process or pump. */
bool godwit__transport_is_processing (const godwit_transport_t *transport);

/* Has the calls that wait for a server or a connection look again. Called with transport.lock held, which
 * godwit__transport_unlock has to release: it tells them.
 *
 * Not before it: on a machine with other work the system often runs a thread that is woken at once, in the
 * place of the thread that woke it. If that one still had the lock, those who were woken, and every call
 * whose time is spent, would wait for its next turn, which may come seconds later (docs/performance.md). */
static inline void
godwit__transport_changed (godwit_transport_t *transport)
{
    transport->change_count++;
    transport->wakes = true;
}
/* The one way to release transport.lock: then tells those who wait for a change, if there was one. */
static inline void
godwit__transport_unlock (godwit_transport_t *transport)
{
    pthread_mutex_t *const lock = &transport->lock;
    const bool wakes = transport->wakes;
    transport->wakes = false;
    pthread_mutex_unlock (lock);
    if (wakes) {
        godwit__change_tell (&transport->changed);
        transport->hooks->changed (transport);
    }
}

/* Logging. `godwit__logs` is tested before a text is made; payloads and keys are never logged. A line says
 * what it is about: a server, a topic, an address. */
static inline bool
godwit__logs (const godwit_transport_t *transport, godwit_log_level_t level)
{
    return (int) level >= transport->log_from;
}
/* Texts from outside may be in it: what would not be one line becomes one. */
void godwit__log (const godwit_transport_t *transport, godwit_log_level_t level, const char *format, ...)
    GODWIT_PRINTF (3, 4);
/* Logs a text as it is, of any length: one line. */
void godwit__log_text (const godwit_transport_t *transport, godwit_log_level_t level, const char *text);
/* The options are settled: from now on the transport logs. */
void godwit__log_open (godwit_transport_t *transport);

/* A random number below limit, which is not 0. */
static inline uint64_t
godwit__transport_random (godwit_transport_t *transport, uint64_t limit)
{
    uint64_t number = 0;
    transport->random (transport->random_user, &number, sizeof number);
    return number % limit;
}

static inline int64_t
godwit__transport_now (const godwit_transport_t *transport)
{
    return godwit__clock_now (&transport->clock);
}

/* What to add to a time of the transport's clock, so that it is one of the wall's. */
static inline int64_t
godwit__transport_wall_shift (const godwit_transport_t *transport)
{
    return godwit__wall_ns () - godwit__transport_now (transport);
}

#endif
