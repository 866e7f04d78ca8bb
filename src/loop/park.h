/* SPDX-License-Identifier: Apache-2.0 */
/* A thread sleeps until another one wakes it.
 *
 * Who wakes needs no lock, and nothing of the sleeper but the address of its word: the sleeper may have seen
 * by other means that it is to go on, and its word may be gone. Then the wake reaches nobody, or somebody who
 * sleeps on another word at this address, and wakes early. So whoever sleeps looks again what it waits for.
 * The C library's conditions cannot be used so: a condition must outlive the thread that tells it. */
#ifndef GODWIT_SRC_LOOP_PARK_H
#define GODWIT_SRC_LOOP_PARK_H

#include <stdatomic.h>
#include <stdint.h>

/* Sleeps while the word is 0, for at most left_ns (GODWIT__NEVER: no limit). May return early. */
void godwit__park (atomic_uint *word, int64_t left_ns);
/* Wakes the thread that sleeps on this word, if one does. The word was set to 1 before. */
void godwit__unpark (const atomic_uint *word);

#endif
