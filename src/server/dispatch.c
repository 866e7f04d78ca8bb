/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the method that answers a request. */
#include "src/server/dispatch_inside.h"

#include "src/base/hash.h"
#include "src/error/error.h"
#include "src/server/endpoints.h"
#include "src/server/method_list.h"
#include "src/value/msgpack/codec.h"
#include "src/value/slots.h"
#include "src/wire/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Only the server's author chooses the names in the table: so the hash needs no seed. */
static uint64_t
hash_of (const char *name, size_t size)
{
    return godwit__hash (0, name, size);
}

static bool
is_named (const godwit__route_t *route, const char *name, size_t size)
{
    return route->name_size == size && memcmp (route->method.name, name, size) == 0;
}

/* NULL: no method of that name can be called. */
static godwit__route_t *
first_route (const godwit__dispatch_t *dispatch, const char *name, size_t size)
{
    godwit__route_t *at =
        GODWIT__TABLE_FIND (&dispatch->names, hash_of (name, size), godwit__route_t, by_name);
    while (at && !is_named (at, name, size))
        at = GODWIT__TABLE_FIND_NEXT (at, godwit__route_t, by_name);
    return at;
}

/* ---- making ---- */

static bool
is_allowed (const godwit__policy_t *policy, const godwit_endpoint_t *endpoint, const godwit_method_t *method)
{
    switch (policy->kind) {
    case GODWIT_POLICY_LEGACY:
        return true;
    case GODWIT_POLICY_EXPLICIT:
        return method->flags & GODWIT_METHOD_EXPOSED;
    case GODWIT_POLICY_CUSTOM:
        return policy->allow (policy->allow_user, endpoint, method);
    case GODWIT_POLICY_DEFAULT:
        break;
    }
    return method->name[0] != '_';
}

static godwit_status_t
check_policy (const godwit__policy_t *policy, godwit_error_t **error)
{
    if ((unsigned) policy->kind > GODWIT_POLICY_CUSTOM)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "policy: expected one of godwit_policy_t, got %u", (unsigned) policy->kind);
    if (policy->kind == GODWIT_POLICY_CUSTOM && !policy->allow)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "allow: expected a function with GODWIT_POLICY_CUSTOM, got NULL");
    return GODWIT_OK;
}

static bool
copy_text (godwit__accepted_t *to, const char *text)
{
    to->size = text ? strlen (text) : 0;
    to->text = text ? strdup (text) : NULL;
    return !text || to->text;
}

static bool
accept_namespace (godwit__endpoint_entry_t *endpoint, const char *text)
{
    return copy_text (&endpoint->accepted[endpoint->accepted_count++], text);
}

/* Introspection has its own way to a server: an endpoint of that name would never be reached. */
static bool
is_reserved (const char *name_space)
{
    return name_space &&
           strncmp (name_space, GODWIT__RESERVED_NAMESPACE, strlen (GODWIT__RESERVED_NAMESPACE)) == 0;
}

static godwit_status_t
refuse_namespace (const char *name_space, size_t index, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                              "endpoints[%zu]: namespaces that begin with \"" GODWIT__RESERVED_NAMESPACE
                              "\" are the library's own, got \"%.64s\"",
                              index, name_space);
}

static godwit_status_t
copy_endpoint (godwit__endpoint_entry_t *to, const godwit_endpoint_t *from, size_t index,
               godwit_error_t **error)
{
    to->self = from->self;
    to->on_destroy = from->on_destroy;
    to->version = (godwit__version_t){1, 0, 0};
    godwit_status_t status = GODWIT_OK;
    if (from->version)
        status = godwit__version_parse (&to->version, from->version, error);
    if (status)
        return status;
    if ((from->method_count && !from->methods) || (from->legacy_namespace_count && !from->legacy_namespaces))
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT,
            "endpoints[%zu]: methods or legacy_namespaces is NULL, but its count is not 0", index);
    if (is_reserved (from->name_space))
        return refuse_namespace (from->name_space, index, error);
    for (size_t i = 0; i < from->legacy_namespace_count; i++)
        if (is_reserved (from->legacy_namespaces[i]))
            return refuse_namespace (from->legacy_namespaces[i], index, error);
    to->accepted = calloc (from->legacy_namespace_count + 1, sizeof *to->accepted);
    if (!to->accepted || !accept_namespace (to, from->name_space) ||
        !copy_text (&to->version_text, from->version))
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < from->legacy_namespace_count; i++)
        if (!accept_namespace (to, from->legacy_namespaces[i]))
            return godwit__error_no_memory (error);
    return GODWIT_OK;
}

static bool
has_earlier (const godwit_endpoint_t *endpoint, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp (godwit__method_row (endpoint, i)->name, godwit__method_row (endpoint, index)->name) == 0)
            return true;
    return false;
}

static godwit_status_t
check_method (const godwit_endpoint_t *endpoint, const godwit_method_t *method, size_t endpoint_index,
              size_t index, godwit_error_t **error)
{
    if (!method->name || !method->name[0])
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "endpoints[%zu].methods[%zu] has no name", endpoint_index, index);
    if (!method->handler)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "method %s has no handler",
                                  method->name);
    if (method->slot_count && (!method->slots || !method->params_size))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "method %s: slot_count is not 0, but slots is NULL or params_size is 0",
                                  method->name);
    const godwit__slots_t slots = {method->slots, method->slot_size, method->slot_count, false};
    const godwit_status_t status =
        godwit__slots_check (&slots, method->params_size, &(godwit__path_t){NULL, method->name, 0}, error);
    if (status)
        return status;
    if (has_earlier (endpoint, index))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "endpoints[%zu] has two methods named %s", endpoint_index, method->name);
    return GODWIT_OK;
}

/* A route of a server that is gone must not be taken for another one's. */
static uint64_t
next_number (void)
{
    static atomic_uint_fast64_t last;
    return atomic_fetch_add_explicit (&last, 1, memory_order_relaxed) + 1;
}

static void
add_route (godwit__dispatch_t *dispatch, const godwit_method_t *method, size_t endpoint_index)
{
    const size_t size = strlen (method->name);
    godwit__route_t *const route = &dispatch->routes[dispatch->route_count++];
    route->method = *method;
    route->name_size = size;
    route->endpoint = (uint32_t) endpoint_index;
    route->number = next_number ();
    atomic_init (&route->average_ns, 0);
    godwit__run_time_init (&route->run_time);
    atomic_init (&route->metrics[0], NULL);
    atomic_init (&route->metrics[1], NULL);
    godwit__route_t *last = first_route (dispatch, method->name, size);
    while (last && last->next)
        last = last->next;
    if (last)
        last->next = route;
    else
        godwit__table_insert (&dispatch->names, &route->by_name, hash_of (method->name, size));
}

static godwit_status_t
add_methods (godwit__dispatch_t *dispatch, const godwit_endpoint_t *endpoint, size_t index,
             const godwit__policy_t *policy, godwit_error_t **error)
{
    for (size_t i = 0; i < endpoint->method_count; i++) {
        const godwit_method_t method = godwit__method_at (endpoint, i);
        const godwit_status_t status = check_method (endpoint, &method, index, i, error);
        if (status)
            return status;
        /* A method that is not allowed is not in the table, so that callers cannot learn that it exists. */
        if (is_allowed (policy, endpoint, godwit__method_row (endpoint, i)))
            add_route (dispatch, &method, index);
    }
    return GODWIT_OK;
}

/* Adds an endpoint behind all others, whatever the policy. */
static godwit_status_t
add_extra (godwit__dispatch_t *dispatch, const godwit_method_t *method, godwit_error_t **error)
{
    const size_t index = dispatch->endpoint_count;
    const godwit_status_t status =
        copy_endpoint (&dispatch->endpoints[index], &(godwit_endpoint_t){.version = "1.0"}, index, error);
    dispatch->endpoint_count++; /* so that a half-made endpoint is freed, too */
    if (!status)
        add_route (dispatch, method, index);
    return status;
}

/* Makes the text that tells clients what is served: all that a request may ask for, legacy namespaces
 * included. */
static godwit_status_t
describe_offer (godwit__dispatch_t *dispatch, godwit_error_t **error)
{
    godwit__offer_text_t text = {.size = 0};
    for (size_t i = 0; i < dispatch->endpoint_count; i++) {
        const godwit__endpoint_entry_t *const endpoint = &dispatch->endpoints[i];
        for (size_t j = 0; j < endpoint->accepted_count; j++)
            godwit__offer_text_add (&text, endpoint->accepted[j].text, endpoint->version);
    }
    dispatch->offer = godwit__offer_read (text.text);
    return dispatch->offer || text.size == 0 ? GODWIT_OK : godwit__error_no_memory (error);
}

godwit_status_t
godwit__dispatch_new (godwit__dispatch_t **dispatch_p, const godwit_endpoint_t *endpoints,
                      size_t endpoint_count, const godwit__policy_t *policy, godwit_error_t **error)
{
    godwit_status_t status = check_policy (policy, error);
    if (status)
        return status;
    size_t method_count = 1; /* the extra one */
    for (size_t i = 0; i < endpoint_count; i++)
        method_count += godwit__endpoint_at (endpoints, i).method_count;

    godwit__dispatch_t *dispatch = calloc (1, sizeof *dispatch);
    if (!dispatch)
        return godwit__error_no_memory (error);
    dispatch->endpoint_count = endpoint_count;
    dispatch->endpoints = calloc (endpoint_count + 1, sizeof *dispatch->endpoints);
    dispatch->routes = calloc (method_count, sizeof *dispatch->routes);
    godwit__table_init (&dispatch->names);
    if (!dispatch->endpoints || !dispatch->routes)
        status = godwit__error_no_memory (error);
    for (size_t i = 0; !status && i < endpoint_count; i++) {
        const godwit_endpoint_t endpoint = godwit__endpoint_at (endpoints, i);
        status = copy_endpoint (&dispatch->endpoints[i], &endpoint, i, error);
        if (!status)
            status = add_methods (dispatch, &endpoint, i, policy, error);
    }
    if (!status && policy->extra)
        status = add_extra (dispatch, policy->extra, error);
    if (!status)
        status = describe_offer (dispatch, error);
    if (status)
        godwit__dispatch_destroy (&dispatch);
    else
        *dispatch_p = dispatch;
    return status;
}

void
godwit__dispatch_destroy (godwit__dispatch_t **dispatch_p)
{
    godwit__dispatch_t *const dispatch = *dispatch_p;
    if (!dispatch)
        return;
    *dispatch_p = NULL;
    for (size_t i = 0; dispatch->endpoints && i < dispatch->endpoint_count; i++) {
        godwit__endpoint_entry_t *const endpoint = &dispatch->endpoints[i];
        for (size_t j = 0; j < endpoint->accepted_count; j++)
            free (endpoint->accepted[j].text);
        free (endpoint->accepted);
        free (endpoint->version_text.text);
    }
    free (dispatch->endpoints);
    free (dispatch->routes);
    godwit__table_release (&dispatch->names);
    godwit__offer_destroy (&dispatch->offer);
    free (dispatch);
}

void
godwit__dispatch_destroy_endpoints (godwit__dispatch_t *dispatch)
{
    for (size_t i = 0; i < dispatch->endpoint_count; i++)
        if (dispatch->endpoints[i].on_destroy)
            dispatch->endpoints[i].on_destroy (dispatch->endpoints[i].self);
}

/* ---- finding ---- */

static bool
is_compatible (const godwit__endpoint_entry_t *endpoint, const godwit_value_t *name_space,
               godwit__version_t version)
{
    const char *const text = godwit_value_as_str (name_space, NULL);
    const size_t size = godwit_value_count (name_space);
    for (size_t i = 0; i < endpoint->accepted_count; i++) {
        const godwit__accepted_t *const accepted = &endpoint->accepted[i];
        if (!text != !accepted->text || accepted->size != size)
            continue;
        if (!text || memcmp (accepted->text, text, size) == 0)
            return godwit__version_serves (endpoint->version, version);
    }
    return false;
}

/* True if the value is this text; or if it is nil, and there is no text. */
static inline bool
is_text (const godwit__accepted_t *text, const godwit_value_t *value)
{
    if (!value || value->type != GODWIT_TYPE_STR)
        return !text->text;
    return text->text && value->as.bytes.size == text->size &&
           memcmp (value->as.bytes.data, text->text, text->size) == 0;
}

/* The first of the routes of a name that may be called. NULL: there is none. */
static godwit__route_t *
first_compatible (const godwit__dispatch_t *dispatch, godwit__route_t *route,
                  const godwit_value_t *name_space, godwit__version_t version)
{
    while (route && !is_compatible (&dispatch->endpoints[route->endpoint], name_space, version))
        route = route->next;
    return route;
}

/* Denied methods have no route: so they are not named. */
static godwit_status_t
no_such_method (const godwit__dispatch_t *dispatch, const char *name, const godwit_value_t *name_space,
                godwit__version_t version, godwit_error_t **error)
{
    godwit__method_list_t list = {.wanted = name};
    char names[512];
    for (size_t i = 0; i < dispatch->route_count; i++) {
        const godwit__route_t *const route = &dispatch->routes[i];
        if (first_compatible (dispatch, first_route (dispatch, route->method.name, route->name_size),
                              name_space, version) == route)
            godwit__method_list_add (&list, route->method.name);
    }
    godwit__method_list_print (&list, names, sizeof names);
    const godwit_status_t status =
        godwit__error_set (error, GODWIT_ERR_NO_SUCH_METHOD, "Endpoint does not support RPC method %s%s%s",
                           name, list.total ? "; there are: " : "", names);
    return godwit__error_with (error, status, "method", name);
}

static godwit_status_t
no_such_version (const godwit__dispatch_t *dispatch, const char *name, const godwit_value_t *name_space,
                 const char *version, godwit_error_t **error)
{
    const char *const space = godwit_value_as_str (name_space, NULL);
    const bool is_unknown = space && dispatch->offer && !godwit__offer_has (dispatch->offer, space);
    char offer[512];
    godwit__offer_print (dispatch->offer, space, offer, sizeof offer);
    const godwit_status_t status = godwit__error_set (
        error, GODWIT_ERR_UNSUPPORTED_VERSION,
        "Endpoint does not support RPC version %s. Attempted method: %s%s%s%s%s%s", version, name,
        is_unknown ? "; there is no namespace \"" : "", is_unknown ? space : "", is_unknown ? "\"" : "",
        *offer ? "; there are: " : "", offer);
    godwit__error_with (error, status, "version", version);
    return godwit__error_with (error, status, "method", name);
}

/* The same, from the names alone: most requests ask for the very namespace and version that an endpoint has,
 * and for the method that was asked for last. NULL: all endpoints have to be looked at. */
static godwit__route_t *
find_quickly (godwit__dispatch_t *dispatch, const godwit_value_t *method, const godwit_value_t *name_space,
              const godwit_value_t *version)
{
    const char *const name = (const char *) method->as.bytes.data;
    const size_t size = method->as.bytes.size;
    godwit__route_t *route = atomic_load_explicit (&dispatch->recent, memory_order_relaxed);
    if (!route || !is_named (route, name, size)) {
        route = first_route (dispatch, name, size);
        if (!route)
            return NULL;
        atomic_store_explicit (&dispatch->recent, route, memory_order_relaxed);
    }
    const godwit__endpoint_entry_t *const endpoint = &dispatch->endpoints[route->endpoint];
    return is_text (&endpoint->version_text, version) && is_text (endpoint->accepted, name_space) ? route
                                                                                                  : NULL;
}

godwit_status_t
godwit__dispatch_find (godwit__dispatch_t *dispatch, const godwit_value_t *method,
                       const godwit_value_t *name_space, const godwit_value_t *version,
                       godwit__route_t **route, godwit_error_t **error)
{
    godwit__route_t *const likely = find_quickly (dispatch, method, name_space, version);
    if (likely) {
        *route = likely;
        return GODWIT_OK;
    }
    const char *const name = godwit_value_as_str (method, "");
    const char *const version_text = godwit_value_as_str (version, "1.0");
    godwit__version_t wanted = {1, 0, 0};
    if (godwit_value_type (version) == GODWIT_TYPE_STR) {
        const godwit_status_t status = godwit__version_parse (&wanted, version_text, error);
        if (status)
            return status;
    }
    godwit__route_t *const found = first_compatible (
        dispatch, first_route (dispatch, name, godwit_value_count (method)), name_space, wanted);
    if (found) {
        *route = found;
        return GODWIT_OK;
    }
    for (size_t i = 0; i < dispatch->endpoint_count; i++)
        if (is_compatible (&dispatch->endpoints[i], name_space, wanted))
            return no_such_method (dispatch, name, name_space, wanted, error);
    return no_such_version (dispatch, name, name_space, version_text, error);
}

godwit__route_t *
godwit__dispatch_first (godwit__dispatch_t *dispatch)
{
    return &dispatch->routes[0];
}

void *
godwit__dispatch_self (const godwit__dispatch_t *dispatch, const godwit__route_t *route)
{
    return dispatch->endpoints[route->endpoint].self;
}

const char *
godwit__dispatch_serves (const godwit__dispatch_t *dispatch, const godwit__route_t *route,
                         char version[GODWIT__VERSION_TEXT])
{
    const godwit__endpoint_entry_t *const endpoint = &dispatch->endpoints[route->endpoint];
    godwit__version_print (endpoint->version, version);
    return endpoint->accepted[0].text;
}

bool
godwit__dispatch_may_inline (const godwit__dispatch_t *dispatch, const char *name, size_t size)
{
    for (const godwit__route_t *at = first_route (dispatch, name, size); at; at = at->next)
        if (at->method.flags & GODWIT_METHOD_INLINE)
            return true;
    return false;
}

const char *
godwit__dispatch_versions (const godwit__dispatch_t *dispatch)
{
    return dispatch->offer ? godwit__offer_text (dispatch->offer) : "";
}
