/* SPDX-License-Identifier: Apache-2.0 */
/* A client process that is killed: core_caller URL METHOD calls it and says "called" when it has handed the
 * call over. */
#include <godwit/godwit.h>

#include <stdio.h>

int
main (int argc, char **argv)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_future_t *future = NULL;
    godwit_error_t *error = NULL;
    if (argc != 3)
        return 2;
    if (godwit_transport_new (&transport, argv[1], NULL, &error) ||
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "work"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = 600000), &error) ||
        godwit_client_wait_servers (client, 1, 20000, &error) ||
        godwit_client_call_future (client, NULL, argv[2], GODWIT_NO_ARGS, &future, &error)) {
        fprintf (stderr, "%s\n", godwit_error_print (error));
        return 1;
    }
    puts ("called");
    fflush (stdout);
    godwit_future_wait (future, -1, NULL, NULL, NULL);
    godwit_future_destroy (&future);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return 0;
}
