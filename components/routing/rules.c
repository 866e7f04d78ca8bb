/* SPDX-License-Identifier: Apache-2.0 */
#include "components/routing/rules.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more; arrays grow when their count is a power of two. */
static void *
grown (void *items, size_t count, size_t size)
{
    return count & (count - 1) ? items : realloc (items, (count ? 2 * count : 1) * size);
}

godwit__routing_driver_t *
godwit__routing_driver (godwit__routing_rules_t *rules, const char *name, const char *where)
{
    for (size_t i = 0; i < rules->driver_count; i++)
        if (strcmp (rules->drivers[i].name, name) == 0)
            return &rules->drivers[i];
    godwit__routing_driver_t *const drivers =
        grown (rules->drivers, rules->driver_count, sizeof *rules->drivers);
    if (!drivers)
        return NULL;
    rules->drivers = drivers;
    godwit__routing_driver_t *const driver = &drivers[rules->driver_count];
    *driver = (godwit__routing_driver_t){.name = strdup (name), .where = strdup (where)};
    rules->driver_count++;
    return driver->name && driver->where ? driver : NULL;
}

godwit__routing_rule_t *
godwit__routing_add_rule (godwit__routing_driver_t *driver)
{
    godwit__routing_rule_t *const rules = grown (driver->rules, driver->rule_count, sizeof *driver->rules);
    if (!rules)
        return NULL;
    driver->rules = rules;
    rules[driver->rule_count] = (godwit__routing_rule_t){.events = NULL};
    return &rules[driver->rule_count++];
}

bool
godwit__routing_add_event (godwit__routing_rule_t *rule, const char *pattern)
{
    char **const events = grown (rule->events, rule->event_count, sizeof *rule->events);
    if (!events)
        return false;
    rule->events = events;
    events[rule->event_count] = strdup (pattern);
    return events[rule->event_count] && ++rule->event_count;
}

static bool
accepts_event (const godwit__routing_rule_t *rule, const char *event_type)
{
    for (size_t i = 0; i < rule->event_count; i++)
        if (fnmatch (rule->events[i], event_type, FNM_NOESCAPE) == 0)
            return true;
    return !rule->event_count;
}

bool
godwit__routing_accepts (const godwit__routing_driver_t *driver, const char *event_type,
                         godwit_priority_t priority)
{
    for (size_t i = 0; i < driver->rule_count; i++) {
        const godwit__routing_rule_t *const rule = &driver->rules[i];
        if ((!rule->priorities || rule->priorities & 1u << priority) && accepts_event (rule, event_type))
            return true;
    }
    return false;
}

void
godwit__routing_clear (godwit__routing_rules_t *rules)
{
    for (size_t i = 0; i < rules->driver_count; i++) {
        godwit__routing_driver_t *const driver = &rules->drivers[i];
        for (size_t k = 0; k < driver->rule_count; k++) {
            for (size_t m = 0; m < driver->rules[k].event_count; m++)
                free (driver->rules[k].events[m]);
            free (driver->rules[k].events);
        }
        free (driver->rules);
        free (driver->name);
        free (driver->where);
    }
    free (rules->drivers);
    *rules = (godwit__routing_rules_t){.drivers = NULL};
}
