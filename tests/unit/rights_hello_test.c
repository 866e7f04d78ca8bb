/* SPDX-License-Identifier: Apache-2.0 */
/* A member says HELLO as another process, to use up the ids of its calls. In a realm nobody believes it. */
#include "src/runtime/transport.h"
#include "tests/support/must.h"
#include "tests/support/rogue.h"

#include <string.h>

static unsigned runs;

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    (void) self;
    runs++;
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0)};

Test (rights_hello, nobody_says_hello_as_another_process)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const billing = rights_node (world, "billing", "serve godwit/billing");
    rights_node_t *const web = rights_node (world, "web", "call godwit/billing");
    rogue_frame_t answer;
    runs = 0;
    rights_serve (billing, "billing", methods, 1, NULL);
    rogue_t *evil = rogue_open (world, "evil", "call */*");
    godwit__channel_t *const link = rogue_connect (evil, "sim://billing:20000");
    rogue_hello (evil, link, web->transport->instance);
    cr_assert (rogue_await (evil, link, GODWIT__NACK, &answer));
    cr_assert_eq (answer.header.aux, (uint32_t) GODWIT__NACK_IDENTITY);
    godwit__frame_release (&answer.frame);
    cr_assert_eq (
        rights_logged (billing, GODWIT_LOG_WARNING,
                       "a client was refused: its certificate \"evil\" is void, or it says that it is "
                       "another process"),
        1u);
    /* As itself it is welcome. */
    rogue_hello (evil, link, rogue_instance (evil));
    cr_assert (rogue_await (evil, link, GODWIT__WELCOME, &answer));
    godwit__frame_release (&answer.frame);
    godwit_client_t *client = rights_client (web, "billing");
    MUST (rights_call (client, "work", &error));
    cr_assert_eq (runs, 1u);
    godwit_client_destroy (&client);
    rogue_close (&evil);
    rights_world_close (&world);
}
