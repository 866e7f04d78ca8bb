/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/common.h"

#include "tools/godwit/arguments.h"

#include <stdlib.h>

enum { KEY_JSON = 'j', KEY_TIMEOUT = 0x500, KEY_COLOR };

static const struct argp_option options[] = {
    {"url", KEY_URL, "URL", 0, "The cluster ($GODWIT_URL, or zmq://)", 0},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "How long to wait for the cluster, and for a reply (10)", 0},
    {"json", KEY_JSON, NULL, 0, "Print JSON, for programs", 0},
    {"color", KEY_COLOR, "WHEN", 0, "auto, always or never; auto: on a terminal, without NO_COLOR", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    common_t *self = state->input;
    switch (key) {
    case KEY_URL:
        self->url = text;
        return 0;
    case KEY_TIMEOUT:
        self->timeout_ms = arguments_seconds (state, "--timeout", text);
        return 0;
    case KEY_JSON:
        self->json = true;
        return 0;
    case KEY_COLOR:
        if (!style_parse (&self->when, text))
            argp_error (state, "--color: expected auto, always or never, got \"%s\"", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {.options = options, .parser = on_option};

const struct argp_child common_children[] = {{&argp, 0, "Of all these commands:", 10}, {NULL, 0, NULL, 0}};

const char *
common_url (const common_t *common)
{
    const char *const url = common->url ? common->url : getenv ("GODWIT_URL");
    return url ? url : "zmq://";
}
