/* SPDX-License-Identifier: Apache-2.0 */
/* Builds values whose shape is known at run time only. The builder packs what it is given. A container's
 * header has room for any count, which is filled in when the container is closed. Finishing decodes the
 * bytes, so a built value is like a received one. */
#include "src/base/path.h"
#include "src/error/error.h"
#include "src/value/msgpack/codec.h"

#include <stdlib.h>

enum { HEADER_SIZE = 5, FIRST_CAPACITY = 256 };

typedef struct level {
    size_t header;   /* where the container's header is in the bytes */
    size_t key;      /* where its key begins, if the container around it is a map */
    size_t key_size; /* ... and its size */
    uint32_t count;  /* of elements so far */
    bool is_map;
} level_t;

struct godwit_builder {
    godwit__writer_t writer;
    godwit_error_t *error; /* the first */
    uint32_t nodes;
    uint32_t depth;                             /* open containers */
    level_t levels[GODWIT_VALUE_MAX_DEPTH + 1]; /* levels[0] is what holds the value itself */
};

godwit_builder_t *
godwit_builder_new (void)
{
    return calloc (1, sizeof (godwit_builder_t));
}

void
godwit_builder_destroy (godwit_builder_t **builder)
{
    if (!builder || !*builder)
        return;
    godwit_error_destroy (&(*builder)->error);
    free ((*builder)->writer.data);
    free (*builder);
    *builder = NULL;
}

/* ---- errors ---- */

/* The first error sticks. Its path leads through the open containers to the element `name` of the innermost.
 */
static void
fail (godwit_builder_t *builder, godwit_status_t status, const char *name, const char *what)
{
    godwit__path_t steps[GODWIT_VALUE_MAX_DEPTH + 1] = {{NULL, "value", 0}};
    char names[GODWIT_VALUE_MAX_DEPTH + 1][32];
    char text[GODWIT__PATH_SIZE];
    for (uint32_t i = 1; i <= builder->depth; i++) {
        const level_t *const level = &builder->levels[i];
        const bool last = i == builder->depth;
        steps[i] = (godwit__path_t){&steps[i - 1], NULL, level->count - (last ? 0 : 1)};
        if (level->is_map && last) {
            steps[i].name = name;
        } else if (level->is_map) {
            const level_t *const inner = &builder->levels[i + 1];
            const size_t size = inner->key_size < sizeof names[i] ? inner->key_size : sizeof names[i] - 1;
            memcpy (names[i], builder->writer.data + inner->key, size);
            names[i][size] = '\0';
            steps[i].name = names[i];
        }
    }
    builder->error =
        godwit_error_new (status, "%s: %s", godwit__path_print (&steps[builder->depth], text), what);
}

static bool
reserve (godwit_builder_t *builder, size_t size)
{
    godwit__writer_t *const writer = &builder->writer;
    if (size <= writer->capacity - writer->size)
        return true;
    size_t capacity = writer->capacity ? writer->capacity : FIRST_CAPACITY;
    while (capacity - writer->size < size) {
        if (capacity > SIZE_MAX / 2) {
            fail (builder, GODWIT_ERR_LIMIT_EXCEEDED, NULL, "longer than memory can be");
            return false;
        }
        capacity *= 2;
    }
    uint8_t *const data = realloc (writer->data, capacity);
    if (!data) {
        godwit__error_no_memory (&builder->error);
        return false;
    }
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

/* Runs before every element (of `size` bytes at the most): checks that it may be here, makes room, writes its
 * key. */
static bool
begin (godwit_builder_t *builder, const char *name, size_t size, level_t *opened)
{
    if (!builder || builder->error)
        return false;
    level_t *const level = &builder->levels[builder->depth];
    const size_t name_size = level->is_map && name ? strlen (name) : 0;
    if (builder->depth == 0 && level->count == 1)
        fail (builder, GODWIT_ERR_INVALID_ARGUMENT, NULL,
              "a second value; open a list or a map to hold several");
    else if (level->is_map && !name)
        fail (builder, GODWIT_ERR_INVALID_ARGUMENT, NULL, "an entry of a map without a name");
    else if (builder->nodes + (level->is_map ? 2 : 1) > GODWIT_VALUE_MAX_COUNT)
        fail (builder, GODWIT_ERR_LIMIT_EXCEEDED, name, "more elements than the limit");
    else if (size > UINT32_MAX || name_size > UINT32_MAX)
        fail (builder, GODWIT_ERR_LIMIT_EXCEEDED, NULL, "longer than 4 GiB");
    if (builder->error || !reserve (builder, HEADER_SIZE + name_size + size))
        return false;

    if (level->is_map) {
        godwit__write_str (&builder->writer, name, name_size);
        if (opened) {
            opened->key = builder->writer.size - name_size;
            opened->key_size = name_size;
        }
    }
    builder->nodes += level->is_map ? 2 : 1;
    level->count++;
    return true;
}

/* ---- elements ---- */

enum { NUMBER_SIZE = 9 };

void
godwit_builder_nil (godwit_builder_t *builder, const char *name)
{
    if (begin (builder, name, NUMBER_SIZE, NULL))
        godwit__write_nil (&builder->writer);
}

void
godwit_builder_bool (godwit_builder_t *builder, const char *name, bool value)
{
    if (begin (builder, name, NUMBER_SIZE, NULL))
        godwit__write_bool (&builder->writer, value);
}

void
godwit_builder_int (godwit_builder_t *builder, const char *name, int64_t value)
{
    if (begin (builder, name, NUMBER_SIZE, NULL))
        godwit__write_int (&builder->writer, value);
}

void
godwit_builder_uint (godwit_builder_t *builder, const char *name, uint64_t value)
{
    if (begin (builder, name, NUMBER_SIZE, NULL))
        godwit__write_uint (&builder->writer, value);
}

void
godwit_builder_double (godwit_builder_t *builder, const char *name, double value)
{
    if (begin (builder, name, NUMBER_SIZE, NULL))
        godwit__write_double (&builder->writer, value);
}

/* A NULL pointer is an error of the caller, as in a field. */
static bool
is_there (godwit_builder_t *builder, const char *name, const void *data, size_t size, const char *what)
{
    if (data || size == 0 || !builder || builder->error)
        return true;
    fail (builder, GODWIT_ERR_INVALID_ARGUMENT, name, what);
    return false;
}

void
godwit_builder_str (godwit_builder_t *builder, const char *name, const char *value)
{
    if (is_there (builder, name, value, 1, "the string is NULL"))
        godwit_builder_strn (builder, name, value, value ? strlen (value) : 0);
}

void
godwit_builder_strn (godwit_builder_t *builder, const char *name, const char *value, size_t size)
{
    if (is_there (builder, name, value, size, "the string is NULL") &&
        begin (builder, name, size > UINT32_MAX ? SIZE_MAX : HEADER_SIZE + size, NULL))
        godwit__write_str (&builder->writer, value, size);
}

void
godwit_builder_bin (godwit_builder_t *builder, const char *name, const void *value, size_t size)
{
    if (is_there (builder, name, value, size, "the bytes are NULL") &&
        begin (builder, name, size > UINT32_MAX ? SIZE_MAX : HEADER_SIZE + size, NULL))
        godwit__write_bin (&builder->writer, value, size);
}

void
godwit_builder_value (godwit_builder_t *builder, const char *name, const godwit_value_t *value)
{
    const size_t bound = godwit__value_bound (value);
    if (!bound && builder && !builder->error)
        fail (builder, GODWIT_ERR_TYPE_MISMATCH, name, "expected a value that can be sent, got object");
    if (begin (builder, name, bound, NULL))
        godwit__write_value (&builder->writer, value); /* its depth and count are checked when finishing */
}

/* ---- containers ---- */

static void
open_container (godwit_builder_t *builder, const char *name, bool is_map)
{
    level_t level = {.is_map = is_map};
    if (!builder || builder->error)
        return;
    if (builder->depth == GODWIT_VALUE_MAX_DEPTH) {
        fail (builder, GODWIT_ERR_LIMIT_EXCEEDED, name, "nested deeper than the limit");
        return;
    }
    if (!begin (builder, name, HEADER_SIZE, &level))
        return;
    level.header = builder->writer.size;
    builder->writer.size += HEADER_SIZE;
    builder->levels[++builder->depth] = level;
}

void
godwit_builder_open_map (godwit_builder_t *builder, const char *name)
{
    open_container (builder, name, true);
}

void
godwit_builder_open_list (godwit_builder_t *builder, const char *name)
{
    open_container (builder, name, false);
}

void
godwit_builder_close (godwit_builder_t *builder)
{
    if (!builder || builder->error)
        return;
    if (builder->depth == 0) {
        fail (builder, GODWIT_ERR_INVALID_ARGUMENT, NULL, "a close without an open");
        return;
    }
    const level_t *const level = &builder->levels[builder->depth--];
    uint8_t *const header = builder->writer.data + level->header;
    header[0] = level->is_map ? 0xdf : 0xdd; /* the longest form: nothing has to move */
    header[1] = (uint8_t) (level->count >> 24);
    header[2] = (uint8_t) (level->count >> 16);
    header[3] = (uint8_t) (level->count >> 8);
    header[4] = (uint8_t) level->count;
}

/* ---- finishing ---- */

static godwit_status_t
finish (godwit_builder_t *builder, godwit_value_t **value, godwit_error_t **error)
{
    if (!builder->error && builder->depth)
        fail (builder, GODWIT_ERR_INVALID_ARGUMENT, NULL,
              "a list or a map was left open before this element");
    else if (!builder->error && builder->levels[0].count == 0)
        fail (builder, GODWIT_ERR_INVALID_ARGUMENT, NULL, "nothing was built");
    if (builder->error) {
        const godwit_status_t status = godwit_error_status (builder->error);
        if (error) {
            *error = builder->error;
            builder->error = NULL;
        }
        return status;
    }

    godwit__writer_t writer = builder->writer;
    builder->writer.data = NULL;
    godwit_error_t *why = NULL;
    godwit_status_t status = godwit__value_from (value, &writer, &why);
    if (status == GODWIT_ERR_MALFORMED) {
        /* The builder accepts a key that is there twice; the decoder does not. */
        status =
            godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "value: %s", godwit_error_message (why));
        godwit_error_destroy (&why);
    } else if (status) {
        if (error)
            *error = why;
        else
            godwit_error_destroy (&why);
    }
    return status;
}

godwit_status_t
godwit_builder_finish (godwit_builder_t **builder_p, godwit_value_t **value, godwit_error_t **error)
{
    if (!builder_p)
        return godwit__error_null (error, "builder_p");
    if (!*builder_p)
        return godwit__error_no_memory (error);
    const godwit_status_t status =
        value ? finish (*builder_p, value, error) : godwit__error_null (error, "value");
    godwit_builder_destroy (builder_p);
    return status;
}
