/* SPDX-License-Identifier: Apache-2.0 */
/* The right to publish fanouts: told to the program at once, and checked at the port for those who publish
 * all the same. And what is published goes only to those who may serve the topic. */
#include "src/client/publisher.h"
#include "src/server/pool.h"
#include "tests/support/must.h"
#include "tests/support/rogue.h"

#include <string.h>

static unsigned runs;
static char peer[64];

static godwit_status_t
count_run (godwit_request_t *request, void *self)
{
    (void) self;
    runs++;
    strncpy (peer, godwit_request_peer (request), sizeof peer - 1);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("told", count_run, 0),
    GODWIT_METHOD ("cancelled", count_run, 0),
};

/* One node listens to news, another one may do this. */
typedef struct scene {
    rights_world_t *world;
    rights_node_t *reader, *press;
    godwit_client_t *client;
} scene_t;

static void
scene_open (scene_t *scene, const char *rights)
{
    runs = 0;
    scene->world = rights_world_open ();
    scene->reader = rights_node (scene->world, "reader", "serve godwit/news");
    rights_serve (scene->reader, "news", methods, 2, NULL);
    scene->press = rights_node (scene->world, "press", rights);
    scene->client = rights_client (scene->press, "news");
    MUST (godwit_client_wait_servers (scene->client, 1, 10000, &error));
}

static void
scene_close (scene_t *scene)
{
    godwit_client_destroy (&scene->client);
    rights_world_close (&scene->world);
}

static godwit_status_t
publish (scene_t *scene, const char *method, godwit_fanout_report_t *report, godwit_error_t **error)
{
    const godwit_status_t status =
        godwit_client_fanout (scene->client, NULL, method, GODWIT_NO_ARGS, report, error);
    godwit_cluster_run (scene->world->cluster, 100);
    return status;
}

static uint64_t
gaps (const rights_node_t *node)
{
    return atomic_load (&node->transport->counters.fanout_gaps);
}

Test (rights_publish, what_is_allowed_is_delivered)
{
    scene_t scene;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    scene_open (&scene, "publish godwit/news");
    MUST (publish (&scene, "told", &report, &error));
    cr_assert_eq (report.reached, 1u);
    cr_assert_eq (runs, 1u);
    cr_assert_str_eq (peer, "press");
    scene_close (&scene);
}

Test (rights_publish, the_program_hears_that_it_may_not)
{
    scene_t scene;
    godwit_error_t *denied = NULL;
    scene_open (&scene, "publish godwit/news/told, call */*, serve */*");
    MUST (publish (&scene, "told", NULL, &error));
    cr_assert_eq (publish (&scene, "cancelled", NULL, &denied), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert_eq (godwit_error_outcome (denied), GODWIT_OUTCOME_NOT_SENT);
    cr_assert (strstr (godwit_error_message (denied), "\"press\" may not publish godwit/news/cancelled"),
               "%s", godwit_error_message (denied));
    cr_assert_eq (runs, 1u);
    cr_assert_eq (rights_refused (scene.reader), 0u, "nothing was sent");
    godwit_error_destroy (&denied);
    scene_close (&scene);
}

static const char *
fanout_address (const rights_node_t *node)
{
    static char address[64];
    strcpy (address, "sim://");
    strcat (strcat (address, node->name), ":20000");
    return address;
}

Test (rights_publish, who_publishes_all_the_same_is_not_heard)
{
    scene_t scene;
    scene_open (&scene, "publish godwit/news");
    rogue_t *evil = rogue_open (scene.world, "evil", "call */*, serve */*, publish godwit/other");
    godwit__channel_t *const publisher = rogue_publisher (evil, fanout_address (scene.reader));
    for (uint64_t id = 1; id <= 5; id++)
        rogue_publish (evil, publisher, "news", "told", 77, id);
    rogue_publish (evil, publisher, "news", NULL, 77, 1000); /* LAST */
    cr_assert_eq (runs, 0u);
    cr_assert_eq (rights_refused (scene.reader), 6u);
    cr_assert_eq (gaps (scene.reader), 0u);
    cr_assert_eq (rights_logged (scene.reader, GODWIT_LOG_WARNING,
                                 "a fanout was refused: \"evil\" may not publish godwit/news"),
                  1u);
    rogue_close (&evil);
    scene_close (&scene);
}

Test (rights_publish, a_right_may_be_for_one_method)
{
    scene_t scene;
    scene_open (&scene, "publish godwit/news");
    rogue_t *evil = rogue_open (scene.world, "evil", "publish godwit/news/told");
    godwit__channel_t *const publisher = rogue_publisher (evil, fanout_address (scene.reader));
    rogue_publish (evil, publisher, "news", "cancelled", 77, 1);
    cr_assert_eq (runs, 0u);
    cr_assert_eq (rights_refused (scene.reader), 1u);
    cr_assert_eq (rights_logged (scene.reader, GODWIT_LOG_WARNING,
                                 "a fanout was refused: \"evil\" may not publish godwit/news/cancelled"),
                  1u);
    rogue_publish (evil, publisher, "news", "told", 77, 2);
    cr_assert_eq (runs, 1u);
    cr_assert_str_eq (peer, "evil");
    rogue_close (&evil);
    scene_close (&scene);
}

static size_t
publishers_known (const rights_node_t *node)
{
    const godwit__pool_t *const pool = node->transport->pool;
    size_t count = 0;
    for (size_t i = 0; i < pool->port_count; i++)
        count += pool->ports[i].publications.table.count;
    return count;
}

/* There is room for so many publishers, and the one that was silent the longest is forgotten. */
Test (rights_publish, who_may_not_publish_takes_no_room_from_others)
{
    scene_t scene;
    scene_open (&scene, "publish godwit/news");
    MUST (publish (&scene, "told", NULL, &error));
    cr_assert_eq (publishers_known (scene.reader), 1u);
    rogue_t *evil = rogue_open (scene.world, "evil", "publish godwit/other");
    godwit__channel_t *const publisher = rogue_publisher (evil, fanout_address (scene.reader));
    for (uint32_t number = 1; number <= 10; number++) {
        rogue_publish (evil, publisher, "news", "told", number, 1);
        rogue_publish (evil, publisher, "news", NULL, number, 2);
    }
    cr_assert_eq (publishers_known (scene.reader), 1u);
    cr_assert_eq (rights_refused (scene.reader), 20u);
    rogue_close (&evil);
    scene_close (&scene);
}

/* Numbers of publishers are chosen by them: one that may publish must not make others' count as seen. */
Test (rights_publish, nobody_disturbs_the_order_of_another_publisher)
{
    scene_t scene;
    scene_open (&scene, "publish godwit/news");
    MUST (publish (&scene, "told", NULL, &error));
    rogue_t *evil = rogue_open (scene.world, "evil", "publish godwit/news");
    godwit__channel_t *const publisher = rogue_publisher (evil, fanout_address (scene.reader));
    const uint32_t number = scene.press->transport->publisher->number;
    rogue_publish (evil, publisher, "news", "told", number, 1000);
    rogue_publish (evil, publisher, "news", NULL, number, 2000);
    cr_assert_eq (runs, 2u);
    MUST (publish (&scene, "told", NULL, &error));
    cr_assert_eq (runs, 3u);
    rogue_close (&evil);
    scene_close (&scene);
}

Test (rights_publish, only_those_who_may_serve_are_sent_to)
{
    scene_t scene;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    scene_open (&scene, "publish godwit/news");
    rights_node_t *const spy = rights_node (scene.world, "spy", "serve godwit/news");
    rights_serve (spy, "news", methods, 2, NULL);
    MUST (godwit_client_wait_servers (scene.client, 2, 10000, &error));
    MUST (publish (&scene, "told", &report, &error));
    cr_assert_eq (report.reached, 2u);
    cr_assert_eq (runs, 2u);
    rights_renew (spy, "serve godwit/other");
    MUST (publish (&scene, "told", &report, &error));
    cr_assert_eq (report.reached, 1u);
    cr_assert_eq (runs, 3u);
    cr_assert_eq (atomic_load (&spy->transport->counters.ports[0].fanouts_received), 1u);
    cr_assert_eq (rights_logged (scene.press, GODWIT_LOG_WARNING, "\"spy\" may not serve godwit/news"), 1u);
    scene_close (&scene);
}
