/* SPDX-License-Identifier: Apache-2.0 */
#include "src/serializer/serializer.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"

#include <stdlib.h>

const godwit_serializer_t godwit_noop_serializer = {.struct_size = sizeof (godwit_serializer_t)};

godwit_status_t
godwit__serializer_check (const godwit_serializer_t *serializer, godwit_error_t **error)
{
    return godwit__struct_check (&godwit__struct_serializer, serializer, error);
}

/* ---- RequestContextSerializer ---- */

typedef struct request_context {
    godwit_serializer_t serializer; /* the first member: the program has a pointer to it */
    const godwit_serializer_t *base;
    godwit_context_hooks_t hooks;
} request_context_t;

static godwit_status_t
pass (const godwit_value_t *value, godwit_value_t **out)
{
    *out = godwit_value_ref (value);
    return GODWIT_OK;
}

static godwit_status_t
base_serialize (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
                godwit_error_t **error)
{
    const godwit_serializer_t *const base = ((const request_context_t *) self)->base;
    if (!base || !base->serialize_entity)
        return pass (entity, out);
    return base->serialize_entity (base->self, context, entity, out, error);
}

static godwit_status_t
base_deserialize (void *self, const godwit_value_t *context, const godwit_value_t *entity,
                  godwit_value_t **out, godwit_error_t **error)
{
    const godwit_serializer_t *const base = ((const request_context_t *) self)->base;
    if (!base || !base->deserialize_entity)
        return pass (entity, out);
    return base->deserialize_entity (base->self, context, entity, out, error);
}

static godwit_status_t
to_map (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    const godwit_context_hooks_t *const hooks = &((const request_context_t *) self)->hooks;
    if (!context || !hooks->to_map)
        return pass (context, out);
    return hooks->to_map (hooks->user, context, out, error);
}

static godwit_status_t
from_map (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    const godwit_context_hooks_t *const hooks = &((const request_context_t *) self)->hooks;
    if (!hooks->from_map)
        return pass (context, out);
    return hooks->from_map (hooks->user, context, out, error);
}

godwit_status_t
godwit_request_context_serializer_new (godwit_serializer_t **serializer, const godwit_serializer_t *base,
                                       const godwit_context_hooks_t *hooks, godwit_error_t **error)
{
    if (!serializer || !hooks)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  serializer ? "hooks" : "serializer");
    godwit_context_hooks_t known_hooks;
    godwit_status_t status = godwit__struct_read (&godwit__struct_context_hooks, &known_hooks, hooks, error);
    if (status == GODWIT_OK)
        status = godwit__serializer_check (base, error);
    if (status)
        return status;
    request_context_t *const self = malloc (sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    *self = (request_context_t){
        .serializer = {.struct_size = sizeof self->serializer,
                       .self = self,
                       .serialize_entity = base_serialize,
                       .deserialize_entity = base_deserialize,
                       .serialize_context = to_map,
                       .deserialize_context = from_map},
        .base = base,
        .hooks = known_hooks,
    };
    *serializer = &self->serializer;
    return GODWIT_OK;
}

void
godwit_request_context_serializer_destroy (godwit_serializer_t **serializer)
{
    if (!serializer || !*serializer)
        return;
    free ((*serializer)->self);
    *serializer = NULL;
}
