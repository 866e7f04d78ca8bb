/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that nobody waits for any more, over both drivers: who can cancel what, and who hears of it. */
#include "src/server/cancel_find.h"
#include "tests/support/raw_server.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static void
cancel_as (raw_server_t *self, raw_peer_t *peer, uint64_t id)
{
    raw_header (peer, &(godwit__header_t){.type = GODWIT__CANCEL, .target = self->server->id, .id = id});
}

static void
cancel (raw_server_t *self, uint64_t id)
{
    cancel_as (self, &self->peer, id);
}

/* What comes after it has passed through the port. */
static void
pass_through (raw_peer_t *peer)
{
    raw_header (peer, &(godwit__header_t){.type = GODWIT__PING, .id = 424242});
    for (;;) { /* the port may try who is watched */
        raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        raw_answer_release (&answer);
        if (answer.header.type == GODWIT__PONG)
            return;
        cr_assert_eq (answer.header.type, GODWIT__HEARTBEAT);
    }
}

/* The next answer that is no HEARTBEAT. */
static void
expect (raw_peer_t *peer, godwit__frame_type_t type, uint64_t id)
{
    raw_answer_t answer;
    do {
        answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        raw_answer_release (&answer);
    } while (answer.header.type == GODWIT__HEARTBEAT);
    cr_assert_eq (answer.header.type, type, "type %u", answer.header.type);
    cr_assert_eq (answer.header.id, id);
}

/* A callback that is counted; the request says whether it is true. */
typedef struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
    unsigned falsely;
} told_t;

#define TOLD                                                                                                 \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                               \
    }

static void
on_cancel (godwit_request_t *cancelled, void *user)
{
    told_t *const told = user;
    pthread_mutex_lock (&told->lock);
    told->count++;
    if (!godwit_request_is_cancelled (cancelled))
        told->falsely++;
    pthread_cond_broadcast (&told->changed);
    pthread_mutex_unlock (&told->lock);
}

static void
await_told (told_t *told, unsigned least)
{
    pthread_mutex_lock (&told->lock);
    while (told->count < least)
        pthread_cond_wait (&told->changed, &told->lock);
    cr_assert_eq (told->falsely, 0);
    pthread_mutex_unlock (&told->lock);
}

static unsigned
told_count (told_t *told)
{
    pthread_mutex_lock (&told->lock);
    const unsigned count = told->count;
    pthread_mutex_unlock (&told->lock);
    return count;
}

/* ---- CANCEL ---- */

RAW_TEST (a_handler_that_runs_hears_of_it)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_server_ask (&self, 1, "watch", 0);
    raw_server_await_entered (&self, 1);
    cr_assert_eq (raw_server_count (&self, &self.told), 0);
    cancel (&self, 1);
    cancel (&self, 1);
    raw_server_await (&self, &self.saw, 1);
    /* It may reply, here as it returned; and CANCEL of what is over does nothing. */
    expect (&self.peer, GODWIT__REPLY, 1);
    cancel (&self, 1);
    pass_through (&self.peer);
    raw_server_ask (&self, 2, "watch", 0);
    raw_server_await_entered (&self, 2);
    cancel (&self, 1);
    pass_through (&self.peer);
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 1);
    raw_server_let_go (&self);
    expect (&self.peer, GODWIT__REPLY, 2);
    cr_assert_eq (raw_server_count (&self, &self.told), 1);
    cr_assert_eq (raw_server_count (&self, &self.saw), 1);
    raw_server_end (&self);
}

RAW_TEST (nobody_cancels_what_is_not_his)
{
    raw_server_t self;
    raw_peer_t other;
    raw_server_start (&self, driver, NULL, NULL);
    raw_server_greet (&self, &other);
    raw_server_ask (&self, 7, "watch", 0);
    raw_server_await_entered (&self, 1);
    cancel_as (&self, &other, 7);
    for (uint64_t id = 0; id < 300; id++)
        if (id != 7)
            cancel (&self, id);
    cancel (&self, UINT64_MAX);
    raw_header (&self.peer, &(godwit__header_t){.type = GODWIT__CANCEL, .target = 0, .id = 7});
    raw_header (&self.peer, &(godwit__header_t){.type = GODWIT__CANCEL, .target = UINT32_MAX, .id = 7});
    pass_through (&other);
    pass_through (&self.peer);
    /* GOODBYE is about those of whoever says it, too; and so is a stranger's. */
    raw_header (&other, &(godwit__header_t){.type = GODWIT__GOODBYE});
    raw_header (&other, &(godwit__header_t){.type = GODWIT__GOODBYE});
    cancel_as (&self, &other, 7);
    pass_through (&other);
    cr_assert_eq (raw_server_count (&self, &self.told), 0);
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 0);
    raw_server_let_go (&self);
    expect (&self.peer, GODWIT__REPLY, 7);
    cr_assert_eq (raw_server_count (&self, &self.saw), 0);
    raw_close (&other);
    raw_server_end (&self);
}

/* Another port's peer may have the same number there. */
RAW_TEST (the_port_counts)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_server_ask (&self, 1, "keep", 0);
    raw_server_await_kept (&self, 1);
    godwit_request_t *kept = self.kept[0];
    godwit__pool_t *const pool = self.transport->pool;
    const godwit__header_t header = {.type = GODWIT__CANCEL, .target = self.server->id, .id = 1};
    for (size_t i = 0; i < GODWIT__DRIVER_MAX; i++) {
        if (&pool->ports[i] == kept->port)
            continue;
        godwit__pool_cancel (pool, &pool->ports[i], kept->routing_id, &header);
        godwit__pool_cancel_all (pool, &pool->ports[i], kept->routing_id);
    }
    cr_assert_not (godwit_request_is_cancelled (kept));
    godwit__pool_cancel (pool, kept->port, kept->routing_id, &header);
    cr_assert (godwit_request_is_cancelled (kept));
    godwit_request_destroy (&kept);
    raw_server_end (&self);
}

/* Of a server that another process than the one that was asked has: by its number. */
RAW_TEST (the_server_counts)
{
    raw_server_t self;
    godwit_server_t *second = NULL;
    raw_server_start (&self, driver, NULL, NULL);
    cr_assert_eq (raw_server_add (&self, "other", "two", &second), GODWIT_OK);
    raw_server_ask (&self, 1, "watch", 0);
    raw_server_await_entered (&self, 1);
    raw_header (&self.peer, &(godwit__header_t){.type = GODWIT__CANCEL, .target = second->id, .id = 1});
    pass_through (&self.peer);
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 0);
    cancel (&self, 1);
    raw_server_await (&self, &self.saw, 1);
    godwit_server_destroy (&second);
    raw_server_end (&self);
}

RAW_TEST (a_cast_is_never_cancelled)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    godwit__header_t header = raw_header_of (&self, 1);
    header.flags = GODWIT__FLAG_CAST;
    raw_request (&self.peer, &header, "watch", 0);
    raw_server_await_entered (&self, 1);
    cancel (&self, 1);
    raw_header (&self.peer, &(godwit__header_t){.type = GODWIT__GOODBYE});
    pass_through (&self.peer);
    raw_server_let_go (&self);
    pthread_mutex_lock (&self.lock);
    while (self.inside)
        pthread_cond_wait (&self.changed, &self.lock);
    pthread_mutex_unlock (&self.lock);
    cr_assert_eq (raw_server_count (&self, &self.told), 0);
    cr_assert_eq (raw_server_count (&self, &self.saw), 0);
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 0);
    raw_server_end (&self);
}

/* Who waits in a queue does not begin, but for casts. */
RAW_TEST (what_is_queued_is_dropped)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    raw_server_ask (&self, 1, "block", 0);
    raw_server_await_entered (&self, 1);
    for (uint64_t id = 2; id <= 9; id++) {
        godwit__header_t header = raw_header_of (&self, id);
        header.flags = id == 5 ? GODWIT__FLAG_CAST : 0;
        raw_request (&self.peer, &header, "echo", 0);
    }
    cancel (&self, 2);
    cancel (&self, 5);
    cancel (&self, 6);
    cancel (&self, 9);
    cancel (&self, 9);
    pass_through (&self.peer);
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 3);
    raw_server_ask (&self, 10, "echo", 0); /* the queue is in order */
    raw_server_let_go (&self);
    expect (&self.peer, GODWIT__REPLY, 1);
    expect (&self.peer, GODWIT__REPLY, 3);
    expect (&self.peer, GODWIT__REPLY, 4);
    expect (&self.peer, GODWIT__REPLY, 7);
    expect (&self.peer, GODWIT__REPLY, 8);
    expect (&self.peer, GODWIT__REPLY, 10);
    cr_assert_eq (raw_server_count (&self, &self.ran), 7);
    raw_server_end (&self);
}

/* ---- kept requests ---- */

RAW_TEST (a_kept_request_hears_of_it)
{
    raw_server_t self;
    told_t told = TOLD, never = TOLD;
    raw_server_start (&self, driver, NULL, NULL);
    for (uint64_t id = 1; id <= 3; id++) { /* one by one: workers would run them in any order */
        raw_server_ask (&self, id, "keep", 0);
        raw_server_await_kept (&self, id);
    }
    godwit_request_t *first = self.kept[0], *second = self.kept[1], *third = self.kept[2];
    cr_assert_eq (godwit_request_on_cancel (first, on_cancel, &told), GODWIT_OK);
    cr_assert_eq (godwit_request_on_cancel (first, on_cancel, &never), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_request_on_cancel (third, on_cancel, &never), GODWIT_OK);
    cr_assert_not (godwit_request_is_cancelled (first));
    for (uint64_t id = 1; id <= 2; id++)
        cancel (&self, id);
    await_told (&told, 1);
    pass_through (&self.peer);
    cr_assert (godwit_request_is_cancelled (first));
    cr_assert (godwit_request_is_cancelled (second));
    cr_assert_not (godwit_request_is_cancelled (third));
    /* A callback that comes late runs at once. */
    cr_assert_eq (godwit_request_on_cancel (second, on_cancel, &told), GODWIT_OK);
    cr_assert_eq (told_count (&told), 2);
    cr_assert_eq (godwit_request_on_cancel (second, on_cancel, &told), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (told_count (&told), 2);
    /* What was replied to is over: nobody waited in vain. */
    cr_assert_eq (godwit_request_reply (third, GODWIT_INT (NULL, 3)), GODWIT_OK);
    expect (&self.peer, GODWIT__REPLY, 3);
    cancel (&self, 3);
    pass_through (&self.peer);
    cr_assert_not (godwit_request_is_cancelled (third));
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 2);
    godwit_request_destroy (&first);
    godwit_request_destroy (&second);
    godwit_request_destroy (&third);
    cr_assert_eq (told_count (&told), 2);
    cr_assert_eq (told_count (&never), 0);
    raw_server_end (&self);
}

typedef struct holder {
    told_t told;
    godwit_request_t *request;
    bool replies;
    bool destroys;
    bool is_set; /* by "leave" */
    bool inside, may_leave;
} holder_t;

static void
hold (godwit_request_t *cancelled, void *user)
{
    holder_t *const holder = user;
    if (holder->replies)
        cr_assert_eq (godwit_request_reply (cancelled, GODWIT_INT (NULL, 9)), GODWIT_OK);
    if (holder->destroys)
        godwit_request_destroy (&holder->request);
    pthread_mutex_lock (&holder->told.lock);
    holder->told.count++;
    holder->inside = true;
    pthread_cond_broadcast (&holder->told.changed);
    while (!holder->may_leave)
        pthread_cond_wait (&holder->told.changed, &holder->told.lock);
    holder->inside = false;
    pthread_mutex_unlock (&holder->told.lock);
}

/* From within the callback, with and without a reply. */
RAW_TEST (a_callback_may_reply_and_give_it_back)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        const uint64_t id = (uint64_t) i + 1;
        holder_t holder = {.told = TOLD, .replies = i & 1, .destroys = i & 2, .may_leave = true};
        raw_server_ask (&self, id, "keep", 0);
        raw_server_await_kept (&self, id);
        holder.request = self.kept[i];
        cr_assert_eq (godwit_request_on_cancel (self.kept[i], hold, &holder), GODWIT_OK);
        cancel (&self, id);
        await_told (&holder.told, 1);
        if (holder.replies)
            expect (&self.peer, GODWIT__REPLY, id);
        if (!holder.destroys)
            godwit_request_destroy (&holder.request); /* waits for its end */
        if (!holder.replies)
            expect (&self.peer, GODWIT__FAILURE, id);
        /* The end of the last one was seen above; that of the others must have been. */
        pthread_mutex_lock (&holder.told.lock);
        cr_assert_eq (holder.told.count, 1);
        pthread_mutex_unlock (&holder.told.lock);
        pass_through (&self.peer);
    }
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 4);
    raw_server_end (&self);
}

/* The same when it runs at once, on the thread that sets it. */
RAW_TEST (a_callback_that_runs_at_once_may_do_so_too)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        const uint64_t id = (uint64_t) i + 1;
        holder_t holder = {.told = TOLD, .replies = i & 1, .destroys = i & 2, .may_leave = true};
        raw_server_ask (&self, id, "keep", 0);
        raw_server_await_kept (&self, id);
        holder.request = self.kept[i];
        cancel (&self, id);
        pass_through (&self.peer);
        cr_assert (godwit_request_is_cancelled (holder.request));
        cr_assert_eq (godwit_request_on_cancel (holder.request, hold, &holder), GODWIT_OK);
        cr_assert_eq (holder.told.count, 1);
        if (!holder.destroys)
            godwit_request_destroy (&holder.request);
        expect (&self.peer, holder.replies ? GODWIT__REPLY : GODWIT__FAILURE, id);
    }
    raw_server_end (&self);
}

static void *
let_leave (void *user)
{
    holder_t *const holder = user;
    pthread_mutex_lock (&holder->told.lock);
    while (!holder->inside)
        pthread_cond_wait (&holder->told.changed, &holder->told.lock);
    holder->may_leave = true;
    pthread_cond_broadcast (&holder->told.changed);
    pthread_mutex_unlock (&holder->told.lock);
    return NULL;
}

RAW_TEST (giving_it_back_waits_for_its_callback)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    for (uint64_t id = 1; id <= 20; id++) {
        holder_t holder = {.told = TOLD};
        pthread_t thread;
        raw_server_ask (&self, id, "keep", 0);
        raw_server_await_kept (&self, id);
        holder.request = self.kept[id - 1];
        cr_assert_eq (godwit_request_on_cancel (holder.request, hold, &holder), GODWIT_OK);
        cancel (&self, id);
        await_told (&holder.told, 1);
        cr_assert_eq (pthread_create (&thread, NULL, let_leave, &holder), 0);
        godwit_request_destroy (&holder.request);
        cr_assert_not (holder.inside); /* without the lock: nobody else looks at it any more */
        pthread_join (thread, NULL);
        expect (&self.peer, GODWIT__FAILURE, id);
    }
    raw_server_end (&self);
}

/* Its memory serves another request before its callback has come back. */
RAW_TEST (a_callback_that_gave_it_back_leaves_the_next_one_alone)
{
    raw_server_t self;
    holder_t holder = {.told = TOLD, .destroys = true};
    told_t behind = TOLD, next = TOLD;
    raw_server_start (&self, driver, NULL, NULL);
    for (uint64_t id = 1; id <= 2; id++) {
        raw_server_ask (&self, id, "keep", 0);
        raw_server_await_kept (&self, id);
    }
    holder.request = self.kept[0];
    cr_assert_eq (godwit_request_on_cancel (self.kept[0], hold, &holder), GODWIT_OK);
    cr_assert_eq (godwit_request_on_cancel (self.kept[1], on_cancel, &behind), GODWIT_OK);
    cancel (&self, 1);
    await_told (&holder.told, 1);
    expect (&self.peer, GODWIT__FAILURE, 1);
    raw_server_ask (&self, 3, "keep", 0);
    raw_server_await_kept (&self, 3);
    cr_assert_eq (godwit_request_on_cancel (self.kept[2], on_cancel, &next), GODWIT_OK);
    cancel (&self, 2);
    let_leave (&holder);
    await_told (&behind, 1); /* one after the other: the first one is over */
    cancel (&self, 3);
    await_told (&next, 1);
    godwit_request_destroy (&self.kept[1]);
    godwit_request_destroy (&self.kept[2]);
    raw_server_end (&self);
}

/* Not for a while; longer would find no more. */
static void
expect_no_end (raw_peer_t *peer)
{
    for (;;) {
        raw_answer_t answer = raw_receive (peer, 50 * GODWIT__NS_PER_MS);
        if (!answer.came)
            return;
        cr_assert_eq (answer.header.type, GODWIT__HEARTBEAT, "it has ended, and its callback runs");
        raw_answer_release (&answer);
    }
}

/* A handler that leaves while its callback runs; what the callback uses may be the handler's own. */
static godwit_status_t
leave_early (godwit_request_t *request, void *self)
{
    holder_t *const holder = self;
    cr_assert_eq (godwit_request_on_cancel (request, hold, holder), GODWIT_OK);
    pthread_mutex_lock (&holder->told.lock);
    holder->is_set = true;
    pthread_cond_broadcast (&holder->told.changed);
    while (!holder->inside)
        pthread_cond_wait (&holder->told.changed, &holder->told.lock);
    pthread_mutex_unlock (&holder->told.lock);
    return GODWIT_OK;
}

RAW_TEST (the_end_of_a_handler_waits_for_its_callback)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("leave", leave_early, 0)};
    raw_server_t self;
    holder_t holder = {.told = TOLD};
    godwit_server_t *server = NULL;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = &holder);
    raw_server_start (&self, driver, NULL, NULL);
    cr_assert_eq (godwit_server_new (&server, self.transport, GODWIT_TARGET (.topic = "other", .server = "s"),
                                     &endpoint, 1, NULL, NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_server_start (server, NULL, NULL), GODWIT_OK);
    godwit__header_t header = raw_header_of (&self, 1);
    header.target = server->id;
    raw_request (&self.peer, &header, "leave", 0);
    pthread_mutex_lock (&holder.told.lock);
    while (!holder.is_set)
        pthread_cond_wait (&holder.told.changed, &holder.told.lock);
    pthread_mutex_unlock (&holder.told.lock);
    raw_header (&self.peer, &(godwit__header_t){.type = GODWIT__CANCEL, .target = server->id, .id = 1});
    await_told (&holder.told, 1);
    expect_no_end (&self.peer);
    let_leave (&holder);
    expect (&self.peer, GODWIT__REPLY, 1);
    godwit_server_destroy (&server);
    raw_server_end (&self);
}

/* ---- without a CANCEL ---- */

RAW_TEST (goodbye_cancels_all_of_its_client)
{
    raw_server_t self;
    raw_peer_t other;
    told_t told = TOLD, others = TOLD;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 3), NULL);
    raw_server_greet (&self, &other);
    const godwit__header_t header = raw_header_of (&self, 1);
    raw_server_ask (&self, 1, "keep", 0);
    raw_server_await_kept (&self, 1);
    raw_server_ask (&self, 2, "keep", 0);
    raw_server_await_kept (&self, 2);
    raw_request (&other, &header, "keep", 0);
    raw_server_await_kept (&self, 3);
    raw_server_ask (&self, 3, "echo", 0); /* they wait for room */
    raw_server_ask (&self, 4, "echo", 0);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq (godwit_request_on_cancel (self.kept[i], on_cancel, &told), GODWIT_OK);
    cr_assert_eq (godwit_request_on_cancel (self.kept[2], on_cancel, &others), GODWIT_OK);
    raw_header (&self.peer, &(godwit__header_t){.type = GODWIT__GOODBYE});
    await_told (&told, 2);
    pass_through (&self.peer);
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 4);
    cr_assert_not (godwit_request_is_cancelled (self.kept[2]));
    for (size_t i = 0; i < 3; i++)
        godwit_request_destroy (&self.kept[i]);
    expect (&other, GODWIT__FAILURE, 1);
    cr_assert_eq (raw_server_count (&self, &self.ran), 3);
    cr_assert_eq (told_count (&others), 0);
    raw_close (&other);
    raw_server_end (&self);
}

static void *
destroy_transport (void *user)
{
    raw_server_t *const self = user;
    godwit_transport_destroy (&self->transport);
    return NULL;
}

/* A client that answers a GOODBYE waits for its replies. */
RAW_TEST (the_answer_to_a_goodbye_cancels_nothing)
{
    raw_server_t self;
    pthread_t thread;
    raw_server_start (&self, driver, NULL, NULL);
    raw_server_ask (&self, 1, "watch", 0);
    raw_server_ask (&self, 2, "watch", 0);
    raw_server_await_entered (&self, 2);
    godwit__pool_t *const pool = self.transport->pool;
    pthread_create (&thread, NULL, destroy_transport, &self);
    expect (&self.peer, GODWIT__GOODBYE, 0);
    raw_header (&self.peer, &(godwit__header_t){.type = GODWIT__GOODBYE});
    /* It has been looked at when the end goes on. */
    for (bool goes_on = false; !goes_on; sched_yield ()) {
        godwit__pool_lock (pool);
        goes_on = pool->stopping;
        godwit__pool_unlock (pool);
    }
    cr_assert_eq (raw_server_count (&self, &self.told), 0);
    raw_server_let_go (&self);
    uint64_t replied = 0;
    for (int i = 0; i < 2; i++) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert_eq (answer.header.type, GODWIT__REPLY);
        replied |= UINT64_C (1) << answer.header.id;
        raw_answer_release (&answer);
    }
    cr_assert_eq (replied, 6);
    pthread_join (thread, NULL);
    cr_assert_eq (raw_server_count (&self, &self.saw), 0);
    raw_server_end (&self);
}

/* The connection ends without a word. */
RAW_TEST (a_client_that_vanishes_is_missed)
{
    raw_server_t self;
    told_t told = TOLD;
    raw_server_start_quiet (&self, driver, NULL, GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = 20));
    raw_peer_t other;
    raw_server_greet (&self, &self.peer);
    raw_server_greet (&self, &other);
    raw_server_ask (&self, 1, "watch", 0);
    raw_server_ask (&self, 2, "keep", 0);
    raw_server_await_kept (&self, 1);
    raw_server_await_entered (&self, 1);
    const godwit__header_t header = raw_header_of (&self, 1);
    raw_request (&other, &header, "keep", 0);
    raw_server_await_kept (&self, 2);
    cr_assert_eq (godwit_request_on_cancel (self.kept[0], on_cancel, &told), GODWIT_OK);
    cr_assert_not (godwit_request_is_cancelled (self.kept[1]));
    raw_close (&self.peer);
    await_told (&told, 1);
    raw_server_await (&self, &self.saw, 1);
    cr_assert (godwit_request_is_cancelled (self.kept[0]));
    cr_assert_not (godwit_request_is_cancelled (self.kept[1]));
    pass_through (&other);
    for (size_t i = 0; i < 2; i++)
        godwit_request_destroy (&self.kept[i]);
    expect (&other, GODWIT__FAILURE, 1);
    raw_close (&other);
    memset (&self.peer, 0, sizeof self.peer);
    raw_server_greet (&self, &self.peer); /* for the end */
    raw_server_end (&self);
}

RAW_TEST (a_spent_budget_cancels)
{
    raw_server_t self;
    told_t told = TOLD;
    raw_server_start (&self, driver, NULL, NULL);
    godwit__header_t header = raw_header_of (&self, 1);
    /* On a busy machine it may be spent before it runs: then with a longer one. */
    for (header.budget_ms = 30;; header.budget_ms *= 2, header.id++) {
        raw_request (&self.peer, &header, "keep", 0);
        raw_answer_t answer = {0};
        for (;;) {
            pthread_mutex_lock (&self.lock);
            const bool kept = self.kept_count > 0;
            pthread_mutex_unlock (&self.lock);
            answer = raw_receive (&self.peer, kept ? 0 : GODWIT__NS_PER_MS);
            if (kept || answer.came)
                break;
        }
        raw_answer_release (&answer);
        if (!answer.came)
            break;
        cr_assert_eq (answer.header.type, GODWIT__NACK);
    }
    cr_assert_eq (godwit_request_on_cancel (self.kept[0], on_cancel, &told), GODWIT_OK);
    await_told (&told, 1);
    cr_assert (godwit_request_is_cancelled (self.kept[0]));
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 1);
    godwit_request_destroy (&self.kept[0]);
    cr_assert_eq (told_count (&told), 1);
    raw_server_end (&self);
}

/* The time is looked at when it is asked for, whoever else has not noticed. */
static _Atomic (int64_t) hand_ms;

static int64_t
read_hand (void *user)
{
    (void) user;
    return atomic_load (&hand_ms) * GODWIT__NS_PER_MS;
}

RAW_TEST (the_clock_is_asked)
{
    raw_server_t self;
    atomic_store (&hand_ms, 1000000);
    raw_server_start_at (&self, driver, (godwit__clock_t){.now_ns = read_hand}, NULL);
    godwit__header_t header = raw_header_of (&self, 1);
    header.budget_ms = 1000000;
    raw_request (&self.peer, &header, "keep", 0);
    raw_server_await_kept (&self, 1);
    cr_assert_not (godwit_request_is_cancelled (self.kept[0]));
    atomic_fetch_add (&hand_ms, 999999);
    cr_assert_not (godwit_request_is_cancelled (self.kept[0]));
    atomic_fetch_add (&hand_ms, 1);
    cr_assert (godwit_request_is_cancelled (self.kept[0]));
    cr_assert_eq (raw_server_stats (&self).requests_cancelled, 1);
    godwit_request_destroy (&self.kept[0]);
    raw_server_end (&self);
}

/* ---- ends ---- */

RAW_TEST (what_is_kept_of_a_server_that_goes_is_cancelled)
{
    raw_server_t self;
    told_t told = TOLD;
    raw_server_start (&self, driver, NULL, NULL);
    for (uint64_t id = 1; id <= 3; id++)
        raw_server_ask (&self, id, "keep", 0);
    raw_server_await_kept (&self, 3);
    cr_assert_eq (godwit_request_on_cancel (self.kept[0], on_cancel, &told), GODWIT_OK);
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_not (godwit_request_is_cancelled (self.kept[0]));
    cr_assert_eq (godwit_request_reply (self.kept[2], GODWIT_NIL (NULL)), GODWIT_OK);
    godwit_server_destroy (&self.server);
    await_told (&told, 1);
    cr_assert (godwit_request_is_cancelled (self.kept[0]));
    cr_assert (godwit_request_is_cancelled (self.kept[1]));
    cr_assert_not (godwit_request_is_cancelled (self.kept[2]));
    cr_assert_eq (godwit_request_on_cancel (self.kept[1], on_cancel, &told), GODWIT_OK);
    cr_assert_eq (told_count (&told), 2);
    for (size_t i = 0; i < 3; i++)
        godwit_request_destroy (&self.kept[i]);
    raw_server_end (&self);
}

RAW_TEST (what_is_kept_beyond_the_transport_is_cancelled)
{
    raw_server_t self;
    told_t told = TOLD;
    raw_server_start (&self, driver, NULL, NULL);
    for (uint64_t id = 1; id <= 3; id++)
        raw_server_ask (&self, id, "keep", 0);
    raw_server_await_kept (&self, 3);
    cr_assert_eq (godwit_request_on_cancel (self.kept[0], on_cancel, &told), GODWIT_OK);
    godwit_transport_destroy (&self.transport);
    cr_assert_eq (told_count (&told), 1);
    cr_assert (godwit_request_is_cancelled (self.kept[0]));
    cr_assert (godwit_request_is_cancelled (self.kept[1]));
    cr_assert_eq (godwit_request_on_cancel (self.kept[1], on_cancel, &told), GODWIT_OK);
    cr_assert_eq (told_count (&told), 2);
    godwit_request_destroy (&self.kept[0]);
    godwit_server_destroy (&self.server);
    /* The last thing that is left of all, given back from within its callback. */
    godwit_request_destroy (&self.kept[1]);
    holder_t holder = {.told = TOLD, .request = self.kept[2], .destroys = true, .may_leave = true};
    cr_assert_eq (godwit_request_on_cancel (self.kept[2], hold, &holder), GODWIT_OK);
    cr_assert_eq (holder.told.count, 1);
    raw_server_end (&self);
}

/* ---- races ---- */

#define ROUNDS 1500

typedef struct giver {
    raw_server_t *server;
    pthread_t thread;
} giver_t;

/* Gives back what was kept, as soon as it is there. */
static void *
give_back (void *user)
{
    const giver_t *const giver = user;
    raw_server_t *const self = giver->server;
    for (size_t i = 0; i < ROUNDS; i++) {
        raw_server_await_kept (self, i + 1);
        if (i % 3 == 0)
            godwit_request_reply (self->kept[i], GODWIT_NIL (NULL));
        godwit_request_destroy (&self->kept[i]);
    }
    return NULL;
}

static void
answers (raw_server_t *self, size_t count)
{
    while (count) {
        raw_answer_t answer = raw_receive (&self->peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        raw_answer_release (&answer);
        count -= answer.header.type != GODWIT__HEARTBEAT;
    }
}

/* All that comes until PING is answered. */
static void
take_all (raw_peer_t *peer)
{
    raw_header (peer, &(godwit__header_t){.type = GODWIT__PING, .id = 424242});
    for (bool is_last = false; !is_last;) {
        raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        is_last = answer.header.type == GODWIT__PONG;
        raw_answer_release (&answer);
    }
}

/* CANCEL and the end of the handler, in any order. */
RAW_TEST (races_with_the_end_of_handlers)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_server_let_go (&self); /* so that "watch" only sets its callback, and asks */
    for (uint64_t id = 1; id <= ROUNDS; id++) {
        raw_server_ask (&self, id, "watch", 0);
        for (volatile unsigned spin = 0; spin < id % 64 * 40; spin++) {
        }
        cancel (&self, id);
        if (id % 50 == 0)
            take_all (&self.peer);
    }
    /* Those that were dropped before they began are not answered. */
    pthread_mutex_lock (&self.lock);
    while (self.inside)
        pthread_cond_wait (&self.changed, &self.lock);
    const unsigned told = self.told, saw = self.saw;
    pthread_mutex_unlock (&self.lock);
    cr_assert_leq (told, ROUNDS);
    cr_assert_leq (saw, ROUNDS);
    raw_server_end (&self);
}

static void
tell_or_reply (godwit_request_t *cancelled, void *user)
{
    told_t *const told = user;
    if (godwit_request_is_cancelled (cancelled))
        godwit_request_reply (cancelled, GODWIT_INT (NULL, 1));
    on_cancel (cancelled, told);
}

/* CANCEL, replies and the end of kept requests, on three threads. */
RAW_TEST (races_with_the_end_of_kept_requests)
{
    raw_server_t self;
    told_t told = TOLD;
    giver_t giver = {.server = &self};
    raw_server_start (&self, driver, NULL, NULL);
    self.kept_callback = tell_or_reply;
    self.kept_user = &told;
    pthread_create (&giver.thread, NULL, give_back, &giver);
    for (uint64_t id = 1; id <= ROUNDS; id++) {
        raw_server_ask (&self, id, "keep", 0);
        for (volatile unsigned spin = 0; spin < id % 64 * 40; spin++) {
        }
        if (id % 4)
            cancel (&self, id);
        answers (&self, 1);
    }
    pthread_join (giver.thread, NULL);
    cr_assert_eq (told.falsely, 0);
    cr_assert_leq (told.count, ROUNDS);
    raw_server_end (&self);
}
