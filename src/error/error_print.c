/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as texts: the printed form, and the traceback. */
#include "src/error/error_inside.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A traceback shows at most so many errors of a chain. */
#define LEVELS_MAX 32

/* Each form is written twice: first without a text, to learn its length, then into the text. */
typedef struct output {
    char *text;
    size_t length;
} output_t;

static void
put_part (output_t *output, const char *text, size_t size)
{
    if (output->text) {
        memcpy (output->text + output->length, text, size);
        output->text[output->length + size] = '\0';
    }
    output->length += size;
}

static void
put (output_t *output, const char *text)
{
    put_part (output, text, strlen (text));
}

static void
put_number (output_t *output, long long number)
{
    char digits[24];
    snprintf (digits, sizeof digits, "%lld", number);
    put (output, digits);
}

typedef void write_fn (output_t *output, const godwit_error_t *error);

/* Returns the kept text. The first use makes it, although error is const. If several threads make it at once,
 * one of the texts is kept. NULL when memory is short. */
static const char *
made_once (const _Atomic (char *) *place, write_fn *write, const godwit_error_t *error)
{
    _Atomic (char *) *const kept = (_Atomic (char *) *) (uintptr_t) place;
    char *made = atomic_load_explicit (kept, memory_order_acquire);
    if (made)
        return made;
    output_t output = {NULL, 0};
    write (&output, error);
    char *const text = malloc (output.length + 1);
    if (!text)
        return NULL;
    text[0] = '\0';
    output = (output_t){text, 0};
    write (&output, error);
    if (atomic_compare_exchange_strong (kept, &made, text))
        return text;
    free (text);
    return made;
}

/* ---- the printed form ---- */

/* The size of a traceback without its end, which repeats the message: "shop.OutOfStock: no tea left". */
static size_t
size_of_places (const char *traceback, const char *message)
{
    size_t size = strlen (traceback);
    const size_t message_size = strlen (message);
    if (size < message_size || memcmp (traceback + size - message_size, message, message_size) != 0)
        return size;
    size -= message_size;
    while (size > 0 && traceback[size - 1] != '\n')
        size--;
    return size > 0 ? size - 1 : 0;
}

/* What contract 7 puts behind the message: the places of the other side. */
static void
put_remote (output_t *output, const godwit_error_t *error)
{
    const bool stands = godwit__error_stands_for_another (error);
    const char *const traceback = godwit__error_text (error, GODWIT__TEXT_TRACEBACK);
    const char *const message =
        godwit__error_text (error, stands ? GODWIT__TEXT_FIRST_MESSAGE : GODWIT__TEXT_MESSAGE);
    const size_t size = error->shows_remote_trace ? size_of_places (traceback, message) : 0;
    if (size == 0)
        return;
    put (output, "\n");
    put_part (output, traceback, size);
    if (stands)
        put (output, ".");
}

static void
put_chain (output_t *output, const godwit_error_t *error, bool with_traceback)
{
    for (; error; error = error->cause) {
        put (output, godwit__error_text (error, GODWIT__TEXT_TYPE));
        put (output, ": ");
        put (output, godwit__error_text (error, GODWIT__TEXT_MESSAGE));
        if (with_traceback)
            put_remote (output, error);
        if (error->outcome != GODWIT_OUTCOME_NONE) {
            put (output, " (outcome ");
            put (output, godwit_outcome_name (error->outcome));
            put (output, ")");
        }
        if (error->where) {
            put (output, "; ");
            put (output, error->where);
        }
        if (error->cause)
            put (output, "; caused by ");
    }
}

/* Of the first error in the chain that ended a call. */
static void
put_call_id (output_t *output, const godwit_error_t *error)
{
    while (error && !*error->call_id)
        error = error->cause;
    if (!error)
        return;
    put (output, "\nid: ");
    put (output, error->call_id);
    put (output, " (godwit why)");
}

static void
write_chain (output_t *output, const godwit_error_t *error)
{
    put_chain (output, error, true);
    put_call_id (output, error);
}

const char *
godwit_error_print (const godwit_error_t *error)
{
    if (!error)
        return "";
    const char *const printed = made_once (&error->printed, write_chain, error);
    return printed ? printed : godwit_error_message (error);
}

/* ---- the traceback ---- */

/* Outermost first, as Python has them. */
static void
put_places (output_t *output, const godwit__places_t *places)
{
    put (output, "Traceback (most recent call last):\n");
    if (places->count > places->kept) {
        put (output, "  ... ");
        put_number (output, (long long) (places->count - places->kept));
        put (output, " more\n");
    }
    for (size_t i = places->kept; i-- > 0;) {
        put (output, "  File \"");
        put (output, places->at[i].file);
        put (output, "\", line ");
        put_number (output, places->at[i].line);
        put (output, ", in ");
        put (output, places->at[i].function);
        put (output, "\n");
    }
}

/* "shop.OutOfStock: no tea left" */
static void
put_name (output_t *output, const godwit_error_t *error)
{
    const char *const module = godwit__error_text (error, GODWIT__TEXT_MODULE);
    if (*module && strcmp (module, GODWIT__OWN_MODULE) != 0 &&
        strcmp (module, GODWIT__BUILTINS_MODULE) != 0) {
        put (output, module);
        put (output, ".");
    }
    put (output, godwit__error_text (error, GODWIT__TEXT_TYPE));
    put (output, ": ");
    put (output, godwit__error_text (error, GODWIT__TEXT_MESSAGE));
}

/* The places on this side, and below them the remote traceback. */
static void
put_level (output_t *output, const godwit_error_t *error)
{
    const char *const remote = godwit__error_text (error, GODWIT__TEXT_TRACEBACK);
    const bool is_local = error->places || !*remote;
    if (error->places)
        put_places (output, error->places);
    if (is_local)
        put_name (output, error);
    if (is_local && *remote)
        put (output, "\n");
    put (output, remote);
}

/* The deepest cause first. */
static void
write_traceback (output_t *output, const godwit_error_t *error)
{
    const godwit_error_t *levels[LEVELS_MAX];
    size_t count = 0;
    for (; error && count < LEVELS_MAX; error = error->cause)
        levels[count++] = error;
    while (count > 0) {
        put_level (output, levels[--count]);
        if (count > 0)
            put (output, "\n\nThe above exception was the direct cause of the following exception:\n\n");
    }
}

const char *
godwit_error_traceback (const godwit_error_t *error)
{
    if (!error)
        return "";
    const char *const remote = godwit__error_text (error, GODWIT__TEXT_TRACEBACK);
    if (!error->places && !error->cause)
        return remote;
    const char *const traced = made_once (&error->traced, write_traceback, error);
    return traced ? traced : remote;
}

/* ---- a line of a log ---- */

static void
put_line (output_t *output, const char *prefix, const godwit_error_t *error)
{
    const char *const traceback = godwit_error_traceback (error);
    put (output, prefix);
    put_chain (output, error, false);
    if (*traceback)
        put (output, "; ");
    put (output, traceback);
}

char *
godwit__error_line (const char *prefix, const godwit_error_t *error)
{
    output_t output = {NULL, 0};
    put_line (&output, prefix, error);
    char *const text = malloc (output.length + 1);
    if (!text)
        return NULL;
    text[0] = '\0';
    output = (output_t){text, 0};
    put_line (&output, prefix, error);
    if (output.length > GODWIT__ERROR_LINE_MAX)
        memcpy (text + GODWIT__ERROR_LINE_MAX - 3, "...", 4);
    for (char *at = text; *at; at++)
        if ((unsigned char) *at < ' ' || *at == 127)
            *at = ' ';
    return text;
}
