/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the conductor what to do: the command line of this example. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 3

struct arguments {
    const char *config;
    const char *words[WORD_MAX];
    unsigned count;
};

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'c':
        arguments->config = text;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num >= WORD_MAX)
            argp_usage (state);
        arguments->words[state->arg_num] = text;
        arguments->count = state->arg_num + 1;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void
print_list (const godwit_value_t *list)
{
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const godwit_value_t *vim = godwit_value_at (list, i);
        printf ("%s at %s is %s; its monitor is process %" PRId64 ", replaced %" PRId64 " times\n",
                godwit_value_as_str (godwit_value_get (vim, "vim_id"), "?"),
                godwit_value_as_str (godwit_value_get (vim, "address"), "?"),
                godwit_value_as_str (godwit_value_get (vim, "status"), "?"),
                godwit_value_as_int (godwit_value_get (vim, "pid"), -1),
                godwit_value_as_int (godwit_value_get (vim, "replaced"), -1));
    }
    printf ("%zu VIMs\n", godwit_value_count (list));
}

static godwit_status_t
execute (godwit_client_t *conductor, const struct arguments *arguments, godwit_error_t **error)
{
    const char *command = arguments->words[0];
    const char *vim_id = arguments->words[1];
    godwit_value_t *result = NULL;
    godwit_status_t status;
    if (!strcmp (command, "register") && arguments->count == 3) {
        status = godwit_client_call (
            conductor, NULL, "register_vim",
            GODWIT_ARGS (GODWIT_STR ("vim_id", vim_id), GODWIT_STR ("address", arguments->words[2])), &result,
            error);
        if (status == GODWIT_OK)
            printf ("%s is registered, and %s\n", vim_id, godwit_value_as_str (result, "?"));
    } else if (!strcmp (command, "deregister") && arguments->count == 2) {
        status = godwit_client_call (conductor, NULL, "deregister_vim",
                                     GODWIT_ARGS (GODWIT_STR ("vim_id", vim_id)), NULL, error);
        if (status == GODWIT_OK)
            printf ("%s is not registered any more\n", vim_id);
    } else if (!strcmp (command, "list") && arguments->count == 1) {
        status = godwit_client_call (conductor, NULL, "list_vims", GODWIT_NO_ARGS, &result, error);
        if (status == GODWIT_OK)
            print_list (result);
    } else {
        fprintf (stderr, "control: expected register VIM HOST:PORT, deregister VIM, or list\n");
        status = GODWIT_ERR_INVALID_ARGUMENT;
    }
    godwit_value_unref (&result);
    return status;
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "config", .key = 'c', .arg = "FILE", .doc = "Configuration, as oslo.config writes it"}, {0}};
    static const struct argp parser = {.options = options,
                                       .parser = parse,
                                       .args_doc = "register VIM HOST:PORT\nderegister VIM\nlist",
                                       .doc = "Tells the conductor of VIMs."};
    struct arguments arguments = {.config = NULL};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);

    godwit_config_t *config = NULL;
    godwit_client_t *conductor = NULL;
    godwit_error_t *error = NULL;
    godwit_status_t status =
        arguments.config ? godwit_config_load (&config, arguments.config, &error) : GODWIT_OK;
    if (status == GODWIT_OK)
        status = godwit_rpc_init (config, &error);
    godwit_config_destroy (&config);
    if (status == GODWIT_OK)
        status = godwit_rpc_get_client (&conductor, GODWIT_TARGET (.topic = "CONDUCTOR", .version = "1.0"),
                                        NULL, NULL, &error);
    if (status == GODWIT_OK)
        status = execute (conductor, &arguments, &error);
    if (error)
        fprintf (stderr, "control: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_client_destroy (&conductor);
    godwit_rpc_cleanup (NULL);
    return status == GODWIT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
