/* SPDX-License-Identifier: Apache-2.0 */
#include "src/listener/listener_end.h"

#include "src/listener/letters.h"

#include <stdlib.h>
#include <unistd.h>

void
godwit__listener_quit (godwit_listener_t *listener)
{
    if (listener->has_quit)
        return;
    listener->has_quit = true;
    godwit__letters_stop (listener);
    godwit__batches_end (listener);
    if (listener->options.pull) /* otherwise those who handle the rest settle it */
        godwit__register_end (listener->receipts);
}

void
godwit__listener_free (godwit_listener_t *listener)
{
    for (size_t i = 0; i < listener->endpoint_count; i++)
        godwit__filter_destroy (&listener->endpoints[i].filter);
    free (listener->lanes);
    free (listener->endpoints);
    godwit__register_unref (&listener->receipts);
    if (listener->fd >= 0)
        close (listener->fd);
    pthread_mutex_destroy (&listener->lock);
    godwit__transport_unref (listener->transport);
    free (listener);
}
