/* SPDX-License-Identifier: Apache-2.0 */
#include "src/interface/driver.h"

#include <stdarg.h>
#include <stdio.h>

void
godwit__driver_warn (const godwit__driver_options_t *options, const char *format, ...)
{
    char text[1024];
    va_list args;
    if (!options->warn)
        return;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    options->warn (options->warn_user, text);
}
