/* SPDX-License-Identifier: Apache-2.0 */
#include "src/value/json.h"

#include <godwit/serializer.h>

#include "src/base/path.h"
#include "src/base/utf8.h"
#include "src/error/error.h"
#include "src/value/msgpack/codec.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- to text ---- */

typedef struct writing {
    godwit_error_t **error;
    godwit_status_t status;
} writing_t;

static json_t *
no_form (writing_t *writing, const godwit__path_t *place, const char *what)
{
    char path[GODWIT__PATH_SIZE];
    writing->status = godwit__error_set (writing->error, GODWIT_ERR_TYPE_MISMATCH,
                                         "%s: expected a value that JSON can hold, got %s",
                                         godwit__path_print (place, path), what);
    return NULL;
}

/* Checks what jansson made: NULL means that memory was short. */
static json_t *
made (writing_t *writing, json_t *json)
{
    if (!json)
        writing->status = godwit__error_no_memory (writing->error);
    return json;
}

static bool
is_utf8 (const char *text, size_t size)
{
    for (size_t at = 0, length; at < size; at += length)
        if (!(length = godwit__utf8_length ((const unsigned char *) text + at, size - at)))
            return false;
    return true;
}

static json_t *to_json (writing_t *writing, const godwit__path_t *place, const godwit_value_t *value);

static json_t *
list_to_json (writing_t *writing, const godwit__path_t *place, const godwit_value_t *list)
{
    json_t *const array = made (writing, json_array ());
    for (size_t i = 0; array && !writing->status && i < godwit_value_count (list); i++) {
        const godwit__path_t step = {place, NULL, i};
        json_t *const item = to_json (writing, &step, godwit_value_at (list, i));
        if (item && json_array_append_new (array, item))
            made (writing, NULL);
    }
    return array;
}

static json_t *
map_to_json (writing_t *writing, const godwit__path_t *place, const godwit_value_t *map)
{
    json_t *const object = made (writing, json_object ());
    for (size_t i = 0; object && !writing->status && i < godwit_value_count (map); i++) {
        const char *const key = godwit_value_key_at (map, i);
        const godwit_value_t *const node = map - map->index + map->as.first + 2 * i;
        const godwit__path_t step = {place, key, 0};
        if (strlen (key) != node->as.bytes.size)
            no_form (writing, &step, "a key with a NUL");
        else if (!is_utf8 (key, node->as.bytes.size))
            no_form (writing, &step, "a key that is no UTF-8");
        json_t *const entry = writing->status ? NULL : to_json (writing, &step, godwit_value_at (map, i));
        if (entry && json_object_set_new_nocheck (object, key, entry))
            made (writing, NULL);
    }
    return object;
}

/* NULL: writing->status says why. A returned container may be incomplete, so the caller checks the status
 * too. */
static json_t *
to_json (writing_t *writing, const godwit__path_t *place, const godwit_value_t *value)
{
    const size_t count = godwit_value_count (value);
    double number;
    switch (godwit_value_type (value)) {
    case GODWIT_TYPE_NIL:
    case GODWIT_TYPE_VALUE:
        return json_null ();
    case GODWIT_TYPE_BOOL:
        return json_boolean (godwit_value_as_bool (value, false));
    case GODWIT_TYPE_INT:
        return made (writing, json_integer (godwit_value_as_int (value, 0)));
    case GODWIT_TYPE_UINT:
        return no_form (writing, place, "uint (above 2^63 - 1)");
    case GODWIT_TYPE_DOUBLE:
        number = godwit_value_as_double (value, 0);
        if (!isfinite (number))
            return no_form (writing, place, "a double that is not finite");
        return made (writing, json_real (number));
    case GODWIT_TYPE_STR:
        if (!is_utf8 (godwit_value_as_str (value, ""), count))
            return no_form (writing, place, "a str that is no UTF-8");
        return made (writing, json_stringn_nocheck (godwit_value_as_str (value, ""), count));
    case GODWIT_TYPE_LIST:
        return list_to_json (writing, place, value);
    case GODWIT_TYPE_MAP:
        return map_to_json (writing, place, value);
    case GODWIT_TYPE_BIN:
    case GODWIT_TYPE_OBJECT:
        break;
    }
    return no_form (writing, place, godwit_type_name (godwit_value_type (value)));
}

typedef struct text {
    char *data;
    size_t size;
    size_t capacity;
} text_t;

static int
append (const char *data, size_t size, void *user)
{
    text_t *const text = user;
    if (size > text->capacity - text->size) {
        size_t capacity = text->capacity ? text->capacity : 256;
        while (capacity - text->size < size)
            capacity *= 2;
        char *const grown = realloc (text->data, capacity);
        if (!grown)
            return -1;
        text->data = grown;
        text->capacity = capacity;
    }
    memcpy (text->data + text->size, data, size);
    text->size += size;
    return 0;
}

godwit_status_t
godwit__json_write (godwit_value_t **text_p, const godwit_value_t *value, godwit_error_t **error)
{
    const godwit__path_t root = {NULL, "entity", 0};
    writing_t writing = {error, GODWIT_OK};
    text_t text = {NULL, 0, 0};
    json_t *const json = to_json (&writing, &root, value);
    godwit_status_t status = writing.status;
    if (!status && json_dump_callback (json, append, &text, JSON_ENCODE_ANY | JSON_COMPACT))
        status = godwit__error_no_memory (error);
    json_decref (json);
    if (!status)
        status = godwit_value_new (
            text_p, (godwit_field_t){.type = GODWIT_TYPE_STR, .size = text.size, .as.string = text.data},
            error);
    free (text.data);
    return status;
}

/* ---- from text ---- */

typedef struct source {
    const char *text;
    size_t size;
    size_t longest; /* bytes of its longest token */
    size_t given;   /* bytes that the parser has got */
} source_t;

/* jansson allocates for each element and recurses for each level, so both are counted first. Text that is no
 * JSON may be counted wrongly; the parser refuses it anyway. */
static godwit_status_t
scan (source_t *source, godwit_error_t **error)
{
    const size_t size = source->size;
    size_t depth = 0, count = 1, token = 0;
    bool in_string = false, opened = false;
    for (size_t i = 0; i < size; i++) {
        const char c = source->text[i];
        if (++token > source->longest)
            source->longest = token;
        if (in_string) {
            if (c == '\\') {
                i++;
                token++;
            }
            in_string = c != '"';
            continue;
        }
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            token = 0;
            continue;
        }
        if (opened && c != ']' && c != '}')
            count++;
        opened = c == '[' || c == '{';
        in_string = c == '"';
        if (opened)
            depth++;
        else if ((c == ']' || c == '}') && depth)
            depth--;
        else if (c == ',' || c == ':')
            count++;
        if (opened || c == ',' || c == ':')
            token = 0;
        if (depth > GODWIT_VALUE_MAX_DEPTH)
            return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                                      "JSON: nested deeper than %d (at byte %zu of %zu)",
                                      GODWIT_VALUE_MAX_DEPTH, i, size);
        if (count > GODWIT_VALUE_MAX_COUNT)
            return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                                      "JSON: more than %d elements (at byte %zu of %zu)",
                                      GODWIT_VALUE_MAX_COUNT, i, size);
    }
    return GODWIT_OK;
}

/* Gives the parser ["xxx...",TEXT]. The parser's buffer for tokens silently drops bytes when it cannot grow.
 * So the first token is as long as the longest one of the text: it makes room for all, and it shows if there
 * was no memory. */
static size_t
give (void *room, size_t room_size, void *user)
{
    source_t *const source = user;
    const size_t before = source->longest + 4, all = before + source->size + 1;
    size_t size = 0;
    while (size < room_size && source->given < all) {
        char *const to = (char *) room + size;
        const size_t at = source->given, left = room_size - size;
        size_t part = 1;
        if (at >= before && at < all - 1) {
            part = left < all - 1 - at ? left : all - 1 - at;
            memcpy (to, source->text + (at - before), part);
        } else if (at >= 2 && at < before - 2) {
            part = left < before - 2 - at ? left : before - 2 - at;
            memset (to, 'x', part);
        } else {
            *to = at == 0 ? '[' : at == before - 1 ? ',' : at == all - 1 ? ']' : '"';
        }
        source->given += part;
        size += part;
    }
    return size;
}

/* Loads the array of that first token and the text; NULL and *why if it cannot be read. */
static json_t *
load (source_t *source, json_error_t *why)
{
    source->given = 0;
    return json_load_callback (give, source, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, why);
}

/* jansson reports a syntax error also if it had no memory for a token. That was the reason if there is no
 * memory for the text now, or if a second try succeeds. */
static bool
was_memory_short (source_t *source, const json_error_t *why)
{
    if (json_error_code (why) != json_error_invalid_syntax)
        return false;
    json_error_t again;
    char *const room = malloc (source->size + 1);
    free (room);
    json_t *const json = room ? load (source, &again) : NULL;
    json_decref (json);
    return !room || json;
}

/* jansson's own text quotes what it read, which is remote. */
static godwit_status_t
refused (source_t *source, const json_error_t *why, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_ERR_MALFORMED;
    const char *what = "a syntax error";
    switch (json_error_code (why)) {
    case json_error_out_of_memory:
    case json_error_unknown: /* it sets none when an allocation failed */
        return godwit__error_no_memory (error);
    case json_error_numeric_overflow:
        status = GODWIT_ERR_LIMIT_EXCEEDED;
        what = "a number that neither int nor double can hold";
        break;
    case json_error_duplicate_key:
        what = "a map has a key twice";
        break;
    case json_error_null_byte_in_key:
        what = "a key with a NUL";
        break;
    case json_error_invalid_utf8:
        what = "bytes that are no UTF-8";
        break;
    case json_error_premature_end_of_input:
        what = "it ends too early";
        break;
    case json_error_end_of_input_expected:
        what = "bytes are left over behind the value";
        break;
    default:
        if (was_memory_short (source, why))
            return godwit__error_no_memory (error);
        break;
    }
    const size_t before = source->longest + 4;
    const size_t at = (size_t) why->position > before ? (size_t) why->position - before : 0;
    return godwit__error_set (error, status, "JSON: %s (at byte %zu of %zu)", what,
                              at < source->size ? at : source->size, source->size);
}

static void
from_json (godwit_builder_t *builder, const char *name, const json_t *json)
{
    switch (json_typeof (json)) {
    case JSON_NULL:
        godwit_builder_nil (builder, name);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        godwit_builder_bool (builder, name, json_is_true (json));
        break;
    case JSON_INTEGER:
        godwit_builder_int (builder, name, json_integer_value (json));
        break;
    case JSON_REAL:
        godwit_builder_double (builder, name, json_real_value (json));
        break;
    case JSON_STRING:
        godwit_builder_strn (builder, name, json_string_value (json), json_string_length (json));
        break;
    case JSON_ARRAY:
        godwit_builder_open_list (builder, name);
        for (size_t i = 0; i < json_array_size (json); i++)
            from_json (builder, NULL, json_array_get (json, i));
        godwit_builder_close (builder);
        break;
    case JSON_OBJECT:
        godwit_builder_open_map (builder, name);
        /* The iterator changes nothing, but wants to be able to. */
        for (void *at = json_object_iter ((json_t *) (uintptr_t) json); at;
             at = json_object_iter_next ((json_t *) (uintptr_t) json, at))
            from_json (builder, json_object_iter_key (at), json_object_iter_value (at));
        godwit_builder_close (builder);
        break;
    }
}

godwit_status_t
godwit__json_read (godwit_value_t **value, const char *text, size_t size, godwit_error_t **error)
{
    json_error_t why = {0}; /* jansson clears all of it but the code */
    source_t source = {.text = text, .size = size};
    const godwit_status_t status = scan (&source, error);
    if (status)
        return status;
    json_t *const json = load (&source, &why);
    if (!json)
        return refused (&source, &why, error);
    if (json_string_length (json_array_get (json, 0)) != source.longest) {
        json_decref (json);
        return godwit__error_no_memory (error);
    }
    if (json_array_size (json) != 2) {
        json_decref (json);
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "JSON: a comma outside of lists and maps");
    }
    godwit_builder_t *builder = godwit_builder_new ();
    from_json (builder, NULL, json_array_get (json, 1));
    json_decref (json);
    return godwit_builder_finish (&builder, value, error);
}

/* ---- the serializer ---- */

static godwit_status_t
serialize (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
           godwit_error_t **error)
{
    (void) self;
    (void) context;
    return godwit__json_write (out, entity, error);
}

static godwit_status_t
deserialize (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
             godwit_error_t **error)
{
    (void) self;
    (void) context;
    if (godwit_value_type (entity) != GODWIT_TYPE_STR)
        return godwit__error_set (error, GODWIT_ERR_TYPE_MISMATCH, "entity: expected str of JSON, got %s",
                                  godwit_type_name (godwit_value_type (entity)));
    return godwit__json_read (out, godwit_value_as_str (entity, ""), godwit_value_count (entity), error);
}

const godwit_serializer_t godwit_json_serializer = {
    .struct_size = sizeof (godwit_serializer_t),
    .serialize_entity = serialize,
    .deserialize_entity = deserialize,
};
