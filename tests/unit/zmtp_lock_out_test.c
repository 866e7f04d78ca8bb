/* SPDX-License-Identifier: Apache-2.0 */
/* Strangers at the address of a member, who are refused all the time, do not keep it out of a server. */
#include "tests/support/must.h"
#include "tests/support/realm_nodes.h"
#include "tests/support/zmtp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STRANGERS 8
#define S (INT64_C (1000) * GODWIT__NS_PER_MS)

static atomic_bool ends;
static node_t shop, web;

/* Says something, waits until it is closed, and comes again. */
static void *
be_a_stranger (void *unused)
{
    (void) unused;
    char junk[64];
    while (!atomic_load (&ends)) {
        const int fd = zmtp_connect (shop.at.links[1]);
        if (fd < 0)
            continue;
        memset (junk, 'x', sizeof junk);
        send (fd, junk, sizeof junk, MSG_NOSIGNAL);
        while (recv (fd, junk, sizeof junk, 0) > 0)
            ;
        close (fd);
    }
    return NULL;
}

Test (zmtp_lock_out, a_member_comes_in_beside_strangers_who_are_refused_all_the_time, .timeout = 60)
{
    node_link_t link;
    pthread_t strangers[STRANGERS];
    nodes_begin ();
    godwit__test_realm_t *files = godwit__test_realm_new (1);
    node_open (&shop, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop")), "127.0.0.1");
    node_open (&web, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web")), "127.0.0.1");
    for (int i = 0; i < STRANGERS; i++)
        cr_assert_eq (pthread_create (&strangers[i], NULL, be_a_stranger, NULL), 0);
    NODES_AWAIT (node_says (&shop, " was refused for the third time within 10 s"));
    const int64_t begun_ns = nodes_now_ns ();
    node_link_open (&link, &web, shop.at.links[1]);
    while (!link.ups && !link.downs)
        nodes_turn ();
    const int64_t took_ns = nodes_now_ns () - begun_ns;
    cr_assert (link.ups, "%s", link.reason);
    cr_assert (took_ns < 3 * S, "%ld ms", (long) (took_ns / GODWIT__NS_PER_MS));
    atomic_store (&ends, true);
    node_link_close (&link);
    node_close (&web);
    node_close (&shop); /* those who still wait there are closed */
    for (int i = 0; i < STRANGERS; i++)
        pthread_join (strangers[i], NULL);
    godwit__test_realm_destroy (&files);
    nodes_end ();
}
