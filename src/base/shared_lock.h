/* SPDX-License-Identifier: Apache-2.0 */
/* Guards what all transports of a process share, such as the list of inproc ports. A child that fork() makes
 * finds it unlocked, whichever thread of the parent held it, and is told that what it guards is the parent's.
 */
#ifndef GODWIT_SRC_BASE_SHARED_LOCK_H
#define GODWIT_SRC_BASE_SHARED_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct godwit__shared_page {
    pthread_mutex_t mutex;
    bool in_use; /* by this process */
} godwit__shared_page_t;

/* Static, and made with GODWIT__SHARED_LOCK. */
typedef struct godwit__shared_lock {
    _Atomic (godwit__shared_page_t *)
        page;                    /* one that a fork() wipes; made by the first who locks, and kept */
    godwit__shared_page_t spare; /* in its place if there is no memory for one */
} godwit__shared_lock_t;

#define GODWIT__SHARED_LOCK                                                                                  \
    {                                                                                                        \
        .spare = {.mutex = PTHREAD_MUTEX_INITIALIZER }                                                       \
    }

/* True: nobody of this process has locked it before. What it guards may be another process's, and half
 * changed: the caller forgets it (and does not free it: nobody knows what is still linked). */
bool godwit__shared_lock (godwit__shared_lock_t *lock);
void godwit__shared_unlock (godwit__shared_lock_t *lock);

#endif
