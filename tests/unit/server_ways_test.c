/* SPDX-License-Identifier: Apache-2.0 */
/* The other ways that requests take: publications, calls within the process, a program's own loop. */
#include "src/client/publish_batch.h"
#include "src/server/inline.h"
#include "src/wire/fanout.h"
#include "tests/support/raw_server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define WAY_TEST(name_)                                                                                      \
    static void name_ (const godwit__driver_ops_t *driver);                                                  \
    Test (inproc, name_)                                                                                     \
    {                                                                                                        \
        name_ (&godwit__inproc_driver);                                                                      \
    }                                                                                                        \
    Test (zmq, name_)                                                                                        \
    {                                                                                                        \
        name_ (&godwit__zmtp_driver);                                                                        \
    }                                                                                                        \
    static void name_ (const godwit__driver_ops_t *driver)

/* ---- publications ---- */

typedef struct publishing {
    raw_server_t *server;
    godwit__channel_t *publisher;
    uint8_t key[GODWIT__KEY_SIZE];
} publishing_t;

static bool
awaits (publishing_t *self, const uint8_t key[GODWIT__KEY_SIZE])
{
    godwit__frame_t news;
    for (;;) {
        const godwit__io_t io = self->publisher->ops->recv (self->publisher, &news, NULL);
        if (io == GODWIT__IO_AGAIN)
            self->publisher->ops->wait (self->publisher, false, RAW_WAIT_LIMIT_NS);
        if (io != GODWIT__IO_OK)
            continue;
        const bool found = news.size == 1 + GODWIT__KEY_SIZE && news.data[0] == 1 &&
                           memcmp (news.data + 1, key, GODWIT__KEY_SIZE) == 0;
        godwit__frame_release (&news);
        if (found)
            return true;
    }
}

static void
open_publisher (void *user)
{
    publishing_t *const self = user;
    godwit__driver_t *const driver = self->server->peer.driver;
    const godwit__pool_t *const pool = self->server->transport->pool;
    const godwit__port_t *const port = &pool->ports[pool->port_count - 1];
    cr_assert_eq (driver->ops->open_publisher (driver, &self->publisher, NULL), GODWIT_OK);
    cr_assert_eq (driver->ops->publisher_connect (self->publisher, port->addresses.fanout, NULL), GODWIT_OK);
}

static void
close_publisher (void *user)
{
    const publishing_t *const self = user;
    self->publisher->ops->close (self->publisher);
}

/* When the marker of the server is seen, the topic was subscribed to. */
static void
publishing_start (publishing_t *self, raw_server_t *server)
{
    uint8_t marker[GODWIT__KEY_SIZE];
    godwit__fanout_key (self->key, server->transport->virtual_host, server->transport->control_exchange,
                        "calc");
    godwit__fanout_marker (marker, self->key, server->transport->instance, server->server->id);
    self->server = server;
    raw_run (&server->peer, open_publisher, self);
    cr_assert (awaits (self, marker));
}

static size_t
write_publication (uint8_t data[512], const publishing_t *self, uint64_t sequence, const char *method)
{
    godwit__writer_t writer = {.data = data, .size = GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE, .capacity = 512};
    memcpy (data, self->key, GODWIT__KEY_SIZE);
    godwit__header_write (data + GODWIT__KEY_SIZE,
                          &(godwit__header_t){.type = GODWIT__PUBLICATION, .target = 12345, .id = sequence});
    godwit__write_array (&writer, 3);
    godwit__write_map (&writer, 0);
    godwit__write_str (&writer, method, strlen (method));
    godwit__write_map (&writer, 0);
    return writer.size;
}

static void
send_publication (const publishing_t *self, const raw_server_t *server, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (uint8_t *) (uintptr_t) data, .size = size};
    cr_assert_eq (server->peer.driver->ops->publish (self->publisher, &message), GODWIT__IO_OK);
    self->publisher->ops->flush (self->publisher, 0);
}

static void
publish (publishing_t *self, raw_server_t *server, uint64_t sequence, const char *method)
{
    uint8_t data[512];
    send_publication (self, server, data, write_publication (data, self, sequence, method));
}

static void
await_ran (raw_server_t *self, unsigned count)
{
    pthread_mutex_lock (&self->lock);
    while (self->ran < count)
        pthread_cond_wait (&self->changed, &self->lock);
    pthread_mutex_unlock (&self->lock);
}

WAY_TEST (publications_reach_all_servers_of_the_topic)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    godwit_server_t *second = NULL, *other = NULL;
    cr_assert_eq (raw_server_add (&self, "calc", "two", &second), GODWIT_OK);
    cr_assert_eq (raw_server_add (&self, "another", "one", &other), GODWIT_OK);
    publishing_t publishing;
    publishing_start (&publishing, &self);
    for (uint64_t sequence = 1; sequence <= 10; sequence++)
        publish (&publishing, &self, sequence, "echo");
    await_ran (&self, 20);
    /* One is lost on the way, one comes twice. */
    publish (&publishing, &self, 12, "echo");
    publish (&publishing, &self, 12, "echo");
    publish (&publishing, &self, 13, "echo");
    await_ran (&self, 24);
    godwit_server_destroy (&second);
    publish (&publishing, &self, 14, "echo");
    await_ran (&self, 25);
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_wait (self.server, NULL, NULL), GODWIT_OK);
    godwit_transport_stats_t stats;
    godwit_transport_stats (self.transport, &stats, sizeof stats);
    cr_assert_eq (stats.fanout_gaps, 1);
    cr_assert_eq (stats.fanouts_received, 13);
    cr_assert_eq (raw_server_count (&self, &self.ran), 25);
    raw_run (&self.peer, close_publisher, &publishing);
    godwit_server_destroy (&other);
    raw_server_end (&self);
}

/* A handler that does not return keeps nobody else from the publication. */
WAY_TEST (publications_run_side_by_side)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    godwit_server_t *second = NULL;
    cr_assert_eq (raw_server_add (&self, "calc", "two", &second), GODWIT_OK);
    publishing_t publishing;
    publishing_start (&publishing, &self);
    publish (&publishing, &self, 1, "block");
    raw_server_await_entered (&self, 2);
    raw_server_let_go (&self);
    raw_run (&self.peer, close_publisher, &publishing);
    godwit_server_destroy (&second);
    raw_server_end (&self);
}

/* ---- publications of one batch ---- */

#define BATCH_RUNS 200

static _Atomic (int64_t) reads; /* of the clock, which moves by a microsecond with each */

static int64_t
read_counted (void *user)
{
    (void) user;
    return (atomic_fetch_add (&reads, 1) + 1) * 1000;
}

static void
publish_together (publishing_t *self, raw_server_t *server, uint64_t first, const char *method)
{
    uint8_t data[512];
    godwit__publish_batch_t batch;
    godwit__publish_batch_init (&batch);
    for (uint64_t i = 0; i < BATCH_RUNS; i++)
        cr_assert (
            godwit__publish_batch_add (&batch, data, write_publication (data, self, first + i, method), 0));
    const godwit__message_t message = godwit__publish_batch_take (&batch);
    send_publication (self, server, message.data, message.size);
    godwit__publish_batch_release (&batch);
}

/* What the metrics of fanouts to a method say. */
static double
metric_of (const raw_server_t *self, const char *method, const char *number)
{
    godwit_value_t *list = NULL;
    double value = -1;
    cr_assert_eq (godwit_transport_metrics (self->transport, &list, NULL), GODWIT_OK);
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const godwit_value_t *const metric = godwit_value_at (list, i);
        if (strcmp (godwit_value_as_str (godwit_value_get (metric, "method"), ""), method) == 0 &&
            godwit_value_as_bool (godwit_value_get (metric, "fanout"), false))
            value = godwit_value_as_double (godwit_value_get (metric, number), -1);
    }
    godwit_value_unref (&list);
    return value;
}

/* They share looks at the clock, and all of their time is counted. */
WAY_TEST (publications_of_a_batch_share_looks_at_the_clock)
{
    raw_server_t self;
    publishing_t publishing;
    raw_server_start_at (&self, driver, (godwit__clock_t){.now_ns = read_counted}, NULL);
    publishing_start (&publishing, &self);
    for (uint64_t sequence = 1; sequence <= 10; sequence++) /* the method is known as short then */
        publish (&publishing, &self, sequence, "echo");
    await_ran (&self, 10);
    const int64_t before = atomic_load (&reads);
    publish_together (&publishing, &self, 11, "echo");
    await_ran (&self, 10 + BATCH_RUNS);
    const int64_t in_all = atomic_load (&reads) - before;
    cr_assert_leq (in_all, BATCH_RUNS / 2, "%ld looks at the clock", (long) in_all);
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_wait (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (metric_of (&self, "echo", "started"), 10 + BATCH_RUNS);
    cr_assert_eq (metric_of (&self, "echo", "ended"), 10 + BATCH_RUNS);
    /* Each look moves the clock, so time passed between those of the worker. */
    const double counted_us = metric_of (&self, "echo", "seconds") * 1e6;
    cr_assert_geq (counted_us, BATCH_RUNS / 8.0, "%f us", counted_us);
    raw_run (&self.peer, close_publisher, &publishing);
    raw_server_end (&self);
}

/* A port remembers the only server of a key, until the servers change. */
WAY_TEST (publications_follow_servers_that_come_and_go)
{
    raw_server_t self;
    publishing_t publishing;
    godwit_server_t *second = NULL;
    raw_server_start (&self, driver, NULL, NULL);
    publishing_start (&publishing, &self);
    publish (&publishing, &self, 1, "echo");
    await_ran (&self, 1);
    cr_assert_eq (raw_server_add (&self, "calc", "two", &second), GODWIT_OK);
    publish (&publishing, &self, 2, "echo");
    await_ran (&self, 3);
    godwit_server_destroy (&self.server);
    publish (&publishing, &self, 3, "echo");
    await_ran (&self, 4);
    self.server = second;
    cr_assert_eq (godwit_server_stop (second, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_wait (second, NULL, NULL), GODWIT_OK);
    cr_assert_eq (raw_server_count (&self, &self.ran), 4);
    cr_assert_eq (raw_server_stats (&self).requests_refused, 0);
    raw_run (&self.peer, close_publisher, &publishing);
    raw_server_end (&self);
}

/* Nothing is sent for a publication; a second reply is an error all the same. */
WAY_TEST (a_publication_is_replied_to_once)
{
    raw_server_t self;
    publishing_t publishing;
    raw_server_start (&self, driver, NULL, NULL);
    publishing_start (&publishing, &self);
    publish (&publishing, &self, 1, "twice");
    await_ran (&self, 1);
    cr_assert_eq (raw_server_count (&self, &self.refused), 1);
    raw_run (&self.peer, close_publisher, &publishing);
    raw_server_end (&self);
}

/* ---- requests that arrive together, each in a frame of its own ---- */

static void
queue_request (raw_server_t *self, uint64_t id, const char *method)
{
    uint8_t data[512];
    const godwit__header_t header = raw_header_of (self, id);
    const godwit__message_t message = {.data = data,
                                       .size = raw_write_request (data, sizeof data, &header, method, 4)};
    cr_assert_eq (self->peer.link->ops->queue (self->peer.link, 0, &message), GODWIT__IO_OK);
}

static void
await_reply (raw_server_t *self, uint64_t id, const char *method)
{
    const godwit__header_t header = raw_header_of (self, id);
    raw_request (&self->peer, &header, method, 4);
    cr_assert (raw_expect (&self->peer, GODWIT__REPLY, id));
}

/* Handlers take microseconds, on any machine. */
static int64_t
read_short (void *user)
{
    static atomic_int_fast64_t now_us = 1000000;
    (void) user;
    return INT64_C (1000) * atomic_fetch_add (&now_us, 1);
}

/* Waits for a message of the server, and returns how many replies are in it. */
static unsigned
receive_replies (raw_server_t *self)
{
    godwit__channel_t *const link = self->peer.link;
    godwit__frame_t frame, part;
    godwit__batch_reader_t batch;
    godwit__io_t io;
    unsigned count = 0;
    while ((io = link->ops->recv (link, &frame, NULL)) == GODWIT__IO_AGAIN)
        link->ops->wait (link, false, RAW_WAIT_LIMIT_NS);
    cr_assert_eq (io, GODWIT__IO_OK);
    if (frame.data[2] != GODWIT__BATCH) {
        const bool is_reply = frame.data[2] == GODWIT__REPLY;
        godwit__frame_release (&frame);
        return is_reply;
    }
    cr_assert (godwit__batch_open (&batch, &frame));
    while (godwit__batch_next (&batch, &part) == GODWIT__BATCH_FRAME) {
        count += part.data[2] == GODWIT__REPLY;
        godwit__frame_release (&part);
    }
    return count;
}

/* A worker that the machine stops in the middle is taken for one with a long handler: then another one runs
 * the rest, and their replies do not come together, or in another order. */
Test (zmq, requests_that_arrive_together_are_answered_together)
{
    enum { TOGETHER = 3, ROUNDS = 100 };
    raw_server_t self;
    bool came_together = false;
    uint64_t id = 1;
    raw_server_start_at (&self, &godwit__zmtp_driver, (godwit__clock_t){.now_ns = read_short}, NULL);
    await_reply (&self, id++, "echo"); /* from now on it is known to be short */
    for (unsigned round = 0; round < ROUNDS && !came_together; round++) {
        for (unsigned i = 0; i < TOGETHER; i++)
            queue_request (&self, id++, "echo");
        self.peer.link->ops->flush (self.peer.link, 0);
        for (unsigned replies = 0; replies < TOGETHER;) {
            const unsigned count = receive_replies (&self);
            came_together |= count == TOGETHER;
            replies += count;
        }
    }
    cr_assert (came_together, "never in %u times", (unsigned) ROUNDS);
    raw_server_end (&self);
}

/* The second one was short so far, and does not return now. */
Test (zmq, no_reply_waits_for_the_handler_of_another_request)
{
    raw_server_t self;
    raw_server_start (&self, &godwit__zmtp_driver, NULL, NULL);
    raw_server_let_go (&self);
    await_reply (&self, 1, "echo");
    await_reply (&self, 2, "block");
    raw_server_hold (&self);
    queue_request (&self, 3, "echo");
    queue_request (&self, 4, "block");
    self.peer.link->ops->flush (self.peer.link, 0);
    cr_assert (raw_expect (&self.peer, GODWIT__REPLY, 3));
    raw_server_let_go (&self);
    cr_assert (raw_expect (&self.peer, GODWIT__REPLY, 4));
    raw_server_end (&self);
}

/* ---- within the process ---- */

static size_t
write_request (uint8_t data[512], const raw_server_t *self, const char *method, int64_t x)
{
    godwit__writer_t writer = {.data = data, .size = GODWIT__HEADER_SIZE, .capacity = 512};
    const godwit__header_t header = raw_header_of (self, 9);
    godwit__header_write (data, &header);
    godwit__write_array (&writer, 3);
    godwit__write_map (&writer, 0);
    godwit__write_str (&writer, method, strlen (method));
    godwit__write_map (&writer, 1);
    godwit__write_str (&writer, "x", 1);
    godwit__write_int (&writer, x);
    return writer.size;
}

static bool
call_inline (raw_server_t *self, const char *method, godwit__frame_t *reply, godwit__header_t *header)
{
    uint8_t data[512];
    const godwit__message_t message = {.data = data, .size = write_request (data, self, method, 4)};
    int64_t ended_ns = 0;
    const int64_t now_ns = godwit__transport_now (self->transport);
    if (!godwit__pool_call_inline (self->transport->pool, &message, now_ns, reply, &ended_ns))
        return false;
    cr_assert_eq (godwit__header_read (header, reply->data, reply->size), GODWIT__HEADER_OK);
    return true;
}

static void *
answer_kept (void *argument)
{
    raw_server_t *const self = argument;
    raw_server_await_kept (self, 1);
    godwit_request_reply (self->kept[0], GODWIT_INT (NULL, 11));
    godwit_request_destroy (&self->kept[0]);
    return NULL;
}

Test (inside, runs_on_the_callers_thread)
{
    raw_server_t self;
    raw_server_start (&self, &godwit__inproc_driver, GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    godwit__frame_t reply;
    godwit__header_t header;
    cr_assert_not (call_inline (&self, "echo", &reply, &header));
    cr_assert_not (call_inline (&self, "nope", &reply, &header));
    cr_assert (call_inline (&self, "inline", &reply, &header));
    cr_assert_eq (header.type, GODWIT__REPLY);
    cr_assert_eq (header.id, 9);
    cr_assert_eq (reply.size, GODWIT__HEADER_SIZE + 1);
    cr_assert_eq (reply.data[GODWIT__HEADER_SIZE], 4);
    godwit__frame_release (&reply);

    pthread_t thread;
    cr_assert_eq (pthread_create (&thread, NULL, answer_kept, &self), 0);
    cr_assert (call_inline (&self, "inline_keep", &reply, &header));
    cr_assert_eq (header.type, GODWIT__REPLY);
    cr_assert_eq (reply.data[GODWIT__HEADER_SIZE], 11);
    godwit__frame_release (&reply);
    pthread_join (thread, NULL);

    /* Somebody else occupies the server: then in the usual way. */
    const godwit__header_t block = raw_header_of (&self, 1);
    raw_request (&self.peer, &block, "block", 0);
    raw_server_await_entered (&self, 1);
    cr_assert_not (call_inline (&self, "inline", &reply, &header));
    raw_server_end (&self);
}

/* ---- a program's own loop ---- */

WAY_TEST (an_external_loop_runs_the_handlers)
{
    raw_server_t self;
    raw_server_start_quiet (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 2),
                            GODWIT_TRANSPORT_OPTIONS (.external_loop = true));
    raw_server_connect (&self, &self.peer);
    raw_hello (&self.peer, NULL, self.transport->virtual_host);
    raw_answer_t answer;
    while (!(answer = raw_receive (&self.peer, 0)).came)
        cr_assert_eq (godwit_transport_process (self.transport, 10, NULL), GODWIT_OK);
    cr_assert_eq (answer.header.type, GODWIT__WELCOME);
    raw_answer_release (&answer);
    for (uint64_t id = 1; id <= 302; id++) {
        const godwit__header_t header = raw_header_of (&self, id);
        raw_request (&self.peer, &header, id <= 2 ? "keep" : "echo", 3);
    }
    while (raw_server_count (&self, &self.ran) < 2)
        cr_assert_eq (godwit_transport_process (self.transport, 10, NULL), GODWIT_OK);
    godwit_request_destroy (&self.kept[0]);
    godwit_request_destroy (&self.kept[1]);
    unsigned replies = 0, failures = 0;
    while (replies < 300) {
        answer = raw_receive (&self.peer, 0);
        if (!answer.came) {
            cr_assert_eq (godwit_transport_process (self.transport, 10, NULL), GODWIT_OK);
            continue;
        }
        replies += answer.header.type == GODWIT__REPLY;
        failures += answer.header.type == GODWIT__FAILURE;
        raw_answer_release (&answer);
    }
    cr_assert_eq (failures, 2);
    const godwit__header_t last = raw_header_of (&self, 303);
    raw_request (&self.peer, &last, "echo", 3);
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_wait (self.server, NULL, NULL), GODWIT_OK);
    raw_server_end (&self);
}
