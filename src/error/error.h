/* SPDX-License-Identifier: Apache-2.0 */
/* How the library makes errors, reads remote ones, and prepares them for the log and for sending. */
#ifndef GODWIT_SRC_ERROR_ERROR_H
#define GODWIT_SRC_ERROR_ERROR_H

#include <godwit/error.h>

#include <stdarg.h>
#include <stdbool.h>

/* The module of the errors that the library defines, as it is sent. In a local error it is "". */
#define GODWIT__OWN_MODULE "godwit"
#define GODWIT__BUILTINS_MODULE "builtins"

/* If error is not NULL, makes an error there. Returns status, so that a function can end with
 * `return godwit__error_set (error, GODWIT_ERR_..., "...", ...)`. */
godwit_status_t godwit__error_set (godwit_error_t **error, godwit_status_t status, const char *format, ...)
    GODWIT_PRINTF (3, 4);
/* The same with an outcome. */
godwit_status_t godwit__error_set_outcome (godwit_error_t **error, godwit_status_t status,
                                           godwit_outcome_t outcome, const char *format, ...)
    GODWIT_PRINTF (4, 5);
/* INVALID_ARGUMENT: a public function was given NULL for its argument `name`. */
godwit_status_t godwit__error_null (godwit_error_t **error, const char *name);
/* Without an allocation: the static out-of-memory error. */
void godwit__error_set_no_memory (godwit_error_t **error);
/* The same, and returns OUT_OF_MEMORY: inline, so that compilers see that it never returns OK. */
static inline godwit_status_t
godwit__error_no_memory (godwit_error_t **error)
{
    godwit__error_set_no_memory (error);
    return GODWIT_ERR_OUT_OF_MEMORY;
}

/* Adds a named detail to the error that was just made (contract 3), and returns status: `return
 * godwit__error_with (error, godwit__error_set (error, ...), "method", name)`. error may be NULL. */
static inline godwit_status_t
godwit__error_with (godwit_error_t **error, godwit_status_t status, const char *name, const char *text)
{
    if (error)
        godwit_error_set_detail (*error, name, text);
    return status;
}

/* An error from a remote server whose class is known here. Every text is copied; none is a format, none is
 * NULL. "_Remote" is added to the type, unless it is there already or the module is "builtins". */
godwit_error_t *godwit__error_new_remote (godwit_status_t status, godwit_outcome_t outcome,
                                          const char *module, const char *type, const char *message,
                                          const char *traceback);
/* An error from a remote server whose class is not known here: a RemoteError. */
godwit_error_t *godwit__error_new_remote_error (godwit_outcome_t outcome, const char *module,
                                                const char *type, const char *message, const char *traceback);
/* An error for the log, on one line: prefix, the chain of causes without the remote traceback, then the
 * traceback, which contains the remote one. Text beyond GODWIT__ERROR_LINE_MAX bytes is cut. The caller frees
 * it; NULL when memory is short.
 */
#define GODWIT__ERROR_LINE_MAX 16384
char *godwit__error_line (const char *prefix, const godwit_error_t *error);
/* Tells which call an error ended: "method \"add\" of <Target topic=calc>, server \"s1\" at tcp://...". An
 * error that the library made here says it in its message, behind "; ". One from the other side of a call, or
 * of a class of the program, keeps its message: godwit_error_print shows where. If memory is short, nothing
 * changes. */
void godwit__error_add_where (godwit_error_t **error, const char *where);
/* Only godwit_error_print shows where, whoever made the error. */
void godwit__error_set_where (godwit_error_t *error, const char *where);
/* True if the library made the error here: it may add to the text. */
bool godwit__error_is_own (const godwit_error_t *error);
/* godwit_error_print shows the traceback of the other side. */
void godwit__error_show_remote_trace (godwit_error_t *error);
void godwit__error_set_outcome_of (godwit_error_t *error, godwit_outcome_t outcome);
/* It ended the call of this id: 16 digits. */
#define GODWIT__CALL_ID_SIZE 17
void godwit__error_set_call_id (godwit_error_t *error, const char id[GODWIT__CALL_ID_SIZE]);
/* A copy of the error and all its causes; values are shared. */
godwit_error_t *godwit__error_copy (const godwit_error_t *error);

/* An error as it is sent: the type, module and message that it had where it was raised, even if a process on
 * the way did not know its class. type is not NUL-terminated. Borrowed. */
typedef struct godwit__error_origin {
    const char *type;
    size_t type_size;
    const char *module;
    const char *message;
} godwit__error_origin_t;

godwit__error_origin_t godwit__error_origin (const godwit_error_t *error);
/* The size of a type's name without "_Remote" at its end, also if that stands there more than once: whoever
 * passes an error on takes it off, and whoever receives it does so again. */
size_t godwit__error_type_size (const char *type);

#endif
