/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/slots_check.h"

#include "tools/godwit/near.h"

#include <godwit/target.h>

#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 1024
/* Namespaces of the library itself, such as godwit.introspection. They are not described. */
#define RESERVED "godwit."

/* ---- what is described ---- */

static const char *
text_of (const godwit_value_t *map, const char *key)
{
    return godwit_value_as_str (godwit_value_get (map, key), NULL);
}

static const godwit_value_t *
list_of (const godwit_value_t *map, const char *key)
{
    const godwit_value_t *const list = godwit_value_get (map, key);
    return godwit_value_type (list) == GODWIT_TYPE_LIST ? list : NULL;
}

static bool
is_same (const char *a, const char *b)
{
    return a && b ? strcmp (a, b) == 0 : a == b;
}

static bool
is_in_namespace (const godwit_value_t *endpoint, const char *name_space)
{
    const godwit_value_t *const further = list_of (endpoint, "legacy_namespaces");
    if (is_same (text_of (endpoint, "namespace"), name_space))
        return true;
    for (size_t i = 0; i < godwit_value_count (further); i++)
        if (is_same (godwit_value_as_str (godwit_value_at (further, i), NULL), name_space))
            return true;
    return false;
}

/* A call without a version asks for 1.0; without one in the description, any is served. */
static bool
serves (const godwit_value_t *endpoint, const char *version)
{
    const char *const implemented = text_of (endpoint, "version");
    bool is_compatible = true;
    if (implemented &&
        godwit_version_compatible (implemented, version ? version : "1.0", &is_compatible, NULL) != GODWIT_OK)
        return true;
    return is_compatible;
}

static const godwit_value_t *
find_named (const godwit_value_t *list, const char *name)
{
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const char *const text = text_of (godwit_value_at (list, i), "name");
        if (text && strcmp (text, name) == 0)
            return godwit_value_at (list, i);
    }
    return NULL;
}

static void
offer_all (near_t *near, const godwit_value_t *list)
{
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const char *const text = text_of (godwit_value_at (list, i), "name");
        if (text)
            near_offer (near, text);
    }
}

/* ---- errors ---- */

/* "; did you mean ...?" The caller's; NULL when memory is short. */
static char *
near_text (const near_t *near, const char *what)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream (&text, &size);
    if (!to)
        return NULL;
    near_print (to, near, what);
    fclose (to);
    return text;
}

static godwit_status_t
fail_near (godwit_status_t status, const char *text, const near_t *near, const char *what,
           godwit_error_t **error)
{
    char *const hint = near_text (near, what);
    *error = godwit_error_new (status, "%.*s%s", TEXT_SIZE, text, hint ? hint : "");
    free (hint);
    return status;
}

/* ---- arguments ---- */

/* How a slot of a type takes a value; a type that is not known here takes everything. */
static bool
takes (const char *type, const godwit_value_t *value)
{
    const godwit_type_t given = godwit_value_type (value);
    if (strcmp (type, "int") == 0)
        return given == GODWIT_TYPE_INT;
    if (strcmp (type, "uint") == 0)
        return given == GODWIT_TYPE_UINT || godwit_value_as_int (value, -1) >= 0;
    if (strcmp (type, "double") == 0)
        return given == GODWIT_TYPE_DOUBLE || given == GODWIT_TYPE_INT;
    for (godwit_type_t known = GODWIT_TYPE_BOOL; known <= GODWIT_TYPE_MAP; known++)
        if (strcmp (type, godwit_type_name (known)) == 0)
            return known == given;
    return true;
}

static godwit_status_t
check_type (const char *name, const char *type, const godwit_value_t *value, godwit_error_t **error)
{
    if (takes (type, value))
        return GODWIT_OK;
    const bool is_text = godwit_value_type (value) == GODWIT_TYPE_STR;
    *error = godwit_error_new (GODWIT_ERR_TYPE_MISMATCH, "args.%.128s: expected %.64s, got %s%s%.128s%s",
                               name, type, godwit_type_name (godwit_value_type (value)),
                               is_text ? "; KEY=TEXT is always a text, write " : "", is_text ? name : "",
                               is_text ? ":=JSON" : "");
    return GODWIT_ERR_TYPE_MISMATCH;
}

static godwit_status_t
check_slot (const godwit_value_t *slot, const godwit_value_t *args, godwit_error_t **error)
{
    const char *const name = text_of (slot, "name"), *const type = text_of (slot, "type");
    const godwit_value_t *const value = name ? godwit_value_get (args, name) : NULL;
    if (!name)
        return GODWIT_OK;
    if (godwit_value_type (value) != GODWIT_TYPE_NIL)
        return type ? check_type (name, type, value, error) : GODWIT_OK;
    if (!godwit_value_as_bool (godwit_value_get (slot, "required"), false))
        return GODWIT_OK;
    *error = godwit_error_new (GODWIT_ERR_NOT_FOUND, "args.%.128s: missing (%.64s)%s%.256s", name,
                               type ? type : "any type", text_of (slot, "doc") ? ": " : "",
                               text_of (slot, "doc") ? text_of (slot, "doc") : "");
    return GODWIT_ERR_NOT_FOUND;
}

static godwit_status_t
check_names (const godwit_value_t *slots, const godwit_value_t *args, godwit_error_t **error)
{
    char text[TEXT_SIZE];
    for (size_t i = 0; i < godwit_value_count (args); i++) {
        const char *const name = godwit_value_key_at (args, i);
        if (find_named (slots, name))
            continue;
        near_t near = {.wanted = name};
        offer_all (&near, slots);
        snprintf (text, sizeof text, "args.%.128s: the method has no argument of this name", name);
        return fail_near (GODWIT_ERR_INVALID_ARGUMENT, text, &near, "arguments", error);
    }
    return GODWIT_OK;
}

static godwit_status_t
check_args (const godwit_value_t *method, const godwit_value_t *args, godwit_error_t **error)
{
    const godwit_value_t *const slots = list_of (method, "slots");
    if (!slots)
        return GODWIT_OK; /* it takes any */
    godwit_status_t status = check_names (slots, args, error);
    for (size_t i = 0; i < godwit_value_count (slots) && !status; i++)
        status = check_slot (godwit_value_at (slots, i), args, error);
    return status;
}

/* ---- the method ---- */

static godwit_status_t
fail_version (const godwit_value_t *endpoints, const char *name_space, const char *version,
              godwit_error_t **error)
{
    char text[TEXT_SIZE];
    size_t used = 0;
    for (size_t i = 0; i < godwit_value_count (endpoints) && used < sizeof text - 1; i++) {
        const godwit_value_t *const endpoint = godwit_value_at (endpoints, i);
        const char *const name = text_of (endpoint, "namespace"), *const number =
                                                                      text_of (endpoint, "version");
        const int length = snprintf (text + used, sizeof text - used, "%s%.128s%s%.64s", used ? ", " : "",
                                     name ? name : "", name ? " " : "", number ? number : "?");
        used += length < 0 ? 0 : (size_t) length;
    }
    *error =
        godwit_error_new (GODWIT_ERR_UNSUPPORTED_VERSION, "the server has no %s%.128s%s%.64s; it serves %s",
                          name_space ? "namespace " : "version ", name_space ? name_space : "",
                          name_space && version ? " " : "",
                          version      ? version
                          : name_space ? ""
                                       : "1.0 without a namespace",
                          used ? text : "nothing");
    return GODWIT_ERR_UNSUPPORTED_VERSION;
}

godwit_status_t
slots_check (const godwit_value_t *described, const char *name_space, const char *version, const char *method,
             const godwit_value_t *args, godwit_error_t **error)
{
    const godwit_value_t *const endpoints = list_of (described, "endpoints");
    char text[TEXT_SIZE];
    near_t near = {.wanted = method};
    bool is_served = false;
    if (!endpoints || (name_space && strncmp (name_space, RESERVED, strlen (RESERVED)) == 0))
        return GODWIT_OK;
    for (size_t i = 0; i < godwit_value_count (endpoints); i++) {
        const godwit_value_t *const endpoint = godwit_value_at (endpoints, i);
        const godwit_value_t *const methods = list_of (endpoint, "methods");
        if (!is_in_namespace (endpoint, name_space) || !serves (endpoint, version))
            continue;
        const godwit_value_t *const found = find_named (methods, method);
        if (found || !methods)
            return check_args (found, args, error);
        is_served = true;
        offer_all (&near, methods);
    }
    if (!is_served)
        return fail_version (endpoints, name_space, version, error);
    snprintf (text, sizeof text, "the server has no method %.128s", method);
    return fail_near (GODWIT_ERR_NO_SUCH_METHOD, text, &near, "methods", error);
}
