/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/end_hook.h"

#include "src/runtime/wait.h"

void
godwit__end_hook_add (godwit_transport_t *transport, godwit__end_hook_t *hook)
{
    pthread_mutex_lock (&transport->lock);
    godwit__list_append (&transport->end_hooks, &hook->in_transport);
    godwit__transport_unlock (transport);
}

void
godwit__end_hook_remove (godwit_transport_t *transport, godwit__end_hook_t *hook)
{
    pthread_mutex_lock (&transport->lock);
    while (hook->runs)
        godwit__transport_wait_changed (transport, GODWIT__NEVER);
    if (godwit__in_list (&hook->in_transport))
        godwit__list_remove (&hook->in_transport);
    godwit__transport_unlock (transport);
}

void
godwit__end_hooks_run (godwit_transport_t *transport)
{
    pthread_mutex_lock (&transport->lock);
    for (godwit__end_hook_t *at;
         (at = GODWIT__FIRST (&transport->end_hooks, godwit__end_hook_t, in_transport));) {
        godwit__list_remove (&at->in_transport);
        at->runs = true;
        godwit__transport_unlock (transport);
        at->run (at);
        pthread_mutex_lock (&transport->lock);
        at->runs = false;
        godwit__transport_changed (transport);
    }
    godwit__transport_unlock (transport);
}
