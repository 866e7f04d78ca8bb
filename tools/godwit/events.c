/* SPDX-License-Identifier: Apache-2.0 */
/* godwit events: listens, and prints each notification as a line. A notification is acknowledged after its
 * line was written. */
#include "tools/godwit/events.h"

#include "tools/godwit/arguments.h"
#include "tools/godwit/commands.h"

#include <godwit/listener.h>
#include <godwit/transport.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_TOO_FEW = 3 };

#define CREDIT 64 /* what may be on its way here while a reader of the lines is slow */
#define POOL_SIZE (HOST_NAME_MAX + 32)

typedef struct key_filters {
    godwit_key_filter_t items[ARGUMENTS_MAX];
    size_t count;
} key_filters_t;

typedef struct events {
    topics_t topics;
    const char *pool, *event_type, *publisher;
    bool is_own_pool; /* nobody else knows it: it need not be remembered */
    key_filters_t context, payload;
    unsigned priorities; /* a bit each; 0: all */
    long wanted;         /* --count; 0: any number */
    int64_t for_ms;      /* 0: for ever */
    bool follow;
    events_form_t form;

    godwit_transport_t *transport;
    godwit_listener_t *listener;
    int signals; /* a signalfd */
    int wake;    /* an eventfd: nothing more is to be printed */

    /* The endpoint's. */
    pthread_mutex_t lock;
    long printed;
    int write_errno; /* why a line could not be written */
    bool is_done;    /* what comes now is for others */
} events_t;

/* ---- arguments ---- */

enum {
    KEY_COUNT = 'n',
    KEY_JSON = 'j',
    KEY_FOLLOW = 'f',
    KEY_POOL = 0x100,
    KEY_EVENT_TYPE,
    KEY_PUBLISHER,
    KEY_CONTEXT,
    KEY_PAYLOAD,
    KEY_FOR
};

static const struct argp_option options[] = {
    {"url", KEY_URL, "URL", 0, "The transport ($GODWIT_URL, or zmq://)", 0},
    {"topic", KEY_TOPIC, "TOPIC", 0, "What to listen to; may come several times (notifications)", 0},
    {"exchange", KEY_EXCHANGE, "NAME", 0, "The exchange of the topics (that of the transport)", 0},
    {"priority", KEY_PRIORITY, "NAME", 0,
     "audit, debug, info, warn, error, critical or sample; may come several times (all)", 0},
    {"pool", KEY_POOL, "NAME", 0,
     "Share this pool: what is printed here its other listeners do not get (a pool of its own)", 0},
    {"event-type", KEY_EVENT_TYPE, "REGEX", 0, "Only events whose type begins like this", 1},
    {"publisher", KEY_PUBLISHER, "REGEX", 0, "Only those whose publisher_id begins like this", 1},
    {"context", KEY_CONTEXT, "KEY=REGEX", 0, "Only those whose context has such a text; several times", 1},
    {"payload", KEY_PAYLOAD, "KEY=REGEX", 0, "Only those whose payload has such a text; several times", 1},
    {"count", KEY_COUNT, "N", 0, "End after N lines", 2},
    {"for", KEY_FOR, "SECONDS", 0, "End after this time", 2},
    {"follow", KEY_FOLLOW, NULL, 0, "End at SIGINT or SIGTERM only, which is the default", 2},
    {"json", KEY_JSON, NULL, 0, "Print each as a JSON object in a line", 3},
    {NULL, 0, NULL, 0, NULL, 0},
};

static void
add_filter (key_filters_t *filters, const struct argp_state *state, const char *option, char *text)
{
    if (filters->count == ARGUMENTS_MAX)
        argp_error (state, "%s: expected it at most %d times", option, ARGUMENTS_MAX);
    const char *const pattern = arguments_split (state, option, text);
    filters->items[filters->count++] = (godwit_key_filter_t){.key = text, .pattern = pattern};
}

static long
read_count (const struct argp_state *state, const char *text)
{
    char *end = NULL;
    errno = 0;
    const long count = strtol (text, &end, 10);
    if (errno || end == text || *end || count < 1)
        argp_error (state, "--count: expected a number from 1 on, got \"%s\"", text);
    return count;
}

static error_t
on_filter (events_t *self, int key, char *text, const struct argp_state *state)
{
    switch (key) {
    case KEY_EVENT_TYPE:
        self->event_type = text;
        return 0;
    case KEY_PUBLISHER:
        self->publisher = text;
        return 0;
    case KEY_CONTEXT:
        add_filter (&self->context, state, "--context", text);
        return 0;
    case KEY_PAYLOAD:
        add_filter (&self->payload, state, "--payload", text);
        return 0;
    default:
        return arguments_topics (&self->topics, key, text, state);
    }
}

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    events_t *self = state->input;
    switch (key) {
    case KEY_PRIORITY:
        self->priorities |= 1u << arguments_priority (state, text);
        return 0;
    case KEY_POOL:
        self->pool = text;
        return 0;
    case KEY_COUNT:
        self->wanted = read_count (state, text);
        return 0;
    case KEY_FOR:
        self->for_ms = arguments_seconds (state, "--for", text);
        return 0;
    case KEY_FOLLOW:
        self->follow = true;
        return 0;
    case KEY_JSON:
        self->form = EVENTS_JSON;
        return 0;
    case ARGP_KEY_ARG:
        argp_error (state, "unexpected argument %s", text);
        return 0;
    case ARGP_KEY_END:
        if (self->follow && (self->for_ms || self->wanted))
            argp_error (state, "--follow does not go with --for and --count");
        return 0;
    default:
        return on_filter (self, key, text, state);
    }
}

/* ---- the endpoint; on worker threads, several at once ---- */

static void
tell_done (events_t *self)
{
    const uint64_t one = 1;
    self->is_done = true;
    if (write (self->wake, &one, sizeof one) < 0)
        abort (); /* an eventfd takes this */
}

static godwit_handled_t
on_event (const godwit_notification_t *notification, void *user)
{
    events_t *const self = user;
    godwit_handled_t handled = GODWIT_REQUEUE;
    pthread_mutex_lock (&self->lock);
    if (!self->is_done && events_print (notification, self->form)) {
        handled = GODWIT_HANDLED;
        if (++self->printed == self->wanted)
            tell_done (self);
    } else if (!self->is_done) {
        self->write_errno = errno;
        tell_done (self);
    }
    pthread_mutex_unlock (&self->lock);
    return handled;
}

/* ---- life ---- */

/* The signals that end it arrive through a descriptor. The transport's threads do not get them either. A
 * reader of the lines that goes away is an error of writing. */
static bool
take_signals (events_t *self, sigset_t *stop_signals)
{
    sigemptyset (stop_signals);
    sigaddset (stop_signals, SIGTERM);
    sigaddset (stop_signals, SIGINT);
    if (signal (SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask (SIG_BLOCK, stop_signals, NULL) < 0)
        return false;
    self->signals = signalfd (-1, stop_signals, SFD_CLOEXEC | SFD_NONBLOCK);
    self->wake = eventfd (0, EFD_CLOEXEC);
    return self->signals >= 0 && self->wake >= 0;
}

static godwit_status_t
listen_to_all (events_t *self, godwit_error_t **error)
{
    godwit_target_t targets[ARGUMENTS_MAX];
    godwit_notified_fn *functions[GODWIT_PRIORITY_COUNT];
    for (size_t i = 0; i < self->topics.names.count; i++)
        targets[i] = *GODWIT_TARGET (.exchange = self->topics.exchange, .topic = self->topics.names.items[i]);
    for (unsigned i = 0; i < GODWIT_PRIORITY_COUNT; i++)
        functions[i] = !self->priorities || self->priorities >> i & 1 ? on_event : NULL;
    const godwit_notification_endpoint_t endpoint = GODWIT_NOTIFICATION_ENDPOINT (
            .audit = functions[GODWIT_PRIORITY_AUDIT], .debug = functions[GODWIT_PRIORITY_DEBUG],
            .info = functions[GODWIT_PRIORITY_INFO], .warn = functions[GODWIT_PRIORITY_WARN],
            .error = functions[GODWIT_PRIORITY_ERROR], .critical = functions[GODWIT_PRIORITY_CRITICAL],
            .sample = functions[GODWIT_PRIORITY_SAMPLE], .self = self,
            .filter = GODWIT_FILTER (.publisher_id = self->publisher, .event_type = self->event_type,
                                     .context = self->context.items, .context_count = self->context.count,
                                     .payload = self->payload.items, .payload_count = self->payload.count));
    godwit_status_t status = godwit_transport_new (
        &self->transport, arguments_url (&self->topics),
        GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING), error);
    if (!status)
        status = godwit_listener_new (
            &self->listener, self->transport, targets, self->topics.names.count, &endpoint, 1,
            GODWIT_LISTENER_OPTIONS (.pool = self->pool, .allow_requeue = true,
                                     .transient = self->is_own_pool,
                                     .credit =
                                         self->wanted && self->wanted < CREDIT ? (int) self->wanted : CREDIT),
            error);
    return status ? status : godwit_listener_start (self->listener, NULL, error);
}

/* On the standard error output: what is on the other one is notifications alone. */
static void
tell_ready (const events_t *self, bool is_own_pool)
{
    fprintf (stderr, "godwit events: listens to");
    for (size_t i = 0; i < self->topics.names.count; i++)
        fprintf (stderr, "%s %s", i ? "," : "", self->topics.names.items[i]);
    if (is_own_pool)
        fprintf (stderr, " in a pool of its own, %s: other listeners get everything, too\n", self->pool);
    else
        fprintf (stderr, " in the pool \"%s\": what comes here its other listeners do not get\n", self->pool);
}

static int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until a signal, the time, the last line that is wanted, or until nobody reads the lines any more. */
static void
wait_for_end (const events_t *self)
{
    /* Of the standard output only an error is waited for: a pipe without a reader. */
    struct pollfd sources[] = {{self->signals, POLLIN, 0}, {self->wake, POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
    const int64_t end_ms = now_ms () + self->for_ms;
    for (;;) {
        const int64_t left_ms = self->for_ms ? end_ms - now_ms () : INT_MAX;
        if (left_ms <= 0)
            return;
        const int count = poll (sources, 3, !self->for_ms ? -1 : left_ms < INT_MAX ? (int) left_ms : INT_MAX);
        if (count > 0 || (count < 0 && errno != EINTR))
            return;
    }
}

/* What has come already is printed, and acknowledged, before it ends. */
static godwit_status_t
drain (events_t *self, godwit_error_t **error)
{
    const godwit_status_t status = godwit_listener_stop (self->listener, NULL, error);
    return status ? status : godwit_listener_wait (self->listener, NULL, error);
}

static int
result_of (const events_t *self)
{
    if (self->write_errno && self->write_errno != EPIPE) {
        fprintf (stderr, "godwit events: standard output: %s\n", strerror (self->write_errno));
        return STATUS_FAILED;
    }
    if (self->write_errno || self->printed >= self->wanted)
        return EXIT_SUCCESS;
    fprintf (stderr, "godwit events: %ld of %ld came\n", self->printed, self->wanted);
    return STATUS_TOO_FEW;
}

static int
run (events_t *self, const sigset_t *stop_signals)
{
    char own_pool[POOL_SIZE], host[HOST_NAME_MAX + 1] = "localhost";
    struct signalfd_siginfo taken;
    godwit_error_t *error = NULL;
    const bool is_own_pool = self->is_own_pool = !self->pool;
    gethostname (host, sizeof host - 1);
    snprintf (own_pool, sizeof own_pool, "events-%s-%ld", host, (long) getpid ());
    if (is_own_pool)
        self->pool = own_pool;
    if (listen_to_all (self, &error) != GODWIT_OK)
        return arguments_fail ("events", &error);
    tell_ready (self, is_own_pool);
    wait_for_end (self);
    if (read (self->signals, &taken, sizeof taken) < 0 && errno != EAGAIN)
        perror ("godwit events");
    sigprocmask (SIG_UNBLOCK, stop_signals, NULL); /* a second one ends it at once */
    if (drain (self, &error) != GODWIT_OK)
        return arguments_fail ("events", &error);
    return result_of (self);
}

const struct argp argp_of_events = {.options = options,
                                    .parser = on_option,
                                    .doc = "Listen to notifications, and print each as a line: time, "
                                           "priority, event type, publisher, payload.\v"
                                           "REGEX is a POSIX extended regular expression, which has to "
                                           "match from the beginning of the text on. A "
                                           "notification is acknowledged when its line was written. In a "
                                           "pool of its own it takes nothing from "
                                           "other listeners, and notifiers forget the pool when it has "
                                           "ended.\n\n"
                                           "Examples:\n\n"
                                           "  godwit events\n"
                                           "  godwit events -p error -p critical -t alarms\n"
                                           "  godwit events --event-type 'compute\\.instance\\.' --payload "
                                           "state=deleted --json | jq .payload\n"
                                           "  godwit events --count 1 --for 30 --event-type backup.done\n\n"
                                           "It ends at SIGINT or SIGTERM, after it has printed what has "
                                           "come already; a second one ends it at once. "
                                           "Exit status: 0; 1 for a failure; 2 for arguments that make no "
                                           "sense; 3 if it ended before --count lines had come."};

int
command_events (int argc, char **argv)
{
    events_t self = {.signals = -1, .wake = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
    sigset_t stop_signals;
    int status;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_events, argc, argv, 0, NULL, &self);
    if (!self.topics.names.count)
        self.topics.names.items[self.topics.names.count++] = "notifications";
    if (self.form == EVENTS_PLAIN && isatty (STDOUT_FILENO) == 1 && !getenv ("NO_COLOR"))
        self.form = EVENTS_COLOURED;
    if (take_signals (&self, &stop_signals)) {
        status = run (&self, &stop_signals);
    } else {
        perror ("godwit events");
        status = STATUS_FAILED;
    }
    godwit_listener_destroy (&self.listener);
    godwit_transport_destroy (&self.transport);
    return status;
}
