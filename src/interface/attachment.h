/* SPDX-License-Identifier: Apache-2.0 */
/* The attach and detach of a driver whose channels have a descriptor each: the reactor watches it. */
#ifndef GODWIT_SRC_INTERFACE_ATTACHMENT_H
#define GODWIT_SRC_INTERFACE_ATTACHMENT_H

#include "src/error/error.h"
#include "src/interface/driver.h"

/* A member of the channel, zeroed at first. The thread of the reactor that is attached; which thread that is,
 * the callers agree on among themselves. */
typedef struct godwit__attachment {
    godwit__reactor_t *reactor; /* NULL: nothing is attached */
    godwit__source_t *source;
} godwit__attachment_t;

/* fd: readable when wait would return. -1: it could not be made, which is SYSTEM. */
static inline godwit_status_t
godwit__attachment_begin (godwit__attachment_t *attachment, int fd, godwit__reactor_t *reactor,
                          godwit__source_t *source, godwit_error_t **error)
{
    if (attachment->reactor)
        return GODWIT_OK;
    if (fd < 0)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot make a descriptor to wait on");
    source->fd = fd;
    source->watched = false;
    const godwit_status_t status = godwit__reactor_watch (reactor, source, error);
    if (status == GODWIT_OK)
        *attachment = (godwit__attachment_t){reactor, source};
    return status;
}

static inline void
godwit__attachment_end (godwit__attachment_t *attachment)
{
    if (attachment->reactor)
        godwit__reactor_unwatch (attachment->reactor, attachment->source);
    *attachment = (godwit__attachment_t){0};
}

#endif
