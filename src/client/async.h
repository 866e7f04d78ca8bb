/* Asynchronous calls that are stalled: they wait for a server, for a connection, or for a back-off to pass.
 * They are carried on by the completion reactor. One list for each transport.
 */
#ifndef GODWIT_SRC_CLIENT_ASYNC_H
#define GODWIT_SRC_CLIENT_ASYNC_H

#include "src/runtime/transport.h"

typedef struct godwit__stalled {
    pthread_mutex_t lock;       /* a leaf */
    struct godwit__call *first; /* the newest; doubly linked */
    atomic_size_t count;        /* of the list, and of those that are being looked at */
    godwit__task_t advance;
} godwit__stalled_t;

/* Makes transport->stalled. */
godwit_status_t godwit__stalled_open (godwit_transport_t *transport, godwit_error_t **error);
/* Nothing of it runs afterwards. There is none left that is stalled. */
void godwit__stalled_close (godwit_transport_t *transport);

/* Something has changed that stalled calls may wait for. With transport.lock held. */
void godwit__stalled_wake (godwit_transport_t *transport);
/* Advances every stalled call that may be advanced. Completion reactor. */
void godwit__stalled_advance (godwit_transport_t *transport);
/* Whether any call is stalled. After the end of the completion reactor's thread. */
bool godwit__stalled_any (const godwit_transport_t *transport);

#endif
