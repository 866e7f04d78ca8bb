/* SPDX-License-Identifier: Apache-2.0 */
/* The regular files below a directory, and what became of each. */
#ifndef DEMO_TREE_H
#define DEMO_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 64 /* BLAKE2b with 64 bytes, as b2sum prints */

typedef struct demo_file {
    char *path; /* any bytes but NUL */
    uint8_t hash[HASH_SIZE];
    unsigned answers;   /* how many hashes came for it: 1 at the end, or there is a mistake */
    unsigned listed;    /* how often b2sum printed it */
    char *problem;      /* why there is no hash; NULL if none */
    int64_t started_ns; /* when its first call was made */
    unsigned attempts;
} demo_file_t;

typedef struct demo_tree {
    demo_file_t *files; /* sorted by path */
    size_t count;
    size_t skipped; /* directories that could not be read; said on stderr */
} demo_tree_t;

/* Lists the regular files below directory, without following symbolic links. false: said why on stderr. */
bool demo_tree_walk (demo_tree_t *tree, const char *directory);
/* NULL if there is none. */
demo_file_t *demo_tree_find (const demo_tree_t *tree, const char *path);
void demo_tree_free (demo_tree_t *tree);
/* Prints the path with the bytes that a terminal would not like as \ooo. */
void demo_print_path (const char *path);

#endif
