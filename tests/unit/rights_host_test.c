/* SPDX-License-Identifier: Apache-2.0 */
/* The right to host a rendezvous: told to the program when its transport is made, and checked by its members.
 */
#include "src/runtime/transport.h"
#include "tests/support/liar.h"
#include "tests/support/must.h"

#include <string.h>

Test (rights_host, a_transport_that_may_not_host_is_not_made)
{
    rights_world_t *world = rights_world_new (1);
    godwit_transport_t *transport = NULL;
    godwit_error_t *denied = NULL;
    const char *const file = rights_issue (world, "web", "serve */*, call */*");
    cr_assert_eq (godwit_cluster_add (&transport, world->cluster, "web",
                                      GODWIT_TRANSPORT_OPTIONS (.realm = file), &denied),
                  GODWIT_ERR_PERMISSION_DENIED);
    cr_assert (strstr (godwit_error_message (denied), "\"web\" may not host a rendezvous"), "%s",
               godwit_error_message (denied));
    cr_assert_null (transport);
    godwit_error_destroy (&denied);
    rights_world_close (&world);
}

/* The host of the only rendezvous may do this; one node joins, and is told of a server. */
static void
meet (const char *rights, rights_world_t **world, liar_host_t *host, rights_node_t **web)
{
    uint8_t instance[16] = {1};
    *world = rights_world_new (1);
    liar_host_open (host, *world, rights);
    *web = rights_node (*world, "web", "call */*");
    liar_host_tell (host, &(told_t){instance, 1, "billing", "billing", "sim://billing:20000"});
    godwit_cluster_run ((*world)->cluster, 2000);
}

static size_t
told_count (rights_node_t *web)
{
    return rights_logged (web, GODWIT_LOG_INFO, "Server billing of topic billing, exchange godwit, joined");
}

Test (rights_host, who_may_host_is_believed)
{
    rights_world_t *world;
    liar_host_t host;
    rights_node_t *web;
    meet ("host */*", &world, &host, &web);
    cr_assert_eq (told_count (web), 1u);
    cr_assert_eq (atomic_load (&web->transport->gauges.rendezvous_joined), 1u);
    liar_host_close (&host);
    rights_world_close (&world);
}

Test (rights_host, who_may_not_host_is_left_and_named)
{
    rights_world_t *world;
    liar_host_t host;
    rights_node_t *web;
    meet ("serve */*, call */*, publish */*", &world, &host, &web);
    cr_assert_eq (host.joins, 0u, "it is not even joined");
    cr_assert_eq (told_count (web), 0u);
    cr_assert_eq (atomic_load (&web->transport->gauges.rendezvous_joined), 0u);
    cr_assert_eq (
        rights_logged (web, GODWIT_LOG_WARNING,
                       "Does not trust the rendezvous at sim://meet-1:9573: \"meet-1\" may not host a "
                       "rendezvous"),
        1u);
    liar_host_close (&host);
    rights_world_close (&world);
}

static bool
has_joined (rights_node_t *node, const char *name)
{
    char says[80] = "Joined the rendezvous at sim://";
    return rights_logged (node, GODWIT_LOG_INFO, strcat (strcat (says, name), ":9573")) > 0;
}

Test (rights_host, one_that_may_not_any_more_is_left)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const web = rights_node (world, "web", "call */*");
    godwit_cluster_run (world->cluster, 1000);
    cr_assert (has_joined (web, "meet-1"));
    cr_assert_eq (atomic_load (&web->transport->gauges.rendezvous_joined), 3u);
    rights_renew (world->meets[0], "serve */*");
    cr_assert_eq (atomic_load (&web->transport->gauges.rendezvous_joined), 2u);
    cr_assert_eq (
        rights_logged (web, GODWIT_LOG_WARNING,
                       "Does not trust the rendezvous at sim://meet-1:9573: \"meet-1\" may not host a "
                       "rendezvous"),
        1u);
    rights_renew (world->meets[0], "host */*");
    godwit_cluster_run (world->cluster, 1000);
    cr_assert_eq (atomic_load (&web->transport->gauges.rendezvous_joined), 3u);
    rights_world_close (&world);
}
