/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/style.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST 20
#define WIDTH_MOST 1000

bool
style_parse (style_when_t *when, const char *text)
{
    static const char *const names[] = {
        [STYLE_AUTO] = "auto", [STYLE_ALWAYS] = "always", [STYLE_NEVER] = "never"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp (names[i], text) == 0) {
            *when = (style_when_t) i;
            return true;
        }
    return false;
}

bool
style_is_on (style_when_t when, int fd)
{
    const char *const no_color = getenv ("NO_COLOR"), *const term = getenv ("TERM");
    if (when != STYLE_AUTO)
        return when == STYLE_ALWAYS;
    return isatty (fd) == 1 && !(no_color && *no_color) && term && strcmp (term, "dumb") != 0;
}

const char *
style_begin (style_t style, bool is_on)
{
    static const char *const codes[] = {[STYLE_PLAIN] = "",        [STYLE_TITLE] = "\033[1m",
                                        [STYLE_GOOD] = "\033[32m", [STYLE_DOUBTFUL] = "\033[33m",
                                        [STYLE_BAD] = "\033[31m",  [STYLE_FAINT] = "\033[2m"};
    return is_on ? codes[style] : "";
}

const char *
style_end (style_t style, bool is_on)
{
    return is_on && style != STYLE_PLAIN ? "\033[0m" : "";
}

unsigned
style_width (int fd)
{
    struct winsize size = {0};
    const char *const columns = getenv ("COLUMNS");
    long width = columns ? strtol (columns, NULL, 10) : 0;
    if (width <= 0 && ioctl (fd, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width <= 0)
        width = WIDTH_DEFAULT;
    return width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : (unsigned) width;
}
