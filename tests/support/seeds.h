/* SPDX-License-Identifier: Apache-2.0 */
/* For programs that run a simulated cluster for each of many seeds: several at a time, and each kind of fault
 * in its part of them. */
#ifndef GODWIT_TESTS_SUPPORT_SEEDS_H
#define GODWIT_TESTS_SUPPORT_SEEDS_H

#include <stdint.h>

#define SEEDS_JOBS_MAX 64

/* GODWIT_FAULT_... of names such as "loss,kill", of "all" or of "none". All ones if there is an unknown name.
 */
unsigned seeds_faults (const char *names);

/* Calls it for each of the seeds, in so many threads (at most SEEDS_JOBS_MAX). */
typedef void seeds_one_fn (void *user, uint64_t seed);
void seeds_run (uint64_t first, uint64_t count, unsigned jobs, seeds_one_fn *one, void *user);

/* Calls it for seeds and the names of their faults: for all seeds with these faults, or, if faults is NULL,
 * for each kind alone with a twentieth of the seeds, and for "all" with the rest. Returns the sum of what it
 * returns. */
typedef uint64_t seeds_part_fn (void *user, const char *faults, uint64_t first, uint64_t count);
uint64_t seeds_divide (const char *faults, uint64_t first, uint64_t count, seeds_part_fn *part, void *user);

#endif
