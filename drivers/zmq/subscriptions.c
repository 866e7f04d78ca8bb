/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/subscriptions.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 64

/* Without memory, only those are counted for which there is room. */
static bool
has_room_for (godwit__subscriptions_t *self, size_t fd)
{
    size_t size = self->size ? self->size : SIZE_FIRST;
    while (size <= fd)
        size *= 2;
    if (size == self->size)
        return true;
    uint32_t *const counts = realloc (self->counts, size * sizeof *counts);
    if (!counts)
        return false;
    memset (counts + self->size, 0, (size - self->size) * sizeof *counts);
    self->counts = counts;
    self->size = size;
    return true;
}

void
godwit__subscriptions_release (godwit__subscriptions_t *subscriptions)
{
    free (subscriptions->counts);
}

bool
godwit__subscriptions_note (godwit__subscriptions_t *subscriptions, int fd, bool subscribes)
{
    if (fd < 0 || !has_room_for (subscriptions, (size_t) fd))
        return false;
    uint32_t *const count = &subscriptions->counts[fd];
    if (subscribes)
        return ++*count == GODWIT__SUBSCRIPTIONS_MAX + 1;
    if (*count)
        --*count;
    return false;
}

bool
godwit__subscriptions_are_too_many (const godwit__subscriptions_t *subscriptions, int fd)
{
    return fd >= 0 && (size_t) fd < subscriptions->size &&
           subscriptions->counts[fd] > GODWIT__SUBSCRIPTIONS_MAX;
}

void
godwit__subscriptions_forget (godwit__subscriptions_t *subscriptions, int fd)
{
    if (fd >= 0 && (size_t) fd < subscriptions->size)
        subscriptions->counts[fd] = 0;
}
