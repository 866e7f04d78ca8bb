#include "src/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The texts lie behind the struct, in the same allocation. */
struct godwit_error {
    godwit_status_t status;
    godwit_outcome_t outcome;
    bool is_static;
    const char *type;
    const char *module;
    const char *message;
    const char *traceback;
    godwit_error_t *cause;
    _Atomic (char *) printed; /* what godwit_error_print made; dropped when the error changes */
    char texts[];
};

/* What stands for an error when there is no memory for one: never written to, so one per outcome. */
#define NO_MEMORY(outcome_, suffix)                                                                          \
    {                                                                                                        \
        .status = GODWIT_ERR_OUT_OF_MEMORY, .outcome = (outcome_), .is_static = true, .type = "OutOfMemory", \
        .module = "", .message = "out of memory", .traceback = "", .printed = no_memory_text_##suffix        \
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

/* ---- statuses ---- */

static const struct {
    godwit_status_t parent;
    const char *type;
    const char *text;
} statuses[] = {
#define STATUS_ROW(name, parent_, type_, text_) {GODWIT_ERR_##parent_, type_, text_},
    GODWIT_STATUS_LIST (STATUS_ROW)
#undef STATUS_ROW
};

static bool
is_status (godwit_status_t status)
{
    return (size_t) status < sizeof statuses / sizeof statuses[0];
}

const char *
godwit_status_type (godwit_status_t status)
{
    return is_status (status) ? statuses[status].type : "Unknown";
}

const char *
godwit_status_text (godwit_status_t status)
{
    return is_status (status) ? statuses[status].text : "unknown status";
}

int
godwit_status_is (godwit_status_t status, godwit_status_t parent)
{
    while (status != parent) {
        if (!is_status (status) || statuses[status].parent == status)
            return 0;
        status = statuses[status].parent;
    }
    return 1;
}

const char *
godwit_outcome_name (godwit_outcome_t outcome)
{
    switch (outcome) {
    case GODWIT_OUTCOME_NONE:
        return "NONE";
    case GODWIT_OUTCOME_NOT_SENT:
        return "NOT_SENT";
    case GODWIT_OUTCOME_REJECTED:
        return "REJECTED";
    case GODWIT_OUTCOME_MAYBE_RUN:
        return "MAYBE_RUN";
    case GODWIT_OUTCOME_RAN:
        return "RAN";
    }
    return "UNKNOWN";
}

/* ---- making ---- */

/* A text with its length, NULL being "". */
struct text {
    const char *data;
    size_t size;
};

static struct text
text_of (const char *data)
{
    struct text text = {data ? data : "", data ? strlen (data) : 0};
    return text;
}

static const char *
append (char **end, struct text text)
{
    char *const start = *end;
    memcpy (start, text.data, text.size);
    start[text.size] = '\0';
    *end = start + text.size + 1;
    return start;
}

/* One allocation for the error and its texts. A NULL type is the status's own. */
static godwit_error_t *
make (godwit_status_t status, godwit_outcome_t outcome, const char *module_, const char *type_,
      struct text message, const char *traceback_)
{
    const struct text module = text_of (module_);
    const struct text type = text_of (type_);
    const struct text traceback = text_of (traceback_);
    godwit_error_t *const error =
        malloc (sizeof *error + module.size + type.size + message.size + traceback.size + 4);
    if (!error)
        return no_memory (outcome);

    char *end = error->texts;
    error->status = status;
    error->outcome = outcome;
    error->is_static = false;
    error->message = append (&end, message);
    error->traceback = append (&end, traceback);
    error->module = append (&end, module);
    error->type = type_ ? append (&end, type) : godwit_status_type (status);
    error->cause = NULL;
    error->printed = NULL;
    return error;
}

/* Formats on the stack first, so that the usual error is a single allocation of the right size. */
static GODWIT_PRINTF (5, 0) godwit_error_t *make_formatted (godwit_status_t status, godwit_outcome_t outcome,
                                                            const char *module, const char *type,
                                                            const char *format, va_list arguments)
{
    char buffer[512];
    struct text message = {buffer, 0};
    if (!format)
        return make (status, outcome, module, type, text_of (godwit_status_text (status)), NULL);

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

    godwit_error_t *const error = make (status, outcome, module, type, message, NULL);
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

void
godwit__error_set_no_memory (godwit_error_t **error)
{
    if (error)
        *error = no_memory (GODWIT_OUTCOME_NONE);
}

godwit_error_t *
godwit__error_new_remote (godwit_status_t status, godwit_outcome_t outcome, const char *module,
                          const char *type, const char *message, const char *traceback)
{
    return make (status, outcome, module, type, text_of (message), traceback);
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
        free (atomic_load (&next->printed));
        free (next);
        next = cause;
    }
}

/* ---- changing ---- */

static void
forget_printed (godwit_error_t *error)
{
    free (atomic_exchange (&error->printed, NULL));
}

void
godwit__error_set_outcome_of (godwit_error_t *error, godwit_outcome_t outcome)
{
    if (!error || error->is_static)
        return;
    error->outcome = outcome;
    forget_printed (error);
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

    /* Below what is there already; a static error ends a chain and takes nothing. */
    godwit_error_t *last = error;
    while (last && last->cause)
        last = last->cause;
    if (!last || last->is_static) {
        godwit_error_destroy (&cause);
        return;
    }
    last->cause = cause;
    if (!error->is_static)
        forget_printed (error);
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
    return error ? error->type : "";
}

const char *
godwit_error_module (const godwit_error_t *error)
{
    return error ? error->module : "";
}

const char *
godwit_error_message (const godwit_error_t *error)
{
    return error ? error->message : "";
}

const char *
godwit_error_traceback (const godwit_error_t *error)
{
    return error ? error->traceback : "";
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

/* Writes the printed form if there is room, and returns its length. */
static size_t
print_chain (const godwit_error_t *error, char *text, size_t size)
{
    size_t length = 0;
    for (; error; error = error->cause) {
        const bool outcome = error->outcome != GODWIT_OUTCOME_NONE;
        const int added = snprintf (text ? text + length : NULL, size - length, "%s: %s%s%s%s%s", error->type,
                                    error->message, outcome ? " (outcome " : "",
                                    outcome ? godwit_outcome_name (error->outcome) : "", outcome ? ")" : "",
                                    error->cause ? "; caused by " : "");
        if (added < 0)
            return 0;
        length += (size_t) added;
        if (length >= size)
            size = length; /* from here on only the length counts */
        if (size == length)
            text = NULL;
    }
    return length;
}

const char *
godwit_error_print (const godwit_error_t *error)
{
    if (!error)
        return "";
    /* What is kept changes nothing that shows; of several threads that print at once, one has its way. */
    _Atomic (char *) *const kept = &((godwit_error_t *) (uintptr_t) error)->printed;
    char *printed = atomic_load_explicit (kept, memory_order_acquire);
    if (printed)
        return printed;
    const size_t size = print_chain (error, NULL, 0) + 1;
    char *const text = malloc (size);
    if (!text)
        return error->message;
    text[0] = '\0';
    print_chain (error, text, size);
    if (atomic_compare_exchange_strong (kept, &printed, text))
        return text;
    free (text);
    return printed;
}
