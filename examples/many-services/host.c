/* SPDX-License-Identifier: Apache-2.0 */
/* Many services in one process, all on one transport: one listening socket and one pool of workers serve them
 * all. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SERVICE_MAX 10000

struct arguments {
    const char *url;
    unsigned long services;
};

/* A counter with a topic of its own; the handlers of several requests may run at once, so its state is
 * guarded. */
struct service {
    godwit_server_t *server;
    pthread_mutex_t lock;
    int64_t count;
    char topic[32];
};

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    char *end;
    switch (key) {
    case 'u':
        arguments->url = text;
        return 0;
    case 's':
        arguments->services = strtoul (text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || !arguments->services ||
            arguments->services > SERVICE_MAX)
            argp_error (state, "not a count from 1 to %d: %s", SERVICE_MAX, text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int64_t
add_to (struct service *service, int64_t amount)
{
    pthread_mutex_lock (&service->lock);
    const int64_t count = service->count += amount;
    pthread_mutex_unlock (&service->lock);
    return count;
}

static godwit_status_t
increment (godwit_request_t *request, void *self)
{
    return godwit_request_reply (request, GODWIT_INT (NULL, add_to (self, 1)));
}

static godwit_status_t
describe (godwit_request_t *request, void *self)
{
    struct service *service = self;
    return godwit_request_reply (request, GODWIT_MAP (NULL, GODWIT_STR ("topic", service->topic),
                                                      GODWIT_INT ("count", add_to (service, 0))));
}

static const godwit_method_t counter_methods[] = {GODWIT_METHOD ("increment", increment, 0)};
static const godwit_method_t admin_methods[] = {GODWIT_METHOD ("describe", describe, 0)};

static godwit_status_t
start_service (struct service *service, godwit_transport_t *transport, unsigned long number,
               godwit_error_t **error)
{
    pthread_mutex_init (&service->lock, NULL);
    snprintf (service->topic, sizeof service->topic, "counter.%lu", number);
    /* Two endpoints: what everybody may call, and the operator's methods in a namespace and a version of
     * their own. */
    const godwit_endpoint_t endpoints[] = {
        GODWIT_ENDPOINT (counter_methods, .version = "1.2", .self = service),
        GODWIT_ENDPOINT (admin_methods, .name_space = "admin", .version = "2.0", .self = service),
    };
    const godwit_status_t status = godwit_server_new (
        &service->server, transport, GODWIT_TARGET (.topic = service->topic, .server = "host"), endpoints,
        sizeof endpoints / sizeof endpoints[0], NULL, error);
    return status == GODWIT_OK ? godwit_server_start (service->server, NULL, error) : status;
}

static void
say_ready (void *user)
{
    const struct arguments *arguments = user;
    printf ("ready: %lu services\n", arguments->services);
    fflush (stdout);
}

static bool
start_services (struct service *services, unsigned long count, godwit_transport_t *transport,
                godwit_error_t **error)
{
    for (unsigned long number = 0; number < count; number++)
        if (start_service (&services[number], transport, number, error) != GODWIT_OK)
            return false;
    return true;
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "services", .key = 's', .arg = "COUNT", .doc = "How many services (100)"},
        {0},
    };
    static const struct argp parser = {.options = options, .parser = parse, .doc = "Hosts many services."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL"), .services = 100};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (!arguments.url)
        arguments.url = "zmq://";

    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    struct service *services = calloc (arguments.services, sizeof *services);
    int result = EXIT_FAILURE;
    if (services &&
        godwit_transport_new (
            &transport, arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        start_services (services, arguments.services, transport, &error) &&
        /* One server waits for the signal; the others are started before, and destroyed afterwards. */
        godwit_server_run (services[0].server, GODWIT_RUN_OPTIONS (.started = say_ready, .user = &arguments),
                           &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "host: %s\n", error ? godwit_error_print (error) : "out of memory");
    int64_t total = 0;
    for (unsigned long at = 0; services && at < arguments.services; at++) {
        godwit_server_destroy (&services[at].server);
        total += services[at].count;
    }
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    free (services);
    if (result == EXIT_SUCCESS)
        printf ("counted to %" PRId64 " in %lu services\n", total, arguments.services);
    return result;
}
