/* SPDX-License-Identifier: Apache-2.0 */
/* A wake is for whoever leads. A reactor that is still attached, though a thread has taken the lead, must not
 * take it away from that thread, which is about to wait. */
#include "drivers/zmtp/waiter.h"
#include "tests/support/must.h"

#include <poll.h>

static void
on_ready (godwit__source_t *source)
{
    ++*(int *) source->user;
}

Test (zmtp_waiter, a_wake_is_not_lost_to_a_reactor_that_does_not_lead, .timeout = 30)
{
    int times = 0;
    godwit__reactor_t *reactor = NULL;
    godwit__zmtp_waiter_t waiter;
    godwit__source_t source = {.ready = on_ready, .user = &times};
    MUST (godwit__reactor_new (&reactor, &godwit__clock_system, &error));
    godwit__zmtp_waiter_init (&waiter);
    MUST (godwit__zmtp_waiter_attach (&waiter, reactor, false, &source, &error));
    godwit__reactor_run_once (reactor, 0);
    cr_assert_eq (times, 1);

    godwit__zmtp_waiter_wake (&waiter); /* the thread that leads does not wait yet */
    godwit__reactor_run_once (reactor, 0);
    cr_assert_eq (times, 2);
    cr_assert_eq (godwit__zmtp_waiter_wait (&waiter, -1, POLLIN, GODWIT__NEVER), POLLIN);

    godwit__zmtp_waiter_detach (&waiter);
    godwit__reactor_destroy (&reactor);
}
