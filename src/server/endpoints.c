/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and copies of endpoints. */
#include "src/server/endpoints.h"

#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- sizes ---- */

godwit_status_t
godwit__endpoints_check (const godwit_endpoint_t *endpoints, size_t count, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    if (count && !endpoints)
        return godwit__error_null (error, "endpoints");
    for (size_t i = 0; i < count && status == GODWIT_OK; i++) {
        const char *const at = (const char *) endpoints + i * endpoints->struct_size;
        size_t size;
        memcpy (&size, at, sizeof size);
        if (i && size != endpoints->struct_size)
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "endpoints[%zu].struct_size: expected %zu, as of endpoints[0], got %zu",
                                      i, endpoints->struct_size, size);
        status = godwit__struct_check (&godwit__struct_endpoint, at, error);
        if (status == GODWIT_OK) {
            const godwit_endpoint_t endpoint = godwit__endpoint_at (endpoints, i);
            status = godwit__struct_check_rows (&godwit__struct_method, endpoint.methods,
                                                endpoint.method_size, endpoint.method_count, error);
        }
    }
    return status;
}

/* ---- copies ---- */

/* True if it could be copied, or there is none. */
static bool
copy_text (const char **to, const char *from)
{
    *to = from ? strdup (from) : NULL;
    return *to || !from;
}

static void
free_text (const char *text)
{
    free ((void *) (uintptr_t) text);
}

/* A member of the copy that is NULL was not copied yet. */
static bool
copy_strings (godwit_endpoint_t *copy, const godwit_endpoint_t *from)
{
    const char **names = calloc (from->legacy_namespace_count + 1, sizeof *names);
    copy->legacy_namespaces = names;
    if (!names || !copy_text (&copy->name_space, from->name_space) ||
        !copy_text (&copy->version, from->version))
        return false;
    for (size_t i = 0; i < from->legacy_namespace_count; i++)
        if (!copy_text (&names[i], from->legacy_namespaces[i]))
            return false;
    return true;
}

godwit_status_t
godwit__endpoints_copy (godwit_endpoint_t **copies, const godwit_endpoint_t *endpoints, size_t count,
                        godwit_error_t **error)
{
    *copies = NULL;
    const godwit_status_t status = godwit__endpoints_check (endpoints, count, error);
    if (status || !count)
        return status;
    godwit_endpoint_t *made = calloc (count, sizeof *made);
    if (!made)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < count; i++) {
        const godwit_endpoint_t from = godwit__endpoint_at (endpoints, i);
        if (from.legacy_namespace_count && !from.legacy_namespaces) {
            godwit__endpoints_free (made, i);
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "endpoints[%zu].legacy_namespaces: expected %zu, got NULL", i,
                                      from.legacy_namespace_count);
        }
        made[i] = from;
        made[i].struct_size = sizeof made[i];
        made[i].name_space = made[i].version = NULL;
        if (!copy_strings (&made[i], &from)) {
            godwit__endpoints_free (made, i + 1);
            return godwit__error_no_memory (error);
        }
    }
    *copies = made;
    return GODWIT_OK;
}

void
godwit__endpoints_free (godwit_endpoint_t *copies, size_t count)
{
    for (size_t i = 0; copies && i < count; i++) {
        for (size_t j = 0; copies[i].legacy_namespaces && j < copies[i].legacy_namespace_count; j++)
            free_text (copies[i].legacy_namespaces[j]);
        free ((void *) (uintptr_t) copies[i].legacy_namespaces);
        free_text (copies[i].name_space);
        free_text (copies[i].version);
    }
    free (copies);
}
