/* SPDX-License-Identifier: Apache-2.0 */
/* Objects, maps of values that are there already, and serializers by themselves; calls with them are in
 * tests/contract/section09_test.c. */
#include "src/serializer/serialize_call.h"
#include "src/value/value_map.h"

#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- objects ---- */

static int destroyed;

static void
count_destroy (void *object)
{
    cr_assert_eq (object, (void *) &destroyed);
    destroyed++;
}

static void *
drop (void *argument)
{
    godwit_value_t *value = argument;
    godwit_value_unref (&value);
    return NULL;
}

Test (object, is_what_it_was_made_of)
{
    godwit_value_t *object = NULL, *again, *same = NULL, *other = NULL;
    int thing;
    char text[32];
    cr_assert_eq (godwit_value_new_object (&object, &destroyed, count_destroy, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_type (object), GODWIT_TYPE_OBJECT);
    cr_assert_str_eq (godwit_type_name (GODWIT_TYPE_OBJECT), "object");
    cr_assert_eq (godwit_value_as_object (object), (void *) &destroyed);
    cr_assert_eq (godwit_value_count (object), 0u);
    cr_assert_null (godwit_value_at (object, 0));
    cr_assert_null (godwit_value_get (object, "x"));
    cr_assert_eq (godwit_value_print (object, text, sizeof text), strlen ("\"<object>\""));
    cr_assert_str_eq (text, "\"<object>\"");
    cr_assert_eq (godwit_value_new_object (&same, &destroyed, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_new_object (&other, &thing, NULL, NULL), GODWIT_OK);
    cr_assert (godwit_value_equal (object, object) && godwit_value_equal (object, same));
    cr_assert_not (godwit_value_equal (object, other));
    cr_assert_not (godwit_value_equal (object, NULL));
    godwit_value_unref (&same);
    godwit_value_unref (&other);

    /* The last reference destroys it, wherever that is dropped. */
    pthread_t thread;
    again = godwit_value_ref (object);
    godwit_value_unref (&object);
    cr_assert_eq (destroyed, 0);
    cr_assert_eq (pthread_create (&thread, NULL, drop, again), 0);
    pthread_join (thread, NULL);
    cr_assert_eq (destroyed, 1);
}

Test (object, is_nothing_else)
{
    godwit_value_t *object = NULL, *number = NULL;
    godwit_error_t *error = NULL;
    int64_t integer = 5;
    cr_assert_eq (godwit_value_new_object (&object, &destroyed, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_new (&number, GODWIT_INT (NULL, 1), NULL), GODWIT_OK);
    cr_assert_null (godwit_value_as_object (number));
    cr_assert_null (godwit_value_as_object (NULL));
    cr_assert_eq (godwit_value_get_int (object, &integer, &error), GODWIT_ERR_TYPE_MISMATCH);
    cr_assert_str_eq (godwit_error_message (error), "expected int, got object");
    godwit_error_destroy (&error);
    cr_assert_eq (godwit_value_as_int (object, 7), 7);

    /* A NULL pointer is an object like others. */
    godwit_value_unref (&number);
    godwit_value_unref (&object);
    cr_assert_eq (godwit_value_new_object (&object, NULL, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_type (object), GODWIT_TYPE_OBJECT);
    godwit_value_unref (&object);

    cr_assert_eq (godwit_value_new_object (NULL, &destroyed, count_destroy, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (destroyed, 1);
}

Test (object, cannot_be_built_into_a_value)
{
    godwit_value_t *object = NULL, *value = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_value_new_object (&object, &destroyed, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_new (&value, GODWIT_LIST (NULL, GODWIT_VALUE (NULL, object)), &error),
                  GODWIT_ERR_TYPE_MISMATCH);
    cr_assert_str_eq (godwit_error_message (error),
                      "value[0]: expected a value that can be sent, got object");
    godwit_error_destroy (&error);
    cr_assert_eq (godwit_value_new_map (&value, godwit_fields_from (object), &error),
                  GODWIT_ERR_TYPE_MISMATCH);
    cr_assert_str_eq (godwit_error_message (error), "value: expected map, got object");
    godwit_error_destroy (&error);
    godwit_field_t field = GODWIT_NIL (NULL);
    field.type = GODWIT_TYPE_OBJECT;
    cr_assert_eq (godwit_value_new (&value, field, NULL), GODWIT_ERR_INVALID_ARGUMENT);

    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_value (builder, "x", object);
    godwit_builder_close (builder);
    cr_assert_eq (godwit_builder_finish (&builder, &value, &error), GODWIT_ERR_TYPE_MISMATCH);
    cr_assert (strstr (godwit_error_message (error), "value.x: "), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
    cr_assert_null (value);
    godwit_value_unref (&object);
}

/* ---- maps of values that are there ---- */

Test (value_map, shares_its_values_and_may_hold_objects)
{
    godwit_value_t *object = NULL, *tree = NULL, *map = NULL, *expected = NULL;
    const godwit_field_t inner = GODWIT_MAP (
        NULL, GODWIT_LIST ("l", GODWIT_STR (NULL, "text"), GODWIT_MAP (NULL, GODWIT_INT ("i", 1))),
        GODWIT_BIN ("b", "\0\1", 2));
    cr_assert_eq (godwit_value_new_object (&object, &destroyed, count_destroy, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_new (&tree, inner, NULL), GODWIT_OK);
    const godwit__entry_t entries[] = {
        {{"tree", 4}, tree}, {{"thing", 5}, object}, {{"none", 4}, NULL}, {{"a\0b", 3}, tree}};
    cr_assert_eq (godwit__value_map (&map, entries, 4, NULL), GODWIT_OK);
    godwit_value_unref (&object);
    godwit_value_unref (&tree);

    cr_assert_eq (godwit_value_count (map), 4u);
    cr_assert_eq (godwit_value_new (&expected, inner, NULL), GODWIT_OK);
    cr_assert (godwit_value_equal (godwit_value_get (map, "tree"), expected));
    cr_assert (godwit_value_equal (godwit_value_at (map, 3), expected));
    cr_assert_null (godwit_value_get (map, "a")); /* the NUL is a part of the key */
    cr_assert_eq (godwit_value_as_object (godwit_value_get (map, "thing")), (void *) &destroyed);
    cr_assert_eq (godwit_value_type (godwit_value_get (map, "none")), GODWIT_TYPE_NIL);
    godwit_value_unref (&expected);

    /* It cannot be sent, wherever the object is in it. */
    size_t bound = 0;
    const godwit_fields_t fields = godwit_fields_from (map);
    cr_assert_eq (godwit__value_bound (map), 0u);
    cr_assert_eq (godwit__fields_bound (&fields, "args", &bound, NULL), GODWIT_ERR_TYPE_MISMATCH);

    /* A part keeps the whole, and what that shares, alive. */
    godwit_value_t *part = godwit_value_ref (godwit_value_get (map, "thing"));
    godwit_value_t *text = godwit_value_ref (godwit_value_at (godwit_value_get (map, "tree"), 0));
    godwit_value_unref (&map);
    godwit_value_unref (&part);
    cr_assert_eq (destroyed, 0);
    cr_assert_str_eq (godwit_value_as_str (godwit_value_at (text, 0), ""), "text");
    godwit_value_unref (&text);
    cr_assert_eq (destroyed, 1);
}

Test (value_map, an_empty_one)
{
    godwit_value_t *map = NULL;
    cr_assert_eq (godwit__value_map (&map, NULL, 0, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_type (map), GODWIT_TYPE_MAP);
    cr_assert_eq (godwit_value_count (map), 0u);
    godwit_value_unref (&map);
}

Test (value_map, elements_are_limited)
{
    godwit_field_t *const items = calloc (GODWIT_VALUE_MAX_COUNT, sizeof *items);
    const godwit_field_t list = {NULL, GODWIT_TYPE_LIST, GODWIT_VALUE_MAX_COUNT / 2, {.items = items}};
    godwit_value_t *value = NULL, *map = NULL;
    cr_assert_eq (godwit_value_new (&value, list, NULL), GODWIT_OK);
    const godwit__entry_t entries[] = {{{"a", 1}, value}, {{"b", 1}, value}, {{"c", 1}, value}};
    cr_assert_eq (godwit__value_map (&map, entries, 3, NULL), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_null (map);
    godwit_value_unref (&value);
    free (items);
}

/* ---- serializers ---- */

static godwit_status_t
silent_failure (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
                godwit_error_t **error)
{
    (void) self;
    (void) context;
    cr_assert (error != NULL);
    *out = godwit_value_ref (entity); /* which is given back */
    return GODWIT_ERR_CANCELLED;
}

static godwit_status_t
noisy_success (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
               godwit_error_t **error)
{
    (void) self;
    (void) context;
    *out = godwit_value_ref (entity);
    *error = godwit_error_new (GODWIT_ERR_FAILED, "forgotten");
    return GODWIT_OK;
}

Test (serializer, failures_without_an_error_get_one)
{
    const godwit_serializer_t *const silent = GODWIT_SERIALIZER (.serialize_entity = silent_failure);
    godwit__payload_t sent;
    godwit_error_t *error = NULL;
    const godwit_fields_t args = GODWIT_ARGS (GODWIT_INT ("a", 1));
    cr_assert_eq (godwit__serialize_request (&sent, silent, NULL, &args, &error), GODWIT_ERR_CANCELLED);
    cr_assert_str_eq (godwit_error_message (error), "serialize_entity failed: the operation was cancelled");
    godwit_error_destroy (&error);
    cr_assert_eq (godwit__serialize_request (&sent, silent, NULL, &args, NULL), GODWIT_ERR_CANCELLED);

    const godwit_serializer_t *const noisy = GODWIT_SERIALIZER (.serialize_entity = noisy_success);
    cr_assert_eq (godwit__serialize_request (&sent, noisy, NULL, &args, &error), GODWIT_OK);
    cr_assert_null (error);
    cr_assert_eq (godwit_value_as_int (godwit_value_get (sent.args, "a"), 0), 1);
    godwit__payload_release (&sent);
}

Test (serializer, arguments_are_checked_first)
{
    const godwit_field_t twice[] = {GODWIT_INT ("a", 1), GODWIT_INT ("b", 1), GODWIT_INT ("a", 2)};
    const godwit_field_t nameless[] = {GODWIT_INT ("a", 1), GODWIT_INT (NULL, 1)};
    const char *const nothing = NULL;
    const godwit_field_t wrong[] = {GODWIT_STR ("a", nothing)};
    const struct {
        godwit_fields_t args;
        const char *says;
    } rows[] = {{{twice, 3, NULL}, "args.a: the name is there twice"},
                {{nameless, 2, NULL}, "args[1]: an entry of a map without a name"},
                {{NULL, 2, NULL}, "args: the items are NULL"},
                {{wrong, 1, NULL}, "the string is NULL"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit__payload_t sent;
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit__serialize_request (&sent, &godwit_noop_serializer, NULL, &rows[i].args, &error),
                      GODWIT_ERR_INVALID_ARGUMENT);
        cr_assert (strstr (godwit_error_message (error), rows[i].says), "%s", godwit_error_message (error));
        godwit_error_destroy (&error);
    }
}

Test (serializer, structs_are_checked_when_they_are_given)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_server_t *server = NULL;
    godwit_serializer_t *made = NULL;
    godwit_error_t *error = NULL;
    const godwit_serializer_t empty = {0};
    const godwit_context_hooks_t hooks = {.struct_size = sizeof hooks}, no_hooks = {0};
    cr_assert_eq (godwit_transport_new (&transport, "inproc://serializers/", NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "t"),
                                     GODWIT_CLIENT_OPTIONS (.serializer = &empty), &error),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert (strstr (godwit_error_message (error),
                       "godwit_serializer_t.struct_size is 0: make it with GODWIT_SERIALIZER"));
    godwit_error_destroy (&error);
    cr_assert_eq (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "t"), NULL, 0,
                                     GODWIT_SERVER_OPTIONS (.serializer = &empty), NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_request_context_serializer_new (&made, &empty, &hooks, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_request_context_serializer_new (&made, NULL, &no_hooks, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_request_context_serializer_new (&made, NULL, NULL, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_request_context_serializer_new (NULL, NULL, &hooks, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert (!client && !server && !made);
    godwit_transport_destroy (&transport);
}

Test (serializer, hooks_that_are_missing_pass_contexts_on)
{
    const godwit_context_hooks_t hooks = {.struct_size = sizeof hooks};
    godwit_serializer_t *serializer = NULL;
    godwit_value_t *context = NULL, *out = NULL;
    cr_assert_eq (godwit_request_context_serializer_new (&serializer, NULL, &hooks, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_INT ("x", 1)), NULL), GODWIT_OK);
    cr_assert_eq (serializer->serialize_context (serializer->self, context, &out, NULL), GODWIT_OK);
    cr_assert_eq (out, context);
    godwit_value_unref (&out);
    cr_assert_eq (serializer->deserialize_context (serializer->self, context, &out, NULL), GODWIT_OK);
    cr_assert_eq (out, context);
    godwit_value_unref (&out);
    cr_assert_eq (serializer->serialize_context (serializer->self, NULL, &out, NULL), GODWIT_OK);
    cr_assert_null (out);
    godwit_value_unref (&context);
    godwit_request_context_serializer_destroy (&serializer);
    cr_assert_null (serializer);
    godwit_request_context_serializer_destroy (&serializer);
    godwit_request_context_serializer_destroy (NULL);
}
