/* SPDX-License-Identifier: Apache-2.0 */
/* The comparison with what coreutils' b2sum prints for the same directory, which find walks for it. */
#ifndef DEMO_VERIFY_H
#define DEMO_VERIFY_H

#include "tree.h"

typedef struct demo_result {
    size_t listed;    /* by b2sum */
    size_t equal;     /* in both, with the same hash */
    size_t different; /* in both, with another hash */
    size_t missing;   /* b2sum has it, and we do not */
    size_t extra;     /* we have it, and b2sum does not */
    size_t twice;     /* listed or answered more than once */
    size_t unread;    /* neither could read it */
} demo_result_t;

/* Prints the first few differences. false: b2sum could not be run; said why on stderr. */
bool demo_verify (const demo_tree_t *tree, const char *directory, demo_result_t *result);

#endif
