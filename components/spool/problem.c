/* SPDX-License-Identifier: Apache-2.0 */
#include "components/spool/problem.h"

#include <stdarg.h>
#include <stdio.h>

godwit_status_t
godwit__spool_problem (godwit__problem_t *problem, godwit_status_t status, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (problem->text, sizeof problem->text, format, arguments);
    va_end (arguments);
    problem->status = status;
    problem->code = 0;
    return status;
}

godwit_status_t
godwit__spool_tell (const godwit__problem_t *problem, godwit_error_t **error)
{
    if (problem->status && error)
        *error = godwit_error_new (problem->status, "%s", problem->text);
    return problem->status;
}
