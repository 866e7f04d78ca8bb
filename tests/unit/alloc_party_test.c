/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation fails while members of a realm connect, talk, and renew what they are: a connection is lost
 * at most, the next one works, and nothing is kept. */
#include "src/loop/reactor.h"
#include "tests/support/must.h"
#include "tests/support/realm_nodes.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/short_memory.h"

#ifndef SHORT_MEMORY_SANITIZED

static godwit__test_realm_t *files;
static node_t web, shop;
static node_link_t link;
static int way; /* 0 the private folder, 1 tcp */

static void
open_world (void)
{
    nodes_begin ();
    files = godwit__test_realm_new (1);
    node_open (&web, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web")), "127.0.0.1");
    node_open (&shop, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop")), "127.0.0.1");
}

static void
close_world (void)
{
    node_close (&web);
    node_close (&shop);
    godwit__test_realm_destroy (&files);
    nodes_end ();
}

/* The test's own files are written with all the memory that they need. */
static void
change_files (void)
{
    counting = false;
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop"));
    counting = true;
}

static void
tell_bulletin (void)
{
    counting = false;
    godwit__test_realm_void_before (files, 1);
    counting = true;
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (files);
    godwit__realm_take_bulletin (web.realm, bulletin->sealed, bulletin->sealed_size, NULL);
}

static godwit_status_t
talk (void)
{
    const int renewals = link.renewals;
    const size_t before = shop.received;
    const godwit__message_t message = {.data = (void *) (uintptr_t) "hello", .size = 5};
    NODES_AWAIT (link.ups || link.downs);
    if (link.downs || link.channel->ops->send (link.channel, 0, &message) != GODWIT__IO_OK)
        return GODWIT_ERR_OUT_OF_MEMORY;
    NODES_AWAIT (shop.received > before || link.downs);
    change_files ();
    if (link.downs || godwit__realm_look (shop.realm, true, NULL) != GODWIT_OK)
        return GODWIT_ERR_OUT_OF_MEMORY;
    NODES_AWAIT (link.renewals > renewals || link.downs);
    tell_bulletin ();
    const uint64_t number = godwit__realm_bulletin_number (web.realm);
    NODES_AWAIT (link.downs || godwit__realm_bulletin_number (shop.realm) >= number);
    return link.downs ? GODWIT_ERR_OUT_OF_MEMORY : GODWIT_OK;
}

static godwit_status_t
run (godwit_error_t **error)
{
    (void) error;
    memset (&link, 0, sizeof link);
    if (!node_link_try (&link, &web, shop.at.links[way]))
        return GODWIT_ERR_OUT_OF_MEMORY;
    const godwit_status_t status = talk ();
    node_link_close (&link);
    web.log[0] = shop.log[0] = '\0';
    return status;
}

Test (alloc_party, members_meet_talk_and_renew_what_they_are, .timeout = 300)
{
    for (way = 0; way < 2; way++) {
        const short_memory_row_t row = {.name = way ? "tcp" : "ipc", .run = run, .at_least = 30};
        short_memory_check (&row, open_world, close_world);
    }
}

/* ---- the timer by which dates are looked at ---- */

#define S (1000 * GODWIT__NS_PER_MS)

static godwit__timer_t fillers[512];
static size_t filled;

/* Until the reactor would have to grow for one more. */
static void
fill_reactor (void)
{
    for (godwit_status_t status = GODWIT_OK; status == GODWIT_OK; filled += status == GODWIT_OK) {
        cr_assert_lt (filled, sizeof fillers / sizeof *fillers);
        allocations = 0;
        fail_at = 1;
        counting = true;
        status = godwit__reactor_arm (shop.reactor, &fillers[filled], GODWIT__NEVER - 1);
        counting = false;
    }
}

/* All other timers that are due have come before. The next is that of the look, which needs memory now, and
 * gets none. */
static void
on_steal (godwit__timer_t *timer)
{
    (void) timer;
    fill_reactor ();
    allocations = 0;
    counting = true;
}

Test (alloc_party, dates_are_looked_at_when_memory_for_the_timer_was_short, .timeout = 60)
{
    godwit__timer_t thief = {.fire = on_steal};
    open_world ();
    godwit__test_realm_issue (files,
                              GODWIT__TEST_MEMBER (.name = "web", .until = (int64_t) time (NULL) + 3600));
    MUST (godwit__realm_look (web.realm, true, &error));
    cr_assert (node_link_try (&link, &web, shop.at.links[0]));
    NODES_AWAIT (link.ups);
    node_send (link.channel, 0, "hello");
    NODES_AWAIT (shop.received);
    cr_assert_eq (godwit__reactor_arm (shop.reactor, &thief, nodes_now_ns () + 59 * S), GODWIT_OK);
    shop.ahead_ns += 61 * S;
    godwit__reactor_run_once (shop.reactor, 0);
    counting = false;
    cr_assert (filled > 0 && allocations > 0, "the timer of the look took no memory");
    nodes_turn ();
    shop.ahead_s += 2 * 3600;
    for (int i = 0; i < 3; i++) { /* to the look, to what is told, to the end */
        shop.ahead_ns += 61 * S;
        nodes_turn ();
    }
    NODES_AWAIT (link.downs);
    cr_assert_str_eq (link.reason, "refused us: expired");
    while (filled)
        godwit__reactor_disarm (shop.reactor, &fillers[--filled]);
    node_link_close (&link);
    close_world ();
}

#else

Test (alloc_party, is_left_to_the_builds_without_sanitizers)
{
    cr_skip_test ();
}

#endif
