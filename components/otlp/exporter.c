/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/inside.h"

#include <godwit/version.h>

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ATTRIBUTE_LIMIT 1024 /* bytes of one of the process */

int64_t
godwit__otlp_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- life ---- */

/* What the process says of itself; of what the environment says, service.name is decided before. */
static godwit_status_t
make_resource (godwit_otlp_exporter_t *self)
{
    const godwit__otlp_pairs_t *const given = &self->settings.attributes;
    godwit__otlp_attributes_t list = godwit__otlp_attributes (&self->resource_arena, given->count + 5);
    godwit__otlp_attributes_text (&list, "service.name", self->settings.service_name, ATTRIBUTE_LIMIT);
    godwit__otlp_attributes_text (&list, "telemetry.sdk.name", "godwit", ATTRIBUTE_LIMIT);
    godwit__otlp_attributes_text (&list, "telemetry.sdk.language", "c", ATTRIBUTE_LIMIT);
    godwit__otlp_attributes_text (&list, "telemetry.sdk.version", godwit_version_string (), ATTRIBUTE_LIMIT);
    godwit__otlp_attributes_number (&list, "process.pid", self->pid);
    for (size_t i = 0; i < given->count; i++) {
        char *const key =
            godwit__otlp_arena_text (&self->resource_arena, given->items[i].name, ATTRIBUTE_LIMIT);
        if (key && strcmp (key, "service.name") != 0)
            godwit__otlp_attributes_text (&list, key, given->items[i].value, ATTRIBUTE_LIMIT);
    }
    self->resource = list;
    return self->resource_arena.is_short ? GODWIT_ERR_OUT_OF_MEMORY : GODWIT_OK;
}

static void
init_locks (godwit_otlp_exporter_t *self)
{
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->wake, &attributes);
    pthread_cond_init (&self->done_changed, &attributes);
    pthread_condattr_destroy (&attributes);
}

/* Without its thread. */
static void
destroy (godwit_otlp_exporter_t *self)
{
    godwit__otlp_http_close (&self->http);
    godwit__otlp_batch_clear (&self->batch);
    godwit__otlp_arena_clear (&self->resource_arena);
    godwit__otlp_settings_clear (&self->settings);
    pthread_cond_destroy (&self->done_changed);
    pthread_cond_destroy (&self->wake);
    pthread_mutex_destroy (&self->lock);
    curl_global_cleanup ();
    free (self);
}

static godwit_status_t
tell (godwit_status_t status, const char *text, godwit_error_t **error)
{
    if (error)
        *error = godwit_error_new (status, "%s", text);
    return status;
}

static godwit_status_t
start (godwit_otlp_exporter_t *self, godwit_error_t **error)
{
    if (make_resource (self))
        return tell (GODWIT_ERR_OUT_OF_MEMORY, "an exporter: out of memory", error);
    const godwit_status_t status = godwit__otlp_http_open (&self->http, &self->settings, error);
    return status ? status : godwit__otlp_worker_start (self, error);
}

godwit_status_t
godwit__otlp_open (godwit_otlp_exporter_t **exporter, const godwit__otlp_source_t *source,
                   godwit__otlp_settings_t *settings, godwit_error_t **error)
{
    godwit_otlp_exporter_t *const self = calloc (1, sizeof *self);
    if (!self || curl_global_init (CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        const godwit_status_t status = self ? GODWIT_ERR_SYSTEM : GODWIT_ERR_OUT_OF_MEMORY;
        free (self);
        godwit__otlp_settings_clear (settings);
        return tell (status,
                     status == GODWIT_ERR_SYSTEM ? "an exporter: libcurl does not start"
                                                 : "an exporter: out of memory",
                     error);
    }
    self->settings = *settings;
    *settings = (godwit__otlp_settings_t){0};
    self->source = *source;
    self->pid = getpid ();
    self->random =
        (uint64_t) godwit__otlp_now_ms () * UINT64_C (0x9e3779b97f4a7c15) + (uint64_t) self->pid + 1;
    init_locks (self);
    const godwit_status_t status = start (self, error);
    if (status)
        destroy (self);
    else
        *exporter = self;
    return status;
}

/* A child of a fork leaves it alone: its thread is not there, and another may have had the lock. */
void
godwit_otlp_destroy (godwit_otlp_exporter_t **exporter)
{
    if (!exporter || !*exporter)
        return;
    godwit_otlp_exporter_t *const self = *exporter;
    *exporter = NULL;
    if (self->pid != getpid ())
        return;
    godwit__otlp_worker_stop (self);
    destroy (self);
}

/* ---- flush and figures ---- */

/* With the lock. False: time is up. */
static bool
wait_for_ticket (godwit_otlp_exporter_t *self, uint64_t ticket)
{
    const int64_t due_ms = godwit__otlp_now_ms () + self->settings.timeout_ms;
    const struct timespec due = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
    int status = 0;
    while (self->done < ticket && status != ETIMEDOUT)
        status = pthread_cond_timedwait (&self->done_changed, &self->lock, &due);
    return self->done >= ticket;
}

godwit_status_t
godwit_otlp_flush (godwit_otlp_exporter_t *self, godwit_error_t **error)
{
    if (!self)
        return tell (GODWIT_ERR_INVALID_ARGUMENT, "exporter: expected an exporter, got NULL", error);
    if (self->pid != getpid ())
        return tell (GODWIT_ERR_FORKED, "exporter: it belongs to the process before fork()", error);
    char why[sizeof self->stats.last_problem];
    pthread_mutex_lock (&self->lock);
    const uint64_t before = self->failed;
    const uint64_t ticket = ++self->wanted;
    pthread_cond_broadcast (&self->wake);
    const bool is_done = wait_for_ticket (self, ticket);
    const uint64_t lost = self->failed - before;
    memcpy (why, self->stats.last_problem, sizeof why);
    pthread_mutex_unlock (&self->lock);
    if (is_done && !lost)
        return GODWIT_OK;
    const godwit_status_t status = is_done ? GODWIT_ERR_DELIVERY_FAILURE : GODWIT_ERR_TIMEOUT;
    if (error && is_done)
        *error =
            godwit_error_new (status, "%llu spans were not exported: %s", (unsigned long long) lost, why);
    else if (error)
        *error = godwit_error_new (status, "the collector %s has not taken all spans within %lld ms%s%s",
                                   self->settings.url, (long long) self->settings.timeout_ms,
                                   why[0] ? ": " : "", why);
    return status;
}

void
godwit_otlp_stats (godwit_otlp_exporter_t *self, godwit_otlp_stats_t *stats, size_t size)
{
    if (!self || !stats)
        return;
    memset (stats, 0, size);
    if (self->pid != getpid ())
        return;
    pthread_mutex_lock (&self->lock);
    const godwit_otlp_stats_t now = self->stats;
    pthread_mutex_unlock (&self->lock);
    memcpy (stats, &now, size < sizeof now ? size : sizeof now);
}
