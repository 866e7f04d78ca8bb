/* SPDX-License-Identifier: Apache-2.0 */
/* A member says HELLO as another process, to use up the ids of its calls. In a realm nobody believes it. */
#include "src/discovery/directory.h"
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

/* ---- as itself, but with numbers that were chosen ---- */

static uint32_t
number_of_connection (rights_node_t *node)
{
    pthread_mutex_lock (&node->transport->lock);
    const godwit__peer_t *const peer = GODWIT__PEERS_FIRST (node->transport->directory);
    cr_assert (peer && peer->connection);
    const uint32_t number = peer->connection->number;
    godwit__transport_unlock (node->transport);
    return number;
}

static uint64_t
fold (const uint8_t *instance)
{
    const uint64_t high = godwit__get_u64 (instance), low = godwit__get_u64 (instance + 8);
    return high ^ (low << 32 | low >> 32);
}

/* Its own instance, with an incarnation and a number whose sum with it is that of the other process, if a
 * port adds them up without a secret. */
static void
hello_upon (rogue_t *evil, godwit__channel_t *link, rights_node_t *other)
{
    rogue_frame_t answer;
    const uint64_t rest = fold (rogue_instance (evil)) ^ fold (other->transport->instance) ^
                          other->transport->incarnation << 20 ^ (uint64_t) number_of_connection (other);
    godwit__identity_t identity = {.incarnation = rest >> 20, .features = GODWIT__FEATURES};
    memcpy (identity.instance, rogue_instance (evil), sizeof identity.instance);
    const size_t size = godwit__identity_write (evil->buffer, GODWIT__HELLO, &identity);
    godwit__put_u64 (evil->buffer + GODWIT__HEADER_ID_OFFSET, UINT64_C (1) << 62);
    godwit__put_u32 (evil->buffer + GODWIT__HEADER_AUX_OFFSET, (uint32_t) (rest & 0xfffff));
    rogue_send (evil, link, 0, &(godwit__message_t){.data = evil->buffer, .size = size});
    cr_assert (rogue_await (evil, link, GODWIT__WELCOME, &answer));
    godwit__frame_release (&answer.frame);
}

Test (rights_hello, nobody_uses_up_the_ids_of_another_process)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const billing = rights_node (world, "billing", "serve godwit/billing");
    rights_node_t *const web = rights_node (world, "web", "call godwit/billing");
    runs = 0;
    rights_serve (billing, "billing", methods, 1, NULL);
    godwit_client_t *client = rights_client (web, "billing");
    MUST (rights_call (client, "work", &error));
    rogue_t *evil = rogue_open (world, "evil", "call godwit/nothing");
    hello_upon (evil, rogue_connect (evil, "sim://billing:20000"), web);
    MUST (rights_call (client, "work", &error));
    cr_assert_eq (runs, 2u);
    godwit_client_destroy (&client);
    rogue_close (&evil);
    rights_world_close (&world);
}
