/* SPDX-License-Identifier: Apache-2.0 */
/* How many bytes an encoding takes at the most, and whether it may be made at all. */
#include "src/base/path.h"
#include "src/error/error.h"
#include "src/value/msgpack/codec.h"

#include <stdlib.h>

enum { HEADER = 5, NUMBER = 9, FEW = 32 };

typedef struct measure {
    size_t bytes;
    uint32_t count;
    godwit_error_t **error;
    size_t insert_count;
    size_t insert_size;
} measure_t;

static godwit_status_t
fail (const measure_t *measure, godwit_status_t status, const godwit__path_t *place, const char *what)
{
    char text[GODWIT__PATH_SIZE];
    if (!measure->error)
        return status;
    return godwit__error_set (measure->error, status, "%s: %s", godwit__path_print (place, text), what);
}

/* Counts a node and its bytes. */
static inline godwit_status_t
add (measure_t *measure, const godwit__path_t *place, size_t bytes)
{
    if (bytes > UINT32_MAX)
        return fail (measure, GODWIT_ERR_LIMIT_EXCEEDED, place, "longer than 4 GiB");
    if (measure->count >= GODWIT_VALUE_MAX_COUNT)
        return fail (measure, GODWIT_ERR_LIMIT_EXCEEDED, place, "more elements than the limit");
    if (bytes > SIZE_MAX - measure->bytes)
        return fail (measure, GODWIT_ERR_LIMIT_EXCEEDED, place, "longer than memory can be");
    measure->count++;
    measure->bytes += bytes;
    return GODWIT_OK;
}

static godwit_status_t
add_value (measure_t *measure, const godwit__path_t *place, const godwit_value_t *value, uint32_t depth)
{
    const godwit_type_t type = godwit_value_type (value);
    if (type == GODWIT_TYPE_STR || type == GODWIT_TYPE_BIN) {
        const size_t size = value->as.bytes.size;
        if (size >= GODWIT__INSERT_SIZE) {
            measure->insert_count++;
            measure->insert_size += size;
        }
        return add (measure, place, HEADER + size);
    }
    if (type == GODWIT_TYPE_OBJECT)
        return fail (measure, GODWIT_ERR_TYPE_MISMATCH, place,
                     "expected a value that can be sent, got object");
    if (type != GODWIT_TYPE_LIST && type != GODWIT_TYPE_MAP)
        return add (measure, place, NUMBER);

    godwit_status_t status = add (measure, place, HEADER);
    if (!status && depth >= GODWIT_VALUE_MAX_DEPTH)
        status = fail (measure, GODWIT_ERR_LIMIT_EXCEEDED, place, "nested deeper than the limit");
    const uint32_t children = value->count * (type == GODWIT_TYPE_MAP ? 2 : 1);
    const godwit_value_t *const first = value - value->index + value->as.first;
    for (uint32_t i = 0; !status && i < children; i++)
        status = add_value (measure, place, first + i, depth + 1);
    return status;
}

static godwit_status_t add_field (measure_t *measure, const godwit__path_t *place,
                                  const godwit_field_t *field, uint32_t depth);

static godwit_status_t
check_names (measure_t *measure, const godwit__path_t *place, godwit__key_t *keys, size_t count)
{
    const godwit__key_t *const repeated = godwit__key_repeated (keys, count);
    if (!repeated)
        return GODWIT_OK;
    const godwit__path_t entry = {place, repeated->data, 0};
    return fail (measure, GODWIT_ERR_INVALID_ARGUMENT, &entry, "the name is there twice");
}

static godwit_status_t
add_map (measure_t *measure, const godwit__path_t *place, const godwit_field_t *items, size_t count,
         uint32_t depth)
{
    godwit_status_t status = add (measure, place, HEADER);
    if (status)
        return status;
    if (depth >= GODWIT_VALUE_MAX_DEPTH)
        return fail (measure, GODWIT_ERR_LIMIT_EXCEEDED, place, "nested deeper than the limit");
    if (count > GODWIT_VALUE_MAX_COUNT / 2)
        return fail (measure, GODWIT_ERR_LIMIT_EXCEEDED, place, "more elements than the limit");
    if (count && !items)
        return fail (measure, GODWIT_ERR_INVALID_ARGUMENT, place, "the items are NULL");

    godwit__key_t few[FEW];
    godwit__key_t *keys = few;
    if (count > FEW) {
        keys = malloc (count * sizeof *keys);
        if (!keys)
            return godwit__error_no_memory (measure->error);
    }
    for (size_t i = 0; !status && i < count; i++) {
        if (!items[i].name) {
            const godwit__path_t entry = {place, NULL, i};
            status = fail (measure, GODWIT_ERR_INVALID_ARGUMENT, &entry, "an entry of a map without a name");
            break;
        }
        keys[i] = (godwit__key_t){items[i].name, strlen (items[i].name)};
        const godwit__path_t entry = {place, items[i].name, 0};
        status = add (measure, &entry, HEADER + keys[i].size);
        if (!status)
            status = add_field (measure, &entry, &items[i], depth + 1);
    }
    if (!status)
        status = check_names (measure, place, keys, count);
    if (keys != few)
        free (keys);
    return status;
}

static godwit_status_t
add_list (measure_t *measure, const godwit__path_t *place, const godwit_field_t *field, uint32_t depth)
{
    godwit_status_t status = add (measure, place, HEADER);
    if (status)
        return status;
    if (depth >= GODWIT_VALUE_MAX_DEPTH)
        return fail (measure, GODWIT_ERR_LIMIT_EXCEEDED, place, "nested deeper than the limit");
    if (field->size && !field->as.items)
        return fail (measure, GODWIT_ERR_INVALID_ARGUMENT, place, "the items are NULL");
    for (size_t i = 0; !status && i < field->size; i++) {
        const godwit__path_t item = {place, NULL, i};
        status = add_field (measure, &item, &field->as.items[i], depth + 1);
    }
    return status;
}

static godwit_status_t
add_field (measure_t *measure, const godwit__path_t *place, const godwit_field_t *field, uint32_t depth)
{
    switch (field->type) {
    case GODWIT_TYPE_NIL:
    case GODWIT_TYPE_BOOL:
    case GODWIT_TYPE_INT:
    case GODWIT_TYPE_UINT:
    case GODWIT_TYPE_DOUBLE:
        return add (measure, place, NUMBER);
    case GODWIT_TYPE_STR:
    case GODWIT_TYPE_BIN: {
        const bool ends = field->type == GODWIT_TYPE_STR && field->size == SIZE_MAX;
        if (!field->as.bytes && field->size)
            return fail (measure, GODWIT_ERR_INVALID_ARGUMENT, place,
                         field->type == GODWIT_TYPE_STR ? "the string is NULL" : "the bytes are NULL");
        const size_t size = ends ? strlen (field->as.string) : field->size;
        return add (measure, place, size > UINT32_MAX ? SIZE_MAX : HEADER + size);
    }
    case GODWIT_TYPE_LIST:
        return add_list (measure, place, field, depth);
    case GODWIT_TYPE_MAP:
        return add_map (measure, place, field->as.items, field->size, depth);
    case GODWIT_TYPE_VALUE:
        return add_value (measure, place, field->as.value, depth);
    case GODWIT_TYPE_OBJECT:
        break; /* exists as a value only, not as a field */
    }
    return fail (measure, GODWIT_ERR_INVALID_ARGUMENT, place, "a type that does not exist");
}

static godwit__measure_t
result_of (const measure_t *measure)
{
    return (godwit__measure_t){measure->bytes, measure->insert_count, measure->insert_size};
}

godwit_status_t
godwit__field_measure (const godwit_field_t *field, const char *path, godwit__measure_t *result,
                       godwit_error_t **error)
{
    const godwit__path_t root = {NULL, path, 0};
    measure_t measure = {.error = error};
    const godwit_status_t status = add_field (&measure, &root, field, 0);
    *result = result_of (&measure);
    return status;
}

godwit_status_t
godwit__fields_measure (const godwit_fields_t *fields, const char *path, godwit__measure_t *result,
                        godwit_error_t **error)
{
    const godwit__path_t root = {NULL, path, 0};
    measure_t measure = {.error = error};
    godwit_status_t status;
    if (!fields->value)
        status = add_map (&measure, &root, fields->items, fields->count, 0);
    else if (godwit_value_type (fields->value) == GODWIT_TYPE_MAP)
        status = add_value (&measure, &root, fields->value, 0);
    else
        status = godwit__error_set (error, godwit__not_a_map (fields->value), "%s: expected map, got %s",
                                    path, godwit_type_name (godwit_value_type (fields->value)));
    *result = result_of (&measure);
    return status;
}

godwit_status_t
godwit__field_bound (const godwit_field_t *field, const char *path, size_t *bound, godwit_error_t **error)
{
    godwit__measure_t measure;
    const godwit_status_t status = godwit__field_measure (field, path, &measure, error);
    if (!status)
        *bound += measure.bound;
    return status;
}

godwit_status_t
godwit__fields_bound (const godwit_fields_t *fields, const char *path, size_t *bound, godwit_error_t **error)
{
    godwit__measure_t measure;
    const godwit_status_t status = godwit__fields_measure (fields, path, &measure, error);
    if (!status)
        *bound += measure.bound;
    return status;
}

size_t
godwit__value_bound (const godwit_value_t *value)
{
    const godwit_type_t type = godwit_value_type (value);
    if (type == GODWIT_TYPE_STR || type == GODWIT_TYPE_BIN)
        return HEADER + value->as.bytes.size;
    if (type != GODWIT_TYPE_LIST && type != GODWIT_TYPE_MAP)
        return type == GODWIT_TYPE_OBJECT ? 0 : NUMBER;
    const godwit__block_t *const kept = godwit__value_kept (value);
    if (kept)
        return kept->encoded_size;
    size_t bytes = HEADER;
    const uint32_t children = value->count * (type == GODWIT_TYPE_MAP ? 2 : 1);
    const godwit_value_t *const first = value - value->index + value->as.first;
    for (uint32_t i = 0; i < children; i++) {
        const size_t child = godwit__value_bound (first + i);
        if (!child)
            return 0;
        bytes += child;
    }
    return bytes;
}
