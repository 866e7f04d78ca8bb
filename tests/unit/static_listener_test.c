/* SPDX-License-Identifier: Apache-2.0 */
/* A notifier whose listeners are named by a static list: where they are is listed, their pools they tell
 * themselves. */
#include "src/server/pool.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"

#include <stdio.h>
#include <stdlib.h>

#define LANE "notify:notifications.info"

typedef struct listening {
    godwit_transport_t *transport;
    godwit_listener_t *listener;
    got_t got;
} listening_t;

/* Returns where it listens. */
static const char *
listen_as (listening_t *self, const char *name, const char *pool)
{
    MUST (godwit_transport_new (&self->transport, "zmq:///?insecure=true&static=no/body@tcp://127.0.0.1:1",
                                NULL, &error));
    got_init (&self->got);
    self->listener =
        notifying_listen (self->transport, &self->got, GODWIT_LISTENER_OPTIONS (.name = name, .pool = pool));
    const godwit__pool_t *const ports = self->transport->pool;
    return ports->ports[ports->port_count - 1].addresses.links[0];
}

static void
end (listening_t *self)
{
    godwit_listener_destroy (&self->listener);
    godwit_transport_destroy (&self->transport);
}

Test (static_listener, each_pool_gets_all, .timeout = 60)
{
    static listening_t one, two;
    char url[1000];
    const char *const pools[] = {"first", "second"};
    notifying_t notifying;
    const char *const at = listen_as (&one, "one", "first");
    snprintf (url, sizeof url, "zmq:///?static=" LANE "/one@%s," LANE "/two@%s", at,
              listen_as (&two, "two", "second"));
    MUST (godwit_transport_new (&notifying.transport, url, NULL, &error));
    MUST (godwit__outbox_new (&notifying.outbox, notifying.transport,
                              GODWIT_DELIVERY_OPTIONS (.pools = pools, .pool_count = 2), &error));
    notifying.stream =
        godwit__outbox_stream (notifying.outbox, "godwit", "notifications", GODWIT_PRIORITY_INFO);
    cr_assert_not_null (notifying.stream);
    notifying_send_many (&notifying, 0, 100);
    MUST (godwit__outbox_flush (notifying.outbox, 20000, &error));
    got_check_order (&one.got, 100);
    got_check_order (&two.got, 100);
    notifying_end (&notifying);
    end (&one);
    end (&two);
}
