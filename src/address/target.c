/* SPDX-License-Identifier: Apache-2.0 */
/* Targets (contract 1). */
#include "src/address/target.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* For functions that cannot fail: nothing is set in a target that has no valid size. */
static godwit_target_t
read_target (const godwit_target_t *from)
{
    godwit_target_t target;
    if (godwit__struct_read (&godwit__struct_target, &target, from, NULL))
        target = (godwit_target_t){.struct_size = sizeof target};
    return target;
}

static bool
same_text (const char *a, const char *b)
{
    return a == b || (a && b && strcmp (a, b) == 0);
}

bool
godwit_target_equal (const godwit_target_t *a_, const godwit_target_t *b_)
{
    const godwit_target_t a = read_target (a_);
    const godwit_target_t b = read_target (b_);
    if (!same_text (a.exchange, b.exchange) || !same_text (a.topic, b.topic) ||
        !same_text (a.name_space, b.name_space) || !same_text (a.version, b.version) ||
        !same_text (a.server, b.server) || a.fanout != b.fanout ||
        a.legacy_namespace_count != b.legacy_namespace_count)
        return false;
    for (size_t i = 0; i < a.legacy_namespace_count; i++)
        if (!same_text (a.legacy_namespaces[i], b.legacy_namespaces[i]))
            return false;
    return true;
}

/* ---- printing ---- */

struct output {
    char *text;
    size_t size;
    size_t length;
};

static void
put (struct output *output, const char *text)
{
    const size_t length = strlen (text);
    if (output->length + 1 < output->size) {
        const size_t room = output->size - 1 - output->length;
        const size_t part = length < room ? length : room;
        memcpy (output->text + output->length, text, part);
        output->text[output->length + part] = '\0';
    }
    output->length += length;
}

static void
put_field (struct output *output, const char **separator, const char *name, const char *value)
{
    if (!value)
        return;
    put (output, *separator);
    put (output, name);
    put (output, "=");
    put (output, value);
    *separator = ", ";
}

size_t
godwit_target_print (const godwit_target_t *target_, char *text, size_t size)
{
    const godwit_target_t target = read_target (target_);
    struct output output = {text, size, 0};
    const char *separator = "";
    if (size)
        text[0] = '\0';
    put (&output, "<Target ");
    put_field (&output, &separator, "exchange", target.exchange);
    put_field (&output, &separator, "topic", target.topic);
    put_field (&output, &separator, "namespace", target.name_space);
    put_field (&output, &separator, "version", target.version);
    put_field (&output, &separator, "server", target.server);
    if (target.fanout != GODWIT_UNSET)
        put_field (&output, &separator, "fanout", target.fanout == GODWIT_YES ? "True" : "False");
    put (&output, ">");
    return output.length;
}

godwit_status_t
godwit__target_error (godwit_error_t **error, godwit_status_t status, godwit_outcome_t outcome,
                      const godwit_target_t *target, const char *before, const char *after)
{
    char text[2048]; /* enough for names that can be sent */
    if (!error)
        return status;
    godwit_target_print (target, text, sizeof text);
    godwit__error_set_outcome (error, status, outcome, "%s%s%s", before, text, after);
    return godwit__error_with (error, status, "target", text);
}

/* ---- keeping ---- */

godwit_status_t
godwit__target_read (godwit_target_t *to, const godwit_target_t *from, godwit_error_t **error)
{
    godwit_target_t target;
    const godwit_status_t status = godwit__struct_read (&godwit__struct_target, &target, from, error);
    if (status)
        return status;
    if (target.fanout != GODWIT_UNSET && target.fanout != GODWIT_YES && target.fanout != GODWIT_NO)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "the target's fanout: expected GODWIT_UNSET, GODWIT_YES or GODWIT_NO");
    if (target.legacy_namespace_count && !target.legacy_namespaces)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "the target's legacy_namespaces is NULL, but its count is not 0");
    *to = target;
    return GODWIT_OK;
}

static size_t
size_of (const char *text)
{
    return text ? strlen (text) + 1 : 0;
}

size_t
godwit__target_room (const godwit_target_t *target)
{
    size_t size = target->legacy_namespace_count * sizeof (char *);
    for (size_t i = 0; i < target->legacy_namespace_count; i++)
        size += size_of (target->legacy_namespaces[i]);
    return size + size_of (target->exchange) + size_of (target->topic) + size_of (target->name_space) +
           size_of (target->version) + size_of (target->server);
}

const char *
godwit__text_move (char **end, const char *text)
{
    if (!text)
        return NULL;
    char *const start = *end;
    const size_t size = strlen (text) + 1;
    memcpy (start, text, size);
    *end = start + size;
    return start;
}

char *
godwit__target_write (godwit_target_t *to, const godwit_target_t *from, void *room)
{
    /* The array of legacy namespaces comes first, which has to be aligned. */
    const size_t count = from->legacy_namespace_count;
    const char **names = room;
    char *end = (char *) (names + count);
    to->struct_size = sizeof *to;
    to->fanout = from->fanout;
    for (size_t i = 0; i < count; i++)
        names[i] = godwit__text_move (&end, from->legacy_namespaces[i]);
    to->legacy_namespaces = count ? names : NULL;
    to->legacy_namespace_count = count;
    to->exchange = godwit__text_move (&end, from->exchange);
    to->topic = godwit__text_move (&end, from->topic);
    to->name_space = godwit__text_move (&end, from->name_space);
    to->version = godwit__text_move (&end, from->version);
    to->server = godwit__text_move (&end, from->server);
    return end;
}

godwit_status_t
godwit__target_copy (godwit_target_t *to, const godwit_target_t *from_, godwit_error_t **error)
{
    godwit_target_t from = {.struct_size = sizeof from};
    const godwit_status_t status = godwit__target_read (&from, from_, error);
    if (status)
        return status;
    void *room = malloc (godwit__target_room (&from) + 1); /* there is one, also if nothing is set */
    if (!room)
        return godwit__error_no_memory (error);
    godwit__target_write (to, &from, room);
    to->legacy_namespaces = room; /* also if there are none: it is what release frees */
    return GODWIT_OK;
}

void
godwit__target_release (godwit_target_t *target)
{
    free ((void *) (uintptr_t) target->legacy_namespaces);
    memset (target, 0, sizeof *target);
    target->struct_size = sizeof *target;
}
