/* SPDX-License-Identifier: Apache-2.0 */
/* The operations that all inproc channels share: each channel has an inbox. */
#include "drivers/inproc/inproc.h"

bool
godwit__inproc_channel_init (godwit__inproc_channel_t *channel, const godwit__channel_ops_t *ops,
                             godwit__driver_t *driver)
{
    channel->base.ops = ops;
    channel->driver = (godwit__inproc_t *) driver;
    channel->inbox = godwit__inbox_new ();
    return channel->inbox != NULL;
}

static godwit__inbox_t *
inbox_of (godwit__channel_t *channel)
{
    return ((godwit__inproc_channel_t *) channel)->inbox;
}

godwit__io_t
godwit__inproc_recv (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    return godwit__inbox_recv (inbox_of (channel), frame, routing_id);
}

void
godwit__inproc_wait (godwit__channel_t *channel, bool for_room, int64_t timeout_ns)
{
    godwit__inbox_wait (inbox_of (channel), for_room, timeout_ns);
}

void
godwit__inproc_wake (godwit__channel_t *channel)
{
    godwit__inbox_wake (inbox_of (channel));
}

godwit_status_t
godwit__inproc_attach (godwit__channel_t *channel, godwit__reactor_t *reactor, godwit__source_t *source,
                       godwit_error_t **error)
{
    return godwit__attachment_begin (&((godwit__inproc_channel_t *) channel)->attachment,
                                     godwit__inbox_fd (inbox_of (channel)), reactor, source, error);
}

void
godwit__inproc_detach (godwit__channel_t *channel)
{
    godwit__attachment_end (&((godwit__inproc_channel_t *) channel)->attachment);
}
