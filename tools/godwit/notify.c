/* SPDX-License-Identifier: Apache-2.0 */
/* godwit notify EVENT_TYPE [KEY=TEXT|KEY:=JSON]...: sends one notification, and waits until it is
 * acknowledged. */
#include "tools/godwit/arguments.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/kept.h"

#include <godwit/notify.h>
#include <godwit/transport.h>
#ifdef GODWIT_HAS_SPOOL
#include <godwit/sqlite_spool.h>
#endif

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_LOST = 3, STATUS_KEPT = 4 };

#define TIMEOUT_MS 10000
/* A notifier takes pools for those that there were already which it hears of within a second. */
#define OTHER_POOLS_MS 1200
#define LOOK_MS 20 /* how often the spool is asked */
#define INPUT_MAX ((size_t) 64 << 20)

typedef struct notify {
    topics_t topics;
    const char *publisher, *spool_path, *payload, *event_type;
    texts_t context, pools, fields;
    godwit_priority_t priority;
    int64_t timeout_ms;
    bool no_wait, reads_input;

    godwit_transport_t *transport;
    godwit_spool_t *spool;
    godwit_notifier_t *notifier;
    kept_t kept; /* its copies in the spool */
    char message_id[40];
} notify_t;

/* ---- arguments ---- */

enum {
    KEY_CONTEXT = 'c',
    KEY_NO_WAIT = 'n',
    KEY_PUBLISHER = 0x100,
    KEY_PAYLOAD,
    KEY_POOL,
    KEY_SPOOL,
    KEY_TIMEOUT
};

static const struct argp_option options[] = {
    {"url", KEY_URL, "URL", 0, "The transport ($GODWIT_URL, or zmq://)", 0},
    {"topic", KEY_TOPIC, "TOPIC", 0, "Where to send it; may come several times (notifications)", 0},
    {"exchange", KEY_EXCHANGE, "NAME", 0, "The exchange of the topics (that of the transport)", 0},
    {"priority", KEY_PRIORITY, "NAME", 0, "audit, debug, info, warn, error, critical or sample (info)", 0},
    {"publisher", KEY_PUBLISHER, "ID", 0, "Who says it (notify.HOST)", 0},
    {"context", KEY_CONTEXT, "KEY=TEXT", 0, "A key of the context, or KEY:=JSON; may come several times", 0},
    {"payload", KEY_PAYLOAD, "JSON", 0, "The payload as one text of JSON, in place of KEY=TEXT", 0},
    {"pool", KEY_POOL, "NAME", 0,
     "A pool that has to acknowledge it; may come several times. With it others are not waited for", 0},
#ifdef GODWIT_HAS_SPOOL
    {"spool", KEY_SPOOL, "FILE", 0,
     "Keep it in this spool until it is acknowledged, and send what the spool has from before", 0},
#endif
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "How long to wait until it is acknowledged (10)", 0},
    {"no-wait", KEY_NO_WAIT, NULL, 0, "With --spool: be done when it is in the spool", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static void
take_argument (notify_t *self, char *text, const struct argp_state *state)
{
    if (!self->event_type)
        self->event_type = text;
    else if (strcmp (text, "-") == 0)
        self->reads_input = true;
    else
        arguments_add (&self->fields, state, "KEY=TEXT", text);
}

static void
check (const notify_t *self, const struct argp_state *state)
{
    if (!self->event_type || !*self->event_type)
        argp_error (state, "the EVENT_TYPE is missing: what has happened, such as disk.full");
    if ((self->payload != NULL) + self->reads_input + (self->fields.count > 0) > 1)
        argp_error (state, "expected one payload: KEY=TEXT or KEY:=JSON, or --payload, or -");
    if (self->no_wait && !self->spool_path)
        argp_error (state,
                    "--no-wait needs --spool: without one a notification lives as long as this program");
}

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    notify_t *self = state->input;
    switch (key) {
    case KEY_PRIORITY:
        self->priority = arguments_priority (state, text);
        return 0;
    case KEY_PUBLISHER:
        self->publisher = text;
        return 0;
    case KEY_CONTEXT:
        arguments_add (&self->context, state, "--context", text);
        return 0;
    case KEY_PAYLOAD:
        self->payload = text;
        return 0;
    case KEY_POOL:
        arguments_add (&self->pools, state, "--pool", text);
        return 0;
    case KEY_SPOOL:
        self->spool_path = text;
        return 0;
    case KEY_TIMEOUT:
        self->timeout_ms = arguments_seconds (state, "--timeout", text);
        return 0;
    case KEY_NO_WAIT:
        self->no_wait = true;
        return 0;
    case ARGP_KEY_ARG:
        take_argument (self, text, state);
        return 0;
    case ARGP_KEY_END:
        check (self, state);
        return 0;
    default:
        return arguments_topics (&self->topics, key, text, state);
    }
}

/* ---- what is sent ---- */

/* All of the standard input. *text is the caller's. */
static godwit_status_t
read_input (char **text, size_t *size, godwit_error_t **error)
{
    FILE *const memory = open_memstream (text, size);
    char part[65536];
    size_t got, total = 0;
    while (memory && total <= INPUT_MAX && (got = fread (part, 1, sizeof part, stdin)) > 0) {
        fwrite (part, 1, got, memory);
        total += got;
    }
    const bool is_kept = memory && !ferror (memory) && fclose (memory) == 0;
    if (is_kept && total <= INPUT_MAX && !ferror (stdin))
        return GODWIT_OK;
    const godwit_status_t status = !is_kept            ? GODWIT_ERR_OUT_OF_MEMORY
                                   : total > INPUT_MAX ? GODWIT_ERR_LIMIT_EXCEEDED
                                                       : GODWIT_ERR_SYSTEM;
    *error = godwit_error_new (status, "the standard input: %s",
                               !is_kept            ? "out of memory"
                               : total > INPUT_MAX ? "more than 64 MiB"
                                                   : strerror (errno));
    return status;
}

static godwit_status_t
make_payload (const notify_t *self, godwit_value_t **payload, godwit_error_t **error)
{
    char *text = NULL;
    size_t size = 0;
    if (self->payload)
        return arguments_json (payload, self->payload, strlen (self->payload), "--payload", error);
    if (!self->reads_input)
        return arguments_map (payload, &self->fields, "the payload", error);
    godwit_status_t status = read_input (&text, &size, error);
    if (!status)
        status = arguments_json (payload, text, size, "the standard input", error);
    free (text);
    return status;
}

/* ---- sending it ---- */

static godwit_status_t
open_spool (notify_t *self, godwit_error_t **error)
{
#ifdef GODWIT_HAS_SPOOL
    return self->spool_path ? godwit_sqlite_spool_open (&self->spool, self->spool_path, NULL, error)
                            : GODWIT_OK;
#else
    (void) self;
    (void) error;
    return GODWIT_OK;
#endif
}

static void
close_spool (notify_t *self)
{
#ifdef GODWIT_HAS_SPOOL
    godwit_sqlite_spool_close (&self->spool);
#else
    (void) self;
#endif
}

static godwit_status_t
open_notifier (notify_t *self, const godwit_value_t *context, godwit_error_t **error)
{
    char host[HOST_NAME_MAX + 1] = "localhost", publisher[sizeof host + 8];
    const char *keys[ARGUMENTS_MAX];
    const size_t key_count = godwit_value_count (context);
    for (size_t i = 0; i < key_count; i++)
        keys[i] = godwit_value_key_at (context, i);
    gethostname (host, sizeof host - 1);
    snprintf (publisher, sizeof publisher, "notify.%s", host);
    const godwit_status_t status =
        godwit_transport_new (&self->transport, arguments_url (&self->topics), NULL, error);
    return status
               ? status
               : godwit_notifier_new (
                     &self->notifier, self->transport,
                     GODWIT_NOTIFIER_OPTIONS (.publisher_id = self->publisher ? self->publisher : publisher,
                                              .exchange = self->topics.exchange,
                                              .topics =
                                                  self->topics.names.count ? self->topics.names.items : NULL,
                                              .topic_count = self->topics.names.count, .context_keys = keys,
                                              .context_key_count = key_count,
                                              .delivery =
                                                  GODWIT_DELIVERY_OPTIONS (.when_full = GODWIT_WHEN_FULL_FAIL,
                                                                           .pools = self->pools.items,
                                                                           .pool_count = self->pools.count,
                                                                           .spool = self->spool)),
                     error);
}

static godwit_status_t
accept_it (notify_t *self, const godwit_value_t *context, const godwit_value_t *payload,
           godwit_error_t **error)
{
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    godwit_status_t status = self->spool ? kept_begin (&self->kept, self->spool, error) : GODWIT_OK;
    if (status)
        return status;
    status =
        godwit_notify (self->notifier, self->priority, context, self->event_type, godwit_field_from (payload),
                       GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), error);
    memcpy (self->message_id, report.message_id, sizeof self->message_id);
    return status || !self->spool ? status : kept_end (&self->kept, self->spool, error);
}

static int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Nothing is left to acknowledge; but it may be nobody who has. */
static godwit_status_t
check_acknowledged (const notify_t *self, godwit_error_t **error)
{
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    const godwit_status_t status = godwit_notifier_get_stats (self->notifier, &stats, error);
    if (status || stats.acknowledged >= stats.accepted)
        return status;
    *error = godwit_error_new (
        GODWIT_ERR_TIMEOUT, stats.exhausted ? "its listeners have requeued it too often" : "nobody listens");
    return GODWIT_ERR_TIMEOUT;
}

/* Waits until all that is kept is acknowledged, or, with a spool, this notification at least: what the spool
 * has from before may wait for pools that are gone. */
static godwit_status_t
flush (const notify_t *self, int64_t end_ms, godwit_error_t **error)
{
    for (;;) {
        const int64_t left_ms = end_ms - now_ms ();
        const int64_t turn_ms = self->kept.count && left_ms > LOOK_MS ? LOOK_MS : left_ms;
        godwit_status_t status = godwit_notifier_flush (self->notifier, turn_ms > 0 ? turn_ms : 0, error);
        if (status == GODWIT_ERR_TIMEOUT && self->kept.count) {
            godwit_error_destroy (error);
            status = kept_check (&self->kept, self->spool, self->pools.items, self->pools.count, error);
        }
        if (!status)
            return check_acknowledged (self, error);
        if (status != GODWIT_ERR_TIMEOUT || !self->kept.count || left_ms <= LOOK_MS)
            return status;
        godwit_error_destroy (error);
    }
}

/* All pools have acknowledged it: those that were named; or else those that are heard of soon after the
 * first, which may have been fast. */
static godwit_status_t
await_pools (const notify_t *self, godwit_error_t **error)
{
    const int64_t end_ms = now_ms () + self->timeout_ms;
    const struct timespec pause = {OTHER_POOLS_MS / 1000, OTHER_POOLS_MS % 1000 * 1000000L};
    const godwit_status_t status = flush (self, end_ms, error);
    if (status || self->pools.count)
        return status;
    nanosleep (&pause, NULL);
    return flush (self, end_ms, error);
}

/* ---- what is said ---- */

static int
say_not_acknowledged (const notify_t *self, godwit_error_t **error)
{
    const char *const topic = self->topics.names.count ? self->topics.names.items[0] : "notifications";
    const char *const why = godwit_error_message (*error);
    const double seconds = (double) self->timeout_ms / 1000;
    if (self->spool)
        fprintf (
            stderr,
            "godwit notify: not acknowledged within %g s (%s). It is kept in %s: the next program that opens "
            "this spool sends it, `godwit notify --spool` too\n",
            seconds, why, self->spool_path);
    else
        fprintf (
            stderr,
            "godwit notify: not acknowledged within %g s (%s), and lost for those who have not had it. "
            "Start a listener (godwit events --topic %s), wait for longer with --timeout, or keep it with "
            "--spool FILE\n",
            seconds, why, topic);
    godwit_error_destroy (error);
    return self->spool ? STATUS_KEPT : STATUS_LOST;
}

static int
print_id (const notify_t *self, int status)
{
    if (printf ("%s\n", self->message_id) > 0 && fflush (stdout) == 0)
        return status;
    perror ("godwit notify: standard output");
    return STATUS_FAILED;
}

static int
run (notify_t *self)
{
    godwit_value_t *context = NULL, *payload = NULL;
    godwit_error_t *error = NULL;
    godwit_status_t status = make_payload (self, &payload, &error);
    if (!status)
        status = arguments_map (&context, &self->context, "--context", &error);
    if (!status)
        status = open_spool (self, &error);
    if (!status)
        status = open_notifier (self, context, &error);
    if (!status)
        status = accept_it (self, context, payload, &error);
    godwit_value_unref (&payload);
    godwit_value_unref (&context);
    if (status)
        return arguments_fail ("notify", &error);
    if (self->no_wait)
        return print_id (self, EXIT_SUCCESS);
    status = await_pools (self, &error);
    if (status != GODWIT_OK && status != GODWIT_ERR_TIMEOUT)
        return arguments_fail ("notify", &error);
    if (!status)
        return print_id (self, EXIT_SUCCESS);
    const int result = say_not_acknowledged (self, &error);
    return self->spool ? print_id (self, result) : result;
}

const struct argp argp_of_notify = {
    .options = options,
    .parser = on_option,
    .args_doc = "EVENT_TYPE [KEY=TEXT|KEY:=JSON...]\nEVENT_TYPE -",
    .doc = "Send one notification, wait until its listeners have acknowledged it, and print its "
           "message_id.\v"
           "The payload is a map of KEY=TEXT and KEY:=JSON, or what --payload gives, or with - the JSON "
           "of the "
           "standard input.\n\n"
           "Examples:\n\n"
           "  godwit notify disk.full path=/var free:=0\n"
           "  godwit notify -p error -t alarms --publisher backup.host1 backup.failed --payload "
           "'{\"code\": 3}'\n"
           "  df --output=target,pcent | jq -R . | jq -s . | godwit notify disk.report -\n"
           "  godwit notify --spool /var/spool/backup.spool --no-wait backup.done\n\n"
           "Exit status: 0, it is acknowledged (with --no-wait: it is in the spool); 1 for a failure, "
           "nothing "
           "was sent; 2 for arguments that make no sense; 3 if it was not acknowledged in time, and is "
           "lost; 4 "
           "if it was not acknowledged in time, and is kept in the spool."};

int
command_notify (int argc, char **argv)
{
    notify_t self = {.priority = GODWIT_PRIORITY_INFO, .timeout_ms = TIMEOUT_MS};
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_notify, argc, argv, 0, NULL, &self);
    const int status = run (&self);
    godwit_notifier_destroy (&self.notifier);
    godwit_transport_destroy (&self.transport);
    kept_free (&self.kept);
    close_spool (&self);
    return status;
}
