/* SPDX-License-Identifier: Apache-2.0 */
/* A condition on which many threads wait: "something has changed".
 *
 * The C library's conditions have the same use, but there a thread that tells may have to wait for those who
 * were told the last time: each of them has to run first (__condvar_quiesce_and_switch_g1 in glibc). A thread
 * whose time is spent then waits behind the one that tells. With more threads than processors that takes
 * hundreds of milliseconds. Here nobody waits for anybody. */
#ifndef GODWIT_SRC_LOOP_CHANGE_H
#define GODWIT_SRC_LOOP_CHANGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* All zero at first; needs no end. */
typedef struct godwit__change {
    atomic_uint told;    /* how often; wraps around */
    atomic_uint waiting; /* threads */
} godwit__change_t;

/* With lock held, which is released meanwhile: waits until it is told, for at most left_ns (GODWIT__NEVER: no
 * limit). May return early. */
void godwit__change_wait (godwit__change_t *change, pthread_mutex_t *lock, int64_t left_ns);
/* Wakes all who wait. After what they wait for was changed with the lock held; better without it. */
void godwit__change_tell (godwit__change_t *change);

#endif
