/* SPDX-License-Identifier: Apache-2.0 */
/* The conductor: is told of VIMs, and has a monitor for each of them, a process with a server of its own
 * whose name is the VIM's. Monitors report what they see by casts; a call to the server of that name ends
 * one. */
#include "fleet.h"

#include <godwit/godwit.h>

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arguments {
    const char *config;
    const char *monitor;
};

typedef struct conductor {
    fleet_t fleet;
    godwit_client_t *monitors; /* of topic KILL_ACTION; the server is the VIM's id */
} conductor_t;

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'c':
        arguments->config = text;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_usage (state);
        arguments->monitor = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- methods ---- */

struct vim_args {
    const char *vim_id;
    const char *address;
    const char *status;
    int64_t pid;
    int64_t report;
};

static const godwit_slot_t register_slots[] = {GODWIT_SLOT (struct vim_args, vim_id),
                                               GODWIT_SLOT (struct vim_args, address)};
static const godwit_slot_t deregister_slots[] = {GODWIT_SLOT (struct vim_args, vim_id)};
static const godwit_slot_t update_slots[] = {
    GODWIT_SLOT (struct vim_args, vim_id), GODWIT_SLOT (struct vim_args, status),
    GODWIT_SLOT (struct vim_args, pid), GODWIT_SLOT (struct vim_args, report)};

static godwit_status_t
refuse (godwit_request_t *request, const char *type, const char *vim_id, const char *why)
{
    godwit_error_t *error = godwit_error_new_typed ("vim", type, "VIM %s: %s", vim_id, why);
    return godwit_request_fail (request, &error);
}

/* -> the status of the VIM, when its monitor has reported for the first time */
static godwit_status_t
register_vim (godwit_request_t *request, void *self)
{
    conductor_t *conductor = self;
    const struct vim_args *args = godwit_request_params (request);
    char status[NAME_SIZE];
    const char *why = fleet_add (&conductor->fleet, args->vim_id, args->address);
    if (why)
        return refuse (request, "VimNotRegistered", args->vim_id, why);
    if (!fleet_wait_report (&conductor->fleet, args->vim_id, status))
        return refuse (request, "VimNotRegistered", args->vim_id, "its monitor has not reported");
    return godwit_request_reply (request, GODWIT_STR (NULL, status));
}

/* Asks the monitor to end, and if it does not listen, does not ask. */
static bool
end_monitor (conductor_t *conductor, const char *vim_id, pid_t pid)
{
    godwit_client_t *monitor = NULL;
    godwit_error_t *error = NULL;
    if (godwit_client_prepare (&monitor, conductor->monitors, GODWIT_OVERRIDES (.server = vim_id), &error) ||
        godwit_client_call (monitor, NULL, "killAction", GODWIT_NO_ARGS, NULL, &error)) {
        printf ("%s: %s\n", vim_id, godwit_error_print (error));
        godwit_error_destroy (&error);
        kill (pid, SIGKILL);
    }
    godwit_client_destroy (&monitor);
    return fleet_wait_end (&conductor->fleet, vim_id);
}

static godwit_status_t
deregister_vim (godwit_request_t *request, void *self)
{
    conductor_t *conductor = self;
    const struct vim_args *args = godwit_request_params (request);
    const pid_t pid = fleet_let_end (&conductor->fleet, args->vim_id);
    if (!pid)
        return refuse (request, "VimNotFound", args->vim_id, "it is not registered");
    if (!end_monitor (conductor, args->vim_id, pid))
        return refuse (request, "VimInUse", args->vim_id, "its monitor does not end");
    return GODWIT_OK;
}

/* Cast by monitors. */
static godwit_status_t
update_vim (godwit_request_t *request, void *self)
{
    conductor_t *conductor = self;
    const struct vim_args *args = godwit_request_params (request);
    fleet_report (&conductor->fleet, args->vim_id, (pid_t) args->pid, args->report, args->status);
    return GODWIT_OK;
}

static godwit_status_t
list_vims (godwit_request_t *request, void *self)
{
    conductor_t *conductor = self;
    godwit_value_t *list = fleet_list (&conductor->fleet);
    if (!list)
        return GODWIT_ERR_OUT_OF_MEMORY;
    const godwit_status_t status = godwit_request_reply (request, godwit_field_from (list));
    godwit_value_unref (&list);
    return status;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("register_vim", register_vim, struct vim_args, register_slots, GODWIT_METHOD_SLOW),
    GODWIT_METHOD_WITH ("deregister_vim", deregister_vim, struct vim_args, deregister_slots,
                        GODWIT_METHOD_SLOW),
    GODWIT_METHOD_WITH ("update_vim", update_vim, struct vim_args, update_slots, 0),
    GODWIT_METHOD ("list_vims", list_vims, 0),
};

/* ---- life ---- */

/* Between the making of the consumer and its first message: whom the handlers call. */
static godwit_status_t
initialize (void *user, godwit_service_t *service, godwit_error_t **error)
{
    conductor_t *conductor = user;
    (void) service;
    return godwit_rpc_get_client (&conductor->monitors, GODWIT_TARGET (.topic = "KILL_ACTION"), NULL, NULL,
                                  error);
}

static godwit_status_t
serve (godwit_service_t **service, conductor_t *conductor, const char *config_path, godwit_error_t **error)
{
    godwit_config_t *config = NULL;
    godwit_status_t status = config_path ? godwit_config_load (&config, config_path, error) : GODWIT_OK;
    if (status == GODWIT_OK)
        status = godwit_rpc_init (config, error);
    godwit_config_destroy (&config);
    if (status)
        return status;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0", .self = conductor);
    const godwit_manager_t manager = {.struct_size = sizeof manager,
                                      .endpoints = &endpoint,
                                      .endpoint_count = 1,
                                      .user = conductor,
                                      .initialize_service_hook = initialize};
    status = godwit_service_new (service, NULL, "CONDUCTOR", &manager, NULL, error);
    return status ? status : godwit_service_start (*service, error);
}

/* A child that ends is another reason to wake up. */
static void
wait_for_end (conductor_t *conductor, const sigset_t *signals)
{
    int signal_number = 0;
    while (sigwait (signals, &signal_number) == 0 && signal_number == SIGCHLD)
        fleet_reap (&conductor->fleet);
}

static void *
end_all_monitors (void *user)
{
    conductor_t *conductor = user;
    char vim_id[NAME_SIZE];
    while (fleet_any (&conductor->fleet, vim_id))
        if (!end_monitor (conductor, vim_id, fleet_let_end (&conductor->fleet, vim_id)))
            break;
    kill (getpid (), SIGTERM); /* there is nothing to wait for any more */
    return NULL;
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "config", .key = 'c', .arg = "FILE", .doc = "Configuration, as oslo.config writes it"}, {0}};
    static const struct argp parser = {.options = options,
                                       .parser = parse,
                                       .args_doc = "MONITOR",
                                       .doc = "Conducts monitors, of which MONITOR is the program."};
    struct arguments arguments = {.config = NULL};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    setvbuf (stdout, NULL, _IOLBF, 0);

    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGCHLD);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    pthread_sigmask (SIG_BLOCK, &signals, NULL);

    static conductor_t conductor;
    godwit_service_t *service = NULL;
    godwit_error_t *error = NULL;
    char left[NAME_SIZE] = "";
    pthread_t ender;
    fleet_open (&conductor.fleet, arguments.monitor, arguments.config);
    if (serve (&service, &conductor, arguments.config, &error) == GODWIT_OK) {
        puts ("ready");
        wait_for_end (&conductor, &signals);
        /* Monitors are asked on another thread, while this one goes on to reap them. */
        if (pthread_create (&ender, NULL, end_all_monitors, &conductor) == 0) {
            wait_for_end (&conductor, &signals);
            pthread_join (ender, NULL);
        }
        godwit_service_stop (service, true);
    } else {
        fprintf (stderr, "conductor: %s\n", godwit_error_print (error));
    }
    const int result = !error && !fleet_any (&conductor.fleet, left) ? EXIT_SUCCESS : EXIT_FAILURE;
    godwit_error_destroy (&error);
    godwit_service_destroy (&service);
    godwit_client_destroy (&conductor.monitors);
    godwit_rpc_cleanup (NULL);
    puts (result == EXIT_SUCCESS ? "every monitor has ended" : "something is left");
    return result;
}
