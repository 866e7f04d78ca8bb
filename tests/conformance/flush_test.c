/* SPDX-License-Identifier: Apache-2.0 */
/* The core keeps what src/interface/driver.h asks of a caller: it holds no lock while it sends or flushes,
 * flushes whatever it has queued, and closes no channel before all that use it are done.
 *
 * The drivers' functions are wrapped. Locks are counted by functions that stand in front of the C
 * library's; not under ThreadSanitizer, which does the same. */
#include "src/connection/connection.h"
#include "src/runtime/control.h"
#include "tests/conformance/core_world.h"

#include <dlfcn.h>

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define LOCKS_ARE_NOT_COUNTED
#endif
#endif

/* ---- locks that this thread holds ---- */

static _Thread_local int held;

#ifndef LOCKS_ARE_NOT_COUNTED
static int
real_call (const char *name, pthread_mutex_t *mutex)
{
    int (*call) (pthread_mutex_t *);
    *(void **) &call = dlsym (RTLD_NEXT, name);
    return call (mutex);
}

int
pthread_mutex_lock (pthread_mutex_t *mutex)
{
    const int failure = real_call ("pthread_mutex_lock", mutex);
    held += !failure;
    return failure;
}

int
pthread_mutex_trylock (pthread_mutex_t *mutex)
{
    const int failure = real_call ("pthread_mutex_trylock", mutex);
    held += !failure;
    return failure;
}

int
pthread_mutex_unlock (pthread_mutex_t *mutex)
{
    held--;
    return real_call ("pthread_mutex_unlock", mutex);
}
#endif

/* ---- what became of the channels ---- */

enum { DRIVERS = 4, OPEN_MAX = 256, QUEUED_MAX = 256 };
typedef enum kind { LINK, PORT, PUBLISHER, KINDS } kind_t;

typedef struct wrapped {
    godwit__channel_ops_t ops; /* first: a channel points to it */
    const godwit__channel_ops_t *real;
    kind_t kind;
} wrapped_t;

typedef struct queued {
    const godwit__channel_t *channel;
    godwit__routing_id_t routing_id;
    pthread_t by; /* who has to flush, if the data stays until then ... */
    bool stays;   /* ... else anybody may */
} queued_t;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    godwit__driver_ops_t drivers[DRIVERS];
    const godwit__driver_ops_t *real_drivers[DRIVERS];
    wrapped_t wrapped[DRIVERS][KINDS];
    size_t driver_count;
    queued_t queued[QUEUED_MAX]; /* not flushed yet */
    size_t queued_count;
    unsigned counts[KINDS]; /* what was queued */
    unsigned closed_count;  /* links */
    const godwit__channel_t *flushing;
    bool waits_in_flush; /* the next flush of a link waits until the link is closed, or for a while */
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static tally_t heartbeats;

static const wrapped_t *
wrapped_of (const godwit__channel_t *channel)
{
    return (const wrapped_t *) channel->ops;
}

static void
forget (const godwit__channel_t *channel, godwit__routing_id_t routing_id)
{
    for (size_t i = 0; i < seen.queued_count; i++)
        if (seen.queued[i].channel == channel && seen.queued[i].routing_id == routing_id &&
            (!seen.queued[i].stays || pthread_equal (seen.queued[i].by, pthread_self ())))
            seen.queued[i--] = seen.queued[--seen.queued_count];
    pthread_cond_broadcast (&seen.changed);
}

/* When nothing is sent any more, nothing is left to be flushed. */
static void
wait_until_flushed (void)
{
    const struct timespec end = time_in_ms (WAIT_LIMIT_MS);
    int late = 0;
    pthread_mutex_lock (&seen.lock);
    while (seen.queued_count > 0 && !late)
        late = pthread_cond_timedwait (&seen.changed, &seen.lock, &end);
    cr_assert_eq (seen.queued_count, 0, "what was queued is not flushed");
    pthread_mutex_unlock (&seen.lock);
}

static void
note (const godwit__channel_t *channel, godwit__routing_id_t routing_id, kind_t kind, bool stays)
{
    pthread_mutex_lock (&seen.lock);
    forget (channel, routing_id); /* one flush for both is enough */
    cr_assert_lt (seen.queued_count, QUEUED_MAX, "what was queued is not flushed");
    seen.queued[seen.queued_count++] = (queued_t){channel, routing_id, pthread_self (), stays};
    seen.counts[kind]++;
    pthread_mutex_unlock (&seen.lock);
}

static godwit__io_t
queue_seen (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    godwit__header_t header;
    const bool is_heartbeat =
        godwit__header_read (&header, message->data, message->size) == GODWIT__HEADER_OK &&
        (header.type == GODWIT__ACCEPTED || header.type == GODWIT__HEARTBEAT);
    const godwit__io_t io = wrapped_of (channel)->real->queue (channel, routing_id, message);
    if (io != GODWIT__IO_OK)
        return io;
    if (is_heartbeat) {
        wait_until_flushed (); /* the one before */
        tally_add (&heartbeats);
    }
    note (channel, routing_id, wrapped_of (channel)->kind, message->stays);
    return io;
}

/* Whoever flushes a link that is being closed fails here. */
static void
wait_for_close (const godwit__channel_t *link)
{
    const struct timespec end = time_in_ms (500);
    seen.flushing = link;
    while (seen.flushing && !pthread_cond_timedwait (&seen.changed, &seen.lock, &end))
        ;
    cr_assert (seen.flushing, "a link was closed while a thread was in flush");
    seen.flushing = NULL;
}

static void
flush_seen (godwit__channel_t *channel, godwit__routing_id_t routing_id)
{
    cr_assert_eq (held, 0, "flush with %d locks held", held);
    pthread_mutex_lock (&seen.lock);
    forget (channel, routing_id);
    if (seen.waits_in_flush && wrapped_of (channel)->kind == LINK) {
        seen.waits_in_flush = false;
        wait_for_close (channel);
    }
    pthread_mutex_unlock (&seen.lock);
    wrapped_of (channel)->real->flush (channel, routing_id);
}

static godwit__io_t
send_seen (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    cr_assert_eq (held, 0, "send with %d locks held", held);
    pthread_mutex_lock (&seen.lock);
    forget (channel, routing_id);
    pthread_mutex_unlock (&seen.lock);
    return wrapped_of (channel)->real->send (channel, routing_id, message);
}

static void
close_seen (godwit__channel_t *channel)
{
    const wrapped_t *wrapped = wrapped_of (channel);
    pthread_mutex_lock (&seen.lock);
    if (seen.flushing == channel)
        seen.flushing = NULL;
    pthread_cond_broadcast (&seen.changed);
    for (size_t i = 0; i < seen.queued_count; i++)
        cr_assert_neq (seen.queued[i].channel, channel, "closed before it was flushed: %d", wrapped->kind);
    seen.closed_count += wrapped->kind == LINK;
    pthread_mutex_unlock (&seen.lock);
    wrapped->real->close (channel);
}

/* ---- wrapping ---- */

static size_t
index_of (const godwit__driver_t *driver)
{
    size_t i = 0;
    while (driver->ops != &seen.drivers[i])
        i++;
    return i;
}

static void
wrap (size_t driver, kind_t kind, godwit__channel_t *channel)
{
    wrapped_t *wrapped = &seen.wrapped[driver][kind];
    if (!wrapped->real) {
        wrapped->real = channel->ops;
        wrapped->ops = *channel->ops;
        wrapped->ops.send = send_seen;
        wrapped->ops.queue = queue_seen;
        wrapped->ops.flush = flush_seen;
        wrapped->ops.close = close_seen;
        wrapped->kind = kind;
    }
    channel->ops = &wrapped->ops;
}

static godwit_status_t
open_link (godwit__driver_t *driver, const char *address, const godwit__link_events_t *events, void *user,
           godwit__channel_t **link, godwit_error_t **error)
{
    const size_t i = index_of (driver);
    const godwit_status_t status =
        seen.real_drivers[i]->open_link (driver, address, events, user, link, error);
    if (status == GODWIT_OK)
        wrap (i, LINK, *link);
    return status;
}

static godwit_status_t
open_port (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
           godwit__port_addresses_t *addresses, godwit_error_t **error)
{
    const size_t i = index_of (driver);
    const godwit_status_t status = seen.real_drivers[i]->open_port (driver, at, port, addresses, error);
    if (status == GODWIT_OK)
        wrap (i, PORT, *port);
    return status;
}

static godwit_status_t
open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher, godwit_error_t **error)
{
    const size_t i = index_of (driver);
    const godwit_status_t status = seen.real_drivers[i]->open_publisher (driver, publisher, error);
    if (status == GODWIT_OK)
        wrap (i, PUBLISHER, *publisher);
    return status;
}

static godwit__io_t
publish (godwit__channel_t *publisher, const godwit__message_t *message)
{
    size_t i = 0;
    while (publisher->ops != &seen.wrapped[i][PUBLISHER].ops)
        i++;
    const godwit__io_t io = seen.real_drivers[i]->publish (publisher, message);
    if (io == GODWIT__IO_OK)
        note (publisher, 0, PUBLISHER, message->stays);
    return io;
}

/* On the control thread. */
static void
wrap_drivers (void *arg)
{
    godwit_transport_t *transport = arg;
    for (size_t i = 0; i < transport->driver_count; i++) {
        const size_t at = seen.driver_count++;
        cr_assert_lt (at, DRIVERS);
        seen.real_drivers[at] = transport->drivers[i]->ops;
        seen.drivers[at] = *transport->drivers[i]->ops;
        seen.drivers[at].open_link = open_link;
        seen.drivers[at].open_port = open_port;
        seen.drivers[at].open_publisher = open_publisher;
        seen.drivers[at].publish = publish;
        transport->drivers[i]->ops = &seen.drivers[at];
    }
}

static const core_kind_t kind = {.driver = "zmq", .query = "?paths=tcp&insecure=true"};

static void
world_open (core_t *core)
{
    cond_open (&seen.changed);
    core_open_empty (core, &kind);
    godwit__control_run (core->serving, wrap_drivers, core->serving);
    godwit__control_run (core->calling, wrap_drivers, core->calling);
    service_start (&core->one, core->serving, "one", NULL);
    MUST (godwit_client_wait_servers (core->client, 1, WAIT_LIMIT_MS, &error));
}

/* ---- all that sends ---- */

enum { CALLS = 3000, IN_FLIGHT = 64, CASTS = 2000, FANOUTS = 50 };

static struct {
    godwit_client_t *client;
    atomic_uint next;
    tally_t ended;
} chain;

static void call_next (void);

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) user, (void) result;
    cr_assert_eq (status, GODWIT_OK, "%s", godwit_error_message (error));
    call_next ();
    tally_add (&chain.ended);
}

/* From a callback: these go as BATCH, and so do their replies. */
static void
call_next (void)
{
    if (atomic_fetch_add (&chain.next, 1) < CALLS)
        MUST (godwit_client_call_async (chain.client, NULL, "count", GODWIT_NO_ARGS, on_end, NULL, &error));
}

static void
call_in_chains (godwit_client_t *client)
{
    chain.client = client;
    tally_open (&chain.ended);
    for (int i = 0; i < IN_FLIGHT; i++)
        call_next ();
    tally_wait (&chain.ended, CALLS);
    tally_close (&chain.ended);
    wait_until_flushed ();
}

static void
cast_and_publish (core_t *core)
{
    for (int i = 0; i < CASTS; i++) /* more than may be unread: PING asks */
        MUST (godwit_client_cast (core->client, NULL, "count", GODWIT_NO_ARGS, &error));
    for (int i = 0; i < FANOUTS; i++) /* fast: some are kept, and go as BATCH */
        MUST (godwit_client_fanout (core->client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    service_wait (&core->one, &core->one.counted, CASTS + FANOUTS);
    wait_until_flushed ();
}

/* The server sends signs of life for it, the client CANCEL. */
static void
monitor_and_give_up (core_t *core)
{
    godwit_client_t *client = core_client (
        core->calling, GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS, .call_monitor_timeout_ms = 500));
    godwit_future_t *future = NULL;
    const uint64_t before = service_get (&core->one, &core->one.told);
    MUST (godwit_client_call_future (client, NULL, "watch", GODWIT_NO_ARGS, &future, &error));
    service_wait (&core->one, &core->one.blocked, 1);
    tally_wait (&heartbeats, 2);
    godwit_future_destroy (&future);
    service_wait (&core->one, &core->one.told, before + 1);
    godwit_client_destroy (&client);
}

Test (flush, comes_after_each_queue_and_without_a_lock)
{
    core_t core;
    tally_open (&heartbeats);
    world_open (&core);
    for (int i = 0; i < 100; i++)
        MUST (godwit_client_call (core.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    const uint64_t before = service_get (&core.one, &core.one.counted);
    call_in_chains (core.client);
    cr_assert_eq (service_get (&core.one, &core.one.counted), before + CALLS);
    core.one.counted = 0;
    cast_and_publish (&core);
    monitor_and_give_up (&core);
    MUST (godwit_server_stop (core.one.server, NULL, &error)); /* GOODBYE, and the answer to it */
    core_close (&core);
    tally_close (&heartbeats);
    cr_assert_eq (seen.queued_count, 0);
    cr_assert (seen.counts[LINK] > CALLS / 128 && seen.counts[PORT] > 0 && seen.counts[PUBLISHER] > 0);
    cr_assert_gt (seen.closed_count, 0);
}

/* ---- and what ends meanwhile ---- */

static tally_t ended;

static void
on_last (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) user, (void) status, (void) result, (void) error;
    tally_add (&ended);
}

static void *
call_once (void *client)
{
    MUST (godwit_client_call_async (client, NULL, "count", GODWIT_NO_ARGS, on_last, NULL, &error));
    return NULL;
}

/* The reply to an asynchronous call may come, and the server may go, while the thread that made the call is
 * still in flush: then nobody else needs the connection any more. */
Test (flush, keeps_the_link_open_until_it_returns)
{
    core_t core;
    world_open (&core);
    MUST (godwit_client_call (core.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    tally_open (&ended);
    pthread_mutex_lock (&seen.lock);
    seen.waits_in_flush = true;
    pthread_mutex_unlock (&seen.lock);
    pthread_t caller;
    cr_assert_eq (pthread_create (&caller, NULL, call_once, core.client), 0);
    tally_wait (&ended, 1);
    service_end (&core.one);
    core.one.server = NULL;
    godwit_transport_destroy (&core.serving);
    pthread_join (caller, NULL);
    tally_close (&ended);
    core_close (&core);
}
