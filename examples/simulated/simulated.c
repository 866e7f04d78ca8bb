/* SPDX-License-Identifier: Apache-2.0 */
/* Testing a service of one's own against a bad network, without a network and without waiting: a shop sells
 * tickets, two boxes hold them, and whatever happens on the way, to the boxes and to the shop's network, no
 * ticket may be sold twice and no payment be taken for nothing.
 *
 *     simulated [SEEDS]           that many clusters; a seed in which something is wrong is printed
 *     simulated trace SEED        one of them again, with everything that happens
 *
 * To test a service of your own: put it where "the service under test" is, keep count on both sides, and say
 * in `is_right` what must hold whatever happens.
 */
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICKETS 200
#define BOXES 2
#define CUSTOMERS 300

typedef struct box {
    int64_t left; /* tickets that it has to sell: on its disk, so to say, which outlives it */
    const char *name;
    godwit_transport_t *transport; /* NULL while it is down */
    godwit_server_t *server;
} box_t;

/* What the shop's customers were told. */
typedef struct shop {
    int sold;    /* here is your ticket */
    int refused; /* there is none left, or nothing happened: nothing is paid */
    int unclear; /* nobody can know: the payment is held until somebody looks */
    int asked;
    bool is_open_again; /* after all faults somebody could buy */
} shop_t;

/* A cluster with all that is on it. */
typedef struct town {
    godwit_cluster_t *cluster;
    box_t boxes[BOXES];
    shop_t shop;
    godwit_transport_t *transport; /* the shop's */
    godwit_client_t *client;
} town_t;

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

/* ---- the test: nodes ---- */

static void
open_box (town_t *town, box_t *box)
{
    godwit_error_t *error = NULL;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = box);
    must (godwit_cluster_add (&box->transport, town->cluster, box->name, NULL, &error), &error);
    must (godwit_server_new (&box->server, box->transport,
                             GODWIT_TARGET (.topic = "tickets", .server = box->name), &endpoint, 1, NULL,
                             &error),
          &error);
    must (godwit_server_start (box->server, NULL, &error), &error);
}

/* By hand (a drain), or because the node was killed: then there is nothing left to say goodbye to. */
static void
close_box (box_t *box)
{
    godwit_server_destroy (&box->server);
    godwit_transport_destroy (&box->transport);
}

static void
open_shop (town_t *town)
{
    godwit_error_t *error = NULL;
    must (godwit_cluster_add (&town->transport, town->cluster, "shop", NULL, &error), &error);
    must (godwit_client_new (&town->client, town->transport, GODWIT_TARGET (.topic = "tickets"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 3000), &error),
          &error);
}

/* ---- the test: faults ---- */

static void
on_fault (void *user, godwit_fault_t fault, const char *node, bool over)
{
    town_t *town = user;
    if (fault != GODWIT_FAULT_KILL && fault != GODWIT_FAULT_POWER && fault != GODWIT_FAULT_RESTART)
        return; /* the cluster does all of it */
    for (int i = 0; i < BOXES; i++) {
        if (strcmp (town->boxes[i].name, node) != 0)
            continue;
        if (over)
            open_box (town, &town->boxes[i]);
        else
            close_box (&town->boxes[i]);
    }
}

/* Twelve faults of any kind within fifteen seconds; the boxes are what is killed and cut off. */
static void
begin_faults (town_t *town)
{
    godwit_error_t *error = NULL;
    const char *names[BOXES];
    for (int i = 0; i < BOXES; i++)
        names[i] = town->boxes[i].name;
    must (godwit_cluster_begin_plan (
              town->cluster,
              GODWIT_CLUSTER_PLAN (.fault_count = 12, .duration_ms = 15000, .longest_ms = 3000,
                                   .nodes = names, .node_count = BOXES, .on_fault = on_fault, .user = town),
              &error),
          &error);
}

/* ---- the test: work, and what must hold ---- */

static void
serve_customers (town_t *town)
{
    for (int i = 0; i < CUSTOMERS; i++) {
        if (godwit_client_call_async (town->client, NULL, "sell", GODWIT_NO_ARGS, on_sold, &town->shop,
                                      NULL) == GODWIT_OK)
            town->shop.asked++;
        godwit_cluster_run (town->cluster, (int64_t) godwit_cluster_random (town->cluster, 100));
    }
    godwit_cluster_run (town->cluster, 10000); /* every call has ended by then, and every fault */
    godwit_cluster_heal (town->cluster);
}

/* One more customer, who gets a ticket, or is told that there is none. */
static void
try_again (town_t *town)
{
    godwit_error_t *error = NULL;
    godwit_status_t status = godwit_client_call (town->client, NULL, "sell", GODWIT_NO_ARGS, NULL, &error);
    town->shop.asked++;
    on_sold (&town->shop, status, NULL, error);
    town->shop.is_open_again = status == GODWIT_OK || godwit_error_outcome (error) == GODWIT_OUTCOME_RAN;
    godwit_error_destroy (&error);
}

/* What was sold has left a box, and what has left a box was sold, or is unclear; every customer was told. */
static bool
is_right (const town_t *town)
{
    const shop_t *shop = &town->shop;
    int64_t gone = TICKETS;
    for (int i = 0; i < BOXES; i++)
        gone -= town->boxes[i].left;
    return shop->sold <= gone && gone <= shop->sold + shop->unclear &&
           shop->asked == shop->sold + shop->refused + shop->unclear && shop->is_open_again;
}

static void
show (void *user, int64_t now_us, const char *line)
{
    fprintf (user, "%10.3f ms  %s\n", (double) now_us / 1000, line);
}

static bool
test_one (uint64_t seed, bool trace, shop_t *all)
{
    static const char *const names[BOXES] = {"box-0", "box-1"};
    godwit_error_t *error = NULL;
    town_t town = {.cluster = NULL};
    must (godwit_cluster_new (&town.cluster, seed, &error), &error);
    if (trace)
        godwit_cluster_set_trace (town.cluster, show, stdout);
    for (int i = 0; i < BOXES; i++) {
        town.boxes[i].name = names[i];
        town.boxes[i].left = TICKETS / BOXES;
        open_box (&town, &town.boxes[i]);
    }
    open_shop (&town);
    begin_faults (&town);
    serve_customers (&town);
    try_again (&town);
    const bool right = is_right (&town);
    const shop_t *shop = &town.shop;
    if (!right)
        printf ("wrong: %d sold, %d refused, %d unclear, see: simulated trace %llu\n", shop->sold,
                shop->refused, shop->unclear, (unsigned long long) seed);
    all->asked += shop->asked;
    all->sold += shop->sold;
    all->refused += shop->refused;
    all->unclear += shop->unclear;
    godwit_client_destroy (&town.client);
    godwit_transport_destroy (&town.transport);
    for (int i = 0; i < BOXES; i++)
        close_box (&town.boxes[i]);
    godwit_cluster_destroy (&town.cluster);
    return right;
}

int
main (int argc, char **argv)
{
    shop_t all = {0, 0, 0, 0, false};
    if (argc > 2 && strcmp (argv[1], "trace") == 0)
        return !test_one (strtoull (argv[2], NULL, 10), true, &all);
    const int seeds = argc > 1 ? atoi (argv[1]) : 100;
    int wrong = 0;
    for (int seed = 1; seed <= seeds; seed++)
        wrong += !test_one ((uint64_t) seed, false, &all);
    printf ("%d clusters: %d customers, %d sold, %d refused, %d unclear\n", seeds, all.asked, all.sold,
            all.refused, all.unclear);
    printf ("wrong books: %d\n", wrong);
    return wrong > 0;
}
