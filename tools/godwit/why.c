/* SPDX-License-Identifier: Apache-2.0 */
/* godwit why ID: what became of a call. */
#include "tools/godwit/arguments.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/looking.h"
#include "tools/godwit/story.h"

#include <stdint.h>

typedef struct why {
    looking_t looking;
    looked_for_t id;
    bool has_id;
} why_t;

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    why_t *const self = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->looking;
        return 0;
    case ARGP_KEY_ARG:
        if (self->has_id)
            argp_error (state, "unexpected argument %s", text);
        looking_read_id (&self->id, state, text);
        self->has_id = true;
        return 0;
    case ARGP_KEY_END:
        if (!self->has_id)
            argp_error (state, "the id of a call is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool
print_json (const story_t *story)
{
    godwit_value_t *list = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    story_tell (story, builder);
    godwit_builder_close (builder);
    const bool is_told =
        !godwit_builder_finish (&builder, &list, NULL) && looking_print_json (godwit_value_at (list, 0));
    godwit_value_unref (&list);
    return is_told;
}

/* All calls of a trace have one id: then the first that failed is meant, or else its first. */
static const char *
call_of_trace (const sources_t *sources)
{
    const godwit_value_t *chosen = NULL;
    bool chosen_failed = false;
    for (size_t i = 0; i < sources->count; i++)
        for (size_t j = 0; j < godwit_value_count (sources->items[i].calls); j++) {
            const godwit_value_t *const call = godwit_value_at (sources->items[i].calls, j);
            const bool failed =
                *record_text (call, "status") && strcmp (record_text (call, "status"), "Ok") != 0;
            const bool is_earlier = !chosen || record_int (call, "at", 0) < record_int (chosen, "at", 0);
            if (!chosen || (failed && !chosen_failed) || (failed == chosen_failed && is_earlier)) {
                chosen = call;
                chosen_failed = failed;
            }
        }
    return chosen ? record_text (chosen, "id") : "";
}

static int
report (const why_t *self, const sources_t *sources)
{
    story_t story;
    const char *const id = self->id.size == 16 ? call_of_trace (sources) : self->id.text;
    if (!story_find (&story, sources, id)) {
        fprintf (stderr,
                 "godwit why: nobody here knows %s: the processes that made and ran it remember their last "
                 "calls and "
                 "failures only, and were asked on this machine, for this user\n",
                 self->id.text);
        return STATUS_NOT_FOUND;
    }
    if (!self->looking.as_json)
        story_print (&story, stdout);
    else if (!print_json (&story))
        return STATUS_FAILED;
    return 0;
}

int
command_why (int argc, char **argv)
{
    static const struct argp argp = {.parser = on_option,
                                     .args_doc = "ID",
                                     .children = looking_options,
                                     .doc = "Say what became of a call: where it was tried, what it waited "
                                            "for, where and when it ran, and why it "
                                            "failed. Errors show the id of their call on their last line.\v"
                                            "Both sides are asked: the black boxes of the processes of this "
                                            "user on this machine, also of those that "
                                            "have died.\n\n"
                                            "Examples:\n"
                                            "  godwit why 5c2f0e9a81d3b764\n"
                                            "  godwit why --json 5c2f0e9a81d3b764\n\n"
                                            "Exit status: 0; 3: nobody knows the call (any more)."};
    why_t self = {.has_id = false};
    sources_t sources = {0};
    godwit_error_t *error = NULL;
    argp_parse (&argp, argc, argv, 0, NULL, &self);
    godwit__box_filter_t filter = {.limit = SIZE_MAX};
    looking_filter (&filter, &self.id);
    if (looking_ask (&self.looking, &sources, &filter, &error))
        return arguments_fail ("why", &error);
    const int status = report (&self, &sources);
    sources_free (&sources);
    return status;
}
