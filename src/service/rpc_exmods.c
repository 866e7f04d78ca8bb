/* SPDX-License-Identifier: Apache-2.0 */
#include "src/service/rpc_exmods.h"

#include <godwit/service.h>

#include "src/base/process.h"
#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

#define EXTRA_MAX 256

static const char *const allowed[] = {"godwit"};

#define ALLOWED_COUNT (sizeof allowed / sizeof allowed[0])

/* Guarded by the process's lock. */
static char *extra[EXTRA_MAX];
static size_t extra_count;

static const char *
module_at (size_t index)
{
    return index < ALLOWED_COUNT ? allowed[index] : extra[index - ALLOWED_COUNT];
}

static size_t
module_count (void)
{
    return ALLOWED_COUNT + extra_count;
}

/* Takes *copy_p if there is room. A module that is there already needs no room. */
static bool
add (char **copy_p)
{
    for (size_t i = 0; i < module_count (); i++)
        if (!strcmp (module_at (i), *copy_p))
            return true;
    if (extra_count == EXTRA_MAX)
        return false;
    extra[extra_count++] = *copy_p;
    *copy_p = NULL;
    return true;
}

godwit_status_t
godwit_rpc_add_extra_exmod (const char *module, godwit_error_t **error)
{
    if (!module || !*module || strchr (module, ','))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "module: expected one name, got %s%.64s%s", module ? "\"" : "",
                                  module ? module : "NULL", module ? "\"" : "");
    char *copy = strdup (module);
    if (!copy)
        return godwit__error_no_memory (error);
    godwit__process_lock ();
    const bool is_there = add (&copy);
    godwit__process_unlock ();
    free (copy);
    return is_there
               ? GODWIT_OK
               : godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                                    "module %.64s: %d extra modules are there already", module, EXTRA_MAX);
}

void
godwit_rpc_clear_extra_exmods (void)
{
    godwit__process_lock ();
    while (extra_count)
        free (extra[--extra_count]);
    godwit__process_unlock ();
}

godwit_status_t
godwit_rpc_get_allowed_exmods (godwit_value_t **modules, godwit_error_t **error)
{
    if (!modules)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "modules: expected a pointer, got NULL");
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    godwit__process_lock ();
    for (size_t i = 0; i < module_count (); i++)
        godwit_builder_str (builder, NULL, module_at (i));
    godwit__process_unlock ();
    godwit_builder_close (builder);
    return godwit_builder_finish (&builder, modules, error);
}

char *
godwit__rpc_join_exmods (const char *further)
{
    size_t size = further ? strlen (further) + 1 : 1;
    godwit__process_lock ();
    for (size_t i = 0; i < module_count (); i++)
        size += strlen (module_at (i)) + 1;
    char *joined = malloc (size);
    char *end = joined;
    for (size_t i = 0; joined && i < module_count (); i++) {
        if (i > 0)
            *end++ = ',';
        end = stpcpy (end, module_at (i));
    }
    godwit__process_unlock ();
    if (joined && further && *further) {
        *end++ = ',';
        stpcpy (end, further);
    }
    return joined;
}
