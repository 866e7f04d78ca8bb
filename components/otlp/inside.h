/* SPDX-License-Identifier: Apache-2.0 */
/* An exporter, and who does what in it:
 *
 *     program's threads                thread godwit-otlp
 *     -----------------                ------------------
 *     new ------------------------->   waits: interval_ms, a flush, the end
 *     flush: wanted = ++tickets ---->  one pass: reads the source, packs batches, posts them,
 *            waits for done              each until it is accepted, refused or tried too often
 *     stats: copies the figures        done = the ticket that it began with, and wakes who waits
 *     destroy: is_closing, joins       one last pass, which ends at closing_ms at the latest
 *
 * `lock` guards what stands below it, is held for moments only, and never while the source is read or a
 * request is under way. What stands above is the thread's own, or does not change. */
#ifndef GODWIT_OTLP_INSIDE_H
#define GODWIT_OTLP_INSIDE_H

#include "components/otlp/batch.h"
#include "components/otlp/http.h"
#include "components/otlp/seen.h"
#include "components/otlp/settings.h"

#include <pthread.h>
#include <sys/types.h>

#define GODWIT__OTLP_READ 4096 /* records at a time */

/* Where records come from: the black box of a transport, or a test. */
typedef struct godwit__otlp_source {
    /* *records: a list of those whose number (seq) is higher than `after`, the oldest first, but of more than
     * GODWIT__OTLP_READ only the first; with only_running of those that run. The caller's. */
    godwit_status_t (*read) (void *user, int64_t after, bool only_running, godwit_value_t **records,
                             godwit_error_t **error);
    void *user;
} godwit__otlp_source_t;

struct godwit_otlp_exporter {
    godwit__otlp_settings_t settings;
    godwit__otlp_source_t source;
    pid_t pid; /* that made it */
    godwit__otlp_http_t *http;
    godwit__otlp_arena_t resource_arena;
    godwit__otlp_attributes_t resource;
    godwit__otlp_batch_t batch;
    godwit__otlp_seen_t seen;
    uint64_t random; /* for the jitter of pauses */
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t wake; /* of the thread */
    pthread_cond_t done_changed;
    bool is_closing;
    int64_t closing_ms;    /* when the last pass has to end, by the monotonic clock */
    uint64_t wanted, done; /* tickets of flushes */
    uint64_t failed;       /* spans that were given up or rejected */
    godwit_otlp_stats_t stats;
};

int64_t godwit__otlp_now_ms (void);
/* The exporter of a source, with settings that it takes over (always, also after a failure). */
godwit_status_t godwit__otlp_open (godwit_otlp_exporter_t **exporter, const godwit__otlp_source_t *source,
                                   godwit__otlp_settings_t *settings, godwit_error_t **error);

/* ---- the thread (worker.c) ---- */
godwit_status_t godwit__otlp_worker_start (godwit_otlp_exporter_t *exporter, godwit_error_t **error);
void godwit__otlp_worker_stop (godwit_otlp_exporter_t *exporter);

/* ---- one batch (send.c) ---- */
/* Sends what is in the batch, until that is done with, and empties it. */
void godwit__otlp_send (godwit_otlp_exporter_t *exporter);

#endif
