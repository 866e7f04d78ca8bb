/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, before it is an error object: one failed transaction is the error of many appends. */
#ifndef GODWIT_SPOOL_PROBLEM_H
#define GODWIT_SPOOL_PROBLEM_H

#include <godwit/error.h>

typedef struct godwit__problem {
    godwit_status_t status;
    int code; /* SQLite's extended one, or 0 */
    char text[1024];
} godwit__problem_t;

/* Sets it, and returns the status. */
godwit_status_t godwit__spool_problem (godwit__problem_t *problem, godwit_status_t status, const char *format,
                                       ...) GODWIT_PRINTF (3, 4);
/* Makes an error of it, if there is one, and returns the status. error may be NULL. */
godwit_status_t godwit__spool_tell (const godwit__problem_t *problem, godwit_error_t **error);

#endif
