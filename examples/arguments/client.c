/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a method with good arguments and with bad ones, and shows what it is told. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>

#define DISK(name_, gigabytes_)                                                                              \
    GODWIT_MAP (NULL, GODWIT_STR ("name", name_), GODWIT_INT ("gigabytes", gigabytes_))
#define NEEDED                                                                                               \
    GODWIT_STR ("name", "web"), GODWIT_STR ("size", "small"), GODWIT_LIST ("disks", DISK ("root", 20))

/* Prints what was answered. False: nothing was. */
static bool
create (godwit_client_t *client, godwit_fields_t args)
{
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    if (godwit_client_call (client, NULL, "create", args, &result, &error) == GODWIT_OK)
        printf ("created %s\n", godwit_value_as_str (result, "?"));
    else if (godwit_error_is_remote (error))
        printf ("refused %s\n", godwit_error_message (error));
    else
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
    const bool is_answered = !error || godwit_error_is_remote (error);
    godwit_value_unref (&result);
    godwit_error_destroy (&error);
    return is_answered;
}

static bool
make_calls (godwit_client_t *client)
{
    return create (client, GODWIT_ARGS (NEEDED)) &&
           create (client, GODWIT_ARGS (GODWIT_STR ("name", "db"), GODWIT_STR ("size", "large"),
                                        GODWIT_DOUBLE ("load", 0.75), GODWIT_INT ("priority", 0),
                                        GODWIT_MAP ("console", GODWIT_STR ("host", "10.0.0.1"),
                                                    GODWIT_INT ("port", 5900)),
                                        GODWIT_LIST ("disks", DISK ("root", 20), DISK ("data", 500)),
                                        GODWIT_LIST ("ports", GODWIT_INT (NULL, 80), GODWIT_INT (NULL, 443)),
                                        GODWIT_MAP ("labels", GODWIT_STR ("team", "blue")))) &&
           create (client, GODWIT_ARGS (NEEDED, GODWIT_MAP ("console", GODWIT_STR ("host", "10.0.0.1"),
                                                            GODWIT_INT ("port", 70000)))) &&
           create (client, GODWIT_ARGS (GODWIT_STR ("name", "web"), GODWIT_STR ("size", "huge"),
                                        GODWIT_LIST ("disks", DISK ("root", 20)))) &&
           create (client,
                   GODWIT_ARGS (GODWIT_STR ("name", "web"), GODWIT_STR ("size", "small"),
                                GODWIT_LIST ("disks", DISK ("root", 20), DISK ("too-long-a-name", 1)))) &&
           create (client, GODWIT_ARGS (NEEDED, GODWIT_INT ("prioritee", 1)));
}

int
main (void)
{
    const char *url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, url ? url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "machines"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error) == GODWIT_OK &&
        make_calls (client))
        result = EXIT_SUCCESS;
    if (error)
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return result;
}
