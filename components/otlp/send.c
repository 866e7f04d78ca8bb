/* SPDX-License-Identifier: Apache-2.0 */
/* One batch on its way: it is tried until it is accepted, refused or tried too often, with longer and longer
 * pauses. An end of the exporter cuts a pause short: then there is one more try, unless the collector has
 * asked for the pause. */
#include "components/otlp/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_MOST 5
#define PAUSE_MS_MOST 30000

/* ---- pauses ---- */

/* From half of it to all of it, so that many processes do not come back at the same moment. */
static int64_t
with_jitter (godwit_otlp_exporter_t *self, int64_t pause_ms)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return pause_ms - (int64_t) (self->random % (uint64_t) (pause_ms / 2 + 1));
}

static int64_t
pause_before (godwit_otlp_exporter_t *self, int tries)
{
    int64_t pause_ms = self->settings.backoff_ms;
    for (int i = 1; i < tries && pause_ms < PAUSE_MS_MOST; i++)
        pause_ms *= 2;
    return with_jitter (self, pause_ms < PAUSE_MS_MOST ? pause_ms : PAUSE_MS_MOST);
}

/* False: the exporter ends, and the pause was cut short. */
static bool
pause_for (godwit_otlp_exporter_t *self, int64_t pause_ms)
{
    const int64_t due_ms = godwit__otlp_now_ms () + pause_ms;
    const struct timespec due = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
    pthread_mutex_lock (&self->lock);
    while (!self->is_closing && godwit__otlp_now_ms () < due_ms)
        pthread_cond_timedwait (&self->wake, &self->lock, &due);
    const bool is_whole = !self->is_closing;
    pthread_mutex_unlock (&self->lock);
    return is_whole;
}

/* How long a request may take. 0: there is no time left. */
static int64_t
time_left_ms (godwit_otlp_exporter_t *self)
{
    pthread_mutex_lock (&self->lock);
    const int64_t left_ms =
        self->is_closing ? self->closing_ms - godwit__otlp_now_ms () : self->settings.timeout_ms;
    pthread_mutex_unlock (&self->lock);
    return left_ms < 0 ? 0 : left_ms < self->settings.timeout_ms ? left_ms : self->settings.timeout_ms;
}

/* ---- figures ---- */

static void
note_answer (godwit_otlp_exporter_t *self, const godwit__otlp_answer_t *answer, size_t spans)
{
    godwit_otlp_stats_t *const stats = &self->stats;
    pthread_mutex_lock (&self->lock);
    if (answer->fate == GODWIT__OTLP_ACCEPTED) {
        const uint64_t rejected = answer->rejected < spans ? answer->rejected : spans;
        stats->exports++;
        stats->spans_exported += spans - rejected;
        stats->spans_rejected += rejected;
        self->failed += rejected;
    } else
        stats->failures++;
    if (answer->text[0])
        memcpy (stats->last_problem, answer->text, sizeof stats->last_problem);
    pthread_mutex_unlock (&self->lock);
}

static void
note_drop (godwit_otlp_exporter_t *self, size_t spans, const char *problem)
{
    pthread_mutex_lock (&self->lock);
    self->stats.spans_dropped += spans;
    self->failed += spans;
    if (problem)
        snprintf (self->stats.last_problem, sizeof self->stats.last_problem, "%s", problem);
    pthread_mutex_unlock (&self->lock);
}

static void
note_retry (godwit_otlp_exporter_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->stats.retries++;
    pthread_mutex_unlock (&self->lock);
}

/* ---- tries ---- */

/* False: it is given up. */
static bool
deliver (godwit_otlp_exporter_t *self, const uint8_t *bytes, size_t size)
{
    bool is_last = false;
    for (int tries = 1;; tries++) {
        const int64_t timeout_ms = time_left_ms (self);
        godwit__otlp_answer_t answer;
        if (!timeout_ms)
            return false;
        if (tries > 1)
            note_retry (self);
        godwit__otlp_http_post (self->http, bytes, size, timeout_ms, &answer);
        note_answer (self, &answer, self->batch.count);
        if (answer.fate != GODWIT__OTLP_LATER)
            return answer.fate == GODWIT__OTLP_ACCEPTED;
        if (is_last || tries == TRIES_MOST)
            return false;
        const int64_t pause_ms = pause_before (self, tries);
        is_last = !pause_for (self, answer.pause_ms > pause_ms ? answer.pause_ms : pause_ms);
        if (is_last && answer.pause_ms)
            return false;
    }
}

void
godwit__otlp_send (godwit_otlp_exporter_t *self)
{
    size_t size = 0;
    if (!self->batch.count) {
        godwit__otlp_batch_clear (&self->batch);
        return;
    }
    uint8_t *const bytes = godwit__otlp_batch_pack (&self->batch, &self->resource, &size);
    if (!bytes)
        note_drop (self, self->batch.count, "out of memory");
    else if (!deliver (self, bytes, size))
        note_drop (self, self->batch.count, NULL);
    free (bytes);
    godwit__otlp_batch_clear (&self->batch);
}
