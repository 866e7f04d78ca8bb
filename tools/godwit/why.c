/* SPDX-License-Identifier: Apache-2.0 */
/* godwit why ID: what became of a call. */
#include "tools/godwit/cluster.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/looking.h"
#include "tools/godwit/output.h"
#include "tools/godwit/story.h"

#include <stdint.h>

static bool
print_json (const story_t *story)
{
    godwit_builder_t *builder = godwit_builder_new ();
    story_tell (story, builder);
    return output_built ("why", &builder);
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
report (const look_up_t *self, const sources_t *sources)
{
    story_t story;
    const char *const id = self->id.id.size == 16 ? call_of_trace (sources) : self->id.text;
    if (!story_find (&story, sources, id)) {
        fprintf (stderr,
                 "godwit why: nobody knows %s: who makes and runs calls remembers the last ones and the last "
                 "failures only\n",
                 self->id.text);
        looking_print_missing (&self->looking);
        return STATUS_NOTHING;
    }
    if (!self->looking.common.json)
        story_print (&story, stdout);
    else if (!print_json (&story))
        return STATUS_FAILED;
    return 0;
}

const struct argp argp_of_why = {.parser = looking_on_id,
                                 .args_doc = "ID",
                                 .children = looking_options,
                                 .doc = "Say what became of a call: where it was tried, what it waited "
                                        "for, where and when it ran, and why it "
                                        "failed. Errors show the id of their call on their last line.\v"
                                        "Both sides are asked: the black boxes of this user's processes on "
                                        "this machine, also of those that have died, and the servers of "
                                        "the cluster.\n\n"
                                        "Examples:\n\n"
                                        "  godwit why 5c2f0e9a81d3b764\n"
                                        "  godwit why --json 5c2f0e9a81d3b764\n\n"
                                        "Exit status: 0; 3: nobody knows the call (any more)."};

int
command_why (int argc, char **argv)
{
    look_up_t self = {.looking = LOOKING_OF ("why")};
    sources_t sources = {0};
    godwit_error_t *error = NULL;
    argp_parse (&argp_of_why, argc, argv, 0, NULL, &self);
    if (looking_ask (&self.looking, &sources, &(looked_t){.id = &self.id, .limit = SIZE_MAX}, &error))
        return cluster_fail (&self.looking.common, &error, STATUS_FAILED);
    const int status = report (&self, &sources);
    sources_free (&sources);
    return status;
}
