/* The inside of errors. */
#ifndef GODWIT_SRC_ERROR_H
#define GODWIT_SRC_ERROR_H

#include <godwit/error.h>

#include <stdarg.h>

/* If error is not NULL, makes an error there. Returns status, so that a function can end with
 * `return godwit__error_set (error, GODWIT_ERR_..., "...", ...)`. */
godwit_status_t godwit__error_set (godwit_error_t **error, godwit_status_t status, const char *format, ...)
    GODWIT_PRINTF (3, 4);
/* The same with an outcome. */
godwit_status_t godwit__error_set_outcome (godwit_error_t **error, godwit_status_t status,
                                           godwit_outcome_t outcome, const char *format, ...)
    GODWIT_PRINTF (4, 5);
/* Without an allocation: the static out-of-memory error. */
void godwit__error_set_no_memory (godwit_error_t **error);
/* The same, and returns OUT_OF_MEMORY: inline, so that compilers see that it is no success. */
static inline godwit_status_t
godwit__error_no_memory (godwit_error_t **error)
{
    godwit__error_set_no_memory (error);
    return GODWIT_ERR_OUT_OF_MEMORY;
}

/* What came from a remote server: every text is copied, none is a format. NULL texts are "". */
godwit_error_t *godwit__error_new_remote (godwit_status_t status, godwit_outcome_t outcome,
                                          const char *module, const char *type, const char *message,
                                          const char *traceback);
void godwit__error_set_outcome_of (godwit_error_t *error, godwit_outcome_t outcome);

#endif
