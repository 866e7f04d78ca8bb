/* SPDX-License-Identifier: Apache-2.0 */
/* Takes orders, with the help of the stock: a call of a handler's belongs to the trace of its request, and
 * nobody has to say so. */
#include <godwit/godwit.h>
#include <godwit/otlp.h>

#include <stdio.h>
#include <stdlib.h>

struct order_args {
    const char *item;
};

static const godwit_slot_t order_slots[] = {GODWIT_SLOT (struct order_args, item)};

static godwit_status_t
order (godwit_request_t *request, void *self)
{
    godwit_client_t *const stock = self;
    const struct order_args *args = godwit_request_params (request);
    godwit_error_t *error = NULL;
    if (godwit_client_call (stock, godwit_request_context (request), "take",
                            GODWIT_ARGS (GODWIT_STR ("item", args->item)), NULL, &error))
        return godwit_request_fail (request, &error);
    return godwit_request_reply (request, GODWIT_BOOL (NULL, true));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("order", order, struct order_args, order_slots, GODWIT_METHOD_SLOW)};

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
    godwit_client_t *stock = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (&transport, url ? url : "zmq://", NULL, &error) == GODWIT_OK &&
        godwit_otlp_new (&exporter, transport, GODWIT_OTLP_OPTIONS (.service_name = "orders"), &error) ==
            GODWIT_OK &&
        godwit_client_new (&stock, transport, GODWIT_TARGET (.topic = "stock"), NULL, &error) == GODWIT_OK &&
        godwit_client_wait_servers (stock, 1, 10000, &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "orders", .server = "orders-1"),
                           &GODWIT_ENDPOINT (methods, .self = stock), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "orders: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_client_destroy (&stock);
    godwit_otlp_destroy (&exporter);
    godwit_transport_destroy (&transport);
    return result;
}
