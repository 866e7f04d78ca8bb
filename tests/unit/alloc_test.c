/* SPDX-License-Identifier: Apache-2.0 */
/* What memory costs, and what happens without it: how many allocations a call makes, and that it survives
 * when any of them fails. Replaces malloc in this program, which the sanitizers do not allow. */
#include "src/address/target.h"
#include "src/error/error.h"
#include "src/serializer/serialize_call.h"
#include "src/value/msgpack/codec.h"
#include "src/wire/wire.h"

#include <godwit/config.h>
#include <godwit/service.h>
#include <godwit/url.h>

#include <criterion/criterion.h>
#include <malloc.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED

static _Thread_local bool counting;
static _Thread_local long allocations; /* while counting */
static _Thread_local long fail_at;     /* which of them fails, from 1; 0: none */
static _Thread_local long held;        /* allocated and not freed */

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t count, size_t size);
extern void *__libc_realloc (void *memory, size_t size);
extern void __libc_free (void *memory);

static bool
refuse (void)
{
    return counting && ++allocations == fail_at;
}

void *
malloc (size_t size)
{
    void *const memory = refuse () ? NULL : __libc_malloc (size);
    held += counting && memory;
    return memory;
}

void *
calloc (size_t count, size_t size)
{
    void *const memory = refuse () ? NULL : __libc_calloc (count, size);
    held += counting && memory;
    return memory;
}

void *
realloc (void *old, size_t size)
{
    void *const memory = refuse () ? NULL : __libc_realloc (old, size);
    held += counting && memory && !old;
    return memory;
}

void
free (void *memory)
{
    held -= counting && memory;
    __libc_free (memory);
}

static void
start (long fail)
{
    allocations = held = 0;
    fail_at = fail;
    counting = true;
}

/* ---- how many ---- */

Test (alloc, scanning_bounding_and_encoding_allocate_nothing)
{
    uint8_t data[256];
    godwit_value_t *context = NULL;
    cr_assert_eq (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "someone")), NULL),
                  GODWIT_OK);
    const godwit_fields_t arguments = GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_VALUE ("c", context),
                                                   GODWIT_LIST ("l", GODWIT_STR (NULL, "x")));
    godwit__scan_t scan;
    start (0);
    size_t bound = godwit__value_bound (context);
    const godwit_status_t bounded = godwit__fields_bound (&arguments, "args", &bound, NULL);
    godwit__writer_t writer = {.data = data, .capacity = sizeof data};
    godwit__write_array (&writer, 2);
    godwit__write_value (&writer, context);
    godwit__write_fields (&writer, &arguments);
    const godwit_status_t scanned = godwit__scan (data, writer.size, &godwit__default_limits, &scan);
    counting = false;
    cr_assert_eq (bounded, GODWIT_OK);
    cr_assert_eq (scanned, GODWIT_OK);
    cr_assert_eq (allocations, 0);
    godwit_value_unref (&context);
}

Test (alloc, decoding_allocates_once_or_not_at_all)
{
    static const char bytes[] = "\x82\xa1x\x93\xa1y\x01\xa1z\xa1w\xa3"
                                "end";
    for (int own = 0; own < 2; own++) {
        union {
            godwit__block_t block;
            uint8_t room[sizeof (godwit__block_t) + 16 * sizeof (struct godwit_value)];
        } room = {.block = {.capacity = 16}};
        char copy[sizeof bytes];
        memcpy (copy, bytes, sizeof bytes);
        godwit__frame_t frame = {.data = (uint8_t *) copy, .size = sizeof bytes - 1};
        godwit__block_t *block = own ? &room.block : NULL;
        start (0);
        const godwit_status_t status = godwit__decode (&block, &frame, 0, &godwit__default_limits, NULL);
        const long made = allocations;
        if (!status)
            godwit__block_unref (block);
        counting = false;
        cr_assert_eq (status, GODWIT_OK);
        cr_assert_eq (made, own ? 0 : 1);
        cr_assert_eq (held, 0);
    }
}

Test (alloc, getters_and_unpacking_allocate_nothing)
{
    struct numbers {
        int64_t a;
        double b;
    } numbers;
    static const godwit_slot_t slots[] = {GODWIT_SLOT (struct numbers, a), GODWIT_SLOT (struct numbers, b)};
    godwit_value_t *map = NULL;
    cr_assert_eq (
        godwit_value_new_map (&map, GODWIT_ARGS (GODWIT_DOUBLE ("b", 1), GODWIT_INT ("a", 2)), NULL),
        GODWIT_OK);
    bool wrong;
    start (0);
    const godwit_status_t status = godwit_value_unpack (map, slots, 2, &numbers, "args", NULL);
    const godwit_status_t mismatch = godwit_value_get_bool (map, &wrong, NULL);
    godwit_value_t *again = godwit_value_ref (godwit_value_get (map, "a"));
    godwit_value_unref (&again);
    counting = false;
    cr_assert_eq (status, GODWIT_OK);
    cr_assert_eq (mismatch, GODWIT_ERR_TYPE_MISMATCH);
    cr_assert_eq (allocations, 0);
    godwit_value_unref (&map);
}

Test (alloc, the_usual_error_is_one_allocation)
{
    start (0);
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_TIMEOUT, "no reply in %d ms", 200);
    const long made = allocations;
    godwit_error_destroy (&error);
    counting = false;
    cr_assert_eq (made, 1);
    cr_assert_eq (held, 0);
}

/* ---- the n-th fails ---- */

static godwit_status_t
make_error (godwit_error_t **error)
{
    static char text[2000];
    memset (text, 'x', sizeof text - 1);
    godwit_error_t *made = godwit_error_new_typed ("m", "t", "%s", text);
    godwit_error_t *cause = godwit_error_new (GODWIT_ERR_CLOSED, "cause");
    godwit_error_set_cause (made, &cause);
    const bool good = strlen (godwit_error_print (made)) > 2000;
    const godwit_status_t status = godwit_error_status (made);
    const bool has_cause = godwit_error_status (godwit_error_cause (made)) == GODWIT_ERR_CLOSED;
    if (status == GODWIT_ERR_OUT_OF_MEMORY || !good || !has_cause) { /* each of them is a failed allocation */
        *error = made;
        return GODWIT_ERR_OUT_OF_MEMORY;
    }
    godwit_error_destroy (&made);
    return GODWIT_OK;
}

/* What an error cannot keep for want of memory it does without, and says the rest. */
static bool
knows_all (const godwit_error_t *error)
{
    return godwit_error_detail (error, "item") && godwit_error_args (error) &&
           strstr (godwit_error_traceback (error), "in take\n") &&
           strcmp (godwit_error_print (error), godwit_error_message (error)) != 0 &&
           godwit_error_status (error) != GODWIT_ERR_OUT_OF_MEMORY;
}

static void
free_data (godwit__frame_t *frame)
{
    free (frame->data);
}

/* Made, copied, sent and read again by one that knows its class, and by one that does not. */
static godwit_status_t
pass_on (godwit__error_classes_t *classes)
{
    static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
    uint8_t *data = NULL;
    bool is_malformed = false;
    godwit_value_t *args = NULL;
    godwit_error_t *error = godwit_error_new_of (&out_of_stock, "no tea left");
    if (!godwit_value_new (&args, GODWIT_LIST (NULL, GODWIT_INT (NULL, 7)), NULL))
        godwit_error_set_data (error, args, NULL);
    godwit_value_unref (&args);
    godwit_error_set_detail (error, "item", "tea");
    godwit_error_trace (error, "shop.c", 12, "take");
    godwit_error_t *copy = godwit__error_copy (error);
    bool good = knows_all (error) && knows_all (copy);
    godwit_error_destroy (&error);
    const size_t size = godwit__failure_write (&data, 1, GODWIT__FAILURE_FRAME_MAX, copy);
    godwit_error_destroy (&copy);
    if (!size)
        return GODWIT_ERR_OUT_OF_MEMORY;
    godwit__frame_t frame = {.data = data, .size = size, .release = free_data};
    error = godwit__failure_read (&frame, classes, &is_malformed);
    good = good && knows_all (error);
    const bool has_outcome = godwit_error_status (error) == GODWIT_ERR_OUT_OF_MEMORY ||
                             godwit_error_outcome (error) == GODWIT_OUTCOME_RAN;
    godwit_error_destroy (&error);
    return good && has_outcome && !is_malformed ? GODWIT_OK : GODWIT_ERR_OUT_OF_MEMORY;
}

static godwit_status_t
send_error (godwit_error_t **error)
{
    static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
    godwit__error_classes_t *classes = NULL;
    godwit_status_t status = godwit__error_classes_new (&classes, "shop", error);
    if (status)
        return status;
    status = godwit__error_classes_add (classes, &out_of_stock, error);
    for (int i = 0; !status && i < 2; i++) {
        status = pass_on (i ? classes : NULL);
        if (status)
            godwit__error_no_memory (error);
    }
    godwit__error_classes_destroy (&classes);
    return status;
}

static godwit_status_t
refuse_url (godwit_error_t **error)
{
    godwit_url_t *url = NULL;
    godwit_error_t *made = NULL;
    godwit_url_parse (&url, "user:secret@host", &made);
    if (godwit_error_status (made) == GODWIT_ERR_INVALID_URL && godwit_error_detail (made, "url")) {
        godwit_error_destroy (&made);
        return GODWIT_OK;
    }
    godwit_error_destroy (&made);
    return godwit__error_no_memory (error);
}

static godwit_status_t
make_values (godwit_error_t **error)
{
    static godwit_field_t many[50];
    static char names[50][4];
    for (int i = 0; i < 50; i++) {
        snprintf (names[i], sizeof names[i], "n%d", i);
        many[i] = GODWIT_INT (names[i], i);
    }
    godwit_value_t *value = NULL, *built = NULL;
    godwit_status_t status = godwit_value_new_map (&value, (godwit_fields_t){many, 50, NULL}, error);
    if (status)
        return status;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    for (int i = 0; i < 100; i++)
        godwit_builder_str (builder, NULL, "text that makes the builder grow");
    godwit_builder_value (builder, NULL, value);
    godwit_builder_close (builder);
    status = godwit_builder_finish (&builder, &built, error);
    godwit_value_unref (&built);
    godwit_value_unref (&value);
    return status;
}

/* JSON both ways, an object, and arguments of both kinds through a serializer and back. */
static godwit_status_t
serialize (godwit_error_t **error)
{
    const godwit_serializer_t *const json = &godwit_json_serializer;
    const godwit_fields_t args = GODWIT_ARGS (
        GODWIT_MAP ("m", GODWIT_DOUBLE ("d", 1.5), GODWIT_LIST ("l", GODWIT_NIL (NULL))),
        GODWIT_STR ("s", "a text that takes some room, so that the buffer for it has to grow: "
                         "................................................................................"
                         "................................................................................"
                         "................................................................................"));
    godwit_value_t *object = NULL;
    godwit__payload_t sent = {NULL, NULL}, received = {NULL, NULL};
    godwit_status_t status = godwit_value_new_object (&object, &sent, NULL, error);
    if (!status)
        status = godwit__serialize_request (&sent, json, NULL, &args, error);
    if (!status)
        status = godwit__deserialize_request (&received, json, NULL, sent.args, error);
    if (!status)
        status = godwit__deserialize_result (&sent.context, &godwit_noop_serializer, NULL, error);
    godwit__payload_release (&received);
    godwit__payload_release (&sent);
    godwit_value_unref (&object);
    return status;
}

static godwit_status_t
wrap_contexts (godwit_error_t **error)
{
    const godwit_context_hooks_t hooks = {.struct_size = sizeof hooks};
    godwit_serializer_t *serializer = NULL;
    const godwit_status_t status = godwit_request_context_serializer_new (&serializer, NULL, &hooks, error);
    godwit_request_context_serializer_destroy (&serializer);
    return status;
}

static godwit_status_t
copy_target (godwit_error_t **error)
{
    godwit_target_t copy;
    const godwit_status_t status =
        godwit__target_copy (&copy, GODWIT_TARGET (.topic = "t", .version = "1.0"), error);
    if (!status)
        godwit__target_release (&copy);
    return status;
}

static godwit_status_t
parse_url (godwit_error_t **error)
{
    godwit_url_t *url = NULL;
    const godwit_status_t status = godwit_url_parse (&url, "x://u:p@a,b/v?a=1&b", error);
    godwit_url_destroy (&url);
    return status;
}

static godwit_status_t
parse_config (godwit_error_t **error)
{
    godwit_config_t *config = NULL;
    const godwit_status_t status =
        godwit_config_parse (&config,
                             "[DEFAULT]\ntransport_url = x://u:p@a/\nrpc_workers = 3\n"
                             "[own]\na = b\n  c\n  d\n",
                             "conf", error);
    godwit_config_destroy (&config);
    return status;
}

static godwit_status_t
load_config (godwit_error_t **error)
{
    godwit_config_t *config = NULL;
    const godwit_status_t status = godwit_config_load (&config, "/dev/null", error);
    godwit_config_destroy (&config);
    return status;
}

static godwit_status_t
refuse_config (godwit_error_t **error)
{
    godwit_config_t *config = NULL;
    godwit_error_t *made = NULL;
    godwit_config_parse (&config, "[DEFAULT]\nrpc_workers = many\n", "conf", &made);
    const bool good = godwit_error_status (made) == GODWIT_ERR_INVALID_ARGUMENT;
    godwit_error_destroy (&made);
    return good ? GODWIT_OK : godwit__error_no_memory (error);
}

static godwit_status_t
list_modules (godwit_error_t **error)
{
    godwit_value_t *modules = NULL;
    godwit_status_t status = godwit_rpc_add_extra_exmod ("shop", error);
    if (status == GODWIT_OK)
        status = godwit_rpc_get_allowed_exmods (&modules, error);
    godwit_value_unref (&modules);
    godwit_rpc_clear_extra_exmods ();
    return status;
}

static godwit_status_t
make_service (godwit_error_t **error)
{
    static const char *const legacy[] = {"old", NULL};
    const godwit_endpoint_t endpoint = {.struct_size = sizeof endpoint,
                                        .name_space = "vim",
                                        .version = "1.0",
                                        .legacy_namespaces = legacy,
                                        .legacy_namespace_count = 2};
    const godwit_manager_t manager = {
        .struct_size = sizeof manager, .endpoints = &endpoint, .endpoint_count = 1};
    godwit_service_t *service = NULL;
    const godwit_status_t status = godwit_service_new (&service, "host", "topic", &manager, NULL, error);
    godwit_service_destroy (&service);
    return status;
}

static godwit_status_t
make_void_connection (godwit_error_t **error)
{
    godwit_rpc_connection_t *connection = NULL;
    const godwit_status_t status = godwit_rpc_connection_new_void (&connection, error);
    godwit_rpc_connection_destroy (&connection);
    return status;
}

Test (alloc, any_allocation_may_fail)
{
    static const struct {
        const char *name;
        godwit_status_t (*run) (godwit_error_t **error);
        long at_least; /* allocations that it takes */
    } rows[] = {{"modules", list_modules, 3},
                {"service", make_service, 8},
                {"connection", make_void_connection, 1},
                {"error", make_error, 4},
                {"error that is sent", send_error, 20},
                {"error about a URL", refuse_url, 4},
                {"values", make_values, 8},
                {"serializer", serialize, 20},
                {"context", wrap_contexts, 1},
                {"target", copy_target, 1},
                {"url", parse_url, 6},
                {"configuration", parse_config, 12},
                {"configuration of a file", load_config, 3},
                {"configuration that is refused", refuse_config, 6}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        long n = 1;
        for (;; n++) {
            godwit_error_t *error = NULL;
            start (n);
            const godwit_status_t status = rows[i].run (&error);
            const bool failed = allocations >= n;
            const godwit_status_t told = godwit_error_status (error);
            godwit_error_destroy (&error);
            counting = false;
            cr_assert_eq (held, 0, "%s, allocation %ld fails: %ld blocks leak", rows[i].name, n, held);
            if (!failed) {
                cr_assert_eq (status, GODWIT_OK, "%s", rows[i].name);
                break;
            }
            cr_assert_eq (status, GODWIT_ERR_OUT_OF_MEMORY, "%s, allocation %ld fails", rows[i].name, n);
            cr_assert (told == GODWIT_ERR_OUT_OF_MEMORY || rows[i].run == make_error);
        }
        cr_assert_geq (n - 1, rows[i].at_least, "%s takes %ld allocations", rows[i].name, n - 1);
    }
}

#else

Test (alloc, is_left_to_the_builds_without_sanitizers)
{
    cr_skip_test ();
}

#endif
