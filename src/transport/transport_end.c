/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a transport: from the outside in, each part is asked to end and then waited for. */
#include "src/transport/transport_end.h"

#include "src/base/host.h"
#include "src/base/uncancelled.h"
#include "src/client/async.h"
#include "src/client/client.h"
#include "src/client/future.h"
#include "src/client/publisher.h"
#include "src/connection/completion.h"
#include "src/delivery/outboxes.h"
#include "src/discovery/discovery.h"
#include "src/error/error_classes.h"
#include "src/introspection/introspector.h"
#include "src/runtime/control.h"
#include "src/runtime/end_hook.h"
#include "src/runtime/wait.h"
#include "src/runtime/warnings.h"
#include "src/server/cancel.h"
#include "src/server/drain.h"
#include "src/server/pool_life.h"

#include <sched.h>
#include <stdlib.h>

void
godwit__transport_release (godwit_transport_t *transport)
{
    godwit__directory_destroy (&transport->directory);
    godwit__realm_close (&transport->realm);
    godwit_url_destroy (&transport->url);
    godwit__error_classes_destroy (&transport->error_classes);
    godwit__fork_guard_free (transport->alive);
    godwit__metrics_destroy (&transport->metrics);
    godwit__box_unref (&transport->box);
    godwit__warnings_destroy (&transport->warnings);
    pthread_mutex_destroy (&transport->lock);
    pthread_mutex_destroy (&transport->process_lock);
    pthread_mutex_destroy (&transport->points.lock);
    free (transport->control_exchange);
    free (transport->host);
    free (transport->runtime_dir);
    free (transport->realm_name);
    free (transport->virtual_host);
    free (transport->host_id);
    free (transport);
}

static void
close_matchmaker (void *arg)
{
    godwit_transport_t *transport = arg;
    if (transport->matchmaker)
        transport->matchmaker->ops->close (transport->matchmaker);
    transport->matchmaker = NULL;
    godwit__discovery_close (transport);
}

static void
close_drivers (void *arg)
{
    godwit_transport_t *transport = arg;
    godwit__reactor_disarm (transport->control, &transport->tick);
    godwit__reactor_disarm (transport->control, &transport->realm_look);
    godwit__publisher_destroy (&transport->publisher);
    godwit__pool_destroy (&transport->pool);
    while (transport->driver_count > 0) {
        godwit__driver_t *driver = transport->drivers[--transport->driver_count];
        driver->ops->close (driver);
    }
}

/* Ends the completion thread. Then runs the callbacks of calls that ended last, and ends the calls that are
 * still stalled. */
static void
end_calls (godwit_transport_t *transport)
{
    if (!transport->given_up) /* memory was short when the transport was made */
        return;
    godwit__completion_stop (transport->completion);
    if (transport->pool)
        godwit__cancels_run (transport->pool);
    godwit__given_up_end (transport);
    while (godwit__completion_run_finished (transport->completion) || godwit__stalled_any (transport))
        godwit__stalled_advance (transport);
}

/* Every part is asked to end, then waited for, those that use others first. */
static void
close_parts (godwit_transport_t *transport)
{
    if (transport->pool) {
        godwit__pool_drain (transport->pool);
        godwit__pool_stop (transport->pool);
    }
    godwit__control_run (transport, close_matchmaker, transport);
    pthread_mutex_lock (&transport->lock);
    while (transport->connection_count > 0)
        godwit__transport_wait_changed (transport, GODWIT__NEVER);
    godwit__transport_unlock (transport);
    while (atomic_load (&transport->connections_closing) > 0)
        sched_yield (); /* they still use the control thread's reactor, for a moment */
    end_calls (transport);
    godwit__control_run (transport, close_drivers, transport);
}

void
godwit_transport_destroy (godwit_transport_t **transport)
{
    GODWIT__UNCANCELLED;
    if (!transport || !*transport)
        return;
    godwit_transport_t *self = *transport;
    *transport = NULL;
    if (self->alive && !*self->alive) {
        godwit__transport_unref (self);
        return;
    }
    pthread_mutex_lock (&self->lock);
    atomic_store (&self->closing, true);
    godwit__transport_changed (self);
    godwit__transport_unlock (self);
    if (self->pool)
        godwit__pool_interrupt (self->pool);
    godwit__clients_close (self);
    godwit__outboxes_close (self);
    godwit__end_hooks_run (self);
    godwit__introspector_stop (self);
    if (self->control_runs || (self->control && self->options.external_loop))
        close_parts (self);
    godwit__control_stop (self);
    godwit__box_end (self->box);
    godwit__warnings_tell (self, true);
    godwit__introspector_close (self);
    godwit__given_up_close (self);
    godwit__stalled_close (self);
    godwit__outboxes_end (self);
    godwit__completion_destroy (&self->completion);
    if (self->control)
        godwit__reactor_destroy (&self->control);
    godwit__transport_unref (self);
}
