/* SPDX-License-Identifier: Apache-2.0 */
/* pthread_cancel and the library: a thread that is inside of the library is not cancelled. The cancellation
 * stays pending until the thread has left it. Otherwise the thread would end with a lock, or with the lead of
 * a connection, and all others would wait for it: libzmq calls write() with locks held, and that is a point
 * of cancellation. */
#ifndef GODWIT_SRC_BASE_UNCANCELLED_H
#define GODWIT_SRC_BASE_UNCANCELLED_H

#include <pthread.h>

static inline int
godwit__cancel_disable (void)
{
    int before = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

/* The library's own threads, which reply, had it disabled before: there is nothing to restore. */
static inline void
godwit__cancel_restore (const int *before)
{
    if (*before != PTHREAD_CANCEL_DISABLE)
        pthread_setcancelstate (*before, NULL);
}

/* At the beginning of a block: until its end the thread is not cancelled. In each public function that sends,
 * waits or wakes. */
#define GODWIT__UNCANCELLED                                                                                  \
    const int uncancelled_ __attribute__ ((cleanup (godwit__cancel_restore), unused)) =                      \
        godwit__cancel_disable ()

#endif
