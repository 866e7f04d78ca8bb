/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous.h"

#include "matchmaker/rendezvous_address.h"
#include "matchmaker/rendezvous_names.h"
#include "matchmaker/rendezvous_own.h"
#include "matchmaker/rendezvous_reach.h"
#include "matchmaker/rendezvous_source_report.h"
#include "src/error/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_REFRESH_MS 5000
#define LOOPBACK "127.0.0.1"

/* --- rendezvous points --- */

/* Each host may be in each of the private folders. */
#define PLACES_MAX (GODWIT__FOLDER_MAX * GODWIT__RENDEZVOUS_MAX)

typedef struct places {
    size_t count;
    godwit__place_t list[PLACES_MAX];
} places_t;

static const godwit__place_t *
find_place (const places_t *places, const char *address)
{
    for (size_t i = 0; i < places->count; i++)
        if (strcmp (places->list[i].address, address) == 0)
            return &places->list[i];
    return NULL;
}

/* hosts NULL: this host. A URL may name a host twice, once for each of several users: then it is one point. A
 * list that the program gives must name each point once. */
static godwit_status_t
read_places (const godwit__rendezvous_t *self, places_t *places, const godwit_url_host_t *hosts, size_t count,
             bool is_url, godwit_error_t **error)
{
    places->count = 0;
    for (size_t i = 0; i < count; i++) {
        godwit__place_t found[GODWIT__FOLDER_MAX];
        const size_t found_count = godwit__rendezvous_places (
            found, &self->folders, self->options.driver->ops->name, hosts ? &hosts[i] : NULL, error);
        if (found_count == 0)
            return GODWIT_ERR_INVALID_URL;
        for (size_t k = 0; k < found_count; k++) {
            found[k].may_host = self->options.host_rendezvous || found[k].is_here;
            if (!find_place (places, found[k].address))
                places->list[places->count++] = found[k];
            else if (!is_url)
                return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                          "expected each rendezvous once, got %s twice", found[k].address);
        }
    }
    return GODWIT_OK;
}

static unsigned
free_index (const godwit__rendezvous_t *self)
{
    unsigned index = 0;
    for (size_t i = 0; i < self->source_count; i++) {
        if (self->sources[i]->index == index) {
            index++;
            i = (size_t) -1; /* start again: the loop adds one */
        }
    }
    return index;
}

static godwit_status_t
add_source (godwit__rendezvous_t *self, const godwit__place_t *place, godwit_error_t **error)
{
    godwit__rendezvous_source_t *source = calloc (1, sizeof *source);
    if (!source)
        return godwit__error_no_memory (error);
    source->owner = self;
    source->index = free_index (self);
    source->may_host = place->may_host;
    source->is_here = place->is_here;
    source->folder = place->folder_index >= 0 ? &self->folders.list[place->folder_index] : NULL;
    memcpy (source->address, place->address, sizeof source->address);
    const godwit_status_t status = godwit__source_open (source, error);
    if (status != GODWIT_OK) {
        free (source);
        return status;
    }
    self->sources[self->source_count++] = source;
    return GODWIT_OK;
}

/* Its records stay for a while, as if the connection had been lost. */
static void
remove_source (godwit__rendezvous_t *self, size_t at, bool leaves)
{
    godwit__rendezvous_source_t *source = self->sources[at];
    godwit__source_close (source, leaves);
    godwit__view_removed (&self->view, source->index);
    free (source);
    self->source_count--;
    memmove (&self->sources[at], &self->sources[at + 1],
             (self->source_count - at) * sizeof (godwit__rendezvous_source_t *));
}

static size_t
find_source (const godwit__rendezvous_t *self, const char *address)
{
    size_t at = 0;
    while (at < self->source_count && strcmp (self->sources[at]->address, address) != 0)
        at++;
    return at;
}

/* Joins the new points first: if that fails, everything is as before. Removed points get no LEAVE, which
 * would say that our servers are gone: members that do not have the new list yet know our servers from
 * there. */
static godwit_status_t
use_places (godwit__rendezvous_t *self, const places_t *places, godwit_error_t **error)
{
    const size_t count_before = self->source_count;
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < places->count && status == GODWIT_OK; i++)
        if (find_source (self, places->list[i].address) == self->source_count)
            status = add_source (self, &places->list[i], error);
    for (size_t at = self->source_count; status != GODWIT_OK && at-- > count_before;)
        remove_source (self, at, false);
    for (size_t at = count_before; status == GODWIT_OK && at-- > 0;) {
        const godwit__place_t *const stays = find_place (places, self->sources[at]->address);
        if (stays)
            self->sources[at]->may_host = stays->may_host;
        else
            remove_source (self, at, false);
    }
    godwit__rendezvous_count_sources (self);
    godwit__rendezvous_tell_names (self);
    return status;
}

static godwit_status_t
rendezvous_set_hosts (godwit__matchmaker_t *matchmaker, const godwit_url_host_t *hosts, size_t count,
                      godwit_error_t **error)
{
    godwit__rendezvous_t *self = (godwit__rendezvous_t *) matchmaker;
    places_t places;
    if (count < 1 || count > GODWIT__RENDEZVOUS_MAX)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "expected 1 to %d rendezvous, got %zu",
                                  GODWIT__RENDEZVOUS_MAX, count);
    const godwit_status_t status = read_places (self, &places, hosts, count, false, error);
    return status == GODWIT_OK ? use_places (self, &places, error) : status;
}

/* --- how this host is reached --- */

typedef struct reach {
    char (*hosts)[GODWIT__ADDRESS_SIZE];
    size_t count;
    bool is_at_loopback; /* a rendezvous is reached there by TCP */
} reach_t;

/* Others of this machine connect there by TCP, too: processes of other users, who cannot use private folders.
 */
static bool
is_tcp (const char *address)
{
    return strncmp (address, "tcp:", 4) == 0;
}

/* False: no way leads there. */
static bool
add_way (reach_t *reach, const char *address)
{
    char host[GODWIT__ADDRESS_SIZE];
    const godwit__route_t route = godwit__route_to (address, host);
    reach->is_at_loopback |= route == GODWIT__ROUTE_HERE && is_tcp (address);
    if (route != GODWIT__ROUTE_OUT)
        return route == GODWIT__ROUTE_HERE;
    for (size_t i = 0; i < reach->count; i++)
        if (strcmp (reach->hosts[i], host) == 0)
            return true;
    if (reach->count < GODWIT__REACH_MAX)
        memcpy (reach->hosts[reach->count++], host, sizeof host);
    return true;
}

static size_t
rendezvous_reach (const godwit__matchmaker_t *matchmaker, char hosts[GODWIT__REACH_MAX][GODWIT__ADDRESS_SIZE],
                  bool *is_cut_off)
{
    const godwit__rendezvous_t *self = (const godwit__rendezvous_t *) matchmaker;
    reach_t reach = {.hosts = hosts};
    *is_cut_off = false;
    for (size_t i = 0; i < self->source_count; i++) {
        const godwit__rendezvous_source_t *const source = self->sources[i];
        const bool is_name = godwit__lookup_is_needed (source->address);
        bool leads = is_name ? !source->lookup.is_done : add_way (&reach, source->address);
        for (size_t at = 0; is_name && at < source->lookup.count; at++)
            leads |= add_way (&reach, source->lookup.found[at]);
        *is_cut_off |= !leads;
    }
    if (reach.count == 0 && reach.is_at_loopback)
        snprintf (hosts[reach.count++], GODWIT__ADDRESS_SIZE, "%s", LOOPBACK);
    return reach.count;
}

/* --- opening --- */

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
    self->is_open = false;
    while (self->source_count > 0)
        remove_source (self, self->source_count - 1, true);
    godwit__view_close (&self->view);
    godwit__rendezvous_close_own (self);
    godwit__folders_close (&self->folders);
    free (self);
}

/* A point in a folder that cannot be used is tried again and again; but somewhere there has to be one. */
static godwit_status_t
check_folders (godwit__rendezvous_t *self, const places_t *places, godwit_error_t **error)
{
    godwit__folder_t *usable = NULL;
    for (size_t i = 0; i < places->count; i++)
        if (places->list[i].folder_index < 0)
            return GODWIT_OK;
    return godwit__folders_first (&self->folders, &usable, error);
}

static godwit_status_t
use_url (godwit__rendezvous_t *self, const godwit_url_t *url, godwit_error_t **error)
{
    const size_t count = godwit_url_host_count (url);
    const godwit_url_host_t *const hosts = count ? godwit_url_host (url, 0) : NULL; /* one array */
    places_t places;
    if (count > GODWIT__RENDEZVOUS_MAX)
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL,
                                  "expected at most %d hosts (rendezvous points), got %zu",
                                  GODWIT__RENDEZVOUS_MAX, count);
    godwit_status_t status = read_places (self, &places, hosts, count ? count : 1, true, error);
    if (status == GODWIT_OK)
        status = check_folders (self, &places, error);
    return status == GODWIT_OK ? use_places (self, &places, error) : status;
}

static godwit_status_t
rendezvous_open (godwit__matchmaker_t **matchmaker, const godwit__matchmaker_options_t *options,
                 const godwit__matchmaker_events_t *events, void *user, godwit_error_t **error)
{
    const char *virtual_host = options->virtual_host ? options->virtual_host : "";
    if (strlen (virtual_host) > GODWIT__VIRTUAL_HOST_MAX)
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL, "the virtual host is longer than %d bytes",
                                  GODWIT__VIRTUAL_HOST_MAX);

    godwit__rendezvous_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &godwit__matchmaker_rendezvous;
    memcpy (self->virtual_host, virtual_host, strlen (virtual_host) + 1);
    self->options = *options;
    self->options.url = NULL;
    self->options.runtime_dir = NULL;
    self->options.virtual_host = self->virtual_host;
    self->options.refresh_ms = clamp_refresh (options->refresh_ms);
    self->events = events;
    self->user = user;
    godwit__view_open (&self->view, &self->options, events, user);
    godwit__rendezvous_open_own (self);
    godwit_status_t status = godwit__folders_init (&self->folders, options->runtime_dir, error);
    if (status == GODWIT_OK)
        status = use_url (self, options->url, error);
    if (status != GODWIT_OK) {
        rendezvous_close (&self->base);
        return status;
    }
    self->is_open = true;
    *matchmaker = &self->base;
    return GODWIT_OK;
}

const godwit__matchmaker_ops_t godwit__matchmaker_rendezvous = {"rendezvous",
                                                                rendezvous_open,
                                                                godwit__rendezvous_announce,
                                                                godwit__rendezvous_withdraw_own,
                                                                rendezvous_set_hosts,
                                                                rendezvous_reach,
                                                                rendezvous_close};
