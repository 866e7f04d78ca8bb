/* SPDX-License-Identifier: Apache-2.0 */
/* FAILURE: an error on the wire (contract 7, docs/protocol.md 4.3). */
#include "src/error/error.h"
#include "src/wire/wire.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 16000        /* bytes of a text, if the frame may be as large as any */
#define HEAD_MAX ((size_t) 5) /* bytes before a str, a list or a map */

/* ---- writing ---- */

/* A text that is sent. A text that is too long is cut, but not inside a character. */
typedef struct part {
    const char *data;
    size_t size;
} part_t;

static bool
continues_character (char byte)
{
    return ((unsigned char) byte & 0xc0) == 0x80;
}

static part_t
first_part (const char *data, size_t size, size_t most)
{
    if (size <= most)
        return (part_t){data, size};
    size = most;
    while (size > most - 4 && continues_character (data[size]))
        size--;
    return (part_t){data, size};
}

/* Keeps the last lines of a traceback. They say the most: where it happened, and what. */
static part_t
last_lines (const char *data, size_t most)
{
    const size_t size = strlen (data);
    if (size <= most)
        return (part_t){data, size};
    const char *at = data + size - most;
    const char *const end_of_line = memchr (at, '\n', most - 1);
    if (end_of_line)
        at = end_of_line + 1;
    else
        while (continues_character (*at))
            at++;
    return (part_t){at, strlen (at)};
}

/* The key of an entry, as a value: a key may hold a NUL. */
static const godwit_value_t *
key_of (const godwit_value_t *map, size_t index)
{
    return map - map->index + map->as.first + 2 * index;
}

static size_t
entry_bound (const godwit_value_t *map, size_t index)
{
    return godwit__value_bound (key_of (map, index)) + godwit__value_bound (godwit_value_at (map, index));
}

/* The data that is sent with the texts, as far as there is room. */
typedef struct data {
    const godwit_value_t *args; /* NULL: nil */
    const godwit_value_t *kwargs;
    size_t entry_count; /* of kwargs that are sent, in their order */
    size_t room;        /* for all of them */
    size_t bound;
} data_t;

/* kwargs come first: the library's own errors keep their data there. */
static data_t
choose_data (const godwit_error_t *error, size_t room)
{
    data_t data = {.kwargs = godwit_error_kwargs (error), .room = room, .bound = 0};
    for (size_t i = 0; i < godwit_value_count (data.kwargs); i++) {
        const size_t bound = entry_bound (data.kwargs, i);
        if (bound <= room - data.bound) {
            data.bound += bound;
            data.entry_count++;
        }
    }
    const godwit_value_t *const args = godwit_error_args (error);
    const size_t args_bound = args ? godwit__value_bound (args) : 0;
    if (args && args_bound <= room - data.bound) {
        data.args = args;
        data.bound += args_bound;
    }
    return data;
}

static void
write_kwargs (godwit__writer_t *writer, const data_t *data)
{
    size_t room = data->room;
    godwit__write_map (writer, data->entry_count);
    for (size_t i = 0; i < godwit_value_count (data->kwargs); i++) {
        const size_t bound = entry_bound (data->kwargs, i);
        if (bound > room)
            continue;
        room -= bound;
        godwit__write_value (writer, key_of (data->kwargs, i));
        godwit__write_value (writer, godwit_value_at (data->kwargs, i));
    }
}

size_t
godwit__failure_write (uint8_t **data, uint64_t id, size_t size_max, const godwit_error_t *error)
{
    const godwit__error_origin_t routing_id = godwit__error_origin (error);
    const size_t frame_max = size_max < GODWIT__FAILURE_FRAME_MAX ? size_max : GODWIT__FAILURE_FRAME_MAX - 1;
    const size_t quarter = (frame_max - GODWIT__HEADER_SIZE - 7 * HEAD_MAX) / 4;
    const size_t most = quarter < TEXT_MAX ? quarter : TEXT_MAX;
    const part_t texts[4] = {
        first_part (routing_id.type, routing_id.type_size, most),
        first_part (routing_id.module, strlen (routing_id.module), most),
        first_part (routing_id.message, strlen (routing_id.message), most),
        last_lines (godwit_error_traceback (error), most),
    };
    const bool not_run = godwit_error_outcome (error) == GODWIT_OUTCOME_REJECTED;
    size_t bound = GODWIT__HEADER_SIZE + 3 * HEAD_MAX; /* of the body, args (or nil) and kwargs */
    for (size_t i = 0; i < 4; i++)
        bound += texts[i].size + HEAD_MAX;
    const data_t own = choose_data (error, frame_max - bound);
    bound += own.bound;

    uint8_t *const frame = malloc (bound);
    if (!frame)
        return 0;
    godwit__writer_t writer = {.data = frame, .size = GODWIT__HEADER_SIZE, .capacity = bound};
    godwit__header_write (
        frame,
        &(godwit__header_t){.type = GODWIT__FAILURE, .flags = not_run ? GODWIT__FLAG_NOT_RUN : 0, .id = id});
    godwit__write_array (&writer, own.entry_count ? 6 : own.args ? 5 : 4);
    for (size_t i = 0; i < 4; i++)
        godwit__write_str (&writer, texts[i].data, texts[i].size);
    if (own.args || own.entry_count)
        godwit__write_value (&writer, own.args);
    if (own.entry_count)
        write_kwargs (&writer, &own);
    *data = frame;
    return writer.size;
}

/* ---- reading ---- */

/* The contents of a FAILURE. Borrowed from its body. */
typedef struct told {
    const char *type;
    const char *module;
    const char *message;
    const char *traceback;
    const godwit_value_t *args;
    const godwit_value_t *kwargs;
} told_t;

static bool
is_type_or_nil (const godwit_value_t *value, godwit_type_t type)
{
    return godwit_value_type (value) == GODWIT_TYPE_NIL || godwit_value_type (value) == type;
}

static const char *
read_body (told_t *told, const godwit_value_t *body)
{
    told->type = godwit_value_as_str (godwit_value_at (body, 0), NULL);
    told->module = godwit_value_as_str (godwit_value_at (body, 1), NULL);
    told->message = godwit_value_as_str (godwit_value_at (body, 2), NULL);
    told->traceback = godwit_value_as_str (godwit_value_at (body, 3), NULL);
    told->args = godwit_value_at (body, 4);
    told->kwargs = godwit_value_at (body, 5);
    if (godwit_value_type (body) != GODWIT_TYPE_LIST || !told->type || !told->module || !told->message ||
        !told->traceback)
        return "the body is no list of type, module, message, traceback";
    if (!is_type_or_nil (told->args, GODWIT_TYPE_LIST))
        return "args: expected list or nil";
    if (!is_type_or_nil (told->kwargs, GODWIT_TYPE_MAP))
        return "kwargs: expected map or nil";
    if (!strcmp (told->module, "exceptions"))
        told->module = GODWIT__BUILTINS_MODULE; /* as Python 2 called them */
    return NULL;
}

/* The status of one of Godwit's own types; REMOTE_ERROR for all others. */
static godwit_status_t
own_status (const told_t *told)
{
    const size_t size = godwit__error_type_size (told->type);
    if (strcmp (told->module, GODWIT__OWN_MODULE) != 0)
        return GODWIT_ERR_REMOTE_ERROR;
    for (int i = GODWIT_OK + 1; i < (int) GODWIT_STATUS_COUNT; i++) {
        const char *const type = godwit_status_type ((godwit_status_t) i);
        if (strlen (type) == size && !memcmp (type, told->type, size))
            return (godwit_status_t) i;
    }
    return GODWIT_ERR_REMOTE_ERROR;
}

static godwit_error_t *
make (const told_t *told, godwit_outcome_t outcome, godwit__error_classes_t *classes)
{
    const godwit_status_t own = own_status (told);
    if (own != GODWIT_ERR_REMOTE_ERROR)
        return godwit__error_new_remote (own, outcome, told->module, told->type, told->message,
                                         told->traceback);
    if (!strcmp (told->module, GODWIT__BUILTINS_MODULE) ||
        godwit__error_classes_know (classes, told->module, told->type, godwit__error_type_size (told->type)))
        return godwit__error_new_remote (GODWIT_ERR_FAILED, outcome, told->module, told->type, told->message,
                                         told->traceback);
    return godwit__error_new_remote_error (outcome, told->module, told->type, told->message, told->traceback);
}

godwit_error_t *
godwit__failure_read (godwit__frame_t *frame, godwit__error_classes_t *classes, bool *is_malformed)
{
    const bool not_run = frame->data[3] & GODWIT__FLAG_NOT_RUN;
    const godwit_outcome_t outcome = not_run ? GODWIT_OUTCOME_REJECTED : GODWIT_OUTCOME_RAN;
    /* At most one element per byte: two megabytes while the body is read. */
    static const godwit__limits_t limits = {GODWIT__FAILURE_FRAME_MAX, GODWIT__BODY_DEPTH,
                                            GODWIT__FAILURE_FRAME_MAX};
    godwit__block_t *block = NULL;
    godwit_error_t *error = NULL;
    told_t told;
    const godwit_status_t status = godwit__decode (&block, frame, GODWIT__HEADER_SIZE, &limits, &error);
    *is_malformed = status && status != GODWIT_ERR_OUT_OF_MEMORY;
    if (status) {
        godwit__error_set_outcome_of (error, outcome);
        return error;
    }
    const char *const wrong = read_body (&told, godwit__block_nodes (block));
    *is_malformed = wrong != NULL;
    if (wrong)
        godwit__error_set_outcome (&error, GODWIT_ERR_MALFORMED, outcome, "Failure refused: %s", wrong);
    else
        error = make (&told, outcome, classes);
    if (!wrong)
        godwit_error_set_data (error, told.args, told.kwargs);
    godwit__block_unref (block);
    return error;
}
