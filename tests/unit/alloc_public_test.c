/* Every public function when the n-th allocation of it fails: it says so or does without, leaks nothing, and
 * what it was given can be used again. The transport runs in this thread (external_loop), so that the work of
 * its threads fails as well. Replaces malloc in this program, which the sanitizers do not allow. */
#include "tests/support/headers.h"

#include <godwit/config.h>
#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED

#define URL "inproc://alloc/"
/* A call whose request is lost for want of memory waits for so long. */
#define TIMEOUT_MS 50

static _Thread_local bool counting;
static _Thread_local long allocations; /* while counting */
static _Thread_local long fail_at;     /* which of them fails, from 1 */
static atomic_long blocks;             /* allocated and not freed, by all threads */

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t count, size_t size);
extern void *__libc_realloc (void *memory, size_t size);
extern void __libc_free (void *memory);

static bool
refuse (void)
{
    return counting && ++allocations == fail_at;
}

static void *
count (void *memory)
{
    if (memory)
        atomic_fetch_add (&blocks, 1);
    return memory;
}

void *
malloc (size_t size)
{
    return refuse () ? NULL : count (__libc_malloc (size));
}

void *
calloc (size_t number, size_t size)
{
    return refuse () ? NULL : count (__libc_calloc (number, size));
}

void *
realloc (void *old, size_t size)
{
    if (refuse ())
        return NULL;
    void *const memory = __libc_realloc (old, size);
    return old ? memory : count (memory);
}

void
free (void *memory)
{
    if (memory)
        atomic_fetch_sub (&blocks, 1);
    __libc_free (memory);
}

/* ---- what there is ---- */

static struct {
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *client;
} world;

static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (
        request, godwit_field_from (godwit_value_get (godwit_request_args (request), "value")));
}

static godwit_status_t
fail (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_error_t *error = godwit_error_new_typed ("shop", "OutOfStock", "no %s left", "tea");
    return godwit_request_fail (request, &error);
}

static godwit_status_t
keep (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_request_t *kept = godwit_request_keep (request);
    godwit_request_reply (kept, GODWIT_STR (NULL, "kept"));
    godwit_request_destroy (&kept);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("echo", echo, 0), GODWIT_METHOD ("fail", fail, 0),
                                          GODWIT_METHOD ("keep", keep, 0)};

static godwit_status_t
open_server (godwit_server_t **server, const char *name, godwit_error_t **error)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    return godwit_server_new (server, world.transport, GODWIT_TARGET (.topic = "alloc", .server = name),
                              &endpoint, 1, NULL, error);
}

static void
open_world (void)
{
    cr_assert_eq (
        godwit_transport_new (&world.transport, URL, GODWIT_TRANSPORT_OPTIONS (.external_loop = true), NULL),
        GODWIT_OK);
    cr_assert_eq (open_server (&world.server, "one", NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_start (world.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_client_new (&world.client, world.transport, GODWIT_TARGET (.topic = "alloc"),
                                     GODWIT_CLIENT_OPTIONS (.timeout_ms = TIMEOUT_MS), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_client_wait_servers (world.client, 1, 20000, NULL), GODWIT_OK);
}

static void
close_world (void)
{
    godwit_client_destroy (&world.client);
    godwit_server_destroy (&world.server);
    godwit_transport_destroy (&world.transport);
}

/* ---- what is run ---- */

static godwit_status_t
run_transport (godwit_error_t **error)
{
    godwit_transport_t *transport = NULL;
    godwit_status_t status = godwit_transport_new (&transport, "inproc://other/",
                                                   GODWIT_TRANSPORT_OPTIONS (.external_loop = true), error);
    if (!status) {
        static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
        status = godwit_transport_register_error (transport, &out_of_stock, error);
    }
    godwit_transport_destroy (&transport);
    return status;
}

static godwit_status_t
run_config (godwit_error_t **error)
{
    godwit_config_t *config = NULL;
    godwit_transport_t *transport = NULL;
    godwit_status_t status =
        godwit_config_parse (&config, "[DEFAULT]\nrpc_response_timeout = 5\n", "a text", error);
    if (!status)
        status = godwit_transport_new_from_config (&transport, config, "inproc://other/",
                                                   GODWIT_TRANSPORT_OPTIONS (.external_loop = true), error);
    godwit_transport_destroy (&transport);
    godwit_config_destroy (&config);
    return status;
}

static godwit_status_t
run_server (godwit_error_t **error)
{
    godwit_server_t *server = NULL;
    godwit_status_t status = open_server (&server, "two", error);
    if (!status)
        status = godwit_server_start (server, NULL, error);
    if (!status)
        status = godwit_server_stop (server, NULL, error);
    if (!status)
        status = godwit_server_wait (server, NULL, error);
    if (!status)
        status = godwit_server_reset (server, NULL, error);
    godwit_server_destroy (&server);
    return status;
}

static godwit_status_t
run_client (godwit_error_t **error)
{
    godwit_client_t *client = NULL, *other = NULL;
    godwit_status_t status =
        godwit_client_new (&client, world.transport, GODWIT_TARGET (.topic = "alloc", .version = "1.0"),
                           GODWIT_CLIENT_OPTIONS (.version_cap = "1.5"), error);
    if (!status)
        status = godwit_client_prepare (&other, client, GODWIT_OVERRIDES (.server = "one", .timeout_ms = 1),
                                        error);
    if (!status && !godwit_client_can_send_version (other, "1.2"))
        status = GODWIT_ERR_FAILED;
    godwit_client_destroy (&other);
    godwit_client_destroy (&client);
    return status;
}

static godwit_status_t
call (const char *method, godwit_error_t **error)
{
    godwit_value_t *result = NULL;
    godwit_value_t *context = NULL;
    godwit_status_t status =
        godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "someone")), error);
    if (!status)
        status = godwit_client_call (world.client, context, method,
                                     GODWIT_ARGS (GODWIT_STR ("value", "text")), &result, error);
    godwit_value_unref (&context);
    godwit_value_unref (&result);
    return status;
}

static godwit_status_t
run_call (godwit_error_t **error)
{
    return call ("echo", error);
}

static godwit_status_t
run_kept_call (godwit_error_t **error)
{
    return call ("keep", error);
}

static godwit_status_t
run_failing_call (godwit_error_t **error)
{
    godwit_error_t *told = NULL;
    const godwit_status_t status = call ("fail", &told);
    if (status == GODWIT_ERR_REMOTE_ERROR) { /* as it should */
        godwit_error_print (told);
        godwit_error_destroy (&told);
        return GODWIT_OK;
    }
    *error = told;
    return status;
}

static godwit_status_t
run_cast (godwit_error_t **error)
{
    const godwit_status_t status =
        godwit_client_cast (world.client, NULL, "echo", GODWIT_ARGS (GODWIT_STR ("value", "text")), error);
    for (int i = 0; i < 3; i++) /* the server's side of it */
        godwit_transport_process (world.transport, 0, NULL);
    return status;
}

static godwit_status_t
run_fanout (godwit_error_t **error)
{
    const godwit_status_t status = godwit_client_fanout (
        world.client, NULL, "echo", GODWIT_ARGS (GODWIT_STR ("value", "text")), NULL, error);
    for (int i = 0; i < 3; i++)
        godwit_transport_process (world.transport, 0, NULL);
    return status;
}

static godwit_status_t
run_future (godwit_error_t **error)
{
    godwit_future_t *future = NULL;
    godwit_value_t *result = NULL;
    bool finished = false;
    godwit_status_t status =
        godwit_client_call_future (world.client, NULL, "echo", GODWIT_NO_ARGS, &future, error);
    if (!status)
        status = godwit_future_wait (future, -1, &finished, &result, error);
    godwit_value_unref (&result);
    godwit_future_destroy (&future);
    return status;
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result;
    (void) error;
    *(int *) user = (int) status;
}

static godwit_status_t
run_async (godwit_error_t **error)
{
    int ended = -1;
    const godwit_status_t status =
        godwit_client_call_async (world.client, NULL, "echo", GODWIT_NO_ARGS, on_end, &ended, error);
    while (!status && ended < 0)
        godwit_transport_process (world.transport, 1, NULL);
    return status ? status : (godwit_status_t) ended;
}

static godwit_status_t
run_listing (godwit_error_t **error)
{
    godwit_value_t *list = NULL, *metrics = NULL;
    godwit_status_t status = godwit_client_servers (world.client, &list, error);
    if (!status)
        status = godwit_transport_metrics (world.transport, &metrics, error);
    godwit_value_unref (&list);
    godwit_value_unref (&metrics);
    return status;
}

static const struct {
    const char *name;
    godwit_status_t (*run) (godwit_error_t **error);
    long at_least; /* allocations that it takes */
} rows[] = {
    {"transport", run_transport, 20},
    {"configuration", run_config, 20},
    {"server", run_server, 10},
    {"client", run_client, 2},
    {"call", run_call, 2},
    {"call that is kept", run_kept_call, 2},
    {"call that fails", run_failing_call, 3},
    {"cast", run_cast, 0},
    {"fanout", run_fanout, 0},
    {"future", run_future, 2},
    {"asynchronous call", run_async, 1},
    {"lists", run_listing, 2},
};

enum { ROWS = sizeof rows / sizeof *rows };

/* Fails the first allocation, then the second, ... until there are no more. Returns how many there were. */
static long
sweep (size_t row)
{
    for (long n = 1;; n++) {
        godwit_error_t *error = NULL;
        allocations = 0;
        fail_at = n;
        counting = true;
        const godwit_status_t status = rows[row].run (&error);
        counting = false;
        const bool failed = allocations >= n;
        /* What another process would not answer, this one does not answer in time. */
        const bool allowed = status == GODWIT_OK ||
                             (failed && (status == GODWIT_ERR_OUT_OF_MEMORY || status == GODWIT_ERR_TIMEOUT ||
                                         status == GODWIT_ERR_DELIVERY_FAILURE));
        cr_assert (allowed, "%s, allocation %ld fails: %s", rows[row].name, n, godwit_error_print (error));
        godwit_error_destroy (&error);
        if (!failed)
            return n - 1;
        cr_assert (n < 10000, "%s: it does not end", rows[row].name);
        /* Usable: it is tried again until what the failure has cost (a connection) is there again. */
        godwit_status_t again = GODWIT_ERR_TIMEOUT;
        for (int i = 0; again == GODWIT_ERR_TIMEOUT && i < 100; i++) {
            godwit_error_destroy (&error);
            again = rows[row].run (&error);
        }
        cr_assert (again == GODWIT_OK, "%s, after allocation %ld failed: %s", rows[row].name, n,
                   godwit_error_print (error));
        godwit_error_destroy (&error);
    }
}

TestSuite (alloc_public, .timeout = 100);

Test (alloc_public, any_allocation_may_fail)
{
    for (size_t row = 0; row < ROWS; row++) {
        open_world ();
        const long made = sweep (row);
        cr_assert_geq (made, rows[row].at_least, "%s takes %ld allocations", rows[row].name, made);
        close_world ();
    }
}

/* After a life that filled what the C library and the others keep for ever. */
Test (alloc_public, nothing_leaks)
{
    for (size_t row = 0; row < ROWS; row++) {
        long left[3];
        for (int life = 0; life < 3; life++) {
            open_world ();
            sweep (row);
            close_world ();
            left[life] = atomic_load (&blocks);
        }
        cr_assert_eq (left[2], left[1], "%s: %ld, then %ld blocks are in use", rows[row].name, left[1],
                      left[2]);
    }
}

/* ---- all of them ---- */

/* Here and in alloc_test.c. A name that ends in '_' stands for all that begin so. */
static const char *const tried[] = {
    "godwit_builder_",
    "godwit_client_",
    "godwit_config_parse",
    "godwit_config_destroy",
    "godwit_error_",
    "godwit_future_",
    "godwit_request_context_serializer_",
    "godwit_request_",
    "godwit_server_",
    "godwit_transport_destroy",
    "godwit_transport_metrics",
    "godwit_transport_new",
    "godwit_transport_new_from_config",
    "godwit_transport_process",
    "godwit_transport_register_error",
    "godwit_url_",
    "godwit_value_",
};

/* These have no memory to ask for. */
static const char *const pure[] = {
    "godwit_config_get",   "godwit_config_where", "godwit_outcome_name", "godwit_status_",
    "godwit_target_equal", "godwit_target_print", "godwit_transport_fd", "godwit_transport_stats",
    "godwit_type_name",    "godwit_version_",
};

/* Not tried yet. What is in nobody's list is a new function, and belongs into a row. */
static const char *const untried[] = {
    "godwit_backing_off_client_", "godwit_cluster_", "godwit_config_load", "godwit_rpc_", "godwit_service_",
};

static bool
is_in (const char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        const size_t size = strlen (list[i]);
        if (list[i][size - 1] == '_' ? !strncmp (name, list[i], size) : !strcmp (name, list[i]))
            return true;
    }
    return false;
}

#define IS_IN(list_, name_) is_in ((list_), sizeof (list_) / sizeof *(list_), (name_))

static void
check_declaration (void *user, const char *name, bool returns_status, const char *parameters)
{
    (void) user;
    (void) returns_status;
    (void) parameters;
    cr_expect (IS_IN (tried, name) || IS_IN (pure, name) || IS_IN (untried, name), "%s is in no list", name);
}

Test (alloc_public, every_function_is_in_a_list)
{
    cr_assert_geq (headers_for_each (check_declaration, NULL), 150u);
}

#else

Test (alloc_public, is_left_to_the_builds_without_sanitizers)
{
    cr_skip_test ();
}

#endif
