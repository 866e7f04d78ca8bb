/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_names.h"

#include "matchmaker/rendezvous_source_report.h"
#include "matchmaker/rendezvous_source_timer.h"

#include <stdio.h>
#include <string.h>

/* For how long attempts may fail while members race for the address of a host that died. */
#define RACE_NS (50 * GODWIT__NS_PER_MS)

/* --- of all sources --- */

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
    bool is_first = true;
    for (size_t i = 0; i < self->source_count; i++) {
        const godwit__rendezvous_source_t *const source = self->sources[i];
        if (source->is_absent)
            continue;
        char one[GODWIT__ADDRESS_SIZE + GODWIT__SOURCE_WHY_SIZE + 8];
        const int length = snprintf (one, sizeof one, "%s %s (%s)", is_first ? ":" : ",", source->address,
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
        is_first = false;
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

/* --- of one source --- */

void
godwit__source_set_names (godwit__rendezvous_source_t *self, godwit__names_state_t names, const char *why)
{
    if (names == GODWIT__NAMES_OUT_OF_REACH && self->names != names)
        godwit__source_note (self, GODWIT_LOG_WARNING, "Cannot reach", why);
    self->names = names;
    snprintf (self->why, sizeof self->why, "%s", why);
    godwit__rendezvous_tell_names (self->owner);
}

void
godwit__source_names_none (godwit__rendezvous_source_t *self, const char *why)
{
    self->names = GODWIT__NAMES_OUT_OF_REACH;
    godwit__source_set_names (self, GODWIT__NAMES_OUT_OF_REACH, why);
}

void
godwit__source_names_told (godwit__rendezvous_source_t *self, int64_t settles_ns)
{
    self->failing_since_ns = 0;
    self->settles_ns =
        self->names != GODWIT__NAMES_TOLD && settles_ns > godwit__source_now (self) ? settles_ns : 0;
    godwit__source_set_names (self, self->settles_ns ? GODWIT__NAMES_AWAITED : GODWIT__NAMES_TOLD, "");
    if (self->settles_ns && self->state == GODWIT__SOURCE_HOSTING)
        godwit__source_arm (self, self->settles_ns);
    else if (self->settles_ns)
        godwit__source_arm_tick (self);
}

/* After a connection that worked, another one is tried at once. While members race for the address of a host
 * that has died, attempts may fail for a moment. */
void
godwit__source_names_lost (godwit__rendezvous_source_t *self, bool was_told, bool was_joined,
                           const char *reason)
{
    self->settles_ns = 0;
    if (!was_told && self->failing_since_ns == 0)
        self->failing_since_ns = self->connect_ns;
    const bool may_race = was_joined || self->may_host;
    if (was_told || (may_race && godwit__source_now (self) - self->failing_since_ns < RACE_NS))
        godwit__source_set_names (self, GODWIT__NAMES_AWAITED, "");
    else
        godwit__source_set_names (self, GODWIT__NAMES_OUT_OF_REACH, reason);
}
