#include "src/file.h"

#include "src/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP = 16384 };

static godwit_status_t
read_all (FILE *file, char **text, const char *path, size_t most, godwit_error_t **error)
{
    size_t size = 0, room = 0;
    for (;;) {
        if (room - size < STEP) {
            room = room ? 2 * room : 2 * (size_t) STEP;
            char *const grown = realloc (*text, room);
            if (!grown)
                return godwit__error_no_memory (error);
            *text = grown;
        }
        const size_t got = fread (*text + size, 1, STEP - 1, file);
        size += got;
        if (size > most)
            return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "%s: expected at most %zu bytes",
                                      path, most);
        if (got == 0)
            break;
    }
    if (ferror (file))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s", path, strerror (errno));
    (*text)[size] = '\0';
    if (strlen (*text) != size)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: expected text, got a NUL byte", path);
    return GODWIT_OK;
}

godwit_status_t
godwit__read_file (char **text_p, const char *path, size_t most, godwit_error_t **error)
{
    char *text = NULL;
    FILE *const file = fopen (path, "re");
    if (!file)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s", path, strerror (errno));
    const godwit_status_t status = read_all (file, &text, path, most, error);
    fclose (file);
    if (status)
        free (text);
    else
        *text_p = text;
    return status;
}
