/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/zmtp_driver.h"

#include <stdarg.h>
#include <stdio.h>

void
godwit__zmtp_warn (const godwit__zmtp_t *driver, const char *format, ...)
{
    char text[1024];
    va_list args;
    if (!driver->options.warn)
        return;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    driver->options.warn (driver->options.warn_user, text);
}
