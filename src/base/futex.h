/* SPDX-License-Identifier: Apache-2.0 */
/* Linux's futex: threads of this process sleep on a word, and are woken by its address.
 *
 * Who wakes needs no lock, and nothing of the sleeper but the address. The sleeper may have seen by other
 * means that it is to go on, and its word may be gone: then the wake reaches nobody, or somebody who sleeps
 * on another word at this address, and wakes early. So whoever sleeps looks again for what it waits. The C
 * library's conditions cannot be used so: a condition must outlive the call that tells it. */
#ifndef GODWIT_SRC_BASE_FUTEX_H
#define GODWIT_SRC_BASE_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

/* Sleeps while the word is `seen`, for at most left_ns (INT64_MAX: no limit). May return early. */
void godwit__futex_wait (const atomic_uint *word, unsigned seen, int64_t left_ns);
/* Wakes at most so many threads that sleep on the word, which was changed before. */
void godwit__futex_wake (const atomic_uint *word, int count);

#endif
