/* SPDX-License-Identifier: Apache-2.0 */
/* Orders several dishes at once, and then waits for each. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>

static const char *const dishes[] = {"soup", "rice", "tea"};
enum { DISHES = sizeof dishes / sizeof dishes[0] };

static godwit_status_t
eat (godwit_client_t *client, godwit_error_t **error)
{
    godwit_future_t *futures[DISHES] = {NULL};
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < DISHES && status == GODWIT_OK; i++)
        status = godwit_client_call_future (client, NULL, "order",
                                            GODWIT_ARGS (GODWIT_STR ("dish", dishes[i])), &futures[i], error);
    for (size_t i = 0; i < DISHES; i++) {
        godwit_value_t *result = NULL;
        if (status == GODWIT_OK)
            status = godwit_future_wait (futures[i], -1, NULL, &result, error);
        if (status == GODWIT_OK)
            printf ("%s\n", godwit_value_as_str (result, "?"));
        godwit_value_unref (&result);
        godwit_future_destroy (&futures[i]);
    }
    return status;
}

int
main (void)
{
    const char *url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    godwit_status_t status = godwit_transport_new (
        &transport, url ? url : "zmq://",
        GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING), &error);
    if (status == GODWIT_OK)
        status = godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "kitchen"),
                                    GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error);
    if (status == GODWIT_OK)
        status = eat (client, &error);
    if (status)
        fprintf (stderr, "guests: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
