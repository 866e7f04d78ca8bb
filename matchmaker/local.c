/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of one process: transports with the same driver, hosts and virtual host meet in a group.
 *
 * A group holds what its members announced. Each member remembers which records its transport knows. A task
 * on the member's own reactor compares them with the group. So nothing queues up for a transport that does
 * not run, no event is lost, and none runs on another transport's thread. One lock guards all groups: it is
 * held to copy references, never while an event runs.
 */
#include "src/interface/matchmaker.h"

#include "src/base/list.h"
#include "src/base/shared_lock.h"
#include "src/error/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 65536 /* of one group */
#define RETRY_MS 100

/* References, sorted by (instance, server_id). */
typedef struct record_set {
    godwit__record_t **items;
    size_t count;
    size_t capacity;
} record_set_t;

struct local;

typedef struct group {
    struct group *next;
    godwit__list_t members;
    record_set_t records;
    char *key;
} group_t;

typedef struct local {
    godwit__matchmaker_t base;
    godwit__list_node_t in_group;
    group_t *group;
    godwit__reactor_t *reactor;
    const uint8_t *instance;
    const godwit__matchmaker_events_t *events;
    void *user;
    godwit__task_t task;
    godwit__timer_t retry; /* for what failed because memory was short */
    record_set_t told;
    bool is_synced;
} local_t;

static godwit__shared_lock_t registry_lock = GODWIT__SHARED_LOCK;
static group_t *registry;

/* A child that fork() makes starts with an empty registry: what the parent registered is in another
 * process. */
static void
lock_registry (void)
{
    if (godwit__shared_lock (&registry_lock))
        registry = NULL;
}

/* --- sets of records --- */

static int
compare_keys (const uint8_t a_instance[GODWIT__UUID_SIZE], uint32_t a_server,
              const uint8_t b_instance[GODWIT__UUID_SIZE], uint32_t b_server)
{
    const int order = memcmp (a_instance, b_instance, GODWIT__UUID_SIZE);
    return order ? order : (a_server > b_server) - (a_server < b_server);
}

static int
compare (const godwit__record_t *a, const godwit__record_t *b)
{
    return compare_keys (a->instance, a->server_id, b->instance, b->server_id);
}

/* The index of the record, or where it would be inserted. */
static size_t
set_find (const record_set_t *set, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id, bool *found)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const godwit__record_t *at = set->items[middle];
        const int order = compare_keys (at->instance, at->server_id, instance, server_id);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

static bool
set_reserve (record_set_t *set, size_t count)
{
    if (count <= set->capacity)
        return true;
    const size_t capacity = count < 8 ? 8 : count + count / 2;
    godwit__record_t **items = realloc (set->items, capacity * sizeof (godwit__record_t *));
    if (!items)
        return false;
    set->items = items;
    set->capacity = capacity;
    return true;
}

static void
set_remove (record_set_t *set, size_t index)
{
    godwit__record_unref (&set->items[index]);
    set->count--;
    memmove (&set->items[index], &set->items[index + 1], (set->count - index) * sizeof (godwit__record_t *));
}

static void
set_clear (record_set_t *set)
{
    for (size_t i = 0; i < set->count; i++)
        godwit__record_unref (&set->items[i]);
    free (set->items);
    memset (set, 0, sizeof *set);
}

static bool
set_copy (record_set_t *to, const record_set_t *from)
{
    memset (to, 0, sizeof *to);
    if (!set_reserve (to, from->count))
        return false;
    for (size_t i = 0; i < from->count; i++)
        to->items[i] = godwit__record_ref (from->items[i]);
    to->count = from->count;
    return true;
}

/* --- telling --- */

/* Sends events for the difference between two sorted sets. */
static void
tell_changes (local_t *self, const record_set_t *before, const record_set_t *after)
{
    size_t b = 0;
    size_t a = 0;
    while (b < before->count || a < after->count) {
        const int order = b == before->count  ? 1
                          : a == after->count ? -1
                                              : compare (before->items[b], after->items[a]);
        if (order < 0) {
            self->events->gone (self->user, before->items[b]->instance, before->items[b]->server_id, true);
            b++;
            continue;
        }
        if (order > 0 || before->items[b] != after->items[a])
            self->events->seen (self->user, after->items[a]);
        b += order == 0;
        a++;
    }
}

static void
tell (local_t *self)
{
    record_set_t now;
    lock_registry ();
    const bool copied = set_copy (&now, &self->group->records);
    godwit__shared_unlock (&registry_lock);
    if (!copied) {
        godwit__reactor_arm (self->reactor, &self->retry,
                             godwit__reactor_now (self->reactor) + RETRY_MS * GODWIT__NS_PER_MS);
        return;
    }
    record_set_t before = self->told;
    self->told = now;
    tell_changes (self, &before, &now);
    set_clear (&before);
    if (self->is_synced)
        return;
    self->is_synced = true;
    self->events->synced (self->user);
    if (self->events->names)
        self->events->names (self->user, GODWIT__NAMES_TOLD, "");
}

static void
on_task (godwit__task_t *task)
{
    tell (task->user);
}

static void
on_retry (godwit__timer_t *timer)
{
    tell (timer->user);
}

/* Lock held: a member that closes waits for it, so no task is posted to a reactor that is gone. */
static void
post_all (const group_t *group)
{
    for (local_t *member = GODWIT__FIRST (&group->members, local_t, in_group); member;
         member = GODWIT__NEXT (&group->members, member, local_t, in_group))
        godwit__reactor_post (member->reactor, &member->task);
}

/* --- groups --- */

/* Driver name, hosts and virtual host, with a byte between them that none of them can hold. NULL: no memory.
 */
static char *
make_key (const godwit__matchmaker_options_t *options)
{
    const char *const driver =
        options->driver ? options->driver->ops->name : godwit_url_driver (options->url);
    const char *const virtual_host = options->virtual_host ? options->virtual_host : "";
    const size_t host_count = godwit_url_host_count (options->url);
    size_t size = strlen (driver) + strlen (virtual_host) + 3;
    for (size_t i = 0; i < host_count; i++)
        size += strlen (godwit_url_host (options->url, i)->hostname) + 8;
    char *key = calloc (1, size);
    if (!key)
        return NULL;
    size_t used = (size_t) snprintf (key, size, "%s\n", driver);
    for (size_t i = 0; i < host_count; i++) {
        const godwit_url_host_t *host = godwit_url_host (options->url, i);
        used += (size_t) snprintf (key + used, size - used, "%s:%d,", host->hostname, host->port);
    }
    snprintf (key + used, size - used, "\n%s", virtual_host);
    return key;
}

/* Lock held. Consumes the key. NULL: no memory. */
static group_t *
find_or_make_group (char *key)
{
    group_t *group = registry;
    while (group && strcmp (group->key, key) != 0)
        group = group->next;
    if (group || !(group = calloc (1, sizeof *group))) {
        free (key);
        return group;
    }
    group->key = key;
    godwit__list_init (&group->members);
    group->next = registry;
    registry = group;
    return group;
}

/* Lock held. */
static void
leave_group (local_t *self)
{
    group_t *group = self->group;
    godwit__list_remove (&self->in_group);
    for (size_t i = group->records.count; i-- > 0;) {
        if (memcmp (group->records.items[i]->instance, self->instance, GODWIT__UUID_SIZE) == 0)
            set_remove (&group->records, i);
    }
    post_all (group);
    if (!godwit__list_is_empty (&group->members))
        return;
    group_t **link = &registry;
    while (*link && *link != group)
        link = &(*link)->next;
    if (*link)
        *link = group->next;
    set_clear (&group->records);
    free (group->key);
    free (group);
}

/* --- the interface --- */

static godwit_status_t
local_open (godwit__matchmaker_t **matchmaker, const godwit__matchmaker_options_t *options,
            const godwit__matchmaker_events_t *events, void *user, godwit_error_t **error)
{
    local_t *self = calloc (1, sizeof *self);
    char *key = make_key (options);
    if (!self || !key) {
        free (self);
        free (key);
        return godwit__error_no_memory (error);
    }
    self->base.ops = &godwit__matchmaker_local;
    self->reactor = options->reactor;
    self->instance = options->instance;
    self->events = events;
    self->user = user;
    self->task.run = on_task;
    self->task.user = self;
    self->retry.fire = on_retry;
    self->retry.user = self;
    lock_registry ();
    self->group = find_or_make_group (key);
    if (self->group) {
        godwit__list_prepend (&self->group->members, &self->in_group);
        godwit__reactor_post (self->reactor, &self->task);
    }
    godwit__shared_unlock (&registry_lock);
    if (!self->group) {
        free (self);
        return godwit__error_no_memory (error);
    }
    *matchmaker = &self->base;
    return GODWIT_OK;
}

static godwit_status_t
local_announce (godwit__matchmaker_t *matchmaker, godwit__record_t *record, godwit_error_t **error)
{
    local_t *self = (local_t *) matchmaker;
    godwit_status_t status = godwit__record_check (record, error);
    if (status != GODWIT_OK)
        return status;
    if (memcmp (record->instance, self->instance, GODWIT__UUID_SIZE) != 0)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "record.instance: another transport's");
    lock_registry ();
    record_set_t *records = &self->group->records;
    bool found = false;
    const size_t index = set_find (records, record->instance, record->server_id, &found);
    if (found) {
        godwit__record_t *before = records->items[index];
        records->items[index] = godwit__record_ref (record);
        godwit__record_unref (&before);
    } else if (records->count == RECORDS_MAX) {
        status = godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "more than %d servers", RECORDS_MAX);
    } else if (!set_reserve (records, records->count + 1)) {
        status = godwit__error_no_memory (error);
    } else {
        memmove (&records->items[index + 1], &records->items[index],
                 (records->count - index) * sizeof (godwit__record_t *));
        records->items[index] = godwit__record_ref (record);
        records->count++;
    }
    if (status == GODWIT_OK)
        post_all (self->group);
    godwit__shared_unlock (&registry_lock);
    return status;
}

static void
local_withdraw (godwit__matchmaker_t *matchmaker, uint32_t server_id)
{
    local_t *self = (local_t *) matchmaker;
    lock_registry ();
    bool found = false;
    const size_t index = set_find (&self->group->records, self->instance, server_id, &found);
    if (found) {
        set_remove (&self->group->records, index);
        post_all (self->group);
    }
    godwit__shared_unlock (&registry_lock);
}

static void
local_close (godwit__matchmaker_t *matchmaker)
{
    local_t *self = (local_t *) matchmaker;
    lock_registry ();
    leave_group (self);
    godwit__shared_unlock (&registry_lock);
    godwit__reactor_unpost (self->reactor, &self->task);
    godwit__reactor_disarm (self->reactor, &self->retry);
    set_clear (&self->told);
    free (self);
}

const godwit__matchmaker_ops_t godwit__matchmaker_local = {
    "local", local_open, local_announce, local_withdraw, NULL, NULL, local_close};
