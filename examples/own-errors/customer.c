/* SPDX-License-Identifier: Apache-2.0 */
/* Buys tea until there is none, and tells the shop's own errors apart: customer [stranger]
 * A stranger has not registered the shop's errors, and sees them as RemoteError. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>

#include "shop.h"

/* Tells what became of a purchase. Only what nobody expected is a failure. */
static godwit_status_t
buy (godwit_client_t *client, const char *item, int count, godwit_error_t **error)
{
    godwit_value_t *left = NULL;
    const godwit_status_t status = godwit_client_call (
        client, NULL, "take", GODWIT_ARGS (GODWIT_STR ("item", item), GODWIT_INT ("count", count)), &left,
        error);
    if (status == GODWIT_OK)
        printf ("bought %d, %lld left\n", count, (long long) godwit_value_as_int (left, -1));
    godwit_value_unref (&left);
    if (godwit_error_outcome (*error) != GODWIT_OUTCOME_RAN)
        return status; /* not the shop's: the shop was not reached, or did not answer */
    if (godwit_error_is (*error, &out_of_stock))
        printf ("out of stock: %s (left: %s)\n", godwit_error_message (*error),
                godwit_error_detail (*error, "left"));
    else
        printf ("%s: %s\n", godwit_error_type (*error), godwit_error_message (*error));
    godwit_error_destroy (error);
    return GODWIT_OK;
}

static godwit_status_t
go_shopping (godwit_transport_t *transport, bool knows_shop, godwit_error_t **error)
{
    godwit_client_t *client = NULL;
    godwit_status_t status =
        knows_shop ? godwit_transport_register_error (transport, &out_of_stock, error) : GODWIT_OK;
    if (status == GODWIT_OK)
        status = godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "shop"),
                                    GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), error);
    if (status == GODWIT_OK)
        status = buy (client, "tea", 2, error);
    if (status == GODWIT_OK)
        status = buy (client, "tea", 2, error);
    if (status == GODWIT_OK)
        status = buy (client, "coffee", 1, error);
    godwit_client_destroy (&client);
    return status;
}

int
main (int argc, char **argv)
{
    const char *url = getenv ("GODWIT_URL");
    const bool is_stranger = argc > 1 && argv[1][0] == 's';
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    /* Errors of classes that are registered reach the program as themselves. All others are RemoteErrors, so
     * that no server can make the program believe in any error that it likes. */
    godwit_status_t status = godwit_transport_new (
        &transport, url ? url : "zmq://",
        GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING), &error);
    if (status == GODWIT_OK)
        status = go_shopping (transport, !is_stranger, &error);
    if (status)
        fprintf (stderr, "customer: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_transport_destroy (&transport);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
