/* SPDX-License-Identifier: Apache-2.0 */
/* What a server serves, as a value: for whoever asks it. What the policy denies is not in the table. */
#include "src/server/dispatch_inside.h"

#include "src/value/slots.h"

#include <stdio.h>

static void
add_text (godwit_builder_t *builder, const char *name, const char *text)
{
    if (text)
        godwit_builder_str (builder, name, text);
    else
        godwit_builder_nil (builder, name);
}

/* Tables of older releases have no doc lines. */
static const char *
doc_of (const godwit_slot_t *slot, size_t slot_size)
{
    return slot_size >= offsetof (godwit_slot_t, doc) + sizeof slot->doc ? slot->doc : NULL;
}

static void
add_slot (godwit_builder_t *builder, const godwit_slot_t *slot, size_t slot_size)
{
    const bool is_any = slot->type == GODWIT_TYPE_VALUE;
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "name", slot->name);
    godwit_builder_str (builder, "type",
                        slot->limit ? "list"
                        : is_any    ? "any"
                                    : godwit_type_name (slot->type));
    godwit_builder_bool (builder, "required", !slot->optional && !slot->tells_presence);
    add_text (builder, "doc", doc_of (slot, slot_size));
    godwit_builder_close (builder);
}

/* nil: nobody has said which arguments it takes. */
static void
add_slots (godwit_builder_t *builder, const godwit_method_t *method)
{
    if (!method->slots) {
        godwit_builder_nil (builder, "slots");
        return;
    }
    godwit_builder_open_list (builder, "slots");
    for (size_t i = 0; i < method->slot_count; i++)
        add_slot (
            builder,
            (const godwit_slot_t *) (const void *) ((const char *) method->slots + i * method->slot_size),
            method->slot_size);
    godwit_builder_close (builder);
}

static void
add_errors (godwit_builder_t *builder, const godwit_method_t *method)
{
    godwit_builder_open_list (builder, "errors");
    for (const godwit_error_class_t *const *at = method->expected; at && *at; at++)
        godwit_builder_str (builder, NULL, (*at)->name);
    for (const char *const *at = method->errors; at && *at; at++)
        godwit_builder_str (builder, NULL, *at);
    godwit_builder_close (builder);
}

static void
add_method (godwit_builder_t *builder, const godwit__route_t *route)
{
    const godwit_method_t *const method = &route->method;
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "name", method->name);
    add_text (builder, "doc", method->doc);
    add_slots (builder, method);
    add_text (builder, "result", method->result);
    add_errors (builder, method);
    godwit_builder_bool (builder, "inline", method->flags & GODWIT_METHOD_INLINE);
    godwit_builder_bool (builder, "slow", method->flags & GODWIT_METHOD_SLOW);
    godwit_builder_bool (builder, "runs_late", method->flags & GODWIT_METHOD_RUNS_LATE);
    godwit_builder_close (builder);
}

static void
add_version (godwit_builder_t *builder, godwit__version_t version)
{
    char text[GODWIT__VERSION_TEXT];
    godwit__version_print (version, text);
    godwit_builder_str (builder, "version", text);
}

static void
add_endpoint (godwit_builder_t *builder, const godwit__dispatch_t *dispatch, size_t index)
{
    const godwit__endpoint_entry_t *const endpoint = &dispatch->endpoints[index];
    godwit_builder_open_map (builder, NULL);
    add_text (builder, "namespace", endpoint->accepted[0].text);
    add_version (builder, endpoint->version);
    godwit_builder_open_list (builder, "legacy_namespaces");
    for (size_t i = 1; i < endpoint->accepted_count; i++)
        add_text (builder, NULL, endpoint->accepted[i].text);
    godwit_builder_close (builder);
    godwit_builder_open_list (builder, "methods");
    for (size_t i = 0; i < dispatch->route_count; i++)
        if (dispatch->routes[i].endpoint == index)
            add_method (builder, &dispatch->routes[i]);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
}

void
godwit__dispatch_tell (const godwit__dispatch_t *dispatch, godwit_builder_t *builder)
{
    for (size_t i = 0; i < dispatch->endpoint_count; i++)
        add_endpoint (builder, dispatch, i);
}
