#include "src/runtime/transport.h"

#include "src/error/error.h"
#include "src/loop/clock.h"

#include <stdio.h>

/* ---- references ---- */

godwit_transport_t *
godwit__transport_ref (godwit_transport_t *transport)
{
    atomic_fetch_add_explicit (&transport->refs, 1, memory_order_relaxed);
    return transport;
}

void
godwit__transport_unref (godwit_transport_t *transport)
{
    if (atomic_fetch_sub_explicit (&transport->refs, 1, memory_order_acq_rel) == 1)
        transport->hooks->release (transport);
}

godwit_status_t
godwit__transport_check (const godwit_transport_t *transport, godwit_error_t **error)
{
    if (!*transport->alive)
        return godwit__error_set (error, GODWIT_ERR_FORKED,
                                  "This transport belongs to the process before fork(): make a new one");
    if (atomic_load_explicit (&transport->closing, memory_order_relaxed))
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The transport is being destroyed");
    return GODWIT_OK;
}

/* ---- changes ---- */

void
godwit__transport_changed (godwit_transport_t *transport)
{
    transport->change_count++;
    pthread_cond_broadcast (&transport->changed);
    transport->hooks->changed (transport);
}

void
godwit__transport_wait_changed (godwit_transport_t *transport, int64_t timeout_ns)
{
    if (transport->options.external_loop && !godwit__transport_is_processing (transport)) {
        /* Not for longer than a moment: what changes may come from another thread, which does not wake the
         * loop. */
        const int64_t moment_ns = 10 * GODWIT__NS_PER_MS;
        pthread_mutex_unlock (&transport->lock);
        godwit__transport_pump (transport, timeout_ns < moment_ns ? timeout_ns : moment_ns);
        pthread_mutex_lock (&transport->lock);
        return;
    }
    godwit__cond_wait (&transport->changed, &transport->lock, timeout_ns);
}

void
godwit__log (const godwit_transport_t *transport, godwit_log_level_t level, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    transport->options.log (transport->options.log_user, level, text);
}
