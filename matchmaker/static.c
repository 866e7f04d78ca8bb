/* Servers that the URL lists: ?static=[exchange/]topic/server@address[|address...][,...]
 *
 *     zmq:///?static=calc/one@tcp://10.0.0.1:9000,billing/calc/two@ipc:///run/two|tcp://10.0.0.2:9000
 *
 * An entry without an exchange is in the transport's control exchange. Who the servers are is not known
 * before they answer, so their records have the instance of all zeroes and no number. What this transport
 * announces is told to nobody.
 */
#include "src/matchmaker.h"

#include "matchmaker/record_check.h"
#include "src/error.h"

#include <stdlib.h>
#include <string.h>

#define OPTION "static"
#define ENTRIES_MAX 1024
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

static godwit_status_t
wrong (godwit_error_t **error, size_t number, const char *reason)
{
    return godwit__error_set (error, GODWIT_ERR_INVALID_URL, OPTION ": entry %zu: %s", number, reason);
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
parse_names (char *names, const char *exchange, godwit__record_t *record, size_t number,
             godwit_error_t **error)
{
    char *second = split (names, '/');
    char *third = second ? split (second, '/') : NULL;
    if (!second || (third && strchr (third, '/')))
        return wrong (error, number, "expected [exchange/]topic/server");
    record->exchange = third ? names : exchange;
    record->topic = third ? second : names;
    record->server = third ? third : second;
    if (record->topic[0] == '\0' || record->server[0] == '\0')
        return wrong (error, number, "an empty name");
    if (strlen (record->exchange) > NAME_MAX_SIZE || strlen (record->topic) > NAME_MAX_SIZE ||
        strlen (record->server) > NAME_MAX_SIZE)
        return wrong (error, number, "a name is too long");
    return GODWIT_OK;
}

static godwit_status_t
parse_addresses (const godwit__driver_t *driver, char *addresses, godwit__record_t *record, size_t number,
                 godwit_error_t **error)
{
    for (char *address = addresses, *next; address; address = next) {
        next = split (address, '|');
        if (record->address_count == GODWIT__RECORD_ADDRESS_MAX)
            return wrong (error, number, "too many addresses");
        if (strlen (address) >= GODWIT__ADDRESS_SIZE)
            return wrong (error, number, "an address is too long");
        if (driver && !driver->ops->speaks (address))
            return wrong (error, number, "an address that the driver cannot connect to");
        record->addresses[record->address_count++] = address;
    }
    return GODWIT_OK;
}

static godwit_status_t
parse_entry (fixed_t *self, const godwit__matchmaker_options_t *options, char *entry, godwit_error_t **error)
{
    const size_t number = self->count + 1;
    if (self->count == ENTRIES_MAX)
        return wrong (error, number, "too many");
    char *addresses = split (entry, '@');
    if (!addresses || addresses[0] == '\0')
        return wrong (error, number, "expected '@' and an address");
    godwit__record_t record;
    memset (&record, 0, sizeof record);
    record.revision = 1;
    record.state = GODWIT__RECORD_UP;
    record.weight = 1;
    godwit_status_t status = parse_names (entry, options->control_exchange ? options->control_exchange : "",
                                          &record, number, error);
    if (status == GODWIT_OK)
        status = parse_addresses (options->driver, addresses, &record, number, error);
    if (status != GODWIT_OK)
        return status;
    self->records[self->count] = godwit__record_new (&record);
    if (!self->records[self->count])
        return godwit__error_no_memory (error);
    self->count++;
    return GODWIT_OK;
}

static godwit_status_t
parse_list (fixed_t *self, const godwit__matchmaker_options_t *options, godwit_error_t **error)
{
    const char *list = godwit_url_query_get (options->url, OPTION);
    if (!list)
        return GODWIT_OK;
    char *copy = strdup (list);
    if (!copy)
        return godwit__error_no_memory (error);
    godwit_status_t status = GODWIT_OK;
    for (char *entry = copy, *next; entry && status == GODWIT_OK; entry = next) {
        next = split (entry, ',');
        if (entry[0] != '\0')
            status = parse_entry (self, options, entry, error);
    }
    free (copy);
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
    const godwit_status_t status = parse_list (self, options, error);
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
    return godwit__record_check (record, error); /* who asks for it could not read it otherwise */
}

static void
static_withdraw (godwit__matchmaker_t *matchmaker, uint32_t server_id)
{
    (void) matchmaker;
    (void) server_id;
}

const godwit__matchmaker_ops_t godwit__matchmaker_static = {"static", static_open, static_announce,
                                                            static_withdraw, static_close};
