/* SPDX-License-Identifier: Apache-2.0 */
/* Which member file a process uses. A file that cannot be looked for is an error, never "there is none":
 * otherwise a wrong mode would switch the realm off. */
#include "src/error/error.h"
#include "src/realm/realm.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIABLE "GODWIT_REALM"
#define OPTION "Option realm"
#define NONE "none"
#define OF_HOME "/.config/godwit/realm.member"
#define OF_HOST "/etc/godwit/realm.member"
#define ENTRY_MAX ((size_t) 1 << 20) /* bytes of an entry of the users' database */

static godwit_status_t
take (char **path, const char *from, godwit_error_t **error)
{
    char *const copy = strdup (from);
    if (!copy)
        return godwit__error_no_memory (error);
    *path = copy;
    return GODWIT_OK;
}

/* ---- named ---- */

static godwit_status_t
find_named (char **path, const char *name, const char *from, godwit_error_t **error)
{
    struct stat status;
    if (strcmp (name, NONE) == 0) {
        *path = NULL;
        return GODWIT_OK;
    }
    if (!*name)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a path, or " NONE, from);
    if (stat (name, &status) != 0)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s: %s", from, name, strerror (errno));
    return take (path, name, error);
}

/* ---- in one of the usual places ---- */

/* *path stays NULL if there is none. */
static godwit_status_t
find_usual (char **path, const char *name, godwit_error_t **error)
{
    struct stat status;
    if (stat (name, &status) == 0)
        return take (path, name, error);
    if (errno == ENOENT || errno == ENOTDIR)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                              "%s: %s: nobody knows whether there is a realm; mend that, or say which file "
                              "(option realm, or " VARIABLE "), or realm=none",
                              name, strerror (errno));
}

static godwit_status_t
find_in_home (char **path, const char *home, godwit_error_t **error)
{
    const size_t size = strlen (home) + sizeof OF_HOME;
    char *const name = malloc (size);
    if (!name)
        return godwit__error_no_memory (error);
    snprintf (name, size, "%s" OF_HOME, home);
    const godwit_status_t status = find_usual (path, name, error);
    free (name);
    return status;
}

/* True for what getpwuid_r says of a user that is not in the database (its manual). */
static bool
is_not_found (int failure)
{
    return failure == 0 || failure == ENOENT || failure == ESRCH || failure == EBADF || failure == EPERM;
}

static godwit_status_t
look_up_home (char **home, char *room, size_t size, bool *is_too_small, godwit_error_t **error)
{
    struct passwd entry, *found = NULL;
    const int failure = getpwuid_r (geteuid (), &entry, room, size, &found);
    *is_too_small = !found && failure == ERANGE;
    if (found && entry.pw_dir && entry.pw_dir[0] == '/')
        return take (home, entry.pw_dir, error);
    if (is_not_found (failure) || *is_too_small)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                              "The home of uid %u cannot be looked up: %s: set HOME, or " VARIABLE,
                              (unsigned) geteuid (), strerror (failure));
}

/* The home of this user in the database of users; NULL: it has none. */
static godwit_status_t
home_of_user (char **home, godwit_error_t **error)
{
    for (size_t size = 1024; size <= ENTRY_MAX; size *= 2) {
        bool is_too_small = false;
        char *const room = malloc (size);
        if (!room)
            return godwit__error_no_memory (error);
        const godwit_status_t status = look_up_home (home, room, size, &is_too_small, error);
        free (room);
        if (status || !is_too_small)
            return status;
    }
    return GODWIT_OK;
}

static godwit_status_t
find_of_user (char **path, godwit_error_t **error)
{
    const char *const variable = secure_getenv ("HOME");
    char *home = NULL;
    if (variable && variable[0] == '/')
        return find_in_home (path, variable, error);
    godwit_status_t status = home_of_user (&home, error);
    if (status == GODWIT_OK && home)
        status = find_in_home (path, home, error);
    free (home);
    return status;
}

godwit_status_t
godwit__realm_find (char **path, const char *given, godwit_error_t **error)
{
    const char *const variable = secure_getenv (VARIABLE);
    char *found = NULL;
    if (given)
        return find_named (path, given, OPTION, error);
    if (variable && *variable)
        return find_named (path, variable, VARIABLE, error);
    godwit_status_t status = find_of_user (&found, error);
    if (status == GODWIT_OK && !found)
        status = find_usual (&found, OF_HOST, error);
    if (status == GODWIT_OK)
        *path = found;
    return status;
}
