/* SPDX-License-Identifier: Apache-2.0 */
/* Waits on a condition, or runs the program's own loop meanwhile. */
#include "src/runtime/wait.h"

/* With an external loop: how long it runs before the caller checks its condition again. */
#define MOMENT_NS (10 * GODWIT__NS_PER_MS)

void
godwit__wait (godwit_transport_t *transport, godwit__change_t *changed, pthread_mutex_t *lock,
              int64_t timeout_ns)
{
    if (!lock) {
        godwit__transport_pump (transport, timeout_ns);
        return;
    }
    if (transport->options.external_loop && !godwit__transport_is_processing (transport)) {
        timeout_ns = timeout_ns < MOMENT_NS ? timeout_ns : MOMENT_NS;
        pthread_mutex_unlock (lock);
        const bool ran = godwit__transport_try_pump (transport, timeout_ns);
        pthread_mutex_lock (lock);
        if (ran)
            return;
    }
    godwit__change_wait (changed, lock, timeout_ns);
}
