/* Testing a service of one's own against a bad network, without a network and without waiting: a shop sells
 * tickets, two boxes hold them, and whatever happens on the way no ticket may be sold twice and no payment be
 * taken for nothing.
 *
 *     simulated [SEEDS]
 */
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include <stdio.h>
#include <stdlib.h>

#define TICKETS 200
#define BOXES 2

typedef struct box {
    int64_t left; /* tickets that it has to sell */
    godwit_transport_t *transport;
    godwit_server_t *server;
} box_t;

/* What the shop's customers were told. */
typedef struct shop {
    int sold;    /* here is your ticket */
    int refused; /* there is none left, or nothing happened: nothing is paid */
    int unclear; /* nobody can know: the payment is held until somebody looks */
    int asked;
} shop_t;

static void
must (godwit_status_t status, godwit_error_t **error)
{
    if (status == GODWIT_OK)
        return;
    fprintf (stderr, "simulated: %s\n", godwit_error_print (*error));
    godwit_error_destroy (error);
    exit (1);
}

/* ---- the service under test: as it would be written for real ---- */

static const godwit_error_class_t sold_out = {"tickets", "SoldOut"};

static godwit_status_t
sell (godwit_request_t *request, void *self)
{
    box_t *box = self;
    if (box->left == 0) {
        godwit_error_t *error = GODWIT_ERROR_OF (&sold_out, "nothing left");
        return godwit_request_fail (request, &error);
    }
    return godwit_request_reply (request, GODWIT_INT ("number", box->left--));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("sell", sell, 0)};

static void
on_sold (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    shop_t *shop = user;
    (void) result;
    if (status == GODWIT_OK)
        shop->sold++;
    else if (godwit_error_outcome (error) == GODWIT_OUTCOME_MAYBE_RUN)
        shop->unclear++;
    else
        shop->refused++;
}

/* ---- the test ---- */

static void
open_box (box_t *box, godwit_cluster_t *cluster, const char *name)
{
    godwit_error_t *error = NULL;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = box);
    box->left = TICKETS / BOXES;
    must (godwit_cluster_add (&box->transport, cluster, name, NULL, &error), &error);
    must (godwit_server_new (&box->server, box->transport, GODWIT_TARGET (.topic = "tickets", .server = name),
                             &endpoint, 1, NULL, &error),
          &error);
    must (godwit_server_start (box->server, NULL, &error), &error);
}

/* A hundred customers a second, on a network that loses a frame in fifty and repeats one in ten, and cuts a
 * box off for a while. */
static void
serve_customers (godwit_cluster_t *cluster, godwit_client_t *client, shop_t *shop)
{
    godwit_error_t *error = NULL;
    must (godwit_cluster_set_faults (cluster, NULL, NULL,
                                     GODWIT_FAULTS (.drop = 0.02, .duplicate = 0.1, .delay_max_us = 5000),
                                     &error),
          &error);
    for (int i = 0; i < TICKETS + TICKETS / 2; i++) {
        if (i == 50 || i == 150)
            godwit_cluster_cut (cluster, NULL, "box-1", i == 50);
        if (godwit_client_call_async (client, NULL, "sell", GODWIT_NO_ARGS, on_sold, shop, NULL) == GODWIT_OK)
            shop->asked++;
        godwit_cluster_run (cluster, (int64_t) godwit_cluster_random (cluster, 20));
    }
    godwit_cluster_run (cluster, 10000); /* every call has ended by then */
}

/* True if the books are right: what was sold has left a box, and what has left a box was sold, or is unclear.
 */
static int
test_one (uint64_t seed, shop_t *all)
{
    godwit_error_t *error = NULL;
    godwit_cluster_t *cluster = NULL;
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    box_t boxes[BOXES];
    shop_t shop = {0, 0, 0, 0};
    must (godwit_cluster_new (&cluster, seed, &error), &error);
    open_box (&boxes[0], cluster, "box-0");
    open_box (&boxes[1], cluster, "box-1");
    must (godwit_cluster_add (&transport, cluster, "shop", NULL, &error), &error);
    must (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "tickets"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 3000), &error),
          &error);
    serve_customers (cluster, client, &shop);
    const int64_t gone = TICKETS - boxes[0].left - boxes[1].left;
    const int right = shop.sold <= gone && gone <= shop.sold + shop.unclear &&
                      shop.asked == shop.sold + shop.refused + shop.unclear;
    if (!right)
        printf ("seed %llu: %lld tickets are gone, %d sold, %d unclear\n", (unsigned long long) seed,
                (long long) gone, shop.sold, shop.unclear);
    all->asked += shop.asked;
    all->sold += shop.sold;
    all->refused += shop.refused;
    all->unclear += shop.unclear;
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    for (int i = 0; i < BOXES; i++) {
        godwit_server_destroy (&boxes[i].server);
        godwit_transport_destroy (&boxes[i].transport);
    }
    godwit_cluster_destroy (&cluster);
    return right;
}

int
main (int argc, char **argv)
{
    const int seeds = argc > 1 ? atoi (argv[1]) : 100;
    shop_t all = {0, 0, 0, 0};
    int wrong = 0;
    for (int seed = 1; seed <= seeds; seed++)
        wrong += !test_one ((uint64_t) seed, &all);
    printf ("%d clusters: %d customers, %d sold, %d refused, %d unclear\n", seeds, all.asked, all.sold,
            all.refused, all.unclear);
    printf ("wrong books: %d\n", wrong);
    return wrong > 0;
}
