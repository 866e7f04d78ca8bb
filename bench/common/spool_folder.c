/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_folder.h"
#include "die.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
bench_folder_make (char folder[BENCH_FOLDER_SIZE])
{
    const char *temporary = getenv ("TMPDIR");
    snprintf (folder, BENCH_FOLDER_SIZE, "%s/godwit-bench-XXXXXX", temporary ? temporary : "/var/tmp");
    bench_check (mkdtemp (folder) != NULL, "mkdtemp");
}

void
bench_folder_remove (const char *folder)
{
    DIR *entries = opendir (folder);
    char path[BENCH_FOLDER_SIZE + 256];

    for (struct dirent *entry; entries != NULL && (entry = readdir (entries)) != NULL;) {
        snprintf (path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink (path); /* neither "." nor ".." */
    }
    if (entries != NULL)
        closedir (entries);
    rmdir (folder);
}
