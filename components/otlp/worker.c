/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of an exporter. */
#include "components/otlp/inside.h"
#include "components/otlp/record.h"
#include "components/otlp/sample.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define READS_MOST 64 /* in one pass */

/* ---- a pass ---- */

static void
count (godwit_otlp_exporter_t *self, uint64_t *figure)
{
    pthread_mutex_lock (&self->lock);
    ++*figure;
    pthread_mutex_unlock (&self->lock);
}

static void
take_record (godwit_otlp_exporter_t *self, const godwit_value_t *record)
{
    if (!godwit__otlp_sample (record, self->settings.sample_one_in, self->settings.slow_ms)) {
        count (self, &self->stats.spans_unsampled);
        return;
    }
    if (godwit__otlp_batch_is_full (&self->batch))
        godwit__otlp_send (self);
    if (godwit__otlp_batch_add (&self->batch, record))
        count (self, &self->stats.spans_dropped);
}

static void
note_problem (godwit_otlp_exporter_t *self, const char *text)
{
    pthread_mutex_lock (&self->lock);
    snprintf (self->stats.last_problem, sizeof self->stats.last_problem, "the black box: %s", text);
    pthread_mutex_unlock (&self->lock);
}

/* NULL: it cannot be read. */
static godwit_value_t *
read_box (godwit_otlp_exporter_t *self, int64_t after, bool only_running)
{
    godwit_value_t *records = NULL;
    godwit_error_t *error = NULL;
    if (self->source.read (self->source.user, after, only_running, &records, &error)) {
        note_problem (self, godwit_error_message (error));
        godwit_error_destroy (&error);
        return NULL;
    }
    return records;
}

/* Those that have run for long are left alone: otherwise all that came after them would be read each time. */
static bool
note_running (godwit_otlp_exporter_t *self)
{
    godwit__otlp_seen_begin (&self->seen);
    if (!self->seen.count)
        return true;
    godwit_value_t *records = read_box (self, 0, true);
    if (!records)
        return false;
    for (size_t i = 0; i < godwit_value_count (records); i++)
        godwit__otlp_seen_still (&self->seen,
                                 godwit__otlp_record_number (godwit_value_at (records, i), "seq"));
    godwit_value_unref (&records);
    return true;
}

/* The number of the last one. */
static int64_t
take_records (godwit_otlp_exporter_t *self, const godwit_value_t *records)
{
    int64_t last = 0;
    for (size_t i = 0; i < godwit_value_count (records); i++) {
        const godwit_value_t *const record = godwit_value_at (records, i);
        const int64_t number = godwit__otlp_record_number (record, "seq");
        if (number <= last)
            continue; /* they rise, from 1 on */
        last = number;
        if (godwit__otlp_seen_take (&self->seen, number, godwit__otlp_record_is_running (record)))
            take_record (self, record);
    }
    return last;
}

/* False: it cannot be read. *after: the last that was taken. *has_more: there may be further ones. */
static bool
read_some (godwit_otlp_exporter_t *self, int64_t *after, bool *has_more)
{
    godwit_value_t *records = read_box (self, *after, false);
    if (!records)
        return false;
    const int64_t last = take_records (self, records);
    *has_more = godwit_value_count (records) >= GODWIT__OTLP_READ && last > *after;
    *after = last > *after ? last : *after;
    godwit_value_unref (&records);
    return true;
}

/* All that there is now. A box that fills faster than it is read does not hold the pass up for ever; but
 * those that are open are all looked at, because what was not there is lost. */
static bool
read_all (godwit_otlp_exporter_t *self)
{
    const int64_t new = self->seen.next;
    int64_t after = godwit__otlp_seen_since (&self->seen) - 1;
    bool has_more = true;
    for (int reads = 0; has_more && (reads < READS_MOST || after < new); reads++)
        if (!read_some (self, &after, &has_more))
            return false;
    godwit__otlp_seen_end (&self->seen);
    return true;
}

/* Reads and sends all that there is now. */
static void
pass (godwit_otlp_exporter_t *self)
{
    const bool is_read = note_running (self) && read_all (self);
    godwit__otlp_send (self);
    pthread_mutex_lock (&self->lock);
    if (is_read)
        self->stats.spans_overwritten = self->seen.lost;
    pthread_mutex_unlock (&self->lock);
}

/* ---- the thread ---- */

/* With the lock. */
static void
wait_for_work (godwit_otlp_exporter_t *self)
{
    const int64_t due_ms = godwit__otlp_now_ms () + self->settings.interval_ms;
    const struct timespec due = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
    while (!self->is_closing && self->wanted == self->done && godwit__otlp_now_ms () < due_ms)
        pthread_cond_timedwait (&self->wake, &self->lock, &due);
}

static void *
run (void *user)
{
    godwit_otlp_exporter_t *const self = user;
    bool is_last = false;
    pthread_setname_np (pthread_self (), "godwit-otlp");
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
    pthread_mutex_lock (&self->lock);
    while (!is_last) {
        wait_for_work (self);
        is_last = self->is_closing;
        const uint64_t ticket = self->wanted;
        pthread_mutex_unlock (&self->lock);
        pass (self);
        pthread_mutex_lock (&self->lock);
        self->done = ticket;
        pthread_cond_broadcast (&self->done_changed);
    }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

/* The signals that come from outside are for the program's threads; those that an instruction causes, and
 * SIGPROF, are not blocked (as in all threads of Godwit). */
static void
choose_signals (sigset_t *blocked)
{
    static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF};
    sigfillset (blocked);
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        sigdelset (blocked, open[i]);
}

godwit_status_t
godwit__otlp_worker_start (godwit_otlp_exporter_t *self, godwit_error_t **error)
{
    sigset_t blocked, before;
    choose_signals (&blocked);
    pthread_sigmask (SIG_SETMASK, &blocked, &before);
    const int number = pthread_create (&self->thread, NULL, run, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (number && error) {
        char why[128];
        *error = godwit_error_new (GODWIT_ERR_SYSTEM, "an exporter: cannot start a thread: %s",
                                   strerror_r (number, why, sizeof why));
    }
    return number ? GODWIT_ERR_SYSTEM : GODWIT_OK;
}

void
godwit__otlp_worker_stop (godwit_otlp_exporter_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->is_closing = true;
    self->closing_ms = godwit__otlp_now_ms () + self->settings.timeout_ms;
    pthread_cond_broadcast (&self->wake);
    pthread_mutex_unlock (&self->lock);
    pthread_join (self->thread, NULL);
}
