/* SPDX-License-Identifier: Apache-2.0 */
/* Rules in memory. They are made by yaml.c, and do not change afterwards. */
#ifndef GODWIT_COMPONENTS_ROUTING_RULES_H
#define GODWIT_COMPONENTS_ROUTING_RULES_H

#include <godwit/routing.h>

/* The rule of a driver in one group. */
typedef struct godwit__routing_rule {
    char **events; /* patterns; none: all events */
    size_t event_count;
    unsigned priorities; /* bits by godwit_priority_t; 0: all */
} godwit__routing_rule_t;

/* A driver, and its rules in all groups. */
typedef struct godwit__routing_driver {
    char *name;
    char *where; /* "routes.yaml:7", where it was named first */
    godwit__routing_rule_t *rules;
    size_t rule_count;
} godwit__routing_driver_t;

typedef struct godwit__routing_rules {
    godwit__routing_driver_t *drivers;
    size_t driver_count;
} godwit__routing_rules_t;

/* The driver of this name, which is added if it is not there; where is copied. NULL when memory is short. */
godwit__routing_driver_t *godwit__routing_driver (godwit__routing_rules_t *rules, const char *name,
                                                  const char *where);
/* Adds an empty rule, and an event to a rule. NULL, false: memory is short. */
godwit__routing_rule_t *godwit__routing_add_rule (godwit__routing_driver_t *driver);
bool godwit__routing_add_event (godwit__routing_rule_t *rule, const char *pattern);

bool godwit__routing_accepts (const godwit__routing_driver_t *driver, const char *event_type,
                              godwit_priority_t priority);

/* Frees what it holds, not the struct. */
void godwit__routing_clear (godwit__routing_rules_t *rules);

#endif
