/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that do not come back: destroying their server or transport ends all the same, after the time that
 * was set; what they use stays, and what they do later goes nowhere. */
#include "tests/support/log_book.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#define LIMIT_MS 100

typedef struct world {
    const char *url;
    godwit_transport_t *transport; /* of the server */
    godwit_server_t *server;
    godwit_transport_t *callers;
    godwit_client_t *client;
    godwit_future_t *future;
    sem_t entered, returns, returned;
    bool keeps, replies_first;
    godwit_request_t *kept;
    atomic_int destroyed;
    _Atomic godwit_status_t replied;
    atomic_bool was_cancelled;
} world_t;

static log_book_t book;

static void
await (sem_t *semaphore)
{
    while (sem_wait (semaphore))
        ;
}

static godwit_status_t
hang (godwit_request_t *request, void *self)
{
    world_t *const world = self;
    if (world->replies_first)
        godwit_request_reply (request, GODWIT_INT ("", 1));
    if (world->keeps)
        world->kept = godwit_request_keep (request);
    sem_post (&world->entered);
    await (&world->returns);
    world->was_cancelled = godwit_request_is_cancelled (request);
    /* All that it was given is still there. */
    cr_assert_str_eq (godwit_request_method (request), "hang");
    cr_assert_eq (godwit_value_as_int (godwit_value_get (godwit_request_args (request), "number"), 0), 7);
    world->replied = godwit_request_reply (request, GODWIT_INT ("", 2));
    sem_post (&world->returned);
    return GODWIT_OK;
}

static godwit_status_t
quick (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT ("", 3));
}

static void
on_destroy (void *self)
{
    ((world_t *) self)->destroyed++;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("hang", hang, GODWIT_METHOD_SLOW),
                                          GODWIT_METHOD ("quick", quick, 0)};
/* Not SLOW: it begins with the lead of its port. */
static const godwit_method_t led_methods[] = {GODWIT_METHOD ("hang", hang, 0)};

static void
server_new (world_t *world, const char *name, bool leads, godwit_server_t **server)
{
    godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = world, .on_destroy = on_destroy);
    if (leads) {
        endpoint.methods = led_methods;
        endpoint.method_count = 1;
    }
    MUST (godwit_server_new (server, world->transport, GODWIT_TARGET (.topic = "slow", .server = name),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (*server, NULL, &error));
}

static void
open_world (world_t *world, const char *url, int64_t limit_ms, bool leads)
{
    log_book_open (&book);
    sem_init (&world->entered, 0, 0);
    sem_init (&world->returns, 0, 0);
    sem_init (&world->returned, 0, 0);
    MUST (godwit_transport_new (
        &world->transport, url,
        GODWIT_TRANSPORT_OPTIONS (.destroy_timeout_ms = limit_ms, .log = log_book_write, .log_user = &book),
        &error));
    MUST (godwit_transport_new (&world->callers, url, NULL, &error));
    server_new (world, "one", leads, &world->server);
    MUST (godwit_client_new (&world->client, world->callers, GODWIT_TARGET (.topic = "slow"), NULL, &error));
    MUST (godwit_client_call_future (world->client, NULL, "hang", GODWIT_ARGS (GODWIT_INT ("number", 7)),
                                     &world->future, &error));
    await (&world->entered);
}

static void
close_callers (world_t *world)
{
    godwit_future_destroy (&world->future);
    godwit_client_destroy (&world->client);
    godwit_transport_destroy (&world->callers);
    log_book_close (&book);
}

static unsigned
thread_count (void)
{
    unsigned count = 0;
    DIR *const tasks = opendir ("/proc/self/task");
    for (const struct dirent *entry; (entry = readdir (tasks));)
        count += entry->d_name[0] != '.';
    closedir (tasks);
    return count;
}

/* Lets the handler return, and waits until its worker has ended. */
static void
let_return (world_t *world)
{
    const unsigned before = thread_count ();
    sem_post (&world->returns);
    await (&world->returned);
    while (thread_count () >= before)
        sched_yield ();
}

static void
assert_lost (world_t *world)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_future_wait (world->future, -1, NULL, NULL, &error), GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_MAYBE_RUN, "%s", godwit_error_print (error));
    godwit_error_destroy (&error);
}

#define ABANDON_TEST(name_)                                                                                  \
    static void name_ (const char *url);                                                                     \
    Test (inproc, name_, .timeout = 60)                                                                      \
    {                                                                                                        \
        name_ ("inproc://abandon-" #name_ "/");                                                              \
    }                                                                                                        \
    Test (zmq, name_, .timeout = 60)                                                                         \
    {                                                                                                        \
        name_ ("zmq:///abandon-" #name_);                                                                    \
    }                                                                                                        \
    static void name_ (const char *url)

static void
end_transport_with_handler (const char *url, bool keeps, bool replies_first, bool leads)
{
    static world_t world;
    world.keeps = keeps;
    world.replies_first = replies_first;
    open_world (&world, url, LIMIT_MS, leads);
    godwit_transport_destroy (&world.transport);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "hang of <Target topic=slow, server=one>, for "),
                  1);
    if (!replies_first)
        assert_lost (&world);
    godwit_server_destroy (&world.server); /* nor does this wait */
    let_return (&world);
    cr_assert (replies_first || world.was_cancelled);
    cr_assert_eq (world.replied, GODWIT_ERR_CLOSED);
    godwit_request_destroy (&world.kept);
    cr_assert_eq (world.destroyed, 0, "the handler's object may still be in use");
    close_callers (&world);
}

ABANDON_TEST (a_transport_ends_without_its_handler)
{
    end_transport_with_handler (url, false, false, false);
}

ABANDON_TEST (a_transport_ends_without_a_handler_that_had_replied)
{
    end_transport_with_handler (url, false, true, false);
}

ABANDON_TEST (a_transport_ends_without_a_handler_that_kept_its_request)
{
    end_transport_with_handler (url, true, false, false);
}

ABANDON_TEST (a_transport_ends_without_a_handler_that_began_with_the_lead)
{
    end_transport_with_handler (url, false, false, true);
}

ABANDON_TEST (a_handler_that_never_returns_is_no_leak)
{
    static world_t world;
    open_world (&world, url, LIMIT_MS, false);
    godwit_transport_destroy (&world.transport);
    godwit_server_destroy (&world.server);
    assert_lost (&world);
    close_callers (&world);
}

ABANDON_TEST (a_server_ends_without_its_handler_and_its_transport_goes_on)
{
    static world_t world;
    godwit_server_t *second = NULL;
    godwit_value_t *result = NULL;
    open_world (&world, url, LIMIT_MS, false);
    godwit_server_destroy (&world.server);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "hang of <Target topic=slow, server=one>, for "),
                  1);
    server_new (&world, "two", false, &second);
    MUST (godwit_client_call (world.client, NULL, "quick", GODWIT_NO_ARGS, &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 3);
    godwit_value_unref (&result);
    sem_post (&world.returns);
    await (&world.returned);
    cr_assert_eq (world.replied, GODWIT_ERR_CLOSED);
    godwit_server_destroy (&second);
    cr_assert_eq (world.destroyed, 1, "only that of the second server");
    godwit_transport_destroy (&world.transport);
    close_callers (&world);
}

typedef struct destruction {
    world_t *world;
    atomic_bool done;
} destruction_t;

static void *
destroy_transport (void *user)
{
    destruction_t *const destruction = user;
    godwit_transport_destroy (&destruction->world->transport);
    destruction->done = true;
    return NULL;
}

/* The default: destroying waits. */
ABANDON_TEST (without_a_limit_the_handler_is_waited_for)
{
    static world_t world;
    destruction_t destruction = {.world = &world};
    pthread_t thread;
    open_world (&world, url, 0, false);
    cr_assert_eq (pthread_create (&thread, NULL, destroy_transport, &destruction), 0);
    while (godwit_server_reset (world.server, NULL, NULL) != GODWIT_ERR_CLOSED) /* then the end has begun */
        sched_yield ();
    cr_assert (!destruction.done);
    sem_post (&world.returns);
    pthread_join (thread, NULL);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "waits no longer"), 0);
    cr_assert_neq (world.replied, GODWIT_ERR_CLOSED);
    godwit_server_destroy (&world.server);
    cr_assert_eq (world.destroyed, 1);
    close_callers (&world);
}
