/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_source_report.h"

#include "matchmaker/rendezvous_source_timer.h"

#include <stdio.h>
#include <string.h>

/* A takeover takes less. What cannot be joined for so long is a warning. */
#define WARN_AFTER_NS (3000 * GODWIT__NS_PER_MS)

void
godwit__source_note (const godwit__rendezvous_source_t *self, godwit_log_level_t level, const char *what,
                     const char *why)
{
    const godwit__matchmaker_options_t *options = &self->owner->options;
    char text[2 * GODWIT__ADDRESS_SIZE];
    if (!options->note)
        return;
    snprintf (text, sizeof text, "%s the rendezvous at %s%s%s", what, self->address, why ? ": " : "",
              why ? why : "");
    options->note (options->note_user, level, text);
}

static void
add_to (atomic_uint_fast64_t *gauge, bool up)
{
    if (up)
        atomic_fetch_add_explicit (gauge, 1, memory_order_relaxed);
    else
        atomic_fetch_sub_explicit (gauge, 1, memory_order_relaxed);
}

/* For those who ask. */
static void
tell_points (const godwit__rendezvous_t *self)
{
    godwit__rendezvous_points_t *const points = self->options.points;
    if (!points)
        return;
    pthread_mutex_lock (&points->lock);
    points->count = 0;
    for (size_t i = 0; i < self->source_count && points->count < GODWIT__POINTS_MAX; i++) {
        const godwit__rendezvous_source_t *const source = self->sources[i];
        if (source->is_absent)
            continue;
        godwit__rendezvous_point_t *const point = &points->list[points->count++];
        memcpy (point->address, source->address, sizeof point->address);
        point->is_joined = source->is_told;
        point->is_hosted = source->is_told && source->host;
    }
    pthread_mutex_unlock (&points->lock);
}

void
godwit__source_set_told (godwit__rendezvous_source_t *self, bool is_told)
{
    godwit__matchmaker_gauges_t *gauges = self->owner->options.gauges;
    if (self->is_told == is_told)
        return;
    self->is_told = is_told;
    self->tried_ns = 0;
    if (gauges)
        add_to (&gauges->rendezvous_joined, is_told);
    if (gauges && self->host)
        add_to (&gauges->rendezvous_hosted, is_told);
    tell_points (self->owner);
    if (is_told)
        godwit__source_note (self, GODWIT_LOG_INFO, self->host ? "Hosts" : "Joined", NULL);
}

void
godwit__rendezvous_count_sources (const godwit__rendezvous_t *self)
{
    uint_fast64_t count = 0;
    for (size_t i = 0; i < self->source_count; i++)
        count += !self->sources[i]->is_absent;
    if (self->options.gauges)
        atomic_store_explicit (&self->options.gauges->rendezvous_known, count, memory_order_relaxed);
    tell_points (self);
}

/* The port may be taken by another program, so that it can be neither joined nor hosted. */
void
godwit__source_warn_if_stuck (const godwit__rendezvous_source_t *self, const char *reason,
                              const char *hosting)
{
    const godwit__matchmaker_options_t *options = &self->owner->options;
    char text[3 * GODWIT__ADDRESS_SIZE];
    if (!options->note || self->is_told)
        return;
    if (self->expelled[0])
        snprintf (text, sizeof text, "The rendezvous at %s has expelled this process: %s", self->address,
                  self->expelled);
    else if (!self->tried_ns || godwit__source_now (self) - self->tried_ns < WARN_AFTER_NS)
        return;
    else if (hosting)
        snprintf (text, sizeof text,
                  "The rendezvous at %s can be neither joined (%s) nor hosted (%s): %s may have the port. "
                  "End it, or "
                  "name another port in the URL of every process",
                  self->address, reason, hosting,
                  self->folder ? "a process that stands still" : "another program");
    else
        snprintf (text, sizeof text,
                  "The rendezvous at %s cannot be joined: %s. Nothing may run there, or another program",
                  self->address, reason);
    options->note (options->note_user, GODWIT_LOG_WARNING, text);
}
