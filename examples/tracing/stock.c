/* SPDX-License-Identifier: Apache-2.0 */
/* Gives things out of a stock that has no unicorns. All that it says about tracing is that there is an
 * exporter. */
#include <godwit/godwit.h>
#include <godwit/otlp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct take_args {
    const char *item;
};

static const godwit_slot_t take_slots[] = {GODWIT_SLOT (struct take_args, item)};

static godwit_status_t
take (godwit_request_t *request, void *self)
{
    (void) self;
    const struct take_args *args = godwit_request_params (request);
    if (strcmp (args->item, "unicorn") == 0) {
        godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "there is no %s", args->item);
        return godwit_request_fail (request, &error);
    }
    return godwit_request_reply (request, GODWIT_BOOL (NULL, true));
}

static const godwit_method_t methods[] = {GODWIT_METHOD_WITH ("take", take, struct take_args, take_slots, 0)};

static void
say_ready (void *user)
{
    (void) user;
    puts ("ready");
    fflush (stdout);
}

int
main (void)
{
    const char *const url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_otlp_exporter_t *exporter = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (&transport, url ? url : "zmq://", NULL, &error) == GODWIT_OK &&
        godwit_otlp_new (&exporter, transport, GODWIT_OTLP_OPTIONS (.service_name = "stock"), &error) ==
            GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "stock", .server = "stock-1"),
                           &GODWIT_ENDPOINT (methods), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "stock: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_otlp_destroy (&exporter); /* after the last request has ended, before the transport */
    godwit_transport_destroy (&transport);
    return result;
}
