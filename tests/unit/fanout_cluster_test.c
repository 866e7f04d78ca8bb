/* SPDX-License-Identifier: Apache-2.0 */
/* Fanouts and fanout calls on a simulated cluster: who is cut off, killed or started in the middle of one. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "tests/support/must.h"

#include <string.h>

#define SERVER_COUNT 4
#define TIMEOUT_MS 20000

typedef struct service {
    const char *name;
    unsigned runs;
    bool keeps; /* what it is called for is not replied to */
    godwit_request_t *kept;
    godwit_transport_t *transport;
    godwit_server_t *server;
} service_t;

#define OTHER_COUNT 3

/* Rendezvous points are on the first three nodes, the others. */
typedef struct world {
    godwit_cluster_t *cluster;
    godwit_transport_t *others[OTHER_COUNT];
    godwit_transport_t *calling; /* node "client" */
    godwit_client_t *client;
    godwit_client_t *nobody; /* of strike_after */
    service_t services[SERVER_COUNT];
} world_t;

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    service_t *service = self;
    service->runs++;
    if (!service->keeps)
        return godwit_request_reply (request, GODWIT_STR (NULL, service->name));
    godwit_request_destroy (&service->kept);
    service->kept = godwit_request_keep (request);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0)};

static void
service_open (world_t *world, service_t *service)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = service);
    MUST (godwit_cluster_add (&service->transport, world->cluster, service->name, NULL, &error));
    MUST (godwit_server_new (&service->server, service->transport,
                             GODWIT_TARGET (.topic = "work", .server = service->name), &endpoint, 1, NULL,
                             &error));
    MUST (godwit_server_start (service->server, NULL, &error));
}

static void
service_close (service_t *service)
{
    godwit_request_destroy (&service->kept);
    godwit_server_destroy (&service->server);
    godwit_transport_destroy (&service->transport);
}

static const char *const others[OTHER_COUNT] = {"other-1", "other-2", "other-3"};

static void
world_open_seeded (world_t *world, size_t started, uint64_t seed)
{
    static const char *const names[SERVER_COUNT] = {"a", "b", "c", "d"};
    *world = (world_t){.cluster = NULL};
    MUST (godwit_cluster_new (&world->cluster, seed, &error));
    for (size_t i = 0; i < OTHER_COUNT; i++)
        MUST (godwit_cluster_add (&world->others[i], world->cluster, others[i], NULL, &error));
    MUST (godwit_cluster_add (&world->calling, world->cluster, "client", NULL, &error));
    for (size_t i = 0; i < SERVER_COUNT; i++) {
        world->services[i].name = names[i];
        if (i < started)
            service_open (world, &world->services[i]);
    }
    MUST (godwit_client_new (&world->client, world->calling, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = TIMEOUT_MS), &error));
    MUST (godwit_client_wait_servers (world->client, started, TIMEOUT_MS, &error));
}

static void
world_open (world_t *world, size_t started)
{
    world_open_seeded (world, started, 7);
}

static void
world_close (world_t *world)
{
    godwit_client_destroy (&world->nobody);
    godwit_client_destroy (&world->client);
    for (size_t i = 0; i < SERVER_COUNT; i++)
        service_close (&world->services[i]);
    godwit_transport_destroy (&world->calling);
    for (size_t i = 0; i < OTHER_COUNT; i++)
        godwit_transport_destroy (&world->others[i]);
    godwit_cluster_destroy (&world->cluster);
}

static void
cut (world_t *world, const char *server, bool is_cut)
{
    godwit_cluster_cut (world->cluster, "client", server, is_cut);
    godwit_cluster_cut (world->cluster, server, "client", is_cut);
}

static godwit_fanout_report_t
publish (world_t *world)
{
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (world->client, NULL, "work", GODWIT_NO_ARGS, &report, &error));
    return report;
}

static uint64_t
gaps_of (const service_t *service)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (service->transport, &stats, sizeof stats);
    return stats.fanout_gaps;
}

static const godwit_fanout_row_t *
row_of (const godwit_fanout_result_t *result, const char *server)
{
    for (size_t i = 0; i < godwit_fanout_result_count (result); i++)
        if (strcmp (godwit_fanout_result_row (result, i)->server, server) == 0)
            return godwit_fanout_result_row (result, i);
    cr_assert_fail ("%s has no row", server);
    return NULL;
}

static void
expect_row (const godwit_fanout_result_t *result, const char *server, godwit_fanout_state_t state,
            godwit_outcome_t outcome)
{
    const godwit_fanout_row_t *row = row_of (result, server);
    cr_assert (row->state == state && godwit_error_outcome (row->error) == outcome,
               "%s: expected %s, got %s: %s", server, godwit_fanout_state_name (state),
               godwit_fanout_state_name (row->state), row->error ? godwit_error_print (row->error) : "");
}

/* ---- fanout calls ---- */

/* One that cannot be connected to does not keep the others waiting for the whole time. */
Test (fanout_cluster, who_cannot_be_reached_is_told)
{
    world_t world;
    godwit_fanout_result_t *result = NULL;
    world_open (&world, 3);
    cut (&world, "b", true);
    godwit_cluster_run (world.cluster, 5000); /* the connection is found dead */
    const int64_t before = godwit_cluster_now_ms (world.cluster);
    MUST (godwit_client_fanout_call (world.client, NULL, "work", GODWIT_NO_ARGS, &result, &error));
    const int64_t took = godwit_cluster_now_ms (world.cluster) - before;
    cr_assert_lt (took, TIMEOUT_MS / 2);
    cr_assert_eq (godwit_fanout_result_count (result), 3u);
    expect_row (result, "a", GODWIT_FANOUT_REPLIED, GODWIT_OUTCOME_NONE);
    expect_row (result, "b", GODWIT_FANOUT_UNREACHABLE, GODWIT_OUTCOME_NOT_SENT);
    expect_row (result, "c", GODWIT_FANOUT_REPLIED, GODWIT_OUTCOME_NONE);
    cr_assert_lt (row_of (result, "a")->took_us, 100000);
    cr_assert_geq (row_of (result, "b")->took_us, 1000000);
    cr_assert_eq (world.services[1].runs, 0u);
    godwit_fanout_result_destroy (&result);
    /* And is called again when it can be. */
    cut (&world, "b", false);
    godwit_cluster_run (world.cluster, 2000);
    MUST (godwit_client_fanout_call (world.client, NULL, "work", GODWIT_NO_ARGS, &result, &error));
    expect_row (result, "b", GODWIT_FANOUT_REPLIED, GODWIT_OUTCOME_NONE);
    godwit_fanout_result_destroy (&result);
    world_close (&world);
}

Test (fanout_cluster, who_does_not_answer_is_told)
{
    world_t world;
    godwit_fanout_result_t *result = NULL;
    world_open (&world, 3);
    world.services[2].keeps = true;
    const int64_t before = godwit_cluster_now_ms (world.cluster);
    MUST (godwit_client_fanout_call (world.client, NULL, "work", GODWIT_NO_ARGS, &result, &error));
    const int64_t took = godwit_cluster_now_ms (world.cluster) - before;
    cr_assert (took >= TIMEOUT_MS && took <= TIMEOUT_MS + 100, "%lld ms", (long long) took);
    expect_row (result, "a", GODWIT_FANOUT_REPLIED, GODWIT_OUTCOME_NONE);
    expect_row (result, "b", GODWIT_FANOUT_REPLIED, GODWIT_OUTCOME_NONE);
    expect_row (result, "c", GODWIT_FANOUT_TIMED_OUT, GODWIT_OUTCOME_MAYBE_RUN);
    godwit_fanout_result_destroy (&result);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq (world.services[i].runs, 1u);
    world_close (&world);
}

typedef struct blow {
    world_t *world;
    void (*strike) (world_t *world);
    unsigned struck;
} blow_t;

static void
on_time (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    blow_t *blow = user;
    (void) status;
    (void) result;
    (void) error;
    blow->struck++;
    blow->strike (blow->world);
}

/* In the middle of what the client waits for: the end of a call to nobody, after that time. */
static void
strike_after (blow_t *blow, world_t *world, int64_t ms, void strike (world_t *world))
{
    godwit_client_t *nobody = NULL;
    *blow = (blow_t){.world = world, .strike = strike};
    MUST (godwit_client_prepare (&nobody, world->client,
                                 GODWIT_OVERRIDES (.topic = "nobody", .timeout_ms = ms), &error));
    MUST (godwit_client_call_async (nobody, NULL, "work", GODWIT_NO_ARGS, on_time, blow, &error));
    world->nobody = nobody; /* destroyed here, it would end its call at once */
}

static void
cut_c (world_t *world)
{
    cut (world, "c", true);
}

/* It has begun, and is lost: nobody can know, and nobody waits for longer than it takes to notice. */
Test (fanout_cluster, who_is_lost_on_the_way_is_told)
{
    world_t world;
    blow_t blow;
    godwit_fanout_result_t *result = NULL;
    world_open (&world, 3);
    world.services[2].keeps = true;
    strike_after (&blow, &world, 500, cut_c);
    const int64_t before = godwit_cluster_now_ms (world.cluster);
    MUST (godwit_client_fanout_call (world.client, NULL, "work", GODWIT_NO_ARGS, &result, &error));
    cr_assert_lt (godwit_cluster_now_ms (world.cluster) - before, 5000);
    cr_assert_eq (blow.struck, 1u);
    expect_row (result, "a", GODWIT_FANOUT_REPLIED, GODWIT_OUTCOME_NONE);
    expect_row (result, "c", GODWIT_FANOUT_TIMED_OUT, GODWIT_OUTCOME_MAYBE_RUN);
    cr_assert_eq (world.services[2].runs, 1u);
    godwit_fanout_result_destroy (&result);
    world_close (&world);
}

/* Nobody tells that it was withdrawn; but it has said GOODBYE. */
Test (fanout_cluster, who_drains_is_none_of_them)
{
    world_t world;
    godwit_fanout_result_t *result = NULL;
    world_open (&world, 3);
    const godwit_fanout_report_t before = publish (&world);
    for (size_t i = 0; i < OTHER_COUNT; i++)
        godwit_cluster_cut (world.cluster, others[i], "client", true);
    MUST (godwit_server_stop (world.services[2].server, NULL, &error));
    godwit_cluster_run (world.cluster, 100);
    const unsigned ran = world.services[2].runs;
    const godwit_fanout_report_t report = publish (&world);
    cr_assert (report.reached == 2 && report.missing == 0, "%u, %u", report.reached, report.missing);
    cr_assert_gt (report.epoch, before.epoch);
    MUST (godwit_client_fanout_call (world.client, NULL, "work", GODWIT_NO_ARGS, &result, &error));
    cr_assert_eq (godwit_fanout_result_count (result), 2u);
    cr_assert_eq (godwit_fanout_result_epoch (result), report.epoch);
    godwit_fanout_result_destroy (&result);
    godwit_cluster_run (world.cluster, 100);
    cr_assert_eq (world.services[2].runs, ran);
    world_close (&world);
}

/* ---- fanouts ---- */

static void
start_d (world_t *world)
{
    service_open (world, &world->services[3]);
}

/* It waits for one that it cannot connect to; meanwhile another one comes, which gets it, too. */
Test (fanout_cluster, who_joins_while_it_gathers_gets_it)
{
    world_t world;
    blow_t blow;
    world_open (&world, 2);
    const godwit_fanout_report_t first = publish (&world);
    cr_assert (first.reached == 2 && first.missing == 0);
    godwit_cluster_run (world.cluster, 100);
    cut (&world, "b", true);
    godwit_cluster_run (world.cluster, 5000);
    strike_after (&blow, &world, 300, start_d);
    const godwit_fanout_report_t report = publish (&world);
    cr_assert_eq (blow.struck, 1u, "it was over before");
    cr_assert (report.reached == 2 && report.missing == 1, "%u, %u", report.reached, report.missing);
    cr_assert_gt (report.epoch, first.epoch);
    godwit_cluster_run (world.cluster, 1000);
    cr_assert_eq (world.services[0].runs, 2u);
    cr_assert_eq (world.services[1].runs, 1u);
    cr_assert_eq (world.services[3].runs, 1u);
    world_close (&world);
}

static void
expect_reached_without (world_t *world, bool silent, int64_t notice_ms)
{
    godwit_cluster_kill (world->cluster, "c", silent);
    godwit_cluster_run (world->cluster, notice_ms);
    for (unsigned i = 1; i <= 5; i++) {
        const godwit_fanout_report_t report = publish (world);
        cr_assert_eq (report.reached, 2u, "%u, %u", report.reached, report.missing);
        cr_assert_leq (report.missing, 1u);
        godwit_cluster_run (world->cluster, 100);
        cr_assert (world->services[0].runs == 1 + i && world->services[1].runs == 1 + i);
    }
}

Test (fanout_cluster, who_was_killed_is_not_counted)
{
    for (int silent = 0; silent < 2; silent++) {
        world_t world;
        world_open (&world, 3);
        cr_assert_eq (publish (&world).reached, 3u);
        godwit_cluster_run (world.cluster, 100);
        expect_reached_without (&world, silent, silent ? 3000 : 5);
        /* Another process of its name. */
        service_close (&world.services[2]);
        service_open (&world, &world.services[2]);
        const unsigned ran = world.services[2].runs;
        MUST (godwit_client_wait_servers (world.client, 3, TIMEOUT_MS, &error));
        const godwit_fanout_report_t report = publish (&world);
        cr_assert_eq (report.reached, 3u, "%u, %u", report.reached, report.missing);
        godwit_cluster_run (world.cluster, 100);
        cr_assert_eq (world.services[2].runs, ran + 1);
        world_close (&world);
    }
}

static bool
is_known_dead (void *user)
{
    const world_t *world = user;
    godwit_value_t *list = NULL;
    size_t connected = 0;
    MUST (godwit_client_servers (world->client, &list, &error));
    for (size_t i = 0; i < godwit_value_count (list); i++)
        connected += godwit_value_as_bool (godwit_value_get (godwit_value_at (list, i), "connected"), false);
    godwit_value_unref (&list);
    return connected < 3;
}

/* The end of the connection and that of the subscription take ways of their own: the first one counts. */
Test (fanout_cluster, who_is_known_to_be_dead_is_not_counted)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        world_t world;
        world_open_seeded (&world, 3, seed);
        MUST (godwit_cluster_set_faults (world.cluster, NULL, NULL,
                                         GODWIT_FAULTS (.delay_min_us = 100, .delay_max_us = 40000), &error));
        cr_assert_eq (publish (&world).reached, 3u);
        godwit_cluster_kill (world.cluster, "c", false);
        cr_assert (godwit_cluster_run_until (world.cluster, is_known_dead, &world, 1000));
        const godwit_fanout_report_t report = publish (&world);
        cr_assert_eq (report.reached, 2u, "seed %llu: %u, %u", (unsigned long long) seed, report.reached,
                      report.missing);
        world_close (&world);
    }
}

/* Counted as reached while nobody could know; then the connection is lost, and nothing follows. */
Test (fanout_cluster, the_last_ones_that_are_lost_are_counted)
{
    enum { LOST = 5 };
    world_t world;
    world_open (&world, 2);
    for (int i = 0; i < 3; i++)
        cr_assert_eq (publish (&world).reached, 2u);
    godwit_cluster_run (world.cluster, 100);
    cut (&world, "b", true);
    for (int i = 0; i < LOST; i++)
        cr_assert_eq (publish (&world).reached, 2u, "it is not known yet");
    godwit_cluster_run (world.cluster, 10000);
    cr_assert_eq (gaps_of (&world.services[1]), 0u);
    cut (&world, "b", false);
    godwit_cluster_run (world.cluster, 5000);
    cr_assert_eq (world.services[0].runs, 3u + LOST);
    cr_assert_eq (world.services[1].runs, 3u);
    cr_assert_eq (gaps_of (&world.services[0]), 0u);
    cr_assert_eq (gaps_of (&world.services[1]), (uint64_t) LOST);
    /* Once. */
    cr_assert_eq (publish (&world).reached, 2u);
    godwit_cluster_run (world.cluster, 5000);
    cr_assert_eq (world.services[1].runs, 4u);
    cr_assert_eq (gaps_of (&world.services[1]), (uint64_t) LOST);
    world_close (&world);
}
