/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: making, destroying, reading. Their data is in src/value/error_data.c, their printing in
 * error_print.c. */
#include "src/error/error_inside.h"

#include <godwit/trace.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMOTE_SUFFIX "_Remote"

/* The error that is used when there is no memory for one. It is never written to, so there is one per
 * outcome. */
#define NO_MEMORY(outcome_, suffix)                                                                          \
    {                                                                                                        \
        .status = GODWIT_ERR_OUT_OF_MEMORY, .outcome = (outcome_), .is_static = true,                        \
        .text = {[GODWIT__TEXT_TYPE] = "OutOfMemory", [GODWIT__TEXT_MESSAGE] = "out of memory"},             \
        .printed = no_memory_text_##suffix                                                                   \
    }
static char no_memory_text_none[] = "OutOfMemory: out of memory";
static char no_memory_text_not_sent[] = "OutOfMemory: out of memory (outcome NOT_SENT)";
static char no_memory_text_rejected[] = "OutOfMemory: out of memory (outcome REJECTED)";
static char no_memory_text_maybe_run[] = "OutOfMemory: out of memory (outcome MAYBE_RUN)";
static char no_memory_text_ran[] = "OutOfMemory: out of memory (outcome RAN)";

static godwit_error_t no_memory_none = NO_MEMORY (GODWIT_OUTCOME_NONE, none);
static godwit_error_t no_memory_not_sent = NO_MEMORY (GODWIT_OUTCOME_NOT_SENT, not_sent);
static godwit_error_t no_memory_rejected = NO_MEMORY (GODWIT_OUTCOME_REJECTED, rejected);
static godwit_error_t no_memory_maybe_run = NO_MEMORY (GODWIT_OUTCOME_MAYBE_RUN, maybe_run);
static godwit_error_t no_memory_ran = NO_MEMORY (GODWIT_OUTCOME_RAN, ran);

static godwit_error_t *
no_memory (godwit_outcome_t outcome)
{
    switch (outcome) {
    case GODWIT_OUTCOME_NOT_SENT:
        return &no_memory_not_sent;
    case GODWIT_OUTCOME_REJECTED:
        return &no_memory_rejected;
    case GODWIT_OUTCOME_MAYBE_RUN:
        return &no_memory_maybe_run;
    case GODWIT_OUTCOME_RAN:
        return &no_memory_ran;
    case GODWIT_OUTCOME_NONE:
        break;
    }
    return &no_memory_none;
}

/* ---- making ---- */

/* A text with its length; data NULL: no text. */
typedef struct text {
    const char *data;
    size_t size;
} text_t;

static text_t
text_of (const char *data)
{
    return (text_t){data, data ? strlen (data) : 0};
}

/* One allocation for the error and its texts. */
static godwit_error_t *
make (godwit_status_t status, godwit_outcome_t outcome, const text_t texts[GODWIT__TEXT_COUNT])
{
    size_t size = sizeof (godwit_error_t);
    for (size_t i = 0; i < GODWIT__TEXT_COUNT; i++)
        size += texts[i].data ? texts[i].size + 1 : 0;
    godwit_error_t *const error = malloc (size);
    if (!error)
        return no_memory (outcome);
    memset (error, 0, sizeof *error);
    error->status = status;
    error->outcome = outcome;
    char *end = error->texts;
    for (size_t i = 0; i < GODWIT__TEXT_COUNT; i++) {
        if (!texts[i].data)
            continue;
        memcpy (end, texts[i].data, texts[i].size);
        end[texts[i].size] = '\0';
        error->text[i] = end;
        end += texts[i].size + 1;
    }
    if (!error->text[GODWIT__TEXT_TYPE])
        error->text[GODWIT__TEXT_TYPE] = godwit_status_type (status);
    return error;
}

static godwit_error_t *
make_plain (godwit_status_t status, godwit_outcome_t outcome, const char *module, const char *type,
            text_t message)
{
    return make (status, outcome,
                 (const text_t[GODWIT__TEXT_COUNT]){[GODWIT__TEXT_TYPE] = text_of (type),
                                                    [GODWIT__TEXT_MODULE] = text_of (module),
                                                    [GODWIT__TEXT_MESSAGE] = message});
}

/* Formats on the stack first, so that the usual error is a single allocation of the right size. */
static GODWIT_PRINTF (5, 0) godwit_error_t *make_formatted (godwit_status_t status, godwit_outcome_t outcome,
                                                            const char *module, const char *type,
                                                            const char *format, va_list arguments)
{
    char buffer[512];
    text_t message = {buffer, 0};
    if (!format)
        return make_plain (status, outcome, module, type, text_of (godwit_status_text (status)));

    va_list again;
    va_copy (again, arguments);
    const int length = vsnprintf (buffer, sizeof buffer, format, arguments);
    char *large = NULL;
    if (length < 0) {
        message = text_of (godwit_status_text (status));
    } else if ((size_t) length < sizeof buffer) {
        message.size = (size_t) length;
    } else {
        large = malloc ((size_t) length + 1);
        if (large) {
            message.size = (size_t) vsnprintf (large, (size_t) length + 1, format, again);
            message.data = large;
        } else {
            message.size = sizeof buffer - 1; /* the beginning of the text is better than none */
        }
    }
    va_end (again);

    godwit_error_t *const error = make_plain (status, outcome, module, type, message);
    free (large);
    return error;
}

godwit_error_t *
godwit_error_new (godwit_status_t status, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    godwit_error_t *const error = make_formatted (status, GODWIT_OUTCOME_NONE, NULL, NULL, format, arguments);
    va_end (arguments);
    return error;
}

godwit_error_t *
godwit_error_new_typed (const char *module, const char *type, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    godwit_error_t *const error =
        make_formatted (GODWIT_ERR_FAILED, GODWIT_OUTCOME_NONE, module, type, format, arguments);
    va_end (arguments);
    return error;
}

godwit_error_t *
godwit_error_new_of (const godwit_error_class_t *error_class, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    godwit_error_t *const error =
        make_formatted (GODWIT_ERR_FAILED, GODWIT_OUTCOME_NONE, error_class ? error_class->module : NULL,
                        error_class ? error_class->name : NULL, format, arguments);
    va_end (arguments);
    return error;
}

godwit_status_t
godwit__error_set (godwit_error_t **error, godwit_status_t status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start (arguments, format);
        *error = make_formatted (status, GODWIT_OUTCOME_NONE, NULL, NULL, format, arguments);
        va_end (arguments);
    }
    return status;
}

godwit_status_t
godwit__error_set_outcome (godwit_error_t **error, godwit_status_t status, godwit_outcome_t outcome,
                           const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start (arguments, format);
        *error = make_formatted (status, outcome, NULL, NULL, format, arguments);
        va_end (arguments);
    }
    return status;
}

godwit_status_t
godwit__error_null (godwit_error_t **error, const char *name)
{
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL", name);
}

void
godwit__error_set_no_memory (godwit_error_t **error)
{
    if (error)
        *error = no_memory (GODWIT_OUTCOME_NONE);
}

/* ---- what came from the other side of a call (contract 7) ---- */

size_t
godwit__error_type_size (const char *type)
{
    static const size_t suffix_size = sizeof REMOTE_SUFFIX - 1;
    size_t size = strlen (type);
    while (size >= suffix_size && !memcmp (type + size - suffix_size, REMOTE_SUFFIX, suffix_size))
        size -= suffix_size;
    return size;
}

/* Joins the texts, on the heap. */
static char *
join (const char *before, text_t name, const char *between, const char *after)
{
    char *const text = malloc (strlen (before) + name.size + strlen (between) + strlen (after) + 1);
    if (!text)
        return NULL;
    char *const end = stpcpy (text, before);
    memcpy (end, name.data, name.size);
    stpcpy (stpcpy (end + name.size, between), after);
    return text;
}

godwit_error_t *
godwit__error_new_remote (godwit_status_t status, godwit_outcome_t outcome, const char *module,
                          const char *type, const char *message, const char *traceback)
{
    const bool keeps_name = !strcmp (module, GODWIT__BUILTINS_MODULE);
    const text_t name = {type, godwit__error_type_size (type)};
    char *const printed = join ("", name, keeps_name ? "" : REMOTE_SUFFIX, "");
    if (!printed)
        return no_memory (outcome);
    godwit_error_t *const error = make (status, outcome,
                                        (const text_t[GODWIT__TEXT_COUNT]){
                                            [GODWIT__TEXT_TYPE] = text_of (printed),
                                            [GODWIT__TEXT_MODULE] = text_of (module),
                                            [GODWIT__TEXT_MESSAGE] = text_of (message),
                                            [GODWIT__TEXT_TRACEBACK] = text_of (traceback),
                                        });
    free (printed);
    if (!error->is_static)
        error->is_remote = true;
    return error;
}

godwit_error_t *
godwit__error_new_remote_error (godwit_outcome_t outcome, const char *module, const char *type,
                                const char *message, const char *traceback)
{
    const text_t name = {type, godwit__error_type_size (type)};
    char *const text = join ("Remote error: ", name, " ", message);
    if (!text)
        return no_memory (outcome);
    godwit_error_t *const error = make (GODWIT_ERR_REMOTE_ERROR, outcome,
                                        (const text_t[GODWIT__TEXT_COUNT]){
                                            [GODWIT__TEXT_MESSAGE] = text_of (text),
                                            [GODWIT__TEXT_TRACEBACK] = text_of (traceback),
                                            [GODWIT__TEXT_FIRST_TYPE] = name,
                                            [GODWIT__TEXT_FIRST_MODULE] = text_of (module),
                                            [GODWIT__TEXT_FIRST_MESSAGE] = text_of (message),
                                        });
    free (text);
    if (!error->is_static)
        error->is_remote = true;
    return error;
}

godwit__error_origin_t
godwit__error_origin (const godwit_error_t *error)
{
    const bool stands = godwit__error_stands_for_another (error);
    const char *type = godwit__error_text (error, stands ? GODWIT__TEXT_FIRST_TYPE : GODWIT__TEXT_TYPE);
    const char *module = godwit__error_text (error, stands ? GODWIT__TEXT_FIRST_MODULE : GODWIT__TEXT_MODULE);
    return (godwit__error_origin_t){
        .type = type,
        .type_size = godwit__error_type_size (type),
        .module = !stands && !*module ? GODWIT__OWN_MODULE : module,
        .message = godwit__error_text (error, stands ? GODWIT__TEXT_FIRST_MESSAGE : GODWIT__TEXT_MESSAGE),
    };
}

/* ---- copying and destroying ---- */

static godwit__places_t *
copy_places (const godwit__places_t *places)
{
    if (!places)
        return NULL;
    const size_t size = sizeof *places + places->capacity * sizeof places->at[0];
    godwit__places_t *const copy = malloc (size);
    if (copy)
        memcpy (copy, places, size);
    return copy;
}

static godwit__error_value_t
keep (godwit__error_value_t held)
{
    if (held.block)
        godwit__block_ref (held.block);
    return held;
}

static godwit_error_t *
copy_one (const godwit_error_t *error)
{
    text_t texts[GODWIT__TEXT_COUNT];
    if (error->is_static)
        return no_memory (error->outcome);
    for (size_t i = 0; i < GODWIT__TEXT_COUNT; i++)
        texts[i] = text_of (error->text[i]);
    godwit_error_t *const copy = make (error->status, error->outcome, texts);
    if (copy->is_static)
        return copy;
    copy->is_remote = error->is_remote;
    copy->shows_remote_trace = error->shows_remote_trace;
    memcpy (copy->call_id, error->call_id, sizeof copy->call_id);
    copy->where = error->where ? strdup (error->where) : NULL;
    copy->args = keep (error->args);
    copy->kwargs = keep (error->kwargs);
    copy->places = copy_places (error->places);
    return copy;
}

godwit_error_t *
godwit__error_copy (const godwit_error_t *error)
{
    godwit_error_t *top = NULL;
    for (godwit_error_t **end = &top; error; error = error->cause) {
        *end = copy_one (error);
        if ((*end)->is_static)
            break; /* which ends a chain */
        end = &(*end)->cause;
    }
    return top;
}

void
godwit_error_destroy (godwit_error_t **error)
{
    if (!error)
        return;
    godwit_error_t *next = *error;
    *error = NULL;
    while (next && !next->is_static) {
        godwit_error_t *const cause = next->cause;
        godwit__error_changed (next);
        godwit__error_value_drop (&next->args);
        godwit__error_value_drop (&next->kwargs);
        free (next->places);
        free (next->where);
        free (next);
        next = cause;
    }
}

/* ---- changing ---- */

void
godwit__error_changed (godwit_error_t *error)
{
    free (atomic_exchange (&error->printed, NULL));
    free (atomic_exchange (&error->traced, NULL));
}

void
godwit__error_set_outcome_of (godwit_error_t *error, godwit_outcome_t outcome)
{
    if (!error || error->is_static)
        return;
    error->outcome = outcome;
    godwit__error_changed (error);
}

void
godwit__error_set_call_id (godwit_error_t *error, const char id[GODWIT__CALL_ID_SIZE])
{
    if (!error || error->is_static)
        return;
    memcpy (error->call_id, id, sizeof error->call_id);
    godwit__error_changed (error);
}

const char *
godwit_error_call_id (const godwit_error_t *error)
{
    return error && *error->call_id ? error->call_id : NULL;
}

bool
godwit__error_is_own (const godwit_error_t *error)
{
    return error && !error->is_static && !error->is_remote && !*godwit_error_module (error);
}

void
godwit__error_set_where (godwit_error_t *error, const char *where)
{
    if (!error || error->is_static)
        return;
    free (error->where);
    error->where = strdup (where);
    godwit__error_changed (error);
}

/* The texts of an error lie in its own allocation: a longer message needs another one. */
static void
extend_message (godwit_error_t **error, const char *where)
{
    godwit_error_t *const old = *error;
    text_t texts[GODWIT__TEXT_COUNT];
    for (size_t i = 0; i < GODWIT__TEXT_COUNT; i++)
        texts[i] = text_of (old->text[i]);
    char *const message = join ("", texts[GODWIT__TEXT_MESSAGE], "; ", where);
    if (!message)
        return;
    texts[GODWIT__TEXT_MESSAGE] = text_of (message);
    godwit_error_t *const longer = make (old->status, old->outcome, texts);
    free (message);
    if (longer->is_static)
        return;
    longer->cause = old->cause;
    longer->where = old->where;
    longer->args = old->args;
    longer->kwargs = old->kwargs;
    longer->places = old->places;
    godwit__error_changed (old);
    free (old);
    *error = longer;
}

void
godwit__error_add_where (godwit_error_t **error, const char *where)
{
    if (godwit__error_is_own (*error))
        extend_message (error, where);
    else
        godwit__error_set_where (*error, where);
}

void
godwit__error_show_remote_trace (godwit_error_t *error)
{
    if (error && !error->is_static)
        error->shows_remote_trace = true;
}

void
godwit_error_set_cause (godwit_error_t *error, godwit_error_t **cause_p)
{
    if (!cause_p || !*cause_p)
        return;
    godwit_error_t *cause = *cause_p;
    *cause_p = NULL;
    if (cause == error)
        return;

    /* The new cause goes below the existing ones. A static error ends a chain and takes no cause. */
    godwit_error_t *last = error;
    while (last && last->cause)
        last = last->cause;
    if (!last || last->is_static) {
        godwit_error_destroy (&cause);
        return;
    }
    last->cause = cause;
    if (!error->is_static)
        godwit__error_changed (error);
}

/* ---- reading ---- */

godwit_status_t
godwit_error_status (const godwit_error_t *error)
{
    return error ? error->status : GODWIT_OK;
}

const char *
godwit_error_type (const godwit_error_t *error)
{
    return error ? godwit__error_text (error, GODWIT__TEXT_TYPE) : "";
}

const char *
godwit_error_module (const godwit_error_t *error)
{
    return error ? godwit__error_text (error, GODWIT__TEXT_MODULE) : "";
}

const char *
godwit_error_message (const godwit_error_t *error)
{
    return error ? godwit__error_text (error, GODWIT__TEXT_MESSAGE) : "";
}

const godwit_error_t *
godwit_error_cause (const godwit_error_t *error)
{
    return error ? error->cause : NULL;
}

godwit_outcome_t
godwit_error_outcome (const godwit_error_t *error)
{
    return error ? error->outcome : GODWIT_OUTCOME_NONE;
}

int
godwit_error_is_remote (const godwit_error_t *error)
{
    return error && error->is_remote;
}

/* "" stands for the library's own module. */
static const char *
module_of (const char *module)
{
    return module && *module ? module : GODWIT__OWN_MODULE;
}

int
godwit_error_is (const godwit_error_t *error, const godwit_error_class_t *error_class)
{
    if (!error || !error_class || !error_class->name)
        return 0;
    const char *const type = godwit_error_type (error);
    const size_t size = error->is_remote ? godwit__error_type_size (type) : strlen (type);
    return strlen (error_class->name) == size && !memcmp (error_class->name, type, size) &&
           !strcmp (module_of (error_class->module), module_of (godwit_error_module (error)));
}
