/* SPDX-License-Identifier: Apache-2.0 */
/* A realm as one process has it, with a clock that the test moves, and with its notes. For Criterion
 * programs. Notes may come from any thread; everything else is for one at a time. */
#ifndef GODWIT_TESTS_SUPPORT_REALM_HOST_H
#define GODWIT_TESTS_SUPPORT_REALM_HOST_H

#include "src/realm/realm.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define REALM_HOST_NOW INT64_C (1800000000)
/* Dates of what is issued: some days before and behind. */
#define REALM_HOST_FROM (REALM_HOST_NOW - 1000000)
#define REALM_HOST_UNTIL (REALM_HOST_NOW + 10000000)

typedef struct realm_host {
    godwit__realm_t *realm;
    const godwit__test_realm_t *files; /* no note may hold a secret of it; NULL: nobody looks */
    int64_t now;
    int64_t elapsed;  /* seconds of the clock that nobody sets */
    char notes[4096]; /* lines; warnings begin with "warning: " */
} realm_host_t;

static inline int64_t
realm_host_now (void *user)
{
    return ((const realm_host_t *) user)->now;
}

static inline int64_t
realm_host_elapsed (void *user)
{
    return ((const realm_host_t *) user)->elapsed * INT64_C (1000000000);
}

static inline void
realm_host_note (void *user, godwit_log_level_t level, const char *line)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    realm_host_t *const host = user;
    if (host->files)
        cr_assert_not (godwit__test_realm_leaks (host->files, line, strlen (line)));
    pthread_mutex_lock (&lock);
    const size_t used = strlen (host->notes);
    snprintf (host->notes + used, sizeof host->notes - used, "%s%s\n",
              level == GODWIT_LOG_WARNING ? "warning: " : "", line);
    pthread_mutex_unlock (&lock);
}

/* host.files and host.now are set; the clocks stay as they are. */
static inline godwit_status_t
realm_host_try (realm_host_t *host, const char *path, godwit_error_t **error)
{
    const godwit__realm_options_t options = {.path = path,
                                             .now_s = realm_host_now,
                                             .now_user = host,
                                             .elapsed_ns = realm_host_elapsed,
                                             .elapsed_user = host,
                                             .note = realm_host_note,
                                             .note_user = host};
    host->notes[0] = '\0';
    return godwit__realm_open (&host->realm, &options, error);
}

static inline void
realm_host_open (realm_host_t *host, const char *path)
{
    godwit__realm_close (&host->realm);
    MUST (realm_host_try (host, path, &error));
}

/* A certificate with all rights, from REALM_HOST_FROM until REALM_HOST_UNTIL. */
static inline const char *
realm_host_issue (godwit__test_realm_t *files, const char *name)
{
    return godwit__test_realm_issue (
        files, GODWIT__TEST_MEMBER (.name = name, .from = REALM_HOST_FROM, .until = REALM_HOST_UNTIL));
}

static inline bool
realm_host_said (const realm_host_t *host, const char *what)
{
    return strstr (host->notes, what) != NULL;
}

#endif
