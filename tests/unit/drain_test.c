/* SPDX-License-Identifier: Apache-2.0 */
/* A server that drains: it refuses nothing before its clients have answered its GOODBYE
 * (docs/protocol.md 4.7). */
#include "tests/support/raw_server.h"
#include "tests/support/steps.h"

#include <godwit/client.h>

#include "src/connection/send.h"
#include "src/discovery/directory.h"
#include "src/discovery/peer.h"

#include <criterion/criterion.h>

/* HELLO of a client that says it answers. */
static void
hello_that_answers (raw_peer_t *peer)
{
    const godwit__identity_t identity = {
        .instance = {4, 5, 6}, .incarnation = 1, .features = GODWIT__FEATURE_ANSWERS_GOODBYE};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    raw_send (peer, data, godwit__identity_write (data, GODWIT__HELLO, &identity));
}

static bool
expect_goodbye (raw_peer_t *peer, uint32_t server_id)
{
    raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
    const bool is_it =
        answer.came && answer.header.type == GODWIT__GOODBYE && answer.header.target == server_id;
    raw_answer_release (&answer);
    return is_it;
}

static void
say_goodbye (raw_peer_t *peer, uint32_t server_id)
{
    raw_header (peer, &(godwit__header_t){.type = GODWIT__GOODBYE, .target = server_id});
}

/* No test waits for a quarter of it. */
static const godwit_transport_options_t patient = {.struct_size = sizeof patient,
                                                   .heartbeat_timeout_ms = 160000};

/* The server need not find out that its clients are gone. */
static void
end (raw_server_t *self)
{
    say_goodbye (&self->peer, 0);
    raw_server_end (self);
}

static void
stop_waits_for_answers (const godwit__driver_ops_t *driver)
{
    raw_server_t self;
    raw_peer_t other;
    asker_t stop;
    raw_server_start_quiet (&self, driver, NULL, &patient);
    raw_server_connect (&self, &self.peer);
    hello_that_answers (&self.peer);
    cr_assert (raw_expect (&self.peer, GODWIT__WELCOME, 0));
    raw_server_connect (&self, &other);
    hello_that_answers (&other);
    cr_assert (raw_expect (&other, GODWIT__WELCOME, 0));
    const uint32_t id = self.server->id;

    asker_begin (&stop, godwit_server_stop, self.server, NULL);
    cr_assert (expect_goodbye (&self.peer, id));
    cr_assert (expect_goodbye (&other, id));
    /* What was sent before they knew is taken, casts too. */
    godwit__header_t request = raw_header_of (&self, 1);
    raw_request (&self.peer, &request, "echo", 7);
    cr_assert (raw_expect_reply_int (&self.peer, 1, 7));
    say_goodbye (&self.peer, id);
    say_goodbye (&self.peer, id); /* counts once */
    say_goodbye (&other, id + 1); /* not what was asked */
    request = raw_header_of (&self, 1);
    raw_request (&other, &request, "echo", 8);
    cr_assert (raw_expect_reply_int (&other, 1, 8));
    cr_assert_not (atomic_load (&stop.done), "it did not wait for the second client");
    say_goodbye (&other, id);
    cr_assert_eq (asker_end (&stop), GODWIT_OK);
    asker_forget (&stop);
    /* Now it refuses. */
    request = raw_header_of (&self, 2);
    raw_request (&self.peer, &request, "echo", 9);
    cr_assert (raw_expect_nack (&self.peer, 2, GODWIT__NACK_DRAINING));
    say_goodbye (&other, 0);
    raw_close (&other);
    end (&self);
}

Test (drain, waits_for_the_answers_of_its_clients_inproc, .timeout = 60)
{
    stop_waits_for_answers (&godwit__inproc_driver);
}

Test (drain, waits_for_the_answers_of_its_clients_zmq, .timeout = 60)
{
    stop_waits_for_answers (&godwit__zmtp_driver);
}

Test (drain, waits_for_nobody_who_is_gone_or_does_not_answer, .timeout = 60)
{
    raw_server_t self;
    raw_peer_t leaves;
    asker_t stop;
    raw_server_start_quiet (&self, &godwit__zmtp_driver, NULL, &patient);
    raw_server_connect (&self, &self.peer);
    raw_hello (&self.peer, NULL, NULL); /* does not say that it answers */
    cr_assert (raw_expect (&self.peer, GODWIT__WELCOME, 0));
    raw_server_connect (&self, &leaves);
    hello_that_answers (&leaves);
    cr_assert (raw_expect (&leaves, GODWIT__WELCOME, 0));
    const uint32_t id = self.server->id;
    asker_begin (&stop, godwit_server_stop, self.server, NULL);
    cr_assert (expect_goodbye (&self.peer, id));
    cr_assert (expect_goodbye (&leaves, id));
    say_goodbye (&leaves, 0); /* closes its connection */
    cr_assert_eq (asker_end (&stop), GODWIT_OK);
    asker_forget (&stop);
    raw_close (&leaves);
    end (&self);
}

/* Half a second at most, if its clients are hung. */
Test (drain, gives_up_who_never_answers, .timeout = 60)
{
    raw_server_t self;
    raw_server_start_quiet (&self, &godwit__inproc_driver, NULL, NULL);
    raw_server_connect (&self, &self.peer);
    hello_that_answers (&self.peer);
    cr_assert (raw_expect (&self.peer, GODWIT__WELCOME, 0));
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert (expect_goodbye (&self.peer, self.server->id));
    /* Its next life is its own: an answer that comes late says nothing about it. */
    const uint32_t old = self.server->id;
    cr_assert_eq (godwit_server_start (self.server, NULL, NULL), GODWIT_OK);
    say_goodbye (&self.peer, old);
    const godwit__header_t request = raw_header_of (&self, 1);
    raw_request (&self.peer, &request, "echo", 7);
    cr_assert (raw_expect_reply_int (&self.peer, 1, 7));
    raw_server_end (&self);
}

Test (drain, tells_who_comes_later_before_it_is_welcome, .timeout = 60)
{
    raw_server_t self;
    raw_server_start_quiet (&self, &godwit__zmtp_driver, NULL, NULL);
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    raw_server_connect (&self, &self.peer);
    hello_that_answers (&self.peer);
    cr_assert (expect_goodbye (&self.peer, self.server->id));
    cr_assert (raw_expect (&self.peer, GODWIT__WELCOME, 0));
    raw_server_end (&self);
}

/* A caller that chose the server a moment before it said GOODBYE does not send any more. */
Test (drain, a_request_for_a_server_that_said_goodbye_is_not_sent, .timeout = 60)
{
    raw_server_t self;
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    raw_server_start (&self, &godwit__inproc_driver, NULL, NULL);
    cr_assert_eq (godwit_transport_new (&transport, "inproc://raw/", NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_client_new (&client, transport, &self.server->target,
                                     GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_client_call (client, NULL, "echo", GODWIT_ARGS (GODWIT_INT ("x", 1)), NULL, &error),
                  GODWIT_OK, "%s", godwit_error_print (error));
    pthread_mutex_lock (&transport->lock);
    const godwit__peer_t *const peer = GODWIT__PEERS_FIRST (transport->directory);
    cr_assert_not_null (peer);
    godwit__connection_t *connection = godwit__connection_ref (peer->connection);
    godwit__transport_unlock (transport);
    godwit__connection_note_goodbye (connection, self.server->id);
    /* The directory does not know yet, as for who looked into it before. */
    godwit_client_t *once = NULL;
    cr_assert_eq (godwit_client_prepare (&once, client, GODWIT_OVERRIDES (.retry = GODWIT_RETRY_NONE), NULL),
                  GODWIT_OK);
    const unsigned ran = raw_server_count (&self, &self.ran);
    cr_assert_eq (godwit_client_call (once, NULL, "echo", GODWIT_ARGS (GODWIT_INT ("x", 2)), NULL, &error),
                  GODWIT_ERR_DELIVERY_FAILURE);
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_NOT_SENT);
    cr_assert_eq (godwit_client_cast (once, NULL, "echo", GODWIT_ARGS (GODWIT_INT ("x", 2)), NULL),
                  GODWIT_ERR_DELIVERY_FAILURE);
    cr_assert_eq (raw_server_count (&self, &self.ran), ran);
    godwit_error_destroy (&error);
    godwit__connection_unref (&connection);
    godwit_client_destroy (&once);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    raw_server_end (&self);
}
