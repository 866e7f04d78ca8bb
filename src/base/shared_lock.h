/* SPDX-License-Identifier: Apache-2.0 */
/* A lock for what all transports of a process share, such as the list of inproc ports. In a child that fork()
 * makes it is unlocked, even if a thread of the parent held it. The child's first godwit__shared_lock tells
 * that the guarded data is still the parent's.
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

/* A static variable, initialised with GODWIT__SHARED_LOCK. */
typedef struct godwit__shared_lock {
    _Atomic (godwit__shared_page_t *)
        page;                    /* fork() clears it in the child; made by the first lock, and kept */
    godwit__shared_page_t spare; /* used if there is no memory for a page */
} godwit__shared_lock_t;

#define GODWIT__SHARED_LOCK                                                                                  \
    {                                                                                                        \
        .spare = {.mutex = PTHREAD_MUTEX_INITIALIZER }                                                       \
    }

/* True: this process locks it for the first time. The guarded data may be a parent process's, and half
 * changed. The caller then forgets that data without freeing it: nobody knows what is still linked. */
bool godwit__shared_lock (godwit__shared_lock_t *lock);
void godwit__shared_unlock (godwit__shared_lock_t *lock);

#endif
