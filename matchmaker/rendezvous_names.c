/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the names, by what all sources have told. */
#include "matchmaker/rendezvous.h"

#include <stdio.h>
#include <string.h>

/* One that has told all that it knows is enough. One that may still do so is waited for. */
static godwit__names_state_t
names_of_all (const godwit__rendezvous_t *self)
{
    godwit__names_state_t all = GODWIT__NAMES_OUT_OF_REACH;
    for (size_t i = 0; i < self->source_count && all != GODWIT__NAMES_TOLD; i++)
        if (self->sources[i]->names != GODWIT__NAMES_OUT_OF_REACH)
            all = self->sources[i]->names;
    return all;
}

/* "no rendezvous can be reached: tcp://10.0.0.1:9573 (the connection was refused), ..." */
static void
describe_names (const godwit__rendezvous_t *self, godwit__names_state_t names, char *text, size_t size)
{
    size_t used = (size_t) snprintf (text, size, "%s",
                                     names == GODWIT__NAMES_AWAITED
                                         ? "no rendezvous has told yet which servers there are"
                                         : "no rendezvous can be reached");
    for (size_t i = 0; i < self->source_count; i++) {
        const godwit__rendezvous_source_t *const source = self->sources[i];
        char one[GODWIT__ADDRESS_SIZE + GODWIT__SOURCE_WHY_SIZE + 8];
        const int length = snprintf (one, sizeof one, "%s %s (%s)", i ? "," : ":", source->address,
                                     source->why[0]                           ? source->why
                                     : source->settles_ns                     ? "it began just now"
                                     : source->state == GODWIT__SOURCE_JOINED ? "joined just now"
                                                                              : "connecting");
        if (used + (size_t) length + sizeof " and others" > size) {
            snprintf (text + used, size - used, " and others");
            return;
        }
        memcpy (text + used, one, (size_t) length + 1);
        used += (size_t) length;
    }
}

void
godwit__rendezvous_tell_names (godwit__rendezvous_t *self)
{
    char text[GODWIT__NAMES_TEXT_SIZE] = "";
    if (!self->is_open || !self->events->names)
        return;
    const godwit__names_state_t names = names_of_all (self);
    if (names != GODWIT__NAMES_TOLD)
        describe_names (self, names, text, sizeof text);
    if (names == self->names && strcmp (text, self->names_text) == 0)
        return;
    self->names = names;
    memcpy (self->names_text, text, sizeof text);
    self->events->names (self->user, names, text);
}
