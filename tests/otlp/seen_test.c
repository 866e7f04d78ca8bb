/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of the ring are new, which are looked at again, and how many were overwritten: compared with
 * a ring that is simulated. */
#include "components/otlp/seen.h"
#include "tests/support/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite (seen, .timeout = 30);

static godwit__otlp_seen_t *seen;

static void
begin (void)
{
    seen = calloc (1, sizeof *seen);
    cr_assert_not_null (seen);
}

static void
end (void)
{
    free (seen);
}

Test (seen, tells_what_is_new, .init = begin, .fini = end)
{
    cr_assert (godwit__otlp_seen_take (seen, 7, false));
    cr_assert (godwit__otlp_seen_take (seen, 8, false));
    godwit__otlp_seen_end (seen);
    godwit__otlp_seen_begin (seen);
    cr_assert_eq (godwit__otlp_seen_since (seen), 9);
    cr_assert_not (godwit__otlp_seen_take (seen, 8, false), "it was there before");
    cr_assert (godwit__otlp_seen_take (seen, 9, false));
    godwit__otlp_seen_end (seen);
    cr_assert_eq (seen->lost, 0, "what came before the first is not lost");
}

Test (seen, looks_again_at_what_is_missing, .init = begin, .fini = end)
{
    cr_assert (godwit__otlp_seen_take (seen, 8, false));
    cr_assert (godwit__otlp_seen_take (seen, 12, false));
    godwit__otlp_seen_end (seen);
    cr_assert_eq (seen->lost, 0, "9 to 11 may just be made");
    godwit__otlp_seen_begin (seen);
    cr_assert_eq (godwit__otlp_seen_since (seen), 9);
    cr_assert (godwit__otlp_seen_take (seen, 10, false));
    cr_assert_not (godwit__otlp_seen_take (seen, 11, true));
    cr_assert_not (godwit__otlp_seen_take (seen, 12, false));
    godwit__otlp_seen_end (seen);
    cr_assert_eq (seen->lost, 1, "9 was lost");
    godwit__otlp_seen_begin (seen);
    godwit__otlp_seen_still (seen, 11);
    cr_assert_eq (godwit__otlp_seen_since (seen), 13);
    cr_assert (godwit__otlp_seen_take (seen, 13 + GODWIT__OTLP_SEEN_GAP + 5, false));
    cr_assert_eq (seen->lost, 1 + 5, "only the last of many are looked at again");
}

Test (seen, looks_again_at_what_was_running, .init = begin, .fini = end)
{
    cr_assert_not (godwit__otlp_seen_take (seen, 1, true));
    cr_assert (godwit__otlp_seen_take (seen, 2, false));
    cr_assert_not (godwit__otlp_seen_take (seen, 3, true));
    cr_assert_not (godwit__otlp_seen_take (seen, 4, true));
    godwit__otlp_seen_end (seen);
    godwit__otlp_seen_begin (seen);
    godwit__otlp_seen_still (seen, 1);
    godwit__otlp_seen_still (seen, 4);
    cr_assert_eq (godwit__otlp_seen_since (seen), 3, "1 is left alone");
    cr_assert (godwit__otlp_seen_take (seen, 3, false));
    cr_assert_not (godwit__otlp_seen_take (seen, 4, true));
    godwit__otlp_seen_end (seen);
    godwit__otlp_seen_begin (seen);
    godwit__otlp_seen_still (seen, 1);
    godwit__otlp_seen_still (seen, 4);
    cr_assert_eq (godwit__otlp_seen_since (seen), 5);
    godwit__otlp_seen_end (seen);
    godwit__otlp_seen_begin (seen);
    cr_assert_eq (godwit__otlp_seen_since (seen), 1);
    cr_assert (godwit__otlp_seen_take (seen, 4, false));
    godwit__otlp_seen_end (seen);
    cr_assert_eq (seen->lost, 1, "1 was overwritten when it had ended");
    cr_assert_eq (seen->count, 0);
}

Test (seen, is_bounded, .init = begin, .fini = end)
{
    for (int64_t i = 1; i <= GODWIT__OTLP_SEEN_OPEN + 5; i++)
        cr_assert_not (godwit__otlp_seen_take (seen, i, true));
    godwit__otlp_seen_end (seen);
    cr_assert_eq (seen->lost, 5);
}

enum { RING = 16, CALLS = 4000 };
typedef struct world {
    int64_t next; /* number of the next call */
    bool has_ended[CALLS], was_due[CALLS];
    random_t random;
} world_t;

static int64_t
oldest (const world_t *world)
{
    return world->next > RING ? world->next - RING : 1;
}

static void
read_ring (world_t *world)
{
    godwit__otlp_seen_begin (seen);
    for (int64_t i = oldest (world); i < world->next; i++)
        if (!world->has_ended[i])
            godwit__otlp_seen_still (seen, i);
    const int64_t since = godwit__otlp_seen_since (seen);
    for (int64_t i = since > oldest (world) ? since : oldest (world); i < world->next; i++)
        if (random_below (&world->random, 50) != 0 && /* one that is just being made */
            godwit__otlp_seen_take (seen, i, !world->has_ended[i])) {
            cr_assert (world->has_ended[i] && !world->was_due[i], "%d is due once, when it has ended",
                       (int) i);
            world->was_due[i] = true;
        }
    godwit__otlp_seen_end (seen);
}

/* Every call that ended was due exactly once, or is among the lost ones. */
Test (seen, agrees_with_a_simulated_ring, .init = begin, .fini = end)
{
    world_t *const world = calloc (1, sizeof *world);
    world->next = seen->next = 1;
    world->random = random_start ();
    while (world->next < CALLS) {
        const uint32_t step = random_below (&world->random, 10);
        if (step < 5)
            world->has_ended[world->next++] = random_below (&world->random, 2) == 0;
        else if (step < 8)
            world->has_ended[oldest (world) +
                             random_below (&world->random, RING) % (world->next - oldest (world) + 1)] = true;
        else if (world->next > 1)
            read_ring (world);
    }
    for (int64_t i = oldest (world); i < world->next; i++)
        world->has_ended[i] = true;
    for (int i = 0; i < 20; i++) /* until none is open */
        read_ring (world);
    uint64_t missed = 0;
    for (int64_t i = 1; i < world->next; i++)
        missed += !world->was_due[i];
    cr_assert_eq (missed, seen->lost, "%d are missing, %d are counted", (int) missed, (int) seen->lost);
    cr_assert_gt (missed, 0);
    free (world);
}
