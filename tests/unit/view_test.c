/* SPDX-License-Identifier: Apache-2.0 */
/* What a transport tells of the servers that it knows (godwit_transport_servers). On a simulated cluster. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "tests/support/must.h"

#define ROUND_MS 20000

static godwit_cluster_t *cluster;
static godwit_transport_t *serving, *looking;
static godwit_server_t *server;

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static void
open_cluster (void)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", nothing, 0)};
    const godwit_endpoint_t endpoints[] = {
        GODWIT_ENDPOINT (methods, .version = "1.3"),
        GODWIT_ENDPOINT (methods, .name_space = "billing", .version = "2.0.7"),
    };
    MUST (godwit_cluster_new (&cluster, 7, &error));
    MUST (godwit_cluster_add (&serving, cluster, "server", NULL, &error));
    MUST (godwit_cluster_add (&looking, cluster, "looker", NULL, &error));
    MUST (godwit_server_new (&server, serving,
                             GODWIT_TARGET (.exchange = "shop", .topic = "stock", .server = "one"), endpoints,
                             2, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    godwit_cluster_run (cluster, ROUND_MS);
}

static void
close_cluster (void)
{
    godwit_server_destroy (&server);
    godwit_transport_destroy (&looking);
    godwit_transport_destroy (&serving);
    godwit_cluster_destroy (&cluster);
}

TestSuite (view, .init = open_cluster, .fini = close_cluster, .timeout = 60);

static const char *
text_of (const godwit_value_t *map, const char *key)
{
    return godwit_value_as_str (godwit_value_get (map, key), "");
}

static void
expect_serves (const godwit_value_t *row)
{
    const godwit_value_t *const serves = godwit_value_get (row, "serves");
    cr_assert_eq (godwit_value_count (serves), 2u);
    cr_assert_eq (godwit_value_type (godwit_value_get (godwit_value_at (serves, 0), "namespace")),
                  GODWIT_TYPE_NIL);
    cr_assert_str_eq (text_of (godwit_value_at (serves, 0), "version"), "1.3");
    cr_assert_str_eq (text_of (godwit_value_at (serves, 1), "namespace"), "billing");
    cr_assert_str_eq (text_of (godwit_value_at (serves, 1), "version"), "2.0.7");
}

static const godwit_value_t *
only_row (godwit_transport_t *transport, godwit_value_t **servers)
{
    MUST (godwit_transport_servers (transport, servers, &error));
    cr_assert_eq (godwit_value_type (*servers), GODWIT_TYPE_LIST);
    cr_assert_eq (godwit_value_count (*servers), 1u);
    return godwit_value_at (*servers, 0);
}

Test (view, tells_all_of_a_server)
{
    godwit_value_t *servers = NULL;
    const godwit_value_t *const row = only_row (looking, &servers);
    cr_assert_str_eq (text_of (row, "exchange"), "shop");
    cr_assert_str_eq (text_of (row, "topic"), "stock");
    cr_assert_str_eq (text_of (row, "server"), "one");
    cr_assert_str_eq (text_of (row, "state"), "up");
    cr_assert_eq (strlen (text_of (row, "instance")), 32u);
    cr_assert (godwit_value_count (godwit_value_get (row, "addresses")) > 0);
    cr_assert_gt (strlen (text_of (row, "path")), 0u);
    cr_assert_not (godwit_value_as_bool (godwit_value_get (row, "own"), true));
    cr_assert_not (godwit_value_as_bool (godwit_value_get (row, "connected"), true));
    cr_assert_gt (godwit_value_as_int (godwit_value_get (row, "since"), 0), INT64_C (1600000000000000000));
    cr_assert_eq (godwit_value_type (godwit_value_get (row, "incarnation")), GODWIT_TYPE_INT);
    cr_assert_str_neq (text_of (row, "source"), "local");
    expect_serves (row);
    godwit_value_unref (&servers);
}

Test (view, tells_what_is_its_own)
{
    godwit_value_t *servers = NULL;
    const godwit_value_t *const row = only_row (serving, &servers);
    cr_assert (godwit_value_as_bool (godwit_value_get (row, "own"), false));
    cr_assert_str_eq (text_of (row, "source"), "local");
    godwit_value_unref (&servers);
}

Test (view, a_server_that_stops_leaves)
{
    godwit_value_t *servers = NULL;
    MUST (godwit_server_stop (server, NULL, &error));
    godwit_cluster_run (cluster, ROUND_MS);
    MUST (godwit_transport_servers (looking, &servers, &error));
    cr_assert_eq (godwit_value_count (servers), 0u);
    godwit_value_unref (&servers);
}
