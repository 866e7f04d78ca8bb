/* SPDX-License-Identifier: Apache-2.0 */
/* When a source does something: the timer with which it waits, refreshes, and tries again. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_SOURCE_TIMER_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_SOURCE_TIMER_H

#include "matchmaker/rendezvous.h"

/* The last delay of the back-off. */
#define GODWIT__SOURCE_BACK_OFF_MAX_NS (256 * GODWIT__NS_PER_MS)

static inline int64_t
godwit__source_now (const godwit__rendezvous_source_t *source)
{
    return godwit__reactor_now (source->owner->options.reactor);
}

static inline int64_t
godwit__source_refresh_ns (const godwit__rendezvous_source_t *source)
{
    return source->owner->options.refresh_ms * GODWIT__NS_PER_MS;
}

/* Its timer fires then, and not before. */
void godwit__source_arm (godwit__rendezvous_source_t *source, int64_t deadline_ns);
/* WAITING: connects again after the next delay. */
void godwit__source_back_off (godwit__rendezvous_source_t *source);
/* JOINED: what could not be sent is tried again soon, everything else waits for the refresh. */
void godwit__source_arm_tick (godwit__rendezvous_source_t *source);

#endif
