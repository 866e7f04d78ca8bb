/* SPDX-License-Identifier: Apache-2.0 */
/* The quickstart's client: has two numbers added. Start it before or after the server: it waits. */
#include <godwit/godwit.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int
main (int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "zmq://";
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_value_t *sum = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;

    puts ("asking for 2 + 3");
    fflush (stdout);
    if (godwit_transport_new (
            &transport, url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "calculator", .version = "1.0"), NULL,
                           &error) == GODWIT_OK &&
        godwit_client_call (client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 2), GODWIT_INT ("b", 3)), &sum,
                            &error) == GODWIT_OK) {
        printf ("2 + 3 = %" PRId64 "\n", godwit_value_as_int (sum, 0));
        result = EXIT_SUCCESS;
    } else {
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
    }
    godwit_value_unref (&sum);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    return result;
}
