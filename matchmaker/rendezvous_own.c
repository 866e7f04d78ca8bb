/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_own.h"

#include "matchmaker/rendezvous_rooms.h"
#include "src/error/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef godwit__rendezvous_t self_t;

/* ---- what the certificate allows ---- */

static bool
may_serve (const self_t *self, const godwit__record_t *record)
{
    if (!self->options.realm)
        return true;
    godwit__party_t *party = godwit__realm_self (self->options.realm);
    const bool may = godwit__party_may_topic (party, GODWIT__VERB_SERVE, record->exchange, record->topic);
    godwit__party_unref (&party);
    return may;
}

static void
warn_of (const self_t *self, const godwit__record_t *record)
{
    char deed[GODWIT__DEED_TEXT], text[2 * GODWIT__DEED_TEXT];
    if (!self->options.note)
        return;
    godwit__party_t *party = godwit__realm_self (self->options.realm);
    godwit__deed_refusal (
        deed, party->certificate.name,
        &(godwit__deed_t){.verb = GODWIT__VERB_SERVE, .exchange = record->exchange, .topic = record->topic});
    godwit__party_unref (&party);
    snprintf (
        text, sizeof text,
        "The server %.64s is withdrawn from the rendezvous: %s. That is the certificate of this process, "
        "which has been renewed: the server is back when another one allows it (godwit realm issue)",
        record->server, deed);
    self->options.note (self->options.note_user, GODWIT_LOG_WARNING, text);
}

/* ---- told and withheld ---- */

static size_t
count_of (const self_t *self)
{
    return self->own_count + self->withheld_count;
}

static void
tell_sources (const self_t *self, size_t index)
{
    for (size_t i = 0; i < self->source_count; i++)
        godwit__source_announce (self->sources[i], index);
}

static void
withdraw_from_sources (const self_t *self, uint32_t server_id)
{
    for (size_t i = 0; i < self->source_count; i++)
        godwit__source_withdraw (self->sources[i], server_id);
}

/* Moves it to the end of those that are told. */
static void
tell (self_t *self, size_t index)
{
    godwit__record_t *const record = self->own[index];
    memmove (&self->own[self->own_count + 1], &self->own[self->own_count],
             (index - self->own_count) * sizeof (godwit__record_t *));
    self->own[self->own_count++] = record;
    self->withheld_count--;
    tell_sources (self, self->own_count - 1);
}

/* Moves it to the front of those that are withheld. */
static void
withhold (self_t *self, size_t index)
{
    godwit__record_t *const record = self->own[index];
    self->own_count--;
    self->withheld_count++;
    memmove (&self->own[index], &self->own[index + 1],
             (self->own_count - index) * sizeof (godwit__record_t *));
    self->own[self->own_count] = record;
    withdraw_from_sources (self, record->server_id);
    warn_of (self, record);
}

static void
on_renewed (godwit__task_t *task)
{
    self_t *const self = task->user;
    for (size_t i = 0; i < self->own_count;)
        if (may_serve (self, self->own[i]))
            i++;
        else
            withhold (self, i);
    for (size_t i = self->own_count; i < count_of (self); i++)
        if (may_serve (self, self->own[i]))
            tell (self, i);
}

/* Drivers were told before, and say the new credential on their connections first (godwit__realm_watch). */
static void
on_changed (godwit__realm_watch_t *watch, unsigned changes)
{
    self_t *const self = watch->user;
    if (changes & GODWIT__REALM_CREDENTIAL)
        godwit__reactor_post (self->options.reactor, &self->renewed);
}

void
godwit__rendezvous_open_own (self_t *self)
{
    self->renewed = (godwit__task_t){.run = on_renewed, .user = self};
    self->realm_watch = (godwit__realm_watch_t){.changed = on_changed, .user = self};
    if (self->options.realm)
        godwit__realm_watch (self->options.realm, &self->realm_watch);
}

void
godwit__rendezvous_close_own (self_t *self)
{
    if (self->options.realm)
        godwit__realm_unwatch (self->options.realm, &self->realm_watch);
    godwit__reactor_unpost (self->options.reactor, &self->renewed);
    for (size_t i = 0; i < count_of (self); i++)
        godwit__record_unref (&self->own[i]);
    free (self->own);
}

/* ---- what the core announces ---- */

static size_t
find (const self_t *self, uint32_t server_id)
{
    size_t i = 0;
    while (i < count_of (self) && self->own[i]->server_id != server_id)
        i++;
    return i;
}

static bool
reserve (self_t *self)
{
    if (count_of (self) < self->own_capacity)
        return true;
    const size_t capacity = self->own_capacity ? 2 * self->own_capacity : 4;
    godwit__record_t **own = realloc (self->own, capacity * sizeof (godwit__record_t *));
    if (!own)
        return false;
    self->own = own;
    self->own_capacity = capacity;
    return true;
}

/* A new one is withheld at first; nobody is told. */
static godwit_status_t
add (self_t *self, godwit__record_t *record, godwit_error_t **error)
{
    if (count_of (self) == GODWIT__ROOMS_MEMBER_RECORDS_MAX)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "more than %d servers",
                                  GODWIT__ROOMS_MEMBER_RECORDS_MAX);
    if (!reserve (self))
        return godwit__error_no_memory (error);
    self->own[count_of (self)] = godwit__record_ref (record);
    self->withheld_count++;
    return GODWIT_OK;
}

static void
replace (const self_t *self, size_t index, godwit__record_t *record)
{
    godwit__record_t *before = self->own[index];
    self->own[index] = godwit__record_ref (record);
    godwit__record_unref (&before);
}

godwit_status_t
godwit__rendezvous_announce (godwit__matchmaker_t *matchmaker, godwit__record_t *record,
                             godwit_error_t **error)
{
    self_t *const self = (self_t *) matchmaker;
    godwit_status_t status = godwit__record_check (record, error);
    if (status != GODWIT_OK)
        return status;
    if (memcmp (record->instance, self->options.instance, GODWIT__UUID_SIZE) != 0)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "record.instance: another transport's");
    const size_t index = find (self, record->server_id);
    const bool is_new = index == count_of (self);
    if (is_new && (status = add (self, record, error)) != GODWIT_OK)
        return status;
    if (!is_new)
        replace (self, index, record);
    const bool may = may_serve (self, record);
    if (index < self->own_count && may)
        tell_sources (self, index);
    else if (index < self->own_count)
        withhold (self, index);
    else if (may)
        tell (self, index);
    else if (is_new)
        warn_of (self, record);
    return GODWIT_OK;
}

void
godwit__rendezvous_withdraw_own (godwit__matchmaker_t *matchmaker, uint32_t server_id)
{
    self_t *const self = (self_t *) matchmaker;
    const size_t index = find (self, server_id);
    if (index == count_of (self))
        return;
    const bool was_told = index < self->own_count;
    godwit__record_unref (&self->own[index]);
    memmove (&self->own[index], &self->own[index + 1],
             (count_of (self) - index - 1) * sizeof (godwit__record_t *));
    if (was_told)
        self->own_count--;
    else
        self->withheld_count--;
    if (was_told)
        withdraw_from_sources (self, server_id);
}
