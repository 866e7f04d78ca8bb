/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile listener answers costs its own pool what it was sent, and nothing else: another pool gets
 * all, in order, and once. */
#include <criterion/criterion.h>

#include "src/delivery/stream.h"
#include "src/server/pool.h"
#include "src/wire/batch.h"
#include "src/wire/notify_frame.h"
#include "src/wire/wire.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"
#include "tests/support/random.h"
#include "tests/support/victim.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#define LANE "notify:notifications.info"
#define FRAME_MAX 65536

/* ---- the liar: a ROUTER, and what it says to a NOTIFY ---- */

/* A NOTIFY that came. */
typedef struct notify {
    godwit__header_t header;
    uint32_t count; /* of its items */
    const uint8_t *data;
    size_t size;
} notify_t;

typedef void answer_fn (const notify_t *notify);

static struct {
    void *context;
    void *socket;
    pthread_t thread;
    atomic_bool ends;
    char address[128];
    uint32_t credit; /* that its record tells */
    answer_fn *on_notify;
    uint8_t client[256];
    size_t client_size;
    random_t random;
    sem_t answered; /* posted after each answer */
    uint64_t count; /* of NOTIFYs */
} liar;

static void
say (const void *data, size_t size)
{
    if (zmq_send (liar.socket, liar.client, liar.client_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send (liar.socket, data, size, ZMQ_DONTWAIT);
}

static void
say_frame (godwit__header_t header, const void *body, size_t size)
{
    uint8_t *const data = malloc (GODWIT__HEADER_SIZE + size);
    godwit__header_write (data, &header);
    if (size)
        memcpy (data + GODWIT__HEADER_SIZE, body, size);
    say (data, GODWIT__HEADER_SIZE + size);
    free (data);
}

static void
welcome (void)
{
    const godwit__identity_t identity = {.instance = {7}, .incarnation = 1, .features = GODWIT__FEATURES};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    say (data, godwit__identity_write (data, GODWIT__WELCOME, &identity));
}

static void
resolved (uint64_t id)
{
    char versions[64];
    uint8_t *data = NULL;
    godwit__record_t record = {.instance = {7},
                               .incarnation = 1,
                               .server_id = 3,
                               .revision = 1,
                               .weight = 1,
                               .state = GODWIT__RECORD_UP,
                               .exchange = "godwit",
                               .topic = LANE,
                               .server = "liar",
                               .address_count = 1,
                               .addresses = {liar.address},
                               .fanout_address = "",
                               .host = "",
                               .versions = versions};
    snprintf (versions, sizeof versions, "pool.liar=1.%u", liar.credit);
    const size_t size = godwit__resolved_write (&data, id, &record);
    say (data, size);
    free (data);
}

static void
take_notify (const uint8_t *data, size_t size, const godwit__header_t *header)
{
    static notify_t notify;
    godwit__item_reader_t reader;
    godwit__item_t item;
    notify.header = *header;
    notify.size = size;
    notify.count = 0;
    notify.data = data;
    godwit__item_reader_init (&reader, data, size);
    while (godwit__item_next (&reader, &item))
        notify.count++;
    liar.count++;
    liar.on_notify (&notify);
    sem_post (&liar.answered);
}

static void
take (const uint8_t *data, size_t size)
{
    godwit__header_t header;
    if (godwit__header_read (&header, data, size))
        return;
    switch (header.type) {
    case GODWIT__HELLO:
        welcome ();
        break;
    case GODWIT__RESOLVE:
        resolved (header.id);
        break;
    case GODWIT__PING:
        say_frame ((godwit__header_t){.type = GODWIT__PONG, .target = header.target, .id = header.id}, NULL,
                   0);
        break;
    case GODWIT__NOTIFY:
        take_notify (data, size, &header);
        break;
    case GODWIT__BATCH:
        for (size_t at = GODWIT__HEADER_SIZE; at + 4 <= size;) {
            const size_t part = godwit__get_u32 (data + at);
            take (data + at + 4, part);
            at += 4 + part;
        }
        break;
    default:
        break;
    }
}

static void *
lie (void *unused)
{
    static uint8_t data[FRAME_MAX];
    (void) unused;
    while (!atomic_load (&liar.ends)) {
        const int id_size = zmq_recv (liar.socket, liar.client, sizeof liar.client, 0);
        if (id_size < 0)
            continue; /* nobody says anything: look whether this is the end */
        liar.client_size = (size_t) id_size;
        const int size = zmq_recv (liar.socket, data, sizeof data, 0);
        if (size >= 0)
            take (data, (size_t) size);
    }
    return NULL;
}

/* ---- what it may say ---- */

/* It acknowledges everything. */
static void
settle (const notify_t *notify)
{
    say_frame ((godwit__header_t){.type = GODWIT__SETTLED, .id = notify->header.id, .aux = 512}, NULL, 0);
}

static void
say_nothing (const notify_t *notify)
{
    (void) notify;
}

/* A body of items that are not done with, which may be none: of any index, any number, any size. */
static void
settle_at_random (uint64_t id)
{
    uint8_t body[300 * GODWIT__UNSETTLED_SIZE];
    static const uint32_t odd[] = {0, 255, 256, 512, 0x7fffffff, 0xffffffff};
    const uint32_t count = random_below (&liar.random, 300);
    uint32_t index = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *const at = body + i * (size_t) GODWIT__UNSETTLED_SIZE;
        const uint32_t what = random_below (&liar.random, 12);
        if (random_below (&liar.random, 20) == 0)
            index = odd[random_below (&liar.random, 6)];
        godwit__put_u32 (at, index);
        godwit__put_u32 (at + 4, what < 6 ? what : what < 8 ? odd[random_below (&liar.random, 6)] : 1);
        index += random_below (&liar.random, 3);
    }
    const uint32_t cut = random_below (&liar.random, 4) ? 0 : random_below (&liar.random, 9);
    const size_t size = count * (size_t) GODWIT__UNSETTLED_SIZE;
    say_frame ((godwit__header_t){.type = GODWIT__SETTLED,
                                  .flags = (uint8_t) random_below (&liar.random, 256),
                                  .target = random_below (&liar.random, 5),
                                  .id = id,
                                  .aux = odd[random_below (&liar.random, 6)]},
               body, size > cut ? size - cut : size);
}

/* The whole NOTIFY, in one of the ways in which nothing is done with. */
static void
unsettle_all (const notify_t *notify, uint32_t what)
{
    uint8_t body[GODWIT__NOTIFY_COUNT * GODWIT__UNSETTLED_SIZE];
    for (uint32_t i = 0; i < notify->count; i++) {
        godwit__put_u32 (body + i * (size_t) GODWIT__UNSETTLED_SIZE, i);
        godwit__put_u32 (body + i * (size_t) GODWIT__UNSETTLED_SIZE + 4, what);
    }
    say_frame ((godwit__header_t){.type = GODWIT__SETTLED, .id = notify->header.id}, body,
               notify->count * (size_t) GODWIT__UNSETTLED_SIZE);
}

/* Answers of several frames in one, of which the last may be cut. */
static void
settle_in_a_batch (uint64_t id)
{
    uint8_t body[8 * (4 + GODWIT__HEADER_SIZE)];
    for (uint32_t i = 0; i < 8; i++) {
        uint8_t *const at = body + i * (size_t) (4 + GODWIT__HEADER_SIZE);
        godwit__put_u32 (at, GODWIT__HEADER_SIZE);
        godwit__header_write (at + 4,
                              &(godwit__header_t){.type = GODWIT__SETTLED, .id = id - 3 + i, .aux = i});
    }
    say_frame ((godwit__header_t){.type = GODWIT__BATCH, .aux = 8}, body,
               sizeof body - (random_below (&liar.random, 3) ? 0 : 5));
}

static void
say_something (const notify_t *notify)
{
    const uint64_t id = notify->header.id;
    static const uint8_t types[] = {GODWIT__REPLY,     GODWIT__FAILURE,    GODWIT__RESOLVED, GODWIT__ACCEPTED,
                                    GODWIT__HEARTBEAT, GODWIT__WELCOME,    GODWIT__PONG,     GODWIT__NOTIFY,
                                    GODWIT__REQUEST,   GODWIT__PUBLICATION};
    switch (random_below (&liar.random, 14)) {
    case 0:
        say_nothing (notify);
        break;
    case 1: /* twice */
        settle (notify);
        settle (notify);
        break;
    case 2: /* of others: those before, and those that were not sent yet */
        settle_at_random (id - random_below (&liar.random, 20));
        settle_at_random (id + random_below (&liar.random, 20));
        break;
    case 3:
        settle_at_random (UINT64_MAX - random_below (&liar.random, 2));
        break;
    case 4:
        say_frame ((godwit__header_t){.type = GODWIT__NACK, .id = id, .aux = random_below (&liar.random, 12)},
                   NULL, 0);
        break;
    case 5:
        say_frame ((godwit__header_t){.type = types[random_below (&liar.random, sizeof types)], .id = id},
                   notify->data, random_below (&liar.random, (uint32_t) notify->size));
        break;
    case 6:
        settle_in_a_batch (id);
        break;
    case 7: /* what it was sent */
        say (notify->data, random_below (&liar.random, 8)
                               ? notify->size
                               : random_below (&liar.random, (uint32_t) notify->size));
        break;
    case 8:
        if (random_below (&liar.random, 8) == 0)
            say_frame ((godwit__header_t){.type = GODWIT__GOODBYE, .target = random_below (&liar.random, 5)},
                       NULL, 0);
        break;
    case 9:
        unsettle_all (notify, 1 + random_below (&liar.random, 4));
        break;
    default:
        settle_at_random (id);
        break;
    }
}

/* ---- both pools ---- */

static godwit_transport_t *honest_transport;
static godwit_listener_t *honest;
static got_t got;
static notifying_t notifying;
/* What is not answered is sent again after five times this. */
static int64_t heartbeat_timeout_ms = 10000;

static void
start_liar (answer_fn *on_notify, uint32_t credit)
{
    const int moment_ms = 20, linger_ms = 0, yes = 1;
    size_t size = sizeof liar.address;
    liar.random = random_start ();
    sem_init (&liar.answered, 0, 0);
    liar.on_notify = on_notify;
    liar.credit = credit;
    liar.context = zmq_ctx_new ();
    liar.socket = zmq_socket (liar.context, ZMQ_ROUTER);
    zmq_setsockopt (liar.socket, ZMQ_RCVTIMEO, &moment_ms, sizeof moment_ms);
    zmq_setsockopt (liar.socket, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes);
    zmq_setsockopt (liar.socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    cr_assert_eq (zmq_bind (liar.socket, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq (zmq_getsockopt (liar.socket, ZMQ_LAST_ENDPOINT, liar.address, &size), 0);
    cr_assert_eq (pthread_create (&liar.thread, NULL, lie, NULL), 0);
}

static void
open_outbox (const godwit_delivery_options_t *options)
{
    const char *const pools[] = {"honest", "liar"};
    godwit_delivery_options_t own = options ? *options : *GODWIT_DELIVERY_OPTIONS (.pools = NULL);
    own.pools = pools;
    own.pool_count = 2;
    MUST (godwit__outbox_new (&notifying.outbox, notifying.transport, &own, &error));
    notifying.stream =
        godwit__outbox_stream (notifying.outbox, "godwit", "notifications", GODWIT_PRIORITY_INFO);
    cr_assert_not_null (notifying.stream);
}

static void
start (answer_fn *on_notify, uint32_t credit, const godwit_delivery_options_t *options)
{
    char url[1000];
    start_liar (on_notify, credit);
    MUST (godwit_transport_new (&honest_transport, "zmq:///?insecure=true&static=no/body@tcp://127.0.0.1:1",
                                NULL, &error));
    got_init (&got);
    honest = notifying_listen (honest_transport, &got,
                               GODWIT_LISTENER_OPTIONS (.pool = "honest", .name = "honest"));
    const godwit__pool_t *const pool = honest_transport->pool;
    snprintf (url, sizeof url, "zmq:///?insecure=true&static=" LANE "/liar@%s," LANE "/honest@%s",
              liar.address, pool->ports[pool->port_count - 1].addresses.links[0]);
    MUST (godwit_transport_new (&notifying.transport, url,
                                GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = heartbeat_timeout_ms / 2,
                                                          .heartbeat_timeout_ms = heartbeat_timeout_ms),
                                &error));
    open_outbox (options);
}

static void
stop (void)
{
    notifying_end (&notifying);
    godwit_listener_destroy (&honest);
    godwit_transport_destroy (&honest_transport);
    atomic_store (&liar.ends, true);
    pthread_join (liar.thread, NULL);
    zmq_close (liar.socket);
    zmq_ctx_term (liar.context);
}

/* Waits until so many are acknowledged: each by each pool once. */
static void
await_acknowledged (uint64_t least, uint64_t most)
{
    godwit__outbox_t *const outbox = notifying.outbox;
    pthread_mutex_lock (&outbox->lock);
    while (outbox->stats.acknowledged < least)
        godwit__change_wait (&outbox->changed, &outbox->lock, GODWIT__NS_PER_MS);
    cr_assert (outbox->stats.acknowledged <= most, "%llu are acknowledged",
               (unsigned long long) outbox->stats.acknowledged);
    pthread_mutex_unlock (&outbox->lock);
}

/* Waits until so many answers that nobody waited for were dropped. */
static void
await_dropped (uint64_t count)
{
    godwit_transport_stats_t stats;
    do
        godwit_transport_stats (notifying.transport, &stats, sizeof stats);
    while (stats.frames_dropped < count);
}

static void
await_answers (unsigned count)
{
    while (count)
        count -= sem_wait (&liar.answered) == 0;
}

TestSuite (hostile_listener, .timeout = 60);

Test (hostile_listener, whatever_it_answers_the_other_pool_gets_all)
{
    enum { COUNT = 20000 };
    heartbeat_timeout_ms = 100;
    start (say_something, 512,
           GODWIT_DELIVERY_OPTIONS (.queue_limit = COUNT + 1, .requeue_first_ms = 1, .requeue_max_ms = 4));
    notifying_send_many (&notifying, 0, COUNT);
    got_await_all (&got, COUNT);
    await_answers (20);
    await_acknowledged (COUNT, 2UL * COUNT);
    stop ();
}

/* Names of flights that are not its own, or not yet. */
static void
settle_others (const notify_t *notify)
{
    for (uint64_t other = 1; other <= 100; other++)
        if (other != notify->header.id)
            say_frame ((godwit__header_t){.type = GODWIT__SETTLED, .id = other}, NULL, 0);
}

Test (hostile_listener, what_it_was_not_sent_it_cannot_acknowledge)
{
    enum { COUNT = 10000 };
    start (settle_others, 1, GODWIT_DELIVERY_OPTIONS (.queue_limit = COUNT + 1));
    notifying_send_many (&notifying, 0, COUNT);
    got_await_all (&got, COUNT);
    await_dropped (99);
    await_acknowledged (COUNT, COUNT);
    stop ();
}

enum { MANY = 60000 };

/* Once all are on their way to it, it gives all of them back, one NOTIFY after the other. Then it is good. */
static void
return_all_at_once (const notify_t *notify)
{
    static notify_t notifies[MANY];
    static uint32_t count, items;
    if (items == MANY) {
        settle (notify);
        return;
    }
    notifies[count++] = *notify;
    items += notify->count;
    for (uint32_t i = 0; items == MANY && i < count; i++)
        unsettle_all (&notifies[i], GODWIT__UNSETTLED_RETURNED);
}

/* It says a few bytes about each. That must not cost the square of them: other pools wait meanwhile. */
Test (hostile_listener, what_is_given_back_costs_in_proportion)
{
    const clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    struct timespec before, after;
    start (return_all_at_once, UINT32_MAX, GODWIT_DELIVERY_OPTIONS (.queue_limit = 2 * MANY));
    clock_gettime (clock, &before);
    notifying_send_many (&notifying, 0, MANY);
    got_await_all (&got, MANY);
    await_acknowledged (2UL * MANY, 2UL * MANY);
    clock_gettime (clock, &after);
    const int64_t ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    if (!victim_is_sanitized ())
        cr_assert_lt (ms, 1000);
    stop ();
}

/* It takes whatever it gets, and answers nothing: what waits for it is dropped, and not what is new. */
Test (hostile_listener, its_silence_leaves_room_for_others)
{
    enum { LIMIT = 1000, PART = 100, COUNT = 5 * LIMIT };
    start (say_nothing, UINT32_MAX,
           GODWIT_DELIVERY_OPTIONS (.queue_limit = LIMIT, .when_full = GODWIT_WHEN_FULL_DROP_OLDEST));
    for (int64_t from = 0; from < COUNT; from += PART) {
        notifying_send_many (&notifying, from, from + PART);
        await_acknowledged ((uint64_t) from + PART, (uint64_t) from + PART);
    }
    got_await_all (&got, COUNT);
    cr_assert_gt (notifying_stats (&notifying).dropped, 0u);
    stop ();
}

/* If it may get one: then it gets it within 10 ms. */
static void
let_it_get_one (void)
{
    struct timespec end;
    clock_gettime (CLOCK_MONOTONIC, &end);
    end.tv_nsec += 20000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    sem_clockwait (&liar.answered, CLOCK_MONOTONIC, &end);
}

/* As many bytes as a notifier may keep, in fewer notifications than any credit. */
Test (hostile_listener, its_silence_about_large_ones_leaves_room_for_others)
{
    enum { LIMIT = 200000, SIZE = 10000, COUNT = 3 * LIMIT / SIZE };
    static char body[SIZE] = "not looked at by the notifier";
    bool dropped = false;
    start (say_nothing, 512,
           GODWIT_DELIVERY_OPTIONS (.max_queue_size = LIMIT, .when_full = GODWIT_WHEN_FULL_DROP_OLDEST));
    for (uint64_t i = 1; i <= COUNT; i++) {
        MUST (godwit__stream_append (notifying.stream, body, sizeof body, -1, &dropped, &error));
        cr_assert_not (dropped, "%d", (int) i);
        await_acknowledged (i, i);
        let_it_get_one ();
    }
    stop ();
}

/* Its answers come when their notifier is gone. The transport is still there, and the next notifier works. */
static void
settle_late (const notify_t *notify)
{
    static notify_t kept;
    if (kept.count)
        settle (&kept);
    kept = *notify;
}

Test (hostile_listener, what_it_answers_to_one_that_is_gone_is_nothing_to_the_next)
{
    start (settle_late, 1, NULL);
    notifying_send (&notifying, 0);
    await_answers (1);
    got_await_all (&got, 1);
    await_acknowledged (1, 1);
    godwit__outbox_destroy (&notifying.outbox);
    open_outbox (NULL);
    notifying_send (&notifying, 1);
    await_answers (1);
    got_await_all (&got, 2);
    await_dropped (1);
    await_acknowledged (1, 1);
    stop ();
}
