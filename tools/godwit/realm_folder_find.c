/* SPDX-License-Identifier: Apache-2.0 */
/* Which realm folder is meant. */
#include "src/error/error.h"
#include "tools/godwit/realm_folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool
is_realm (const char *name)
{
    const size_t size = strlen (name), suffix = strlen (REALM_SUFFIX);
    struct stat state;
    return size > suffix && strcmp (name + size - suffix, REALM_SUFFIX) == 0 && *name != '.' &&
           stat (name, &state) == 0 && S_ISDIR (state.st_mode);
}

/* *name: the only realm of the working folder, or NULL; *other: another one, or NULL. Both are the caller's.
 */
static void
find_realms (char **name, char **other)
{
    DIR *const entries = opendir (".");
    for (const struct dirent *entry; entries && !*other && (entry = readdir (entries));)
        if (is_realm (entry->d_name))
            *(*name ? other : name) = strdup (entry->d_name);
    if (entries)
        closedir (entries);
}

static godwit_status_t
find_around (char **path, godwit_error_t **error)
{
    char *name = NULL, *other = NULL;
    find_realms (&name, &other);
    if (name && !other) {
        *path = name;
        return GODWIT_OK;
    }
    const godwit_status_t status =
        name ? godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "%s and %s are here: say which one, with --realm=FOLDER", name, other)
             : godwit__error_set (error, GODWIT_ERR_NOT_FOUND,
                                  "no realm (*" REALM_SUFFIX
                                  ") is in this folder: name one with --realm=FOLDER or "
                                  "$" REALM_FOLDER_VARIABLE ", or make one: godwit realm init NAME");
    free (name);
    free (other);
    return status;
}

godwit_status_t
realm_folder_find (char **path, const char *given, godwit_error_t **error)
{
    const char *const named = given ? given : getenv (REALM_FOLDER_VARIABLE);
    if (!named || !*named)
        return find_around (path, error);
    *path = strdup (named);
    return *path ? GODWIT_OK : godwit__error_no_memory (error);
}
