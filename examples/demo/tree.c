/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
add (demo_tree_t *tree, size_t *room, const char *path)
{
    if (tree->count == *room) {
        const size_t wanted = *room ? *room * 2 : 1024;
        demo_file_t *files = reallocarray (tree->files, wanted, sizeof *files);
        if (!files)
            return false;
        tree->files = files;
        *room = wanted;
    }
    char *copy = strdup (path);
    if (!copy)
        return false;
    tree->files[tree->count++] = (demo_file_t){.path = copy};
    return true;
}

static int
compare (const void *a, const void *b)
{
    return strcmp (((const demo_file_t *) a)->path, ((const demo_file_t *) b)->path);
}

bool
demo_tree_walk (demo_tree_t *tree, const char *directory)
{
    char *start = strdup (directory);
    char *const roots[] = {start, NULL};
    FTS *walk = start ? fts_open (roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    if (!walk) {
        perror ("demo: the walk cannot start");
        free (start);
        return false;
    }
    bool good = true;
    size_t room = 0;
    FTSENT *entry;
    while (errno = 0, good && (entry = fts_read (walk))) {
        switch (entry->fts_info) {
        case FTS_F:
            good = add (tree, &room, entry->fts_path);
            break;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
            fprintf (stderr, "demo: %s: %s\n", entry->fts_path, strerror (entry->fts_errno));
            tree->skipped++;
            break;
        default: /* directories, links, devices */
            break;
        }
    }
    if (errno != 0) {
        perror ("demo: the walk broke off");
        good = false;
    }
    fts_close (walk);
    free (start);
    if (tree->count)
        qsort (tree->files, tree->count, sizeof *tree->files, compare);
    return good;
}

demo_file_t *
demo_tree_find (const demo_tree_t *tree, const char *path)
{
    size_t from = 0;
    size_t to = tree->count;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        const int order = strcmp (path, tree->files[middle].path);
        if (order == 0)
            return &tree->files[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

void
demo_tree_free (demo_tree_t *tree)
{
    for (size_t at = 0; at < tree->count; at++) {
        free (tree->files[at].path);
        free (tree->files[at].problem);
    }
    free (tree->files);
    *tree = (demo_tree_t){0};
}

void
demo_print_path (const char *path)
{
    for (const unsigned char *byte = (const unsigned char *) path; *byte; byte++) {
        if (*byte < ' ' || *byte == 0x7f || *byte == '\\')
            printf ("\\%03o", *byte);
        else
            putchar (*byte);
    }
}
