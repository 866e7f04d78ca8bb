/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a method and gives the call up when it is asked to end: client METHOD
 * A client that is killed gives its calls up, too. */
#include <godwit/godwit.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static godwit_status_t
call (godwit_client_t *client, const char *method, const sigset_t *signals, godwit_error_t **error)
{
    godwit_future_t *future = NULL;
    const godwit_status_t status =
        godwit_client_call_future (client, NULL, method, GODWIT_NO_ARGS, &future, error);
    if (status)
        return status;
    puts ("called");
    fflush (stdout);
    sigwait (signals, &(int){0});
    godwit_future_destroy (&future); /* gives the call up, which the server is told */
    puts ("given up");
    return GODWIT_OK;
}

int
main (int argc, char **argv)
{
    const char *url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    pthread_sigmask (SIG_BLOCK, &signals, NULL);
    godwit_status_t status = godwit_transport_new (
        &transport, url ? url : "zmq://",
        GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING), &error);
    if (status == GODWIT_OK)
        status = godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "slow-work"),
                                    GODWIT_CLIENT_OPTIONS (.timeout_ms = 3600000), &error);
    if (status == GODWIT_OK)
        status = call (client, argc > 1 ? argv[1] : "compute", &signals, &error);
    if (status)
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
