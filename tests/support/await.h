/* SPDX-License-Identifier: Apache-2.0 */
/* Waits until a condition holds that nobody tells of, such as a figure of the statistics. */
#ifndef GODWIT_TESTS_AWAIT_H
#define GODWIT_TESTS_AWAIT_H

#include <criterion/criterion.h>

#include <poll.h>
#include <time.h>

#define AWAIT_LIMIT_S 40

static inline time_t
await_now_s (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

#define AWAIT(condition_)                                                                                    \
    for (const time_t end_ = await_now_s () + AWAIT_LIMIT_S; !(condition_); poll (NULL, 0, 1))               \
    cr_assert (await_now_s () < end_, "waited in vain: %s", #condition_)

#endif
