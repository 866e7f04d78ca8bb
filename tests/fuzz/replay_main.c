/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzzer over the files of its corpus, for builds without libFuzzer: replay FOLDER... */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
fail (const char *path)
{
    fprintf (stderr, "%s: %s\n", path, strerror (errno));
    exit (1);
}

static void
replay_file (const char *path)
{
    FILE *file = fopen (path, "rb");
    if (!file || fseek (file, 0, SEEK_END) != 0)
        fail (path);
    long end = ftell (file);
    if (end < 0)
        fail (path);
    size_t size = (size_t) end;
    rewind (file);

    /* A block of exactly this size, so that AddressSanitizer sees a read past its end. */
    uint8_t *data = malloc (size > 0 ? size : 1);
    if (!data || fread (data, 1, size, file) != size)
        fail (path);
    fclose (file);
    LLVMFuzzerTestOneInput (data, size);
    free (data);
}

static size_t
replay_folder (const char *folder)
{
    DIR *listing = opendir (folder);
    if (!listing)
        fail (folder);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir (listing)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        char path[4096];
        int length = snprintf (path, sizeof path, "%s/%s", folder, entry->d_name);
        if (length < 0 || (size_t) length >= sizeof path) {
            errno = ENAMETOOLONG;
            fail (folder);
        }
        replay_file (path);
        count++;
    }
    closedir (listing);
    return count;
}

int
main (int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_folder (argv[i]);
    printf ("%zu inputs\n", count);
    return count > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
