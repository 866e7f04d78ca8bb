/* SPDX-License-Identifier: Apache-2.0 */
/* A monitor of one VIM: looks whether it can be reached, tells the conductor when that changes, and serves
 * one method, under the VIM's name, that ends it. Started by the conductor. */
#include <godwit/godwit.h>

#include <argp.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 100

struct arguments {
    const char *config;
    const char *vim_id;
    const char *address;
    long parent;
};

typedef struct monitor {
    pthread_mutex_t lock;
    pthread_cond_t killed;
    bool is_killed;
} monitor_t;

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'c':
        arguments->config = text;
        return 0;
    case 'p':
        arguments->parent = strtol (text, NULL, 10);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->vim_id = text;
        else if (state->arg_num == 1)
            arguments->address = text;
        else
            argp_usage (state);
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static godwit_status_t
kill_action (godwit_request_t *request, void *self)
{
    monitor_t *monitor = self;
    (void) request;
    pthread_mutex_lock (&monitor->lock);
    monitor->is_killed = true;
    pthread_cond_signal (&monitor->killed);
    pthread_mutex_unlock (&monitor->lock);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("killAction", kill_action, 0)};

/* ---- the VIM ---- */

/* "host:port" takes a connection. */
static const char *
look (const char *address)
{
    const char *colon = strrchr (address, ':');
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char *host = colon ? strndup (address, (size_t) (colon - address)) : NULL;
    bool is_there = false;
    if (host && getaddrinfo (host, colon + 1, &hints, &found) == 0) {
        const int fd = socket (found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        is_there = fd >= 0 && connect (fd, found->ai_addr, found->ai_addrlen) == 0;
        if (fd >= 0)
            close (fd);
        freeaddrinfo (found);
    }
    free (host);
    return is_there ? "REACHABLE" : "UNREACHABLE";
}

/* Waits for the time of the next look. True: it was killed. */
static bool
rest (monitor_t *monitor)
{
    struct timespec until;
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int result = 0;
    pthread_mutex_lock (&monitor->lock);
    while (!monitor->is_killed && result == 0)
        result = pthread_cond_timedwait (&monitor->killed, &monitor->lock, &until);
    const bool is_killed = monitor->is_killed;
    pthread_mutex_unlock (&monitor->lock);
    return is_killed;
}

/* Reports every change; what the conductor did not get is a change still. */
static void
watch (monitor_t *monitor, godwit_client_t *conductor, const struct arguments *arguments)
{
    const char *reported = "";
    int64_t report = 0;
    do {
        godwit_error_t *error = NULL;
        const char *status = look (arguments->address);
        if (strcmp (status, reported) == 0)
            continue;
        if (godwit_client_cast (conductor, NULL, "update_vim",
                                GODWIT_ARGS (GODWIT_STR ("vim_id", arguments->vim_id),
                                             GODWIT_STR ("status", status), GODWIT_INT ("pid", getpid ()),
                                             GODWIT_INT ("report", ++report)),
                                &error) == GODWIT_OK)
            reported = status;
        else
            fprintf (stderr, "monitor of %s: %s\n", arguments->vim_id, godwit_error_print (error));
        godwit_error_destroy (&error);
    } while (!rest (monitor) && (!arguments->parent || getppid () == arguments->parent));
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "config", .key = 'c', .arg = "FILE", .doc = "Configuration, as oslo.config writes it"},
        {.name = "parent", .key = 'p', .arg = "PID", .doc = "Ends when this is not its parent any more"},
        {0}};
    static const struct argp parser = {
        .options = options, .parser = parse, .args_doc = "VIM HOST:PORT", .doc = "Monitors a VIM."};
    struct arguments arguments = {.config = NULL};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);

    monitor_t monitor = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&monitor.killed, &attributes);

    godwit_config_t *config = NULL;
    godwit_client_t *conductor = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0", .self = &monitor);
    if (arguments.config)
        godwit_config_load (&config, arguments.config, &error);
    if (!error)
        godwit_rpc_init_action (config, &error);
    godwit_config_destroy (&config);
    if (!error)
        godwit_rpc_get_client (&conductor, GODWIT_TARGET (.topic = "CONDUCTOR"), NULL, NULL, &error);
    if (!error)
        godwit_rpc_get_server (&server, GODWIT_TARGET (.topic = "KILL_ACTION", .server = arguments.vim_id),
                               &endpoint, 1, NULL, &error);
    if (!error && godwit_server_start (server, NULL, &error) == GODWIT_OK) {
        watch (&monitor, conductor, &arguments);
        godwit_server_stop (server, NULL, NULL);
        godwit_server_wait (server, NULL, NULL); /* who asked it to end gets a reply */
    }
    const int result = error ? EXIT_FAILURE : EXIT_SUCCESS;
    if (error)
        fprintf (stderr, "monitor of %s: %s\n", arguments.vim_id, godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_client_destroy (&conductor);
    godwit_rpc_cleanup (NULL);
    return result;
}
