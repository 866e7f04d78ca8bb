/* SPDX-License-Identifier: Apache-2.0 */
/* The component's interface: a file is read, and its rules are asked. */
#include "components/routing/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_SIZE = 1 << 20 };

static godwit_status_t
fail (const char *path, godwit_status_t status, const char *what, godwit_error_t **error)
{
    if (error)
        *error = godwit_error_new (status, "%s: %s", path, what);
    return status;
}

/* *text belongs to the caller. */
static godwit_status_t
read_file (char **text, size_t *size, const char *path, godwit_error_t **error)
{
    char why[128];
    FILE *const file = fopen (path, "re");
    if (!file)
        return fail (path, GODWIT_ERR_SYSTEM, strerror_r (errno, why, sizeof why), error);
    char *const data = malloc (FILE_MAX_SIZE + 1);
    const size_t got = data ? fread (data, 1, FILE_MAX_SIZE + 1, file) : 0;
    const int read_error = ferror (file) ? errno : 0;
    fclose (file);
    godwit_status_t status = GODWIT_OK;
    if (!data)
        status = fail (path, GODWIT_ERR_OUT_OF_MEMORY, "out of memory", error);
    else if (read_error)
        status = fail (path, GODWIT_ERR_SYSTEM, strerror_r (read_error, why, sizeof why), error);
    else if (got > FILE_MAX_SIZE)
        status = fail (path, GODWIT_ERR_LIMIT_EXCEEDED, "expected at most 1 MiB of rules", error);
    if (status) {
        free (data);
        return status;
    }
    *text = data;
    *size = got;
    return GODWIT_OK;
}

static godwit_status_t
open_rules (void **rules, const char *path, godwit_error_t **error)
{
    char *text = NULL;
    size_t size = 0;
    godwit_status_t status = read_file (&text, &size, path, error);
    if (status)
        return status;
    godwit__routing_rules_t *const made = calloc (1, sizeof *made);
    status = made ? godwit__routing_parse (made, text, size, path, error)
                  : fail (path, GODWIT_ERR_OUT_OF_MEMORY, "out of memory", error);
    free (text);
    if (status)
        free (made);
    else
        *rules = made;
    return status;
}

static void
close_rules (void *rules)
{
    godwit__routing_clear (rules);
    free (rules);
}

static const char *
driver_name (const void *rules, size_t index, const char **where)
{
    const godwit__routing_rules_t *const known = rules;
    if (index >= known->driver_count)
        return NULL;
    *where = known->drivers[index].where;
    return known->drivers[index].name;
}

static bool
accepts (const void *rules, size_t index, const char *event_type, godwit_priority_t priority)
{
    const godwit__routing_rules_t *const known = rules;
    return godwit__routing_accepts (&known->drivers[index], event_type, priority);
}

static const godwit_routing_t yaml_routing = {.struct_size = sizeof yaml_routing,
                                              .open = open_rules,
                                              .close = close_rules,
                                              .driver = driver_name,
                                              .accepts = accepts};

const godwit_routing_t *
godwit_routing_yaml (void)
{
    return &yaml_routing;
}
