/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers for tests that can be repeated: the seed is printed, and is taken from GODWIT_TEST_SEED if
 * that is set.
 */
#ifndef GODWIT_TESTS_RANDOM_H
#define GODWIT_TESTS_RANDOM_H

#include <stdint.h>

typedef struct random {
    uint64_t state;
} random_t;

/* Prints the seed. */
random_t random_start (void);
/* 0 to limit - 1. */
uint32_t random_below (random_t *random, uint32_t limit);

#endif
