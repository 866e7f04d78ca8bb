/* SPDX-License-Identifier: Apache-2.0 */
/* Attackers of listeners that need no library: plain sockets that say in NOTIFYs what they like, and read no
 * answer. The listeners live, what they hold stays bounded, and an honest notifier beside the attackers loses
 * nothing. */
#include "src/listener/listener.h"
#include "src/server/pool.h"
#include "src/server/server.h"
#include "src/wire/notify_frame.h"
#include "src/wire/wire.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"
#include "tests/support/random.h"
#include "tests/support/zmtp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LANE "notify:notifications.info"
#define LIMIT (1 << 20) /* of what the listeners may hold */
#define CROWD 8

/* ---- the listeners: one for each way to get notifications ---- */

typedef struct pool {
    const char *name;
    godwit_listener_t *listener;
    got_t got;
} pool_t;

/* A frame of an attacker that is being made. */
static uint8_t frame[1 << 17];
static size_t frame_size;

static pool_t pools[] = {{.name = "one"}, {.name = "batch"}, {.name = "pull"}};
enum { ONE, BATCH, PULL, POOLS };
static godwit_transport_t *victim;
static const char *address;
static pthread_t puller;
static notifying_t notifying;

static void *
pull (void *unused)
{
    godwit_notification_t *notification = NULL;
    (void) unused;
    while (!godwit_listener_next (pools[PULL].listener, -1, &notification, NULL)) {
        got_one (notification, &pools[PULL].got);
        godwit_notification_acknowledge (&notification);
    }
    return NULL;
}

static void
start_listeners (void)
{
    const godwit_listener_options_t *const options[POOLS] = {
        GODWIT_LISTENER_OPTIONS (.pool = "one", .name = "one", .concurrency = 2, .drop_duplicates = 64),
        GODWIT_LISTENER_OPTIONS (.pool = "batch", .name = "batch", .batch_size = 50, .batch_timeout_ms = 1,
                                 .drop_duplicates = 64),
        GODWIT_LISTENER_OPTIONS (.pool = "pull", .name = "pull", .pull = true, .allow_requeue = true,
                                 .priorities = 1u << GODWIT_PRIORITY_INFO)};
    MUST (godwit_transport_new (&victim, "zmq:///?insecure=true&static=no/body@tcp://127.0.0.1:1",
                                GODWIT_TRANSPORT_OPTIONS (.max_queue_size = LIMIT), &error));
    for (int i = 0; i < POOLS; i++) {
        got_init (&pools[i].got);
        pools[i].listener = notifying_listen (victim, &pools[i].got, options[i]);
    }
    address = victim->pool->ports[victim->pool->port_count - 1].addresses.links[0];
}

static void
start_notifier (void)
{
    char url[1000] = "zmq:///?static=";
    const char *const names[] = {pools[ONE].name, pools[BATCH].name, pools[PULL].name};
    for (int i = 0; i < POOLS; i++) {
        const size_t used = strlen (url);
        snprintf (url + used, sizeof url - used, "%s" LANE "/%s@%s", i ? "," : "", names[i], address);
    }
    MUST (godwit_transport_new (&notifying.transport, url, NULL, &error));
    MUST (godwit__outbox_new (&notifying.outbox, notifying.transport,
                              GODWIT_DELIVERY_OPTIONS (.pools = names, .pool_count = POOLS), &error));
    notifying.stream =
        godwit__outbox_stream (notifying.outbox, "godwit", "notifications", GODWIT_PRIORITY_INFO);
    cr_assert_not_null (notifying.stream);
}

static size_t
held_by (int pool)
{
    godwit__register_t *const receipts = pools[pool].listener->receipts;
    pthread_mutex_lock (&receipts->lock);
    const size_t held = receipts->held;
    pthread_mutex_unlock (&receipts->lock);
    return held;
}

/* The limit, and what the last frame that came below it has brought. */
static void
expect_bounded (void)
{
    for (int i = 0; i < POOLS; i++)
        cr_assert_leq (held_by (i), LIMIT + 32 * sizeof frame, "%s holds %zu bytes", pools[i].name,
                       held_by (i));
}

static void
stop (void)
{
    notifying_end (&notifying);
    MUST (godwit_listener_stop (pools[PULL].listener, NULL, &error));
    pthread_join (puller, NULL);
    for (int i = 0; i < POOLS; i++)
        godwit_listener_destroy (&pools[i].listener);
    godwit_transport_destroy (&victim);
}

/* ---- the attackers ---- */

typedef struct attacker {
    int fd; /* 0: none */
    uint64_t id;
} attacker_t;

static attacker_t crowd[CROWD];
static random_t chance;

static uint32_t
below (uint32_t limit)
{
    return random_below (&chance, limit);
}

static void
add (const void *data, size_t size)
{
    if (frame_size + size > sizeof frame)
        return;
    memcpy (frame + frame_size, data, size);
    frame_size += size;
}

static void
add_u32 (uint32_t value)
{
    uint8_t bytes[4];
    godwit__put_u32 (bytes, value);
    add (bytes, sizeof bytes);
}

static void
add_garbage (uint32_t size)
{
    while (size--) {
        const uint8_t byte = (uint8_t) below (256);
        add (&byte, 1);
    }
}

/* The beginning of a body, up to the payload. */
static const char head[] = "\x97\x80\xa1p\xa1"
                           "e\xa4INFO";
static const char tail[] = "\xa2id\xa4time";

/* A notification that the lane takes, or almost: its endpoints ignore the payload. */
static void
add_good_body (void)
{
    add (head, sizeof head - 1);
    if (below (8) == 0)
        frame[frame_size - 1] = (uint8_t) below (256);
    add ("\xc3", 1);
    add (tail, sizeof tail - 1 - (below (8) ? 0 : below (4)));
}

/* Containers in containers; or a list, or a context, of which much is declared. */
static void
add_large_body (void)
{
    static const uint8_t opens[] = {0x91, 0x81, 0xdd, 0xdf, 0xdb, 0xc6, 0xc1, 0xc7};
    add (head, below (2) ? 1 : sizeof head - 1);
    const uint8_t open = opens[below (sizeof opens)];
    if (open >= 0xc0) {
        add (&open, 1);
        add_u32 (below (2) ? below (70000) : 0xffffffff);
        for (uint32_t i = below (70000); i; i--)
            add ("\xc0", 1);
    } else {
        for (uint32_t i = below (2000); i; i--)
            add (&open, 1);
    }
    add (tail, sizeof tail - 1);
}

static void
add_item (void)
{
    const size_t at = frame_size;
    static const uint32_t sizes[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffff7, 0xffffffff};
    add_u32 (0);
    add_u32 (below (4) ? below (3) : 0xffffffff);
    const uint32_t what = below (20);
    if (what == 0)
        add_garbage (below (100));
    else if (what == 1)
        add_large_body ();
    else if (what != 2)
        add_good_body ();
    if (at + 4 > sizeof frame)
        return;
    const size_t size =
        frame_size - at < GODWIT__ITEM_HEADER_SIZE ? 0 : frame_size - at - GODWIT__ITEM_HEADER_SIZE;
    godwit__put_u32 (frame + at, below (100) ? (uint32_t) size : sizes[below (6)]);
}

static void
begin_frame (attacker_t *attacker)
{
    static const uint32_t times[] = {0, 0, 1, 1000, 0xffffffff};
    static const uint64_t ids[] = {0, 1, UINT64_MAX, UINT64_MAX - 1};
    godwit__header_t header = {.type = GODWIT__NOTIFY,
                               .flags = (uint8_t) below (256),
                               .target = 1 + below (POOLS),
                               .id = ++attacker->id,
                               .budget_ms = below (2),
                               .aux = times[below (5)]};
    if (below (10) == 0)
        header.id -= below (5); /* repeated, or not known yet */
    if (below (40) == 0)
        header.id = ids[below (4)];
    if (below (40) == 0)
        header.target = below (3) ? below (10) : 0xffffffff;
    if (below (40) == 0)
        header.type = GODWIT__SETTLED;
    frame_size = GODWIT__HEADER_SIZE;
    godwit__header_write (frame, &header);
}

static void
say_notify (attacker_t *attacker)
{
    static const uint32_t counts[] = {0, 1, 1, 2, 100, 256, 257, 1000};
    begin_frame (attacker);
    for (uint32_t i = counts[below (8)]; i; i--)
        add_item ();
    if (below (30) == 0)
        frame_size -= below ((uint32_t) (frame_size < 40 ? frame_size : 40));
    zmtp_send (attacker->fd, frame, frame_size, below (100) == 0);
}

static void
join (attacker_t *attacker)
{
    const godwit__identity_t identity = {.instance = {9, (uint8_t) below (256)}, .incarnation = below (3)};
    uint8_t hello[GODWIT__IDENTITY_FRAME_MAX];
    if (attacker->fd && below (2))
        zmtp_vanish (attacker->fd);
    else if (attacker->fd)
        close (attacker->fd);
    attacker->id = 0;
    attacker->fd = zmtp_connect (address);
    cr_assert (attacker->fd > 0 && zmtp_handshake (attacker->fd, "DEALER", NULL, 0));
    if (below (8))
        zmtp_send (attacker->fd, hello, godwit__identity_write (hello, GODWIT__HELLO, &identity), false);
}

static void
attack (void)
{
    attacker_t *const attacker = &crowd[below (CROWD)];
    if (!attacker->fd || below (100) == 0)
        join (attacker);
    say_notify (attacker);
}

static void
disperse (void)
{
    for (int i = 0; i < CROWD; i++)
        if (crowd[i].fd)
            close (crowd[i].fd);
}

TestSuite (hostile_notifier, .timeout = 60);

Test (hostile_notifier, what_it_sends_costs_an_honest_one_nothing)
{
    enum { COUNT = 3000, ATTACKS = 3000, PART = 100, SENT = COUNT * PART / ATTACKS };
    chance = random_start ();
    start_listeners ();
    start_notifier ();
    for (int64_t i = 0; i < ATTACKS; i++) { /* nobody pulls yet */
        attack ();
        if (i % PART == 0) {
            notifying_send_many (&notifying, i / PART * (COUNT * PART / ATTACKS),
                                 (i / PART + 1) * (COUNT * PART / ATTACKS));
            expect_bounded ();
        }
    }
    cr_assert_gt (held_by (PULL), LIMIT / 2, "the attackers did not fill it");
    cr_assert_eq (pthread_create (&puller, NULL, pull, NULL), 0);
    for (int i = 0; i < POOLS; i++)
        got_await_all (&pools[i].got, COUNT);
    expect_bounded ();
    disperse ();
    notifying_flush (&notifying);
    stop ();
}
