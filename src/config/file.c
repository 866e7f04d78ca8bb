/* SPDX-License-Identifier: Apache-2.0 */
#include "src/config/file.h"

#include "src/error/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP = 16384 };

static godwit_status_t
system_error (const char *path, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s", path, strerror (errno));
}

static godwit_status_t
read_all (int file, char **text, const char *path, size_t most, godwit_error_t **error)
{
    size_t size = 0, room = 0;
    for (ssize_t got = 1; got != 0;) {
        if (room - size < STEP) {
            room = room ? 2 * room : 2 * (size_t) STEP;
            char *const grown = realloc (*text, room);
            if (!grown)
                return godwit__error_no_memory (error);
            *text = grown;
        }
        got = read (file, *text + size, STEP - 1);
        if (got < 0 && errno != EINTR)
            return system_error (path, error);
        size += got > 0 ? (size_t) got : 0;
        if (size > most)
            return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "%s: expected at most %zu bytes",
                                      path, most);
    }
    (*text)[size] = '\0';
    if (strlen (*text) != size)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: expected text, got a NUL byte", path);
    return GODWIT_OK;
}

godwit_status_t
godwit__read_file (char **text_p, const char *path, size_t most, godwit_error_t **error)
{
    char *text = NULL;
    const int file = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return system_error (path, error);
    const godwit_status_t status = read_all (file, &text, path, most, error);
    close (file);
    if (status)
        free (text);
    else
        *text_p = text;
    return status;
}
