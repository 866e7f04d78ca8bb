/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_source_timer.h"

#include "src/base/delay.h"
#include "src/base/hash.h"

/* The longest wait is 5/4 of the last delay, 320 ms: so a host that returns has all members within a second,
 * and they do not come at the same moment. */
static const godwit__delay_rule_t back_off_rule = {.first_ns = 2 * GODWIT__NS_PER_MS,
                                                   .max_ns = GODWIT__SOURCE_BACK_OFF_MAX_NS,
                                                   .least_percent = 25,
                                                   .most_percent = 125};
#define RETRY_MS 5

/* splitmix64 */
static uint64_t
next_random (godwit__rendezvous_source_t *self)
{
    self->random += UINT64_C (0x9e3779b97f4a7c15);
    return godwit__mix (self->random);
}

void
godwit__source_arm (godwit__rendezvous_source_t *self, int64_t deadline_ns)
{
    /* Fails only if there were never so many timers before, and there is no memory for one more. */
    godwit__reactor_arm (self->owner->options.reactor, &self->timer, deadline_ns);
}

void
godwit__source_back_off (godwit__rendezvous_source_t *self)
{
    const int64_t wait_ns = godwit__delay_next (&self->back_off_ns, &back_off_rule, next_random (self));
    self->state = GODWIT__SOURCE_WAITING;
    godwit__source_arm (self, godwit__source_now (self) + wait_ns);
}

void
godwit__source_arm_tick (godwit__rendezvous_source_t *self)
{
    const int64_t retry_ns = godwit__source_now (self) + RETRY_MS * GODWIT__NS_PER_MS;
    const bool soon = (self->must_register || self->must_resync) && retry_ns < self->refresh_at_ns;
    const int64_t next_ns = soon ? retry_ns : self->refresh_at_ns;
    godwit__source_arm (self, self->settles_ns && self->settles_ns < next_ns ? self->settles_ns : next_ns);
}
