/* SPDX-License-Identifier: Apache-2.0 */
/* Makes calls, one of which fails, and serves its metrics at a port that it prints, until stdin ends. */
#include <godwit/godwit.h>
#include <godwit/http.h>

#include <stdio.h>

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

static godwit_status_t
make_calls (godwit_transport_t *transport, godwit_error_t **error)
{
    godwit_client_t *client = NULL;
    godwit_status_t status =
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "shop"), NULL, error);
    for (int i = 0; !status && i < 20; i++)
        status = godwit_client_call (client, NULL, "work", GODWIT_NO_ARGS, NULL, error);
    if (!status)
        godwit_client_call (client, NULL, "play \"\\\xff\n", GODWIT_NO_ARGS, NULL, NULL);
    godwit_client_destroy (&client);
    return status;
}

int
main (void)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_http_server_t *metrics = NULL;
    godwit_error_t *error = NULL;
    godwit_status_t status = godwit_transport_new (&transport, "inproc://serve/", NULL, &error);
    if (!status)
        status = godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "shop", .server = "one"),
                                    &endpoint, 1, NULL, &error);
    if (!status)
        status = godwit_server_start (server, NULL, &error);
    if (!status)
        status = make_calls (transport, &error);
    if (!status)
        status = godwit_http_serve_metrics (&metrics, transport, "127.0.0.1:0", &error);
    if (!status) {
        printf ("%d\n", godwit_http_port (metrics));
        fflush (stdout);
        while (getchar () != EOF) {
        }
    } else {
        fprintf (stderr, "serve: %s\n", godwit_error_print (error));
    }
    godwit_error_destroy (&error);
    godwit_http_destroy (&metrics);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return status ? 1 : 0;
}
