/* SPDX-License-Identifier: Apache-2.0 */
/* Something that has to do its part when its transport ends: a thread that waits, a thread of its own. */
#ifndef GODWIT_SRC_RUNTIME_END_HOOK_H
#define GODWIT_SRC_RUNTIME_END_HOOK_H

#include "src/runtime/transport.h"

typedef struct godwit__end_hook {
    godwit__list_node_t in_transport; /* of end_hooks; guarded by transport.lock, as the rest is */
    bool runs;
    /* Runs once, on the thread that ends the transport, without a lock, while requests are still answered. */
    void (*run) (struct godwit__end_hook *hook);
} godwit__end_hook_t;

/* A hook that is added when the transport is closing does not run: what follows is CLOSED anyway. */
void godwit__end_hook_add (godwit_transport_t *transport, godwit__end_hook_t *hook);
/* Takes it away. If it runs now, waits for its end; so not from inside of it. Any thread. */
void godwit__end_hook_remove (godwit_transport_t *transport, godwit__end_hook_t *hook);

/* For the transport's end: runs all. */
void godwit__end_hooks_run (godwit_transport_t *transport);

#endif
