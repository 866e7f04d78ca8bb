/* SPDX-License-Identifier: Apache-2.0 */
#include "src/serializer/serialize_call.h"

#include "src/error/error.h"
#include "src/value/value_map.h"

#include <stdlib.h>
#include <string.h>

typedef godwit_status_t entity_fn (void *self, const godwit_value_t *context, const godwit_value_t *entity,
                                   godwit_value_t **out, godwit_error_t **error);
typedef godwit_status_t context_fn (void *self, const godwit_value_t *context, godwit_value_t **out,
                                    godwit_error_t **error);

void
godwit__payload_release (godwit__payload_t *payload)
{
    godwit_value_unref (&payload->context);
    godwit_value_unref (&payload->args);
}

/* ---- one function of the program's ---- */

/* Tidies up what a serializer's function returned: a failure has an error and no value, a success has no
 * error. */
static godwit_status_t
settle (godwit_status_t status, const char *what, godwit_value_t **out, godwit_error_t *given,
        godwit_error_t **error)
{
    if (!status) {
        godwit_error_destroy (&given);
        return GODWIT_OK;
    }
    godwit_value_unref (out);
    if (!given)
        return godwit__error_set (error, status, "%s failed: %s", what, godwit_status_text (status));
    if (godwit_error_status (given))
        status = godwit_error_status (given);
    /* The error may come from a call that the serializer made. The outcome of that call is not the outcome of
     * this one. */
    godwit__error_set_outcome_of (given, GODWIT_OUTCOME_NONE);
    if (error)
        *error = given;
    else
        godwit_error_destroy (&given);
    return status;
}

static godwit_status_t
convert_entity (entity_fn *convert, const char *what, void *self, const godwit_value_t *context,
                const godwit_value_t *entity, godwit_value_t **out, godwit_error_t **error)
{
    godwit_error_t *given = NULL;
    godwit_value_t *made = NULL;
    if (!convert) {
        *out = godwit_value_ref (entity);
        return GODWIT_OK;
    }
    godwit_status_t status = convert (self, context, entity, &made, &given);
    status = settle (status, what, &made, given, error);
    if (!status)
        *out = made;
    return status;
}

static godwit_status_t
convert_context (context_fn *convert, const char *what, void *self, const godwit_value_t *context,
                 godwit_value_t **out, godwit_error_t **error)
{
    godwit_error_t *given = NULL;
    godwit_value_t *made = NULL;
    if (!convert) {
        *out = godwit_value_ref (context);
        return GODWIT_OK;
    }
    godwit_status_t status = convert (self, context, &made, &given);
    status = settle (status, what, &made, given, error);
    if (!status)
        *out = made;
    return status;
}

static godwit_status_t
serialize_field (godwit_value_t **out, const godwit_serializer_t *serializer, const godwit_value_t *context,
                 const godwit_field_t *field, godwit_error_t **error)
{
    godwit_value_t *made = NULL;
    const godwit_value_t *entity = field->as.value;
    if (field->type != GODWIT_TYPE_VALUE) {
        const godwit_status_t status = godwit_value_new (&made, *field, error);
        if (status)
            return status;
        entity = made;
    }
    const godwit_status_t status = convert_entity (serializer->serialize_entity, "serialize_entity",
                                                   serializer->self, context, entity, out, error);
    godwit_value_unref (&made);
    return status;
}

/* ---- arguments ---- */

/* A map that is built entry by entry. */
typedef struct assembly {
    godwit__entry_t *entries;
    size_t count;
} assembly_t;

static godwit_status_t
assembly_new (assembly_t *assembly, size_t count, godwit_error_t **error)
{
    if (count > GODWIT_VALUE_MAX_COUNT / 2)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "args: more elements than the limit");
    assembly->entries = calloc (count + 1, sizeof *assembly->entries);
    return assembly->entries ? GODWIT_OK : godwit__error_no_memory (error);
}

/* Makes the map if all went well, and releases the parts. */
static godwit_status_t
assembly_end (assembly_t *assembly, godwit_status_t status, godwit_value_t **map, godwit_error_t **error)
{
    if (!status)
        status = godwit__value_map (map, assembly->entries, assembly->count, error);
    for (size_t i = 0; i < assembly->count; i++)
        godwit_value_unref (&assembly->entries[i].value);
    free (assembly->entries);
    return status;
}

static godwit_status_t
check_names (const godwit_field_t *items, size_t count, godwit_error_t **error)
{
    if (count && !items)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "args: the items are NULL");
    for (size_t i = 0; i < count; i++)
        if (!items[i].name)
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "args[%zu]: an entry of a map without a name", i);
    godwit__key_t *const keys = malloc ((count + 1) * sizeof *keys);
    if (!keys)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < count; i++)
        keys[i] = (godwit__key_t){items[i].name, strlen (items[i].name)};
    const godwit__key_t *const repeated = godwit__key_repeated (keys, count);
    const char *const name = repeated ? repeated->data : NULL;
    free (keys);
    return name ? godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                     "args.%.64s: the name is there twice", name)
                : GODWIT_OK;
}

/* The entry of a map, with its key's bytes. */
static godwit__key_t
key_of (const godwit_value_t *map, size_t index)
{
    const godwit_value_t *const key = map - map->index + map->as.first + 2 * index;
    return (godwit__key_t){key->as.bytes.data, key->as.bytes.size};
}

static godwit_status_t
serialize_args (godwit_value_t **sent, const godwit_serializer_t *serializer, const godwit_value_t *context,
                const godwit_fields_t *args, godwit_error_t **error)
{
    const godwit_value_t *const map = args->value;
    assembly_t assembly = {NULL, 0};
    if (map && godwit_value_type (map) != GODWIT_TYPE_MAP)
        return godwit__error_set (error, godwit__not_a_map (map), "args: expected map, got %s",
                                  godwit_type_name (godwit_value_type (map)));
    const size_t count = map ? godwit_value_count (map) : args->count;
    godwit_status_t status = map ? GODWIT_OK : check_names (args->items, count, error);
    if (!status)
        status = assembly_new (&assembly, count, error);
    if (status || !assembly.entries)
        return status;
    for (size_t i = 0; !status && i < count; i++) {
        godwit__entry_t *const entry = &assembly.entries[assembly.count];
        const godwit_field_t field =
            map ? (godwit_field_t){.type = GODWIT_TYPE_VALUE, .as.value = godwit_value_at (map, i)}
                : args->items[i];
        entry->key = map ? key_of (map, i) : (godwit__key_t){field.name, strlen (field.name)};
        status = serialize_field (&entry->value, serializer, context, &field, error);
        if (status)
            break;
        assembly.count++;
        if (godwit_value_type (entry->value) == GODWIT_TYPE_OBJECT)
            status = godwit__error_set (error, GODWIT_ERR_TYPE_MISMATCH,
                                        "args.%.64s: expected a value that can be sent, got object",
                                        (const char *) entry->key.data);
    }
    return assembly_end (&assembly, status, sent, error);
}

static godwit_status_t
deserialize_args (godwit_value_t **received, const godwit_serializer_t *serializer,
                  const godwit_value_t *context, const godwit_value_t *args, godwit_error_t **error)
{
    assembly_t assembly = {NULL, 0};
    const size_t count = godwit_value_count (args);
    godwit_status_t status = assembly_new (&assembly, count, error);
    if (status || !assembly.entries)
        return status;
    for (size_t i = 0; i < count; i++) {
        godwit__entry_t *const entry = &assembly.entries[i];
        entry->key = key_of (args, i);
        status = convert_entity (serializer->deserialize_entity, "deserialize_entity", serializer->self,
                                 context, godwit_value_at (args, i), &entry->value, error);
        if (status)
            break;
        assembly.count++;
    }
    return assembly_end (&assembly, status, received, error);
}

/* ---- requests ---- */

godwit_status_t
godwit__serialize_request (godwit__payload_t *sent, const godwit_serializer_t *serializer,
                           const godwit_value_t *context, const godwit_fields_t *args, godwit_error_t **error)
{
    *sent = (godwit__payload_t){NULL, NULL};
    godwit_status_t status = serialize_args (&sent->args, serializer, context, args, error);
    if (!status)
        status = convert_context (serializer->serialize_context, "serialize_context", serializer->self,
                                  context, &sent->context, error);
    if (!status && sent->context && godwit_value_type (sent->context) != GODWIT_TYPE_MAP)
        status = godwit__error_set (error, GODWIT_ERR_TYPE_MISMATCH, "context: expected map, got %s",
                                    godwit_type_name (godwit_value_type (sent->context)));
    if (status)
        godwit__payload_release (sent);
    return status;
}

godwit_status_t
godwit__deserialize_request (godwit__payload_t *received, const godwit_serializer_t *serializer,
                             const godwit_value_t *context, const godwit_value_t *args,
                             godwit_error_t **error)
{
    *received = (godwit__payload_t){NULL, NULL};
    godwit_status_t status = convert_context (serializer->deserialize_context, "deserialize_context",
                                              serializer->self, context, &received->context, error);
    if (!status)
        status = deserialize_args (&received->args, serializer, received->context, args, error);
    if (status)
        godwit__payload_release (received);
    return status;
}

godwit_status_t
godwit__serialize_context (godwit_value_t **sent, const godwit_serializer_t *serializer,
                           const godwit_value_t *context, godwit_error_t **error)
{
    return convert_context (serializer->serialize_context, "serialize_context", serializer->self, context,
                            sent, error);
}

/* ---- results ---- */

godwit_status_t
godwit__serialize_result (godwit_value_t **sent, const godwit_serializer_t *serializer,
                          const godwit_value_t *context, const godwit_field_t *result, godwit_error_t **error)
{
    return serialize_field (sent, serializer, context, result, error);
}

godwit_status_t
godwit__deserialize_result (godwit_value_t **result, const godwit_serializer_t *serializer,
                            const godwit_value_t *context, godwit_error_t **error)
{
    godwit_value_t *made = NULL;
    godwit_error_t *why = NULL;
    godwit_status_t status = convert_entity (serializer->deserialize_entity, "deserialize_entity",
                                             serializer->self, context, *result, &made, &why);
    if (!status && !made)
        status = godwit_value_new (&made, (godwit_field_t){.type = GODWIT_TYPE_NIL}, &why);
    godwit_value_unref (result);
    if (!status) {
        *result = made;
        return GODWIT_OK;
    }
    godwit__error_set_outcome_of (why, GODWIT_OUTCOME_RAN);
    if (error)
        *error = why;
    else
        godwit_error_destroy (&why);
    return status;
}
