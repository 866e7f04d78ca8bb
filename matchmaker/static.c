/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that an option lists: ?static=[exchange/]topic/server@address[|address...][,...]
 *
 *     zmq:///?static=calc/one@tcp://10.0.0.1:9000,billing/calc/two@ipc:///run/two|tcp://10.0.0.2:9000
 *
 * or a file (?static_file=/etc/servers) of such lists, one or more on a line; '#' begins a comment. Both may
 * be given.
 *
 * An entry without an exchange is in the transport's control exchange. The identity of a server is not known
 * before it answers, so its record has an instance of all zeroes and server_id 0. Nobody is told what this
 * transport announces.
 */
#include "src/interface/matchmaker.h"

#include "src/config/file.h"
#include "src/error/error.h"
#include "src/interface/tcp_permission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 4096
#define FILE_MAX_SIZE (1 << 20)
#define SPACE " \t\r"
#define NAME_MAX_SIZE 255

typedef struct fixed {
    godwit__matchmaker_t base;
    godwit__reactor_t *reactor;
    const godwit__matchmaker_events_t *events;
    void *user;
    godwit__task_t task;
    size_t count;
    godwit__record_t *records[ENTRIES_MAX];
} fixed_t;

/* --- parsing --- */

/* Where an entry is, for errors. */
typedef struct place {
    const char *name; /* of the option, or the file's path */
    const char *unit; /* "entry", or "line" */
    size_t number;
} place_t;

static godwit_status_t
wrong (godwit_error_t **error, place_t place, const char *reason)
{
    return godwit__error_set (error, GODWIT_ERR_INVALID_URL, "%s: %s %zu: %s", place.name, place.unit,
                              place.number, reason);
}

static godwit_status_t
refuse_abstract (godwit_error_t **error, place_t place, const char *address)
{
    char reason[GODWIT__ADDRESS_SIZE + 200];
    snprintf (reason, sizeof reason, "%s: " GODWIT__ABSTRACT_REFUSAL, address);
    return wrong (error, place, reason);
}

static godwit_status_t
refuse_tcp (godwit_error_t **error, place_t place, const char *address)
{
    char reason[GODWIT__ADDRESS_SIZE + 200];
    snprintf (reason, sizeof reason, "%s: %s", address,
              godwit__tcp_refusal (godwit__address_is_loopback (address)));
    return wrong (error, place, reason);
}

/* Ends the text at the first separator, and returns what follows it; NULL if there is none. */
static char *
split (char *text, char separator)
{
    char *at = strchr (text, separator);
    if (at)
        *at++ = '\0';
    return at;
}

static godwit_status_t
parse_names (char *names, const char *exchange, godwit__record_t *record, place_t place,
             godwit_error_t **error)
{
    char *second = split (names, '/');
    char *third = second ? split (second, '/') : NULL;
    if (!second || (third && strchr (third, '/')))
        return wrong (error, place, "expected [exchange/]topic/server");
    record->exchange = third ? names : exchange;
    record->topic = third ? second : names;
    record->server = third ? third : second;
    if (record->topic[0] == '\0' || record->server[0] == '\0')
        return wrong (error, place, "an empty name");
    if (strlen (record->exchange) > NAME_MAX_SIZE || strlen (record->topic) > NAME_MAX_SIZE ||
        strlen (record->server) > NAME_MAX_SIZE)
        return wrong (error, place, "a name is too long");
    return GODWIT_OK;
}

static godwit_status_t
parse_addresses (const godwit__matchmaker_options_t *options, char *addresses, godwit__record_t *record,
                 place_t place, godwit_error_t **error)
{
    const godwit__driver_t *const driver = options->driver;
    for (char *address = addresses, *next; address; address = next) {
        next = split (address, '|');
        if (record->address_count == GODWIT__RECORD_ADDRESS_MAX)
            return wrong (error, place, "too many addresses");
        if (strlen (address) >= GODWIT__ADDRESS_SIZE)
            return wrong (error, place, "an address is too long");
        if (strpbrk (address, SPACE))
            return wrong (error, place, "expected ',' between entries, and no space in an address");
        if (driver && !driver->ops->speaks (driver, address))
            return wrong (error, place, "an address that the driver cannot connect to");
        if ((options->refuses_tcp || options->realm) && godwit__address_is_abstract (address))
            return refuse_abstract (error, place, address);
        if (options->refuses_tcp && !strncmp (address, "tcp:", 4))
            return refuse_tcp (error, place, address);
        record->addresses[record->address_count++] = address;
    }
    return GODWIT_OK;
}

static godwit_status_t
parse_entry (fixed_t *self, const godwit__matchmaker_options_t *options, char *entry, place_t place,
             godwit_error_t **error)
{
    if (self->count == ENTRIES_MAX)
        return wrong (error, place, "too many");
    char *addresses = split (entry, '@');
    if (!addresses || addresses[0] == '\0')
        return wrong (error, place, "expected '@' and an address");
    godwit__record_t record;
    memset (&record, 0, sizeof record);
    record.revision = 1;
    record.state = GODWIT__RECORD_UP;
    record.weight = 1;
    godwit_status_t status = parse_names (entry, options->control_exchange ? options->control_exchange : "",
                                          &record, place, error);
    if (status == GODWIT_OK)
        status = parse_addresses (options, addresses, &record, place, error);
    if (status != GODWIT_OK)
        return status;
    self->records[self->count] = godwit__record_new (&record);
    if (!self->records[self->count])
        return godwit__error_no_memory (error);
    self->count++;
    return GODWIT_OK;
}

static char *
trim (char *text)
{
    text += strspn (text, SPACE);
    for (size_t size = strlen (text); size && strchr (SPACE, text[size - 1]); size--)
        text[size - 1] = '\0';
    return text;
}

/* Reads entries between commas; writes to the text. In a file, all entries of a line have the line's
 * number. */
static godwit_status_t
parse_entries (fixed_t *self, const godwit__matchmaker_options_t *options, char *text, place_t place,
               bool numbered, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (char *entry = text, *next; entry && status == GODWIT_OK; entry = next) {
        next = split (entry, ',');
        entry = trim (entry);
        if (entry[0] == '\0')
            continue;
        place.number += numbered;
        status = parse_entry (self, options, entry, place, error);
    }
    return status;
}

static godwit_status_t
parse_list (fixed_t *self, const godwit__matchmaker_options_t *options, godwit_error_t **error)
{
    if (!options->static_list)
        return GODWIT_OK;
    char name[512] = "static";
    if (options->static_where)
        snprintf (name, sizeof name, "Option static (%s)", options->static_where);
    char *const copy = strdup (options->static_list);
    if (!copy)
        return godwit__error_no_memory (error);
    const godwit_status_t status =
        parse_entries (self, options, copy, (place_t){name, "entry", 0}, true, error);
    free (copy);
    return status;
}

static godwit_status_t
parse_file (fixed_t *self, const godwit__matchmaker_options_t *options, godwit_error_t **error)
{
    char *text = NULL;
    if (!options->static_file)
        return GODWIT_OK;
    godwit_status_t status = godwit__read_file (&text, options->static_file, FILE_MAX_SIZE, error);
    place_t place = {options->static_file, "line", 0};
    for (char *line = text, *next; line && status == GODWIT_OK; line = next) {
        next = split (line, '\n');
        line[strcspn (line, "#")] = '\0';
        place.number++;
        status = parse_entries (self, options, line, place, false, error);
    }
    free (text);
    return status;
}

/* --- the interface --- */

static void
on_task (godwit__task_t *task)
{
    fixed_t *self = task->user;
    for (size_t i = 0; i < self->count; i++)
        self->events->seen (self->user, self->records[i]);
    self->events->synced (self->user);
    if (self->events->names)
        self->events->names (self->user, GODWIT__NAMES_TOLD, "");
}

static void
static_close (godwit__matchmaker_t *matchmaker)
{
    fixed_t *self = (fixed_t *) matchmaker;
    godwit__reactor_unpost (self->reactor, &self->task);
    for (size_t i = 0; i < self->count; i++)
        godwit__record_unref (&self->records[i]);
    free (self);
}

static godwit_status_t
static_open (godwit__matchmaker_t **matchmaker, const godwit__matchmaker_options_t *options,
             const godwit__matchmaker_events_t *events, void *user, godwit_error_t **error)
{
    fixed_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &godwit__matchmaker_static;
    self->reactor = options->reactor;
    self->events = events;
    self->user = user;
    self->task.run = on_task;
    self->task.user = self;
    godwit_status_t status = parse_list (self, options, error);
    if (status == GODWIT_OK)
        status = parse_file (self, options, error);
    if (status != GODWIT_OK) {
        static_close (&self->base);
        return status;
    }
    godwit__reactor_post (self->reactor, &self->task);
    *matchmaker = &self->base;
    return GODWIT_OK;
}

static godwit_status_t
static_announce (godwit__matchmaker_t *matchmaker, godwit__record_t *record, godwit_error_t **error)
{
    (void) matchmaker;
    return godwit__record_check (record, error); /* otherwise no peer could read it */
}

static void
static_withdraw (godwit__matchmaker_t *matchmaker, uint32_t server_id)
{
    (void) matchmaker;
    (void) server_id;
}

const godwit__matchmaker_ops_t godwit__matchmaker_static = {
    "static", static_open, static_announce, static_withdraw, NULL, NULL, static_close};
