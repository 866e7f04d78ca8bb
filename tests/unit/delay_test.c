/* SPDX-License-Identifier: Apache-2.0 */
/* Exponential back-off with jitter: arithmetic. */
#include "src/base/delay.h"

#include <criterion/criterion.h>

static const godwit__delay_rule_t rule = {
    .first_ns = 1000, .max_ns = 6000, .least_percent = 50, .most_percent = 100};

Test (delay, is_doubled_up_to_the_maximum)
{
    static const int64_t expected[] = {1000, 2000, 4000, 6000, 6000};
    int64_t delay_ns = 0;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        cr_assert_eq (godwit__delay_next (&delay_ns, &rule, 0), expected[i] / 2);
        cr_assert_eq (delay_ns, expected[i]);
    }
}

Test (delay, a_random_part_of_it_is_waited)
{
    for (uint64_t random = 0; random < 3000; random++) {
        int64_t delay_ns = 0;
        const int64_t wait_ns = godwit__delay_next (&delay_ns, &rule, random);
        cr_assert_eq (wait_ns, 500 + (int64_t) (random % 500));
    }
    int64_t delay_ns = 0;
    cr_assert_lt (godwit__delay_next (&delay_ns, &rule, UINT64_MAX), 1000);
}

Test (delay, may_be_without_jitter)
{
    const godwit__delay_rule_t plain = {
        .first_ns = 10, .max_ns = 20, .least_percent = 100, .most_percent = 100};
    int64_t delay_ns = 0;
    cr_assert_eq (godwit__delay_next (&delay_ns, &plain, 99), 10);
    cr_assert_eq (godwit__delay_next (&delay_ns, &plain, 99), 20);
}
