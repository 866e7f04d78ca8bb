/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher, when the way of publications ends and that of calls does not: the test ends it from inside.
 */
#include "src/client/publisher.h"
#include "src/runtime/control.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_LIMIT_MS 20000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned counts[2];

static godwit_status_t
count (godwit_request_t *request, void *self)
{
    (void) request;
    pthread_mutex_lock (&lock);
    ++*(unsigned *) self;
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
    return GODWIT_OK;
}

static void
wait_count (unsigned i, unsigned least)
{
    struct timespec end;
    clock_gettime (CLOCK_REALTIME, &end);
    end.tv_sec += WAIT_LIMIT_MS / 1000;
    int late = 0;
    pthread_mutex_lock (&lock);
    while (counts[i] < least && !late)
        late = pthread_cond_timedwait (&changed, &lock, &end);
    cr_assert_eq (counts[i], least, "server %u: %u", i, counts[i]);
    pthread_mutex_unlock (&lock);
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("count", count, 0)};

typedef struct world {
    godwit_transport_t *serving[2];
    godwit_server_t *servers[2];
    godwit_transport_t *calling;
    godwit_client_t *client;
    char address[GODWIT__ADDRESS_SIZE]; /* where the second one takes publications */
} world_t;

static void
world_open (world_t *world, const char *url)
{
    memset (world, 0, sizeof *world);
    for (size_t i = 0; i < 2; i++) {
        const char *const names[] = {"one", "two"};
        const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = &counts[i]);
        MUST (godwit_transport_new (&world->serving[i], url, NULL, &error));
        MUST (godwit_server_new (&world->servers[i], world->serving[i],
                                 GODWIT_TARGET (.topic = "work", .server = names[i]), &endpoint, 1, NULL,
                                 &error));
        MUST (godwit_server_start (world->servers[i], NULL, &error));
    }
    MUST (godwit_transport_new (&world->calling, url, NULL, &error));
    MUST (godwit_client_new (&world->client, world->calling, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    MUST (godwit_client_wait_servers (world->client, 2, WAIT_LIMIT_MS, &error));
}

static void
world_close (world_t *world)
{
    godwit_client_destroy (&world->client);
    godwit_transport_destroy (&world->calling);
    for (size_t i = 0; i < 2; i++) {
        godwit_server_destroy (&world->servers[i]);
        godwit_transport_destroy (&world->serving[i]);
    }
}

static godwit_fanout_report_t
publish (godwit_client_t *client)
{
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    return report;
}

/* ---- on the control thread ---- */

static void
end_the_way (void *user)
{
    world_t *world = user;
    godwit_transport_t *transport = world->calling;
    pthread_mutex_lock (&transport->lock);
    const godwit__group_t *group = GODWIT__GROUPS_FIRST (transport->directory);
    while (group && strcmp (group->topic, "work") != 0)
        group = GODWIT__GROUPS_NEXT (transport->directory, group);
    cr_assert_not_null (group);
    for (size_t i = 0; i < group->count; i++)
        if (strcmp (group->members[i]->record->server, "two") == 0)
            strcpy (world->address, group->members[i]->record->fanout_address);
    godwit__transport_unlock (transport);
    const godwit__subscriber_t *const subscriber =
        godwit__publisher_subscriber (transport->publisher, world->address);
    if (subscriber)
        transport->drivers[subscriber->channel]->ops->publisher_disconnect (
            transport->publisher->channels[subscriber->channel], world->address);
}

static void
begin_it_again (void *user)
{
    world_t *world = user;
    godwit_transport_t *transport = world->calling;
    const godwit__subscriber_t *const subscriber =
        godwit__publisher_subscriber (transport->publisher, world->address);
    if (subscriber)
        cr_assert_eq (transport->drivers[subscriber->channel]->ops->publisher_connect (
                          transport->publisher->channels[subscriber->channel], world->address, NULL),
                      GODWIT_OK);
}

/* ---- the tests ---- */

static void
lose_and_come_back (const char *driver)
{
    char url[64];
    world_t world;
    godwit_transport_stats_t stats;
    godwit_client_t *brief = NULL;
    snprintf (url, sizeof url, "%s:///publisher-%d", driver, (int) getpid ());
    if (!strcmp (driver, "inproc"))
        snprintf (url, sizeof url, "inproc://publisher-%d/", (int) getpid ());
    counts[0] = counts[1] = 0;
    world_open (&world, url);
    cr_assert_eq (publish (world.client).reached, 2u);
    cr_assert_eq (publish (world.client).reached, 2u);
    wait_count (1, 2);
    cr_assert (godwit__control_run (world.calling, end_the_way, &world));
    /* Calls still reach it; but it is not subscribed, and does not come back in time. */
    MUST (godwit_client_prepare (&brief, world.client, GODWIT_OVERRIDES (.timeout_ms = 300), &error));
    const int64_t end = (int64_t) time (NULL) + WAIT_LIMIT_MS / 1000;
    unsigned all = 2, lost = 0;
    for (godwit_fanout_report_t report = GODWIT_FANOUT_REPORT; !report.missing; all++) {
        cr_assert_lt ((int64_t) time (NULL), end);
        report = publish (brief); /* the news of it may take a moment */
        cr_assert_eq (report.reached + report.missing, 2u);
        wait_count (0, all + 1); /* faster, its queue would be full, and it would lose some */
        lost++;
    }
    wait_count (0, all);
    cr_assert (godwit__control_run (world.calling, begin_it_again, &world));
    const godwit_fanout_report_t report = publish (world.client);
    cr_assert (report.reached == 2 && report.missing == 0, "%u, %u", report.reached, report.missing);
    wait_count (0, all + 1);
    wait_count (1, 3);
    /* What it did not get is known by the numbers. */
    godwit_transport_stats (world.serving[1], &stats, sizeof stats);
    cr_assert_eq (stats.fanout_gaps, (uint64_t) lost);
    godwit_transport_stats (world.serving[0], &stats, sizeof stats);
    cr_assert_eq (stats.fanout_gaps, 0u);
    godwit_client_destroy (&brief);
    world_close (&world);
}

Test (publisher, counts_nobody_whose_subscription_has_ended_zmq, .timeout = 60)
{
    lose_and_come_back ("zmq");
}

Test (publisher, counts_nobody_whose_subscription_has_ended_inproc, .timeout = 60)
{
    lose_and_come_back ("inproc");
}
