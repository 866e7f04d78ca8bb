/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/shared_lock.h"

#include <stddef.h>
#include <sys/mman.h>

/* A mutex of zeros is one that is not locked: PTHREAD_MUTEX_INITIALIZER is zeros in every C library of Linux.
 */
static godwit__shared_page_t *
make_page (void)
{
    void *page = mmap (NULL, sizeof (godwit__shared_page_t), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise (page, sizeof (godwit__shared_page_t), MADV_WIPEONFORK) == 0)
        return page;
    munmap (page, sizeof (godwit__shared_page_t));
    return NULL;
}

static godwit__shared_page_t *
page_of (godwit__shared_lock_t *lock)
{
    godwit__shared_page_t *page = atomic_load_explicit (&lock->page, memory_order_acquire);
    if (page)
        return page;
    godwit__shared_page_t *made = make_page ();
    if (atomic_compare_exchange_strong (&lock->page, &page, made ? made : &lock->spare))
        return made ? made : &lock->spare;
    if (made)
        munmap (made, sizeof *made);
    return page; /* another thread was first */
}

bool
godwit__shared_lock (godwit__shared_lock_t *lock)
{
    godwit__shared_page_t *page = page_of (lock);
    pthread_mutex_lock (&page->mutex);
    const bool first = !page->in_use;
    page->in_use = true;
    return first;
}

void
godwit__shared_unlock (godwit__shared_lock_t *lock)
{
    pthread_mutex_unlock (&atomic_load_explicit (&lock->page, memory_order_relaxed)->mutex);
}
