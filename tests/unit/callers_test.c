/* SPDX-License-Identifier: Apache-2.0 */
/* Many callers on one connection: who receives for them, how they are told, and when their requests leave.
 * The link is the test's own: it receives what the test gives it, and time passes for it when the test says
 * so. */
#include "src/base/futex.h"
#include "src/connection/defer.h"
#include "src/connection/send.h"
#include "src/runtime/control.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <stdlib.h>
#include <string.h>

enum { CALLERS = 5 };

/* ---- the link ---- */

static struct {
    godwit__channel_t channel;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t replies[CALLERS]; /* ids, to be received */
    size_t first, last;
    unsigned queued, flushes;
    unsigned waits;       /* calls of receive that found nothing, so far */
    unsigned time_passed; /* so many of them end without a frame */
    unsigned wakes;
    int64_t timeout_ns; /* of the last of them */
    pthread_t leaders[CALLERS];
    unsigned leader_count; /* threads that have received */
} fake;

static godwit__io_t
queue_fake (godwit__channel_t *link, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    (void) link, (void) routing_id, (void) message;
    pthread_mutex_lock (&fake.lock);
    fake.queued++;
    pthread_cond_broadcast (&fake.changed);
    pthread_mutex_unlock (&fake.lock);
    return GODWIT__IO_OK;
}

static void
flush_fake (godwit__channel_t *link, godwit__routing_id_t routing_id)
{
    (void) link, (void) routing_id;
    pthread_mutex_lock (&fake.lock);
    fake.flushes++;
    pthread_cond_broadcast (&fake.changed);
    pthread_mutex_unlock (&fake.lock);
}

/* With the lock. */
static bool
take (godwit__frame_t *frame)
{
    if (fake.first == fake.last)
        return false;
    uint8_t *const data = calloc (1, GODWIT__HEADER_SIZE + 1);
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = fake.replies[fake.first++]});
    data[GODWIT__HEADER_SIZE] = 0xc0; /* nil */
    *frame =
        (godwit__frame_t){.data = data, .size = GODWIT__HEADER_SIZE + 1, .release = godwit__frame_free_data};
    return true;
}

static godwit__io_t
recv_fake (godwit__channel_t *link, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    (void) link, (void) routing_id;
    pthread_mutex_lock (&fake.lock);
    const bool came = take (frame);
    pthread_mutex_unlock (&fake.lock);
    return came ? GODWIT__IO_OK : GODWIT__IO_AGAIN;
}

static void
note_leader (void)
{
    for (unsigned i = 0; i < fake.leader_count; i++)
        if (pthread_equal (fake.leaders[i], pthread_self ()))
            return;
    fake.leaders[fake.leader_count++] = pthread_self ();
}

static godwit__io_t
receive_fake (godwit__channel_t *link, godwit__frame_t *frame, godwit__routing_id_t *routing_id,
              int64_t timeout_ns)
{
    (void) link, (void) routing_id;
    pthread_mutex_lock (&fake.lock);
    note_leader ();
    bool came = take (frame);
    if (!came) {
        fake.waits++;
        fake.timeout_ns = timeout_ns;
        pthread_cond_broadcast (&fake.changed);
        while (!(came = take (frame)) && !fake.wakes && fake.time_passed < fake.waits)
            pthread_cond_wait (&fake.changed, &fake.lock);
        fake.wakes = 0;
    }
    pthread_mutex_unlock (&fake.lock);
    return came ? GODWIT__IO_OK : GODWIT__IO_AGAIN;
}

static bool
has_more (const godwit__channel_t *link)
{
    (void) link;
    pthread_mutex_lock (&fake.lock);
    const bool has = fake.first < fake.last;
    pthread_mutex_unlock (&fake.lock);
    return has;
}

static void
wake_fake (godwit__channel_t *link)
{
    (void) link;
    pthread_mutex_lock (&fake.lock);
    fake.wakes++;
    pthread_cond_broadcast (&fake.changed);
    pthread_mutex_unlock (&fake.lock);
}

static godwit_status_t
attach_fake (godwit__channel_t *link, godwit__reactor_t *reactor, godwit__source_t *source,
             godwit_error_t **error)
{
    (void) link, (void) reactor, (void) source, (void) error;
    return GODWIT_OK;
}

static void
do_nothing (godwit__channel_t *link)
{
    (void) link;
}

static const char *
why_down (godwit__channel_t *link)
{
    (void) link;
    return "the test ended it";
}

static const godwit__channel_ops_t link_ops = {.queue = queue_fake,
                                               .flush = flush_fake,
                                               .recv = recv_fake,
                                               .receive = receive_fake,
                                               .has_more = has_more,
                                               .wake = wake_fake,
                                               .attach = attach_fake,
                                               .detach = do_nothing,
                                               .why_down = why_down,
                                               .close = do_nothing};

static godwit_status_t
open_fake (godwit__driver_t *driver, const char *address, const godwit__link_events_t *events, void *user,
           godwit__channel_t **link, godwit_error_t **error)
{
    (void) driver, (void) address, (void) events, (void) user, (void) error;
    fake.channel.ops = &link_ops;
    *link = &fake.channel;
    return GODWIT_OK;
}

/* Waits until one of the numbers of the link is at least `least`. */
static void
await (const unsigned *number, unsigned least)
{
    pthread_mutex_lock (&fake.lock);
    while (*number < least)
        pthread_cond_wait (&fake.changed, &fake.lock);
    pthread_mutex_unlock (&fake.lock);
}

static unsigned
read_number (const unsigned *number)
{
    pthread_mutex_lock (&fake.lock);
    const unsigned value = *number;
    pthread_mutex_unlock (&fake.lock);
    return value;
}

/* ---- the connection ---- */

static godwit_transport_t *transport;
static godwit__connection_t *connection;

static void
on_ready (godwit__connection_t *self)
{
    (void) self;
}

static void
on_lost (godwit__connection_t *self, const char *reason)
{
    (void) self, (void) reason;
}

static void
open_connection (void *user)
{
    static const godwit__connection_events_t events = {.ready = on_ready, .lost = on_lost};
    static const godwit__driver_ops_t driver_ops = {.name = "fake", .open_link = open_fake};
    static godwit__driver_t driver = {.ops = &driver_ops};
    static const uint8_t anybody[GODWIT__UUID_SIZE];
    (void) user;
    MUST (
        godwit__connection_open (&connection, transport, &events, NULL, anybody, &driver, "fake://", &error));
    atomic_store (&connection->state, GODWIT__CONNECTION_READY);
}

static void
open_test (void)
{
    pthread_mutex_init (&fake.lock, NULL);
    pthread_cond_init (&fake.changed, NULL);
    MUST (godwit_transport_new (&transport, "inproc://", NULL, &error));
    godwit__control_run (transport, open_connection, NULL);
}

static void
close_test (void)
{
    godwit__connection_down (connection, "the test is over");
    godwit__connection_unref (&connection);
    godwit_transport_destroy (&transport);
}

TestSuite (callers, .init = open_test, .fini = close_test, .timeout = 60);

/* ---- callers ---- */

typedef struct caller {
    pthread_t thread;
    godwit__pending_t pending;
    godwit__pending_outcome_t outcome;
} caller_t;

static void *
call (void *user)
{
    caller_t *const self = user;
    uint8_t data[GODWIT__HEADER_SIZE] = {0};
    const godwit__message_t message = {.data = data, .size = sizeof data};
    const int64_t now_ns = godwit__transport_now (transport);
    self->pending = (godwit__pending_t){.left_ns = 60000 * GODWIT__NS_PER_MS,
                                        .deadline_ns = now_ns + 60000 * GODWIT__NS_PER_MS};
    cr_assert_eq (godwit__connection_send (connection, &message, &self->pending), GODWIT__IO_OK);
    godwit__connection_await (connection, &self->pending);
    self->outcome = self->pending.outcome;
    godwit__frame_release (&self->pending.frame);
    return NULL;
}

static bool
follows (const caller_t *caller)
{
    pthread_mutex_lock (&connection->lock);
    const bool does = caller->pending.follows;
    pthread_mutex_unlock (&connection->lock);
    return does;
}

/* The first one leads. Returns once they all wait. */
static void
start_callers (caller_t *callers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pthread_create (&callers[i].thread, NULL, call, &callers[i]);
        await (&fake.queued, i + 1);
        if (i == 0)
            await (&fake.waits, 1);
        else
            while (!follows (&callers[i]))
                sched_yield ();
    }
}

static void
receive_replies (const uint64_t *ids, size_t count)
{
    pthread_mutex_lock (&fake.lock);
    memcpy (fake.replies, ids, count * sizeof *ids);
    fake.first = 0;
    fake.last = count;
    pthread_cond_broadcast (&fake.changed);
    pthread_mutex_unlock (&fake.lock);
}

static void
join (caller_t *callers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pthread_join (callers[i].thread, NULL);
        cr_assert_eq (callers[i].outcome, GODWIT__PENDING_REPLIED, "caller %u", i);
    }
}

/* Without that, each of them would be woken twice: to lead, and to find its reply. */
Test (callers, the_leader_receives_all_that_came_with_its_reply)
{
    static caller_t callers[CALLERS];
    start_callers (callers, CALLERS);
    receive_replies ((const uint64_t[]){1, 2, 3, 4, 5}, 5);
    join (callers, CALLERS);
    cr_assert_eq (fake.leader_count, 1u);
    cr_assert_eq (atomic_load (&connection->told_count), 0u);
    cr_assert_eq (connection->lead, GODWIT__LEAD_NOBODY);
}

Test (callers, the_leader_waits_on_when_only_others_were_answered)
{
    static caller_t callers[CALLERS];
    start_callers (callers, CALLERS);
    receive_replies ((const uint64_t[]){5, 3}, 2);
    join (&callers[4], 1);
    join (&callers[2], 1);
    await (&fake.waits, 2);
    receive_replies ((const uint64_t[]){1}, 1); /* now another one leads */
    join (&callers[0], 1);
    await (&fake.waits, 3);
    receive_replies ((const uint64_t[]){2, 4}, 2);
    join (&callers[1], 1);
    join (&callers[3], 1);
    cr_assert_eq (fake.leader_count, 2u);
}

/* A caller that leads now is not woken as a follower. */
Test (callers, one_that_was_promoted_can_be_ended)
{
    static caller_t callers[2];
    start_callers (callers, 2);
    receive_replies ((const uint64_t[]){1}, 1);
    join (&callers[0], 1);
    await (&fake.waits, 2);
    godwit__connection_abandon_one (connection, &callers[1].pending);
    pthread_join (callers[1].thread, NULL);
    cr_assert_eq (callers[1].outcome, GODWIT__PENDING_ABANDONED);
    cr_assert_eq (connection->lead, GODWIT__LEAD_NOBODY);
}

/* It followed while a reactor led, wakes for no reason, and takes the lead: a wake then has to reach the
 * link. */
Test (callers, one_that_has_followed_and_leads_can_be_ended)
{
    static caller_t caller;
    pthread_mutex_lock (&connection->lock);
    connection->asynchronous_count = 1;
    pthread_mutex_unlock (&connection->lock);
    pthread_create (&caller.thread, NULL, call, &caller);
    await (&fake.queued, 1);
    while (!follows (&caller))
        sched_yield ();
    pthread_mutex_lock (&connection->lock);
    connection->asynchronous_count = 0;
    pthread_mutex_unlock (&connection->lock);
    while (read_number (&fake.waits) < 1) {
        godwit__futex_wake (&caller.pending.wake, 1);
        sched_yield ();
    }
    godwit__connection_abandon_one (connection, &caller.pending);
    pthread_join (caller.thread, NULL);
    cr_assert_eq (caller.outcome, GODWIT__PENDING_ABANDONED);
}

/* ---- requests that leave together ---- */

/* As a leader that has told so many. */
static void
tell (unsigned count)
{
    atomic_store (&connection->told_count, count);
}

Test (callers, a_request_leaves_at_once_when_nobody_is_about_to_run)
{
    static caller_t callers[2];
    start_callers (callers, 2);
    cr_assert_eq (read_number (&fake.flushes), 2u);
    cr_assert_gt (fake.timeout_ns, GODWIT__DEFERRED_NS);
    receive_replies ((const uint64_t[]){1, 2}, 2);
    join (callers, 2);
}

Test (callers, the_last_one_that_was_told_sends_for_the_others)
{
    static caller_t callers[1];
    tell (2);
    start_callers (callers, 1);
    cr_assert_eq (read_number (&fake.flushes), 0u);
    godwit__connection_told_runs (connection);
    cr_assert_eq (read_number (&fake.flushes), 0u);
    godwit__connection_told_runs (connection);
    cr_assert_eq (read_number (&fake.flushes), 1u);
    receive_replies ((const uint64_t[]){1}, 1);
    join (callers, 1);
}

Test (callers, a_leader_sends_by_itself_when_the_others_do_not_run)
{
    static caller_t callers[1];
    tell (1);
    start_callers (callers, 1);
    cr_assert_eq (read_number (&fake.flushes), 0u);
    cr_assert_eq (fake.timeout_ns, GODWIT__DEFERRED_NS);
    pthread_mutex_lock (&fake.lock);
    fake.time_passed = 1;
    pthread_cond_broadcast (&fake.changed);
    pthread_mutex_unlock (&fake.lock);
    await (&fake.flushes, 1);
    await (&fake.waits, 2);
    cr_assert_gt (fake.timeout_ns, GODWIT__DEFERRED_NS);
    receive_replies ((const uint64_t[]){1}, 1);
    join (callers, 1);
    tell (0);
}

Test (callers, a_follower_sends_by_itself_when_the_others_do_not_run)
{
    static caller_t callers[2];
    start_callers (callers, 1);
    tell (1);
    pthread_create (&callers[1].thread, NULL, call, &callers[1]);
    await (&fake.flushes, 2);
    receive_replies ((const uint64_t[]){1, 2}, 2);
    join (callers, 2);
    tell (0);
}

Test (callers, whoever_sends_takes_the_others_with_it)
{
    static caller_t callers[1];
    uint8_t data[GODWIT__HEADER_SIZE] = {0};
    const godwit__message_t cast = {.data = data, .size = sizeof data};
    tell (1);
    start_callers (callers, 1);
    cr_assert_eq (godwit__connection_send (connection, &cast, NULL), GODWIT__IO_OK);
    cr_assert_eq (read_number (&fake.flushes), 1u);
    godwit__connection_told_runs (connection);
    cr_assert_eq (read_number (&fake.flushes), 1u, "there is nothing left to send");
    receive_replies ((const uint64_t[]){1}, 1);
    join (callers, 1);
}

Test (callers, few_requests_wait_for_others)
{
    godwit__pending_t pending;
    const godwit__message_t message = {.data = NULL};
    tell (1);
    for (unsigned i = 0; i <= GODWIT__DEFERRED_MAX; i++) {
        pending.is_deferred = false;
        pthread_mutex_lock (&connection->lock);
        godwit__connection_queue (connection, &message);
        if (godwit__connection_may_defer (connection))
            godwit__connection_defer (connection, &pending);
        cr_assert_eq (pending.is_deferred, i < GODWIT__DEFERRED_MAX, "request %u", i);
        godwit__connection_unlock (connection);
    }
    cr_assert_eq (read_number (&fake.flushes), 1u);
    cr_assert_eq (atomic_load (&connection->deferred_count), 0u);
    tell (0);
}
