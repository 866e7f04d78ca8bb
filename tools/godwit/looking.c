/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/looking.h"

#include "src/value/json.h"

#include <stdio.h>
#include <string.h>

static const struct argp_option options[] = {
    {"dir", LOOKING_DIR, "FOLDER", 0, "The private folder of the processes ($GODWIT_DIR, or the usual ones)",
     0},
    {"json", LOOKING_JSON, NULL, 0, "Print JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    looking_t *const self = state->input;
    switch (key) {
    case LOOKING_DIR:
        self->dir = text;
        return 0;
    case LOOKING_JSON:
        self->as_json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp looking_argp = {.options = options, .parser = on_option};

const struct argp_child looking_options[] = {{&looking_argp, 0, NULL, 0}, {NULL, 0, NULL, 0}};

/* ---- ids ---- */

static int
digit_of (char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

void
looking_read_id (looked_for_t *id, const struct argp_state *state, const char *text)
{
    const size_t length = strlen (text);
    bool is_id = length == 16 || length == 32;
    id->size = length / 2;
    for (size_t i = 0; is_id && i < id->size; i++) {
        const int high = digit_of (text[2 * i]);
        const int low = digit_of (text[2 * i + 1]);
        is_id = high >= 0 && low >= 0;
        if (is_id) {
            id->bytes[i] = (uint8_t) (high << 4 | low);
            snprintf (id->text + 2 * i, 3, "%02x", id->bytes[i]);
        }
    }
    if (!is_id)
        argp_error (
            state,
            "expected the id of a call (16 hexadecimal digits, as errors show it) or of a trace (32), got %s",
            text);
}

void
looking_filter (godwit__box_filter_t *filter, const looked_for_t *id)
{
    if (id->size == 16)
        filter->trace_id = id->bytes;
    else
        memcpy (&filter->span, id->bytes, sizeof filter->span);
}

/* ---- asking ---- */

godwit_status_t
looking_ask (const looking_t *looking, sources_t *sources, const godwit__box_filter_t *filter,
             godwit_error_t **error)
{
    return sources_add_boxes (sources, looking->dir, filter, error);
}

bool
looking_print_json (const godwit_value_t *value)
{
    godwit_value_t *text = NULL;
    if (godwit__json_write (&text, value, NULL))
        return false;
    puts (godwit_value_as_str (text, ""));
    godwit_value_unref (&text);
    return true;
}
