/* SPDX-License-Identifier: Apache-2.0 */
/* A service of a shop: orders, payments or stock. It tells whoever listens what happens in it. Everything is
 * kept for the pool "auditor", also while no auditor was seen yet; with a spool also while the service itself
 * is dead. */
#include <godwit/godwit.h>
#include <godwit/notify.h>
#ifdef HAS_SPOOL
#include <godwit/sqlite_spool.h>
#endif

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAY_EACH 250
#define FLUSH_LIMIT_MS 60000

struct arguments {
    const char *url;
    const char *spool;
    int64_t from, count;
    const char *name;
};

/* What happens in a service, in turn. */
struct event {
    const char *service, *type;
    godwit_priority_t priority;
};

static const struct event events[] = {
    {"orders", "order.placed", GODWIT_PRIORITY_INFO},
    {"orders", "order.cancelled", GODWIT_PRIORITY_WARN},
    {"payments", "payment.taken", GODWIT_PRIORITY_AUDIT},
    {"payments", "payment.refused", GODWIT_PRIORITY_ERROR},
    {"stock", "stock.level", GODWIT_PRIORITY_SAMPLE},
    {"stock", "stock.empty", GODWIT_PRIORITY_CRITICAL},
};
#define EVENT_COUNT (sizeof events / sizeof *events)

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'u':
        arguments->url = text;
        return 0;
    case 's':
        arguments->spool = text;
        return 0;
    case 'f':
        arguments->from = strtoll (text, NULL, 10);
        return 0;
    case 'c':
        arguments->count = strtoll (text, NULL, 10);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_usage (state);
        arguments->name = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Where the events of the service begin; EVENT_COUNT: there is no such service. */
static size_t
events_of (const char *service)
{
    size_t i = 0;
    while (i < EVENT_COUNT && strcmp (events[i].service, service) != 0)
        i += 2;
    return i;
}

static godwit_status_t
work (godwit_notifier_t *notifier, const struct arguments *arguments, godwit_error_t **error)
{
    const struct timespec pause = {0, 1000000};
    const size_t first = events_of (arguments->name);
    for (int64_t number = arguments->from; number < arguments->from + arguments->count; number++) {
        const struct event *const event =
            &events[first + (number % 10 == 0)]; /* every tenth is of the rare kind */
        const godwit_status_t status = godwit_notify (
            notifier, event->priority, NULL, event->type,
            GODWIT_MAP (NULL, GODWIT_STR ("service", arguments->name), GODWIT_INT ("number", number)),
            GODWIT_NOTIFY_OPTIONS (.strict = true), error);
        if (status)
            return status;
        /* From here on it is not lost: without a spool as long as this process lives. */
        if (number % SAY_EACH == 0) {
            printf ("%s: %" PRId64 " were accepted\n", arguments->name, number);
            fflush (stdout);
        }
        nanosleep (&pause, NULL);
    }
    const godwit_status_t status = godwit_notifier_flush (notifier, FLUSH_LIMIT_MS, error);
    if (!status)
        printf ("%s: all are acknowledged\n", arguments->name);
    return status;
}

static godwit_status_t
open_spool (godwit_spool_t **spool, const char *path, godwit_error_t **error)
{
    if (!path)
        return GODWIT_OK;
#ifdef HAS_SPOOL
    return godwit_sqlite_spool_open (spool, path, NULL, error);
#else
    (void) spool;
    *error = godwit_error_new (GODWIT_ERR_INVALID_ARGUMENT, "--spool needs the component godwit-spool");
    return GODWIT_ERR_INVALID_ARGUMENT;
#endif
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "spool", .key = 's', .arg = "FILE", .doc = "Keep what is not acknowledged in this file"},
        {.name = "from", .key = 'f', .arg = "NUMBER", .doc = "The number of the first event (1)"},
        {.name = "count", .key = 'c', .arg = "COUNT", .doc = "How many events there are (1000)"},
        {0},
    };
    static const struct argp parser = {.options = options,
                                       .parser = parse,
                                       .args_doc = "orders|payments|stock",
                                       .doc = "A service that tells what happens in it."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL"), .from = 1, .count = 1000};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (events_of (arguments.name) == EVENT_COUNT) {
        fprintf (stderr, "there is no service %s: expected orders, payments or stock\n", arguments.name);
        return EXIT_FAILURE;
    }

    static const char *const pools[] = {"auditor"};
    godwit_transport_t *transport = NULL;
    godwit_spool_t *spool = NULL;
    godwit_notifier_t *notifier = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, arguments.url ? arguments.url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        open_spool (&spool, arguments.spool, &error) == GODWIT_OK &&
        godwit_notifier_new (
            &notifier, transport,
            GODWIT_NOTIFIER_OPTIONS (.publisher_id = arguments.name,
                                     .delivery = GODWIT_DELIVERY_OPTIONS (.pools = pools, .pool_count = 1,
                                                                          .spool = spool)),
            &error) == GODWIT_OK &&
        work (notifier, &arguments, &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "%s: %s\n", arguments.name, godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_notifier_destroy (&notifier);
    godwit_transport_destroy (&transport);
#ifdef HAS_SPOOL
    godwit_sqlite_spool_close (&spool);
#endif
    return result;
}
