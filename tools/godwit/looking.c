/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/looking.h"

#include "tools/godwit/clean.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { KEY_DIR = 'd', KEY_LOCAL = 'L' };

static const struct argp_option options[] = {
    {"dir", KEY_DIR, "FOLDER", 0, "The private folder of the processes here ($GODWIT_DIR, or the usual ones)",
     0},
    {"local", KEY_LOCAL, NULL, 0, "Ask this machine alone, not the cluster", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    looking_t *const self = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->common;
        return 0;
    case KEY_DIR:
        self->dir = text;
        return 0;
    case KEY_LOCAL:
        self->is_local = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp looking_argp = {
    .options = options, .parser = on_option, .children = common_children};

const struct argp_child looking_options[] = {{&looking_argp, 0, NULL, 0}, {NULL, 0, NULL, 0}};

bool
looked_for_read (looked_for_t *id, const char *text)
{
    const size_t length = strlen (text);
    if ((length != 16 && length != 32) || godwit__box_id_read (&id->id, text, NULL))
        return false;
    for (size_t i = 0; i < sizeof id->text; i++)
        id->text[i] = (char) (i < length ? tolower ((unsigned char) text[i]) : 0);
    return true;
}

error_t
looking_on_id (int key, char *text, struct argp_state *state)
{
    look_up_t *const self = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->looking;
        return 0;
    case ARGP_KEY_ARG:
        if (*self->id.text)
            argp_error (state, "unexpected argument %s", text);
        if (!looked_for_read (&self->id, text))
            argp_error (state,
                        "expected the id of a call (16 hexadecimal digits, as errors show it) or of a trace "
                        "(32), got %s",
                        text);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error (state, "the ID of a call or of a trace is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int64_t
monotonic_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

godwit_status_t
looking_ask (looking_t *looking, sources_t *sources, const looked_t *looked, godwit_error_t **error)
{
    const int64_t since_ns = looked->last_ms ? monotonic_now () - looked->last_ms * 1000000 : 0;
    godwit__box_filter_t filter = {.limit = looked->limit,
                                   .topic = looked->topic,
                                   .slowest = looked->slowest,
                                   .since_ns = looked->last_ms && since_ns < 1 ? 1 : since_ns};
    if (looked->id)
        godwit__box_filter_id (&filter, &looked->id->id);
    const godwit_status_t status = sources_add_boxes (sources, looking->dir, &filter, error);
    return status || looking->is_local ? status : looking_ask_cluster (looking, sources, looked, error);
}

void
looking_print_missing (const looking_t *looking)
{
    if (!*looking->missing)
        return;
    fprintf (stderr, "not asked: ");
    clean_print (stderr, looking->missing);
    fprintf (stderr, "\n");
}
