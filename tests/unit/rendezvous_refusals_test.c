/* SPDX-License-Identifier: Apache-2.0 */
/* How many refused JOINs a rendezvous answers. tests/unit/rights_serve_test.c does the same with a host. */
#include "matchmaker/rendezvous_refusals.h"

#include <criterion/criterion.h>

#define SECOND INT64_C (1000000000)
#define FEW GODWIT__REFUSALS_PER_S

static godwit__refusals_t refusals;

/* How many of so many are answered. */
static unsigned
refuse (uint64_t serial, unsigned count, int64_t now_ns)
{
    unsigned answers = 0;
    for (unsigned i = 0; i < count; i++)
        answers += godwit__refusals_may_answer (&refusals, serial, now_ns);
    return answers;
}

Test (rendezvous_refusals, so_many_in_a_second)
{
    for (uint64_t serial = 0; serial < 2; serial++) {
        cr_assert_eq (refuse (serial, 2 * FEW, 5), FEW);
        cr_assert_eq (refuse (serial, 1, 4 + SECOND), 0);
        cr_assert_eq (refuse (serial, 2 * FEW, 5 + SECOND), FEW);
    }
}

Test (rendezvous_refusals, each_certificate_has_its_own)
{
    cr_assert_eq (refuse (7, 1000, 0), FEW);
    cr_assert_eq (refuse (8, 1000, 0), FEW);
    cr_assert_eq (refuse (0, 1000, 0), FEW); /* without a certificate */
    cr_assert_eq (refuse (7, 1, 1), 0);
}

Test (rendezvous_refusals, there_is_an_end)
{
    uint64_t serial = 1;
    for (; serial <= GODWIT__REFUSALS_MAX; serial++)
        cr_assert_eq (refuse (serial, 1000, 0), FEW);
    cr_assert_eq (refuse (serial, FEW / 2, 0), FEW / 2); /* these share one */
    cr_assert_eq (refuse (serial + 1, 1000, 0), FEW / 2);
    cr_assert_eq (refuse (0, 1, 0), 0);
    cr_assert_eq (refuse (1, 1, 0), 0);
    /* A place is free again after a second. */
    cr_assert_eq (refuse (serial, 1000, SECOND), FEW);
    cr_assert_eq (refuse (0, 1, SECOND), 1);
}
