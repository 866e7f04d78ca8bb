/* SPDX-License-Identifier: Apache-2.0 */
/* Large arguments and results that are sent from where they are: whatever becomes of a call, the program gets
 * its bytes back exactly once, and never before the driver has let go of them. */
#include "src/runtime/environment.h"
#include "src/value/msgpack/codec.h"
#include "src/wire/header.h"
#include "tests/support/gatherer.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SIZE (size_t) (GODWIT__INSERT_SIZE + 1000)
#define SERVERS 3
#define WAIT_MS 20000
#define MAX_MESSAGE_SIZE (1 << 20)

/* ---- bytes that are counted ---- */

static atomic_int made;
static atomic_int freed;

static void
free_counted (void *data, void *hint)
{
    cr_assert_eq (data, hint);
    *(uint8_t *) data ^= 0xff; /* whoever reads them now is seen */
    free (data);
    atomic_fetch_add (&freed, 1);
}

static godwit_value_t *
value_new (size_t size, uint8_t seed)
{
    godwit_value_t *value = NULL;
    uint8_t *bytes = malloc (size);
    cr_assert_not_null (bytes);
    memset (bytes, seed, size);
    atomic_fetch_add (&made, 1);
    MUST (godwit_value_new_bin (&value, bytes, size, free_counted, bytes, &error));
    return value;
}

static bool
is_value (const godwit_value_t *value, size_t size, uint8_t seed)
{
    const void *data = NULL;
    size_t is = 0;
    if (godwit_value_get_bin (value, &data, &is, NULL) || is != size)
        return false;
    const uint8_t *bytes = data;
    return bytes[0] == seed && memcmp (bytes, bytes + 1, size - 1) == 0;
}

/* ---- the world ---- */

static struct {
    godwit_transport_t *serving, *calling;
    godwit_server_t *servers[SERVERS];
    godwit_client_t *client;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    godwit_request_t *kept;
    unsigned stored; /* runs of store and fetch */
} world = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void
note_run (void)
{
    pthread_mutex_lock (&world.lock);
    world.stored++;
    pthread_cond_broadcast (&world.changed);
    pthread_mutex_unlock (&world.lock);
}

/* store (image) -> its first byte */
static godwit_status_t
store (godwit_request_t *request, void *self)
{
    const godwit_value_t *const image = godwit_value_get (godwit_request_args (request), "image");
    const void *data = NULL;
    size_t size = 0;
    (void) self;
    godwit_value_get_bin (image, &data, &size, NULL);
    note_run ();
    if (!size || !is_value (image, size, *(const uint8_t *) data))
        return GODWIT_ERR_MALFORMED;
    return godwit_request_reply (request, GODWIT_INT (NULL, *(const uint8_t *) data));
}

static void
wait_stored (unsigned least)
{
    pthread_mutex_lock (&world.lock);
    while (world.stored < least)
        pthread_cond_wait (&world.changed, &world.lock);
    pthread_mutex_unlock (&world.lock);
}

/* fetch (size) -> a bin of the server's, not copied */
static godwit_status_t
fetch (godwit_request_t *request, void *self)
{
    const int64_t size = godwit_value_as_int (godwit_value_get (godwit_request_args (request), "size"), 1);
    godwit_value_t *image = value_new ((size_t) size, 'r');
    (void) self;
    const godwit_status_t status = godwit_request_reply (request, GODWIT_VALUE (NULL, image));
    godwit_value_unref (&image);
    note_run ();
    return status;
}

/* copy (size) -> the same, copied */
static godwit_status_t
copy (godwit_request_t *request, void *self)
{
    const size_t size =
        (size_t) godwit_value_as_int (godwit_value_get (godwit_request_args (request), "size"), 1);
    uint8_t *bytes = malloc (size);
    (void) self;
    cr_assert_not_null (bytes);
    memset (bytes, 'r', size);
    const godwit_status_t status = godwit_request_reply (request, GODWIT_BIN (NULL, bytes, size));
    free (bytes);
    return status;
}

/* echo (image) -> image, in the memory of the request */
static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (
        request, GODWIT_VALUE (NULL, godwit_value_get (godwit_request_args (request), "image")));
}

/* reply_later (image) -> image, from another thread, after the handler */
static void *
run_later (void *arg)
{
    godwit_request_t *kept = arg;
    godwit_request_reply (kept, GODWIT_VALUE (NULL, godwit_value_get (godwit_request_args (kept), "image")));
    godwit_request_destroy (&kept);
    return NULL;
}

static godwit_status_t
reply_later (godwit_request_t *request, void *self)
{
    pthread_t thread;
    (void) self;
    cr_assert_eq (pthread_create (&thread, NULL, run_later, godwit_request_keep (request)), 0);
    pthread_detach (thread);
    return GODWIT_OK;
}

/* keep (image): no reply until the world is closed */
static godwit_status_t
keep (godwit_request_t *request, void *self)
{
    (void) self;
    pthread_mutex_lock (&world.lock);
    cr_assert_null (world.kept);
    world.kept = godwit_request_keep (request);
    pthread_cond_broadcast (&world.changed);
    pthread_mutex_unlock (&world.lock);
    return GODWIT_OK;
}

static void
wait_kept (void)
{
    pthread_mutex_lock (&world.lock);
    while (!world.kept)
        pthread_cond_wait (&world.changed, &world.lock);
    pthread_mutex_unlock (&world.lock);
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("store", store, 0),
    GODWIT_METHOD ("fetch", fetch, 0),
    GODWIT_METHOD ("copy", copy, 0),
    GODWIT_METHOD ("echo", echo, 0),
    GODWIT_METHOD ("keep", keep, 0),
    GODWIT_METHOD ("store_inline", store, GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("echo_inline", echo, GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("reply_later", reply_later, 0),
    GODWIT_METHOD ("reply_later_inline", reply_later, GODWIT_METHOD_INLINE)};

static godwit_transport_t *
transport_new (const char *host)
{
    char url[64];
    godwit_transport_t *transport = NULL;
    godwit__environment_t environment = godwit__system_environment;
    environment.driver = gatherer_driver (&godwit__inproc_driver);
    environment.driver_user = &world; /* so that it is the only driver */
    snprintf (url, sizeof url, "inproc:///%s-%d", host, (int) getpid ());
    MUST (godwit__transport_new_in (&transport, url,
                                    GODWIT_TRANSPORT_OPTIONS (.max_message_size = MAX_MESSAGE_SIZE),
                                    &environment, &error));
    return transport;
}

static void
open_world (void)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    world.serving = transport_new ("by-reference");
    world.calling = transport_new ("by-reference");
    for (int i = 0; i < SERVERS; i++) {
        char name[2] = {(char) ('a' + i), '\0'};
        MUST (godwit_server_new (&world.servers[i], world.serving,
                                 GODWIT_TARGET (.topic = "images", .server = name), &endpoint, 1, NULL,
                                 &error));
        MUST (godwit_server_start (world.servers[i], NULL, &error));
    }
    MUST (godwit_client_new (&world.client, world.calling, GODWIT_TARGET (.topic = "images"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_MS), &error));
    MUST (godwit_client_wait_servers (world.client, SERVERS, WAIT_MS, &error));
}

static void
close_world (void)
{
    godwit_request_destroy (&world.kept);
    godwit_client_destroy (&world.client);
    for (int i = 0; i < SERVERS; i++)
        godwit_server_destroy (&world.servers[i]);
    godwit_transport_destroy (&world.calling);
    godwit_transport_destroy (&world.serving);
}

/* At the end nothing is kept, and nothing was freed twice: that would be seen by its count. */
static void
check_all_freed (void)
{
    cr_assert_eq (atomic_load (&freed), atomic_load (&made));
}

TestSuite (by_reference, .init = open_world, .timeout = 60);

static godwit_status_t
call_store (godwit_client_t *client, const godwit_value_t *image, uint8_t seed)
{
    godwit_value_t *result = NULL;
    const godwit_status_t status = godwit_client_call (
        client, NULL, "store", GODWIT_ARGS (GODWIT_VALUE ("image", image)), &result, NULL);
    if (!status)
        cr_assert_eq (godwit_value_as_int (result, -1), seed);
    godwit_value_unref (&result);
    return status;
}

/* ---- calls and replies ---- */

Test (by_reference, arguments_are_handed_over_without_a_copy)
{
    godwit_value_t *image = value_new (SIZE, 5);
    cr_assert_eq (call_store (world.client, image, 5), GODWIT_OK);
    cr_assert_eq (gatherer_count (), 1);
    cr_assert_eq (call_store (world.client, image, 5), GODWIT_OK, "a value may be sent any number of times");
    cr_assert_eq (gatherer_count (), 2);
    cr_assert_eq (atomic_load (&freed), 0);
    godwit_value_unref (&image);
    cr_assert_eq (atomic_load (&freed), 1);

    godwit_value_t *small = value_new (GODWIT__INSERT_SIZE - 1, 6);
    cr_assert_eq (call_store (world.client, small, 6), GODWIT_OK);
    cr_assert_eq (gatherer_count (), 2, "what is small is copied");
    godwit_value_unref (&small);
    close_world ();
    check_all_freed ();
}

static void
call_for_bytes (const char *method, size_t size, void **wire, size_t *wire_size)
{
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (world.client, NULL, method, GODWIT_ARGS (GODWIT_INT ("size", (int64_t) size)),
                              &result, &error));
    cr_assert (is_value (result, size, 'r'));
    godwit_value_unref (&result);
    gatherer_last (wire, wire_size);
    cr_assert_not_null (*wire);
    memset (*wire, 0, GODWIT__HEADER_SIZE); /* it differs in the number of the request */
}

Test (by_reference, results_are_the_same_on_the_wire)
{
    static const size_t sizes[] = {GODWIT__INSERT_SIZE, 65535, 65536, 700000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *wire, *copied;
        size_t wire_size, copied_size;
        call_for_bytes ("fetch", sizes[i], &wire, &wire_size);
        cr_assert_eq (gatherer_count (), i + 1);
        call_for_bytes ("copy", sizes[i], &copied, &copied_size);
        cr_assert_eq (gatherer_count (), i + 1);
        cr_assert_eq (wire_size, copied_size);
        cr_assert_arr_eq (wire, copied, wire_size);
        free (wire);
        free (copied);
    }
    close_world ();
    check_all_freed ();
}

/* From the transport of the servers itself. */
Test (by_reference, inline_calls_and_late_replies)
{
    static const char *const echoes[] = {"echo_inline", "reply_later", "reply_later_inline", "echo"};
    godwit_client_t *local = NULL;
    MUST (godwit_client_new (&local, world.serving, GODWIT_TARGET (.topic = "images"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_MS), &error));
    godwit_client_t *const clients[] = {local, world.client};
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < sizeof echoes / sizeof *echoes; j++) {
            godwit_value_t *image = value_new (SIZE, 5), *result = NULL;
            const godwit_fields_t args = GODWIT_ARGS (GODWIT_VALUE ("image", image));
            MUST (godwit_client_call (clients[i], NULL, "store_inline", args, &result, &error));
            cr_assert_eq (godwit_value_as_int (result, 0), 5);
            godwit_value_unref (&result);
            MUST (godwit_client_call (clients[i], NULL, echoes[j], args, &result, &error));
            cr_assert (is_value (result, SIZE, 5), "%s", echoes[j]);
            godwit_value_unref (&result);
            godwit_value_unref (&image);
        }
    godwit_client_destroy (&local);
    close_world ();
    check_all_freed ();
}

Test (by_reference, a_result_that_is_too_large_is_freed)
{
    godwit_error_t *error = NULL;
    godwit_value_t *result = NULL;
    cr_assert_neq (godwit_client_call (world.client, NULL, "fetch",
                                       GODWIT_ARGS (GODWIT_INT ("size", MAX_MESSAGE_SIZE)), &result, &error),
                   GODWIT_OK);
    cr_assert (strstr (godwit_error_message (error), "max_message_size"), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
    close_world ();
    check_all_freed ();
}

Test (by_reference, a_result_that_cannot_be_sent_is_freed)
{
    static const godwit__io_t answers[] = {GODWIT__IO_AGAIN, GODWIT__IO_CLOSED, GODWIT__IO_REFUSED};
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        godwit_future_t *future = NULL;
        gatherer_refuse (1, answers[i]);
        MUST (godwit_client_call_future (world.client, NULL, "fetch", GODWIT_ARGS (GODWIT_INT ("size", SIZE)),
                                         &future, &error));
        wait_stored (i + 1);
        cr_assert_eq (atomic_load (&freed), (int) i + 1);
        godwit_future_destroy (&future);
    }
    cr_assert_eq (gatherer_count (), 0);
    close_world ();
    check_all_freed ();
}

/* ---- bytes that the socket has not taken ---- */

Test (by_reference, a_call_ends_at_its_deadline_and_its_bytes_later)
{
    godwit_client_t *hasty = NULL;
    godwit_value_t *image = value_new (SIZE, 5);
    MUST (godwit_client_new (&hasty, world.calling, GODWIT_TARGET (.topic = "images"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 30), &error));
    gatherer_hold (true);
    cr_assert_eq (
        godwit_client_call (hasty, NULL, "keep", GODWIT_ARGS (GODWIT_VALUE ("image", image)), NULL, NULL),
        GODWIT_ERR_TIMEOUT);
    wait_kept ();
    godwit_value_unref (&image);
    godwit_client_destroy (&hasty);
    cr_assert_eq (atomic_load (&freed), 0, "the driver has them");
    gatherer_hold (false);
    cr_assert_eq (atomic_load (&freed), 1);
    close_world ();
    check_all_freed ();
}

Test (by_reference, bytes_outlive_client_server_and_transports)
{
    godwit_value_t *image = value_new (SIZE, 5), *result = NULL;
    gatherer_hold (true);
    cr_assert_eq (call_store (world.client, image, 5), GODWIT_OK);
    MUST (godwit_client_call (world.client, NULL, "echo", GODWIT_ARGS (GODWIT_VALUE ("image", image)),
                              &result, &error));
    cr_assert (is_value (result, SIZE, 5));
    godwit_value_unref (&result);
    MUST (godwit_client_call (world.client, NULL, "fetch", GODWIT_ARGS (GODWIT_INT ("size", SIZE)), &result,
                              &error));
    godwit_value_unref (&result);
    cr_assert_eq (gatherer_count (), 4); /* two requests, two replies */
    godwit_value_unref (&image);
    close_world ();
    cr_assert_eq (atomic_load (&freed), 0);
    gatherer_hold (false);
    cr_assert_eq (atomic_load (&freed), 2);
    check_all_freed ();
}

/* ---- calls that fail, or are tried again ---- */

Test (by_reference, what_is_not_accepted_is_tried_again_with_the_same_bytes)
{
    static const godwit__io_t answers[] = {GODWIT__IO_AGAIN, GODWIT__IO_CLOSED};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        godwit_value_t *image = value_new (SIZE, 5);
        gatherer_refuse (2, answers[i]);
        cr_assert_eq (call_store (world.client, image, 5), GODWIT_OK);
        cr_assert_eq (atomic_load (&freed), (int) i);
        godwit_value_unref (&image);
        cr_assert_eq (atomic_load (&freed), (int) i + 1);
    }
    cr_assert_eq (gatherer_count (), 2);
    close_world ();
    check_all_freed ();
}

Test (by_reference, a_call_that_is_refused_gives_them_back)
{
    godwit_value_t *image = value_new (SIZE, 5);
    gatherer_refuse (1, GODWIT__IO_REFUSED);
    cr_assert_neq (call_store (world.client, image, 5), GODWIT_OK);
    godwit_value_unref (&image);
    cr_assert_eq (atomic_load (&freed), 1);
    close_world ();
}

Test (by_reference, wrong_calls_leave_the_bytes_to_their_owner)
{
    godwit_value_t *image = value_new (SIZE, 5);
    godwit_value_t *large = value_new (MAX_MESSAGE_SIZE, 6);
    const godwit_fields_t args = GODWIT_ARGS (GODWIT_VALUE ("image", image));
    godwit_value_t *result = NULL;
    cr_assert_eq (godwit_client_call (NULL, NULL, "store", args, &result, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_client_call (world.client, NULL, "", args, &result, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (
        godwit_client_call (world.client, NULL, "store",
                            GODWIT_ARGS (GODWIT_VALUE ("image", image), GODWIT_VALUE ("image", image)),
                            &result, NULL),
        GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_client_call (world.client, NULL, "store",
                                      GODWIT_ARGS (GODWIT_VALUE ("image", large)), &result, NULL),
                  GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (godwit_client_fanout (world.client, NULL, "store",
                                        GODWIT_ARGS (GODWIT_VALUE ("image", large)), NULL, NULL),
                  GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (gatherer_count (), 0);
    cr_assert_eq (atomic_load (&freed), 0);
    godwit_value_unref (&image);
    godwit_value_unref (&large);
    cr_assert_eq (atomic_load (&freed), 2);
    close_world ();
}

/* ---- other ways to call ---- */

Test (by_reference, casts_fanouts_and_fanout_calls)
{
    godwit_value_t *image = value_new (SIZE, 5);
    const godwit_fields_t args = GODWIT_ARGS (GODWIT_VALUE ("image", image), GODWIT_INT ("n", 1));
    gatherer_hold (true);
    MUST (godwit_client_cast (world.client, NULL, "store", args, &error));
    wait_stored (1);
    cr_assert_eq (gatherer_count (), 1);

    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (world.client, NULL, "store", args, &report, &error));
    cr_assert_eq (report.reached, SERVERS);
    wait_stored (1 + SERVERS);
    cr_assert_eq (gatherer_count (), 2, "one publication, whoever gets it");

    godwit_fanout_result_t *result = NULL;
    MUST (godwit_client_fanout_call (world.client, NULL, "store", args, &result, &error));
    cr_assert_eq (godwit_fanout_result_count (result), SERVERS);
    for (size_t i = 0; i < SERVERS; i++) {
        const godwit_fanout_row_t *row = godwit_fanout_result_row (result, i);
        cr_assert_eq (row->state, GODWIT_FANOUT_REPLIED);
        cr_assert_eq (godwit_value_as_int (row->result, 0), 5);
    }
    godwit_fanout_result_destroy (&result);
    cr_assert_eq (gatherer_count (), 2 + SERVERS);

    godwit_value_unref (&image);
    close_world ();
    cr_assert_eq (atomic_load (&freed), 0);
    gatherer_hold (false);
    check_all_freed ();
}

Test (by_reference, many_fanouts_in_a_row_are_not_kept_in_a_batch)
{
    godwit_value_t *image = value_new (SIZE, 5);
    for (unsigned i = 0; i < 100; i++)
        MUST (godwit_client_fanout (world.client, NULL, "store", GODWIT_ARGS (GODWIT_VALUE ("image", image)),
                                    NULL, &error));
    cr_assert_eq (gatherer_count (), 100);
    wait_stored (100 * SERVERS);
    godwit_value_unref (&image);
    close_world ();
    check_all_freed ();
}

static void
on_ended (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result;
    (void) error;
    cr_assert_eq (status, GODWIT_OK);
    pthread_mutex_lock (&world.lock);
    ++*(unsigned *) user;
    pthread_cond_broadcast (&world.changed);
    pthread_mutex_unlock (&world.lock);
}

Test (by_reference, asynchronous_calls_need_no_reference_of_the_program)
{
    unsigned ended = 0;
    godwit_future_t *future = NULL;
    for (unsigned i = 0; i < 50; i++) {
        godwit_value_t *image = value_new (SIZE, (uint8_t) i);
        gatherer_refuse (i % 3, GODWIT__IO_AGAIN);
        MUST (godwit_client_call_async (world.client, NULL, "store",
                                        GODWIT_ARGS (GODWIT_VALUE ("image", image)), on_ended, &ended,
                                        &error));
        godwit_value_unref (&image);
    }
    pthread_mutex_lock (&world.lock);
    while (ended < 50)
        pthread_cond_wait (&world.changed, &world.lock);
    pthread_mutex_unlock (&world.lock);

    godwit_value_t *image = value_new (SIZE, 5);
    MUST (godwit_client_call_future (world.client, NULL, "keep", GODWIT_ARGS (GODWIT_VALUE ("image", image)),
                                     &future, &error));
    godwit_value_unref (&image);
    wait_kept ();
    godwit_future_destroy (&future); /* given up */
    close_world ();
    check_all_freed ();
}

#define IN_BATCH 20

static void
on_one_of_batch (void *user, godwit_status_t status, const godwit_value_t *result,
                 const godwit_error_t *error)
{
    cr_assert_eq (status, GODWIT_OK, "%s", error ? godwit_error_message (error) : "");
    if (godwit_value_type (result) == GODWIT_TYPE_BIN)
        cr_assert (is_value (result, SIZE, 'r'));
    else
        cr_assert_eq (godwit_value_as_int (result, -1), 5);
    on_ended (user, status, result, error);
}

/* Requests that callbacks make travel in a batch, and so do the replies to them: not these. */
static void
on_first (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *told)
{
    (void) result;
    (void) told;
    cr_assert_eq (status, GODWIT_OK);
    for (int i = 0; i < IN_BATCH; i++) {
        godwit_value_t *image = value_new (SIZE, 5);
        MUST (godwit_client_call_async (world.client, NULL, "fetch", GODWIT_ARGS (GODWIT_INT ("size", SIZE)),
                                        on_one_of_batch, user, &error));
        if (i % 4 == 3)
            MUST (godwit_client_call_async (world.client, NULL, "store",
                                            GODWIT_ARGS (GODWIT_VALUE ("image", image)), on_one_of_batch,
                                            user, &error));
        godwit_value_unref (&image);
    }
}

Test (by_reference, nothing_of_it_is_put_into_a_batch)
{
    unsigned ended = 0;
    MUST (godwit_client_call_async (world.client, NULL, "fetch", GODWIT_ARGS (GODWIT_INT ("size", 1)),
                                    on_first, &ended, &error));
    pthread_mutex_lock (&world.lock);
    while (ended < IN_BATCH + IN_BATCH / 4)
        pthread_cond_wait (&world.changed, &world.lock);
    pthread_mutex_unlock (&world.lock);
    cr_assert_eq (gatherer_count (), IN_BATCH + IN_BATCH / 4);
    close_world ();
    check_all_freed ();
}

/* ---- threads ---- */

#define THREADS 16
#define CALLS 60

static void *
run_caller (void *arg)
{
    const godwit_value_t *const shared = arg;
    for (int i = 0; i < CALLS; i++) {
        godwit_value_t *own = value_new (SIZE, (uint8_t) (i + 1)), *result = NULL;
        cr_assert_eq (call_store (world.client, own, (uint8_t) (i + 1)), GODWIT_OK);
        cr_assert_eq (call_store (world.client, shared, 200), GODWIT_OK);
        MUST (godwit_client_call (world.client, NULL, "echo", GODWIT_ARGS (GODWIT_VALUE ("image", own)),
                                  &result, &error));
        godwit_value_unref (&own);
        cr_assert (is_value (result, SIZE, (uint8_t) (i + 1)));
        if (i % 8 == 0)
            gatherer_hold (i % 16 == 0);
        godwit_value_unref (&result);
    }
    return NULL;
}

Test (by_reference, sixteen_threads)
{
    pthread_t threads[THREADS];
    godwit_value_t *shared = value_new (SIZE, 200);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, run_caller, shared), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    gatherer_hold (false);
    godwit_value_unref (&shared);
    close_world ();
    gatherer_hold (false);
    cr_assert_eq (atomic_load (&made), THREADS * CALLS + 1);
    check_all_freed ();
}
