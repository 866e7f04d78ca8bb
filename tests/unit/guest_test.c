/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls a process: those who are there, and the last that have left. */
#include "src/server/guest.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef struct house {
    godwit__guests_t guests;
    godwit__sessions_t sessions;
} house_t;

static house_t house;

static void
open_house (void)
{
    memset (&house, 0, sizeof house);
    godwit__guests_init (&house.guests, &godwit__clock_system);
    godwit__sessions_init (&house.sessions, 1000);
}

static void
close_house (void)
{
    godwit__sessions_clear (&house.sessions);
    cr_assert_eq (godwit__guests_count (&house.guests), 0u);
    godwit__guests_release (&house.guests);
}

TestSuite (guest, .init = open_house, .fini = close_house);

/* A process whose instance begins with `mark` says HELLO on link `id`. */
static godwit__session_t *
enter (uint64_t id, uint8_t mark)
{
    const uint8_t instance[GODWIT__INSTANCE_SIZE] = {mark};
    godwit__session_t *const session = godwit__sessions_add (&house.sessions, id, 0);
    cr_assert (session);
    godwit__guest_enter (&house.guests, session, instance, "web", "zmq");
    return session;
}

/* The caller frees it. */
static godwit__guest_sight_t *
look (size_t limit, size_t expected)
{
    size_t count = 0;
    godwit__guest_sight_t *const sights = godwit__guests_look (&house.guests, limit, &count);
    cr_assert (sights);
    cr_assert_eq (count, expected, "expected %zu, got %zu", expected, count);
    return sights;
}

Test (guest, those_who_are_there_are_told_with_what_they_sent)
{
    godwit__session_t *const session = enter (1, 7);
    godwit__session_count (session, 100);
    godwit__session_count (session, 50);
    godwit__guest_sight_t *const sights = look (10, 1);
    cr_assert_eq (sights[0].instance[0], 7);
    cr_assert_str_eq (sights[0].name, "web");
    cr_assert_str_eq (sights[0].driver, "zmq");
    cr_assert_eq (sights[0].received, 2u);
    cr_assert_eq (sights[0].received_size, 150u);
    cr_assert_eq (sights[0].left_ns, 0);
    free (sights);
}

Test (guest, who_says_hello_again_is_still_the_same)
{
    enter (1, 7);
    enter (1, 7);
    free (look (10, 1));
}

Test (guest, another_process_on_the_link_is_another_guest)
{
    enter (1, 7);
    enter (1, 8);
    godwit__guest_sight_t *const sights = look (10, 2);
    cr_assert_eq (sights[0].instance[0], 8);
    cr_assert_eq (sights[1].instance[0], 7);
    cr_assert_str_eq (sights[1].reason, "another process came over its link");
    free (sights);
}

Test (guest, who_is_forgotten_was_silent)
{
    godwit__session_t *const session = enter (1, 7);
    godwit__session_count (session, 30);
    godwit__sessions_expire (&house.sessions, 1);
    godwit__guest_sight_t *const sights = look (10, 1);
    cr_assert_str_eq (sights[0].reason, "it was silent for too long");
    cr_assert_eq (sights[0].received, 1u);
    cr_assert_gt (sights[0].left_ns, 0);
    free (sights);
}

Test (guest, no_more_are_told_than_may_be)
{
    for (uint8_t i = 0; i < 20; i++)
        enter (i, i);
    free (look (5, 5));
    cr_assert_eq (godwit__guests_count (&house.guests), 20u);
}

Test (guest, of_those_who_left_the_newest_come_first)
{
    for (uint8_t i = 0; i < 100; i++)
        godwit__guest_leave (enter (i, i), "it said GOODBYE");
    godwit__guest_sight_t *const sights = look (0, GODWIT__GUESTS_LEFT_MAX);
    for (uint8_t i = 0; i < GODWIT__GUESTS_LEFT_MAX; i++)
        cr_assert_eq (sights[i].instance[0], 99 - i);
    free (sights);
}

Test (guest, who_is_not_there_cannot_leave)
{
    godwit__session_t *const session = godwit__sessions_add (&house.sessions, 1, 0);
    cr_assert (session);
    godwit__guest_leave (session, "it said GOODBYE");
    free (look (10, 0));
}
