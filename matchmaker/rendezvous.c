#include "matchmaker/rendezvous.h"

#include "matchmaker/record_check.h"
#include "matchmaker/rendezvous_address.h"
#include "matchmaker/rendezvous_rooms.h"
#include "src/error.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_REFRESH_MS 5000

/* --- opening --- */

/* One source for each host of the URL; for a URL without, one that is here. */
static godwit_status_t
read_sources (godwit__rendezvous_t *self, const godwit__matchmaker_options_t *options, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    const size_t host_count = godwit_url_host_count (options->url);
    for (size_t i = 0; i < self->source_count && status == GODWIT_OK; i++) {
        godwit__rendezvous_source_t *source = &self->sources[i];
        const godwit_url_host_t *host = host_count ? godwit_url_host (options->url, i) : NULL;
        bool is_here = false;
        source->owner = self;
        source->index = (unsigned) i;
        status =
            godwit__rendezvous_address (source->address, &is_here, options->driver->ops->name, host, error);
        source->may_host = options->host_rendezvous || is_here;
    }
    return status;
}

static int64_t
clamp_refresh (int64_t refresh_ms)
{
    if (refresh_ms <= 0)
        return DEFAULT_REFRESH_MS;
    if (refresh_ms < GODWIT__REFRESH_MIN_MS)
        return GODWIT__REFRESH_MIN_MS;
    return refresh_ms > GODWIT__REFRESH_MAX_MS ? GODWIT__REFRESH_MAX_MS : refresh_ms;
}

static void
rendezvous_close (godwit__matchmaker_t *matchmaker)
{
    godwit__rendezvous_t *self = (godwit__rendezvous_t *) matchmaker;
    for (size_t i = 0; i < self->source_count; i++)
        godwit__source_close (&self->sources[i]);
    godwit__view_close (&self->view);
    for (size_t i = 0; i < self->own_count; i++)
        godwit__record_unref (&self->own[i]);
    free (self->own);
    free (self);
}

static godwit_status_t
rendezvous_open (godwit__matchmaker_t **matchmaker, const godwit__matchmaker_options_t *options,
                 const godwit__matchmaker_events_t *events, void *user, godwit_error_t **error)
{
    const char *virtual_host = options->virtual_host ? options->virtual_host : "";
    size_t source_count = godwit_url_host_count (options->url);
    source_count = source_count ? source_count : 1;
    if (source_count > GODWIT__VIEW_SOURCES_MAX)
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL, "%zu hosts, and %d are the most",
                                  source_count, GODWIT__VIEW_SOURCES_MAX);
    if (strlen (virtual_host) > GODWIT__VIRTUAL_HOST_MAX)
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL, "the virtual host is longer than %d bytes",
                                  GODWIT__VIRTUAL_HOST_MAX);

    godwit__rendezvous_t *self = calloc (1, sizeof *self + source_count * sizeof self->sources[0]);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &godwit__matchmaker_rendezvous;
    memcpy (self->virtual_host, virtual_host, strlen (virtual_host) + 1);
    self->options = *options;
    self->options.url = NULL;
    self->options.virtual_host = self->virtual_host;
    self->options.refresh_ms = clamp_refresh (options->refresh_ms);
    self->events = events;
    self->user = user;
    self->source_count = source_count;
    godwit_status_t status = read_sources (self, options, error);
    if (status == GODWIT_OK && !godwit__view_open (&self->view, &self->options, events, user))
        status = godwit__error_no_memory (error);
    if (status != GODWIT_OK) {
        free (self);
        return status;
    }
    for (size_t i = 0; i < source_count && status == GODWIT_OK; i++)
        status = godwit__source_open (&self->sources[i], error);
    if (status != GODWIT_OK) {
        rendezvous_close (&self->base);
        return status;
    }
    *matchmaker = &self->base;
    return GODWIT_OK;
}

/* --- own records --- */

static size_t
find_own (const godwit__rendezvous_t *self, uint32_t server_id)
{
    size_t i = 0;
    while (i < self->own_count && self->own[i]->server_id != server_id)
        i++;
    return i;
}

static bool
reserve_own (godwit__rendezvous_t *self)
{
    if (self->own_count < self->own_capacity)
        return true;
    const size_t capacity = self->own_capacity ? 2 * self->own_capacity : 4;
    godwit__record_t **own = realloc (self->own, capacity * sizeof (godwit__record_t *));
    if (!own)
        return false;
    self->own = own;
    self->own_capacity = capacity;
    return true;
}

static godwit_status_t
rendezvous_announce (godwit__matchmaker_t *matchmaker, godwit__record_t *record, godwit_error_t **error)
{
    godwit__rendezvous_t *self = (godwit__rendezvous_t *) matchmaker;
    const godwit_status_t status = godwit__record_check (record, error);
    if (status != GODWIT_OK)
        return status;
    if (memcmp (record->instance, self->options.instance, GODWIT__UUID_SIZE) != 0)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "record.instance: another transport's");
    const size_t index = find_own (self, record->server_id);
    if (index == self->own_count) {
        if (self->own_count == GODWIT__ROOMS_MEMBER_RECORDS_MAX)
            return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "more than %d servers",
                                      GODWIT__ROOMS_MEMBER_RECORDS_MAX);
        if (!reserve_own (self))
            return godwit__error_no_memory (error);
        self->own[self->own_count++] = godwit__record_ref (record);
    } else {
        godwit__record_t *before = self->own[index];
        self->own[index] = godwit__record_ref (record);
        godwit__record_unref (&before);
    }
    for (size_t i = 0; i < self->source_count; i++)
        godwit__source_announce (&self->sources[i], index);
    return GODWIT_OK;
}

static void
rendezvous_withdraw (godwit__matchmaker_t *matchmaker, uint32_t server_id)
{
    godwit__rendezvous_t *self = (godwit__rendezvous_t *) matchmaker;
    const size_t index = find_own (self, server_id);
    if (index == self->own_count)
        return;
    godwit__record_unref (&self->own[index]);
    self->own_count--;
    memmove (&self->own[index], &self->own[index + 1],
             (self->own_count - index) * sizeof (godwit__record_t *));
    for (size_t i = 0; i < self->source_count; i++)
        godwit__source_withdraw (&self->sources[i], server_id);
}

const godwit__matchmaker_ops_t godwit__matchmaker_rendezvous = {
    "rendezvous", rendezvous_open, rendezvous_announce, rendezvous_withdraw, rendezvous_close};
