/* SPDX-License-Identifier: Apache-2.0 */
/* A connection has no more requests under way that its port may not have read than `queue_limit`: replies
 * tell how far that has come, and the answers to PINGs. */
#include "tests/support/fake_server.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>

enum { LIMIT = 8 };

/* A client that tries once: nothing waits for the hand clock. */
static godwit_client_t *
start (fake_t *fake)
{
    godwit_client_t *hasty = NULL;
    fake_start_with (fake, GODWIT_TRANSPORT_OPTIONS (.queue_limit = LIMIT));
    fake_settle (fake); /* request 1, which was replied to */
    cr_assert_eq (
        godwit_client_prepare (&hasty, fake->patient, GODWIT_OVERRIDES (.retry = GODWIT_RETRY_NONE), NULL),
        GODWIT_OK);
    return hasty;
}

/* The link may be full for a moment, and what tells of room may be under way: the test's time limit is the
 * limit. */
static void
cast_some (godwit_client_t *hasty, unsigned count)
{
    while (count)
        if (godwit_client_cast (hasty, NULL, "any", GODWIT_NO_ARGS, NULL) == GODWIT_OK)
            count--;
        else
            poll (NULL, 0, 1);
}

/* The link has room, since all of it has arrived. */
static void
expect_no_room (godwit_client_t *hasty)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_client_cast (hasty, NULL, "any", GODWIT_NO_ARGS, &error),
                  GODWIT_ERR_DELIVERY_FAILURE);
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_NOT_SENT);
    cr_assert (strstr (godwit_error_message (error), "queue is full"), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
}

typedef struct seen {
    uint64_t last;  /* request */
    uint64_t asked; /* by PING */
} seen_t;

/* So many requests, and one PING. */
static seen_t
read_some (fake_t *fake, unsigned count)
{
    seen_t seen = {0, 0};
    while (count || !seen.asked) {
        const godwit__header_t header = fake_next (fake);
        if (header.type == GODWIT__PING) {
            cr_assert_eq (seen.asked, 0, "it asks again, and was not answered");
            seen.asked = header.id;
        } else {
            cr_assert_eq (header.type, GODWIT__REQUEST);
            cr_assert_neq (count, 0);
            seen.last = header.id;
            count--;
        }
    }
    return seen;
}

Test (unread, casts_wait_for_the_port_to_read, .timeout = 60)
{
    fake_t fake;
    godwit_client_t *hasty = start (&fake);
    cast_some (hasty, LIMIT);
    const seen_t first = read_some (&fake, LIMIT);
    cr_assert_geq (first.asked, first.last - LIMIT / 2);
    cr_assert_leq (first.asked, first.last);
    expect_no_room (hasty);

    const unsigned room = (unsigned) (LIMIT - (first.last - first.asked));
    fake_say_header (&fake, GODWIT__PONG, first.asked);
    cast_some (hasty, room); /* the first one waits for that */
    const seen_t second = read_some (&fake, room);
    cr_assert_eq (second.last, first.last + room);
    cr_assert_gt (second.asked, first.asked);
    expect_no_room (hasty);

    /* Of what was known before, and of what was never sent: no news. */
    fake_say_header (&fake, GODWIT__PONG, first.asked);
    fake_say_header (&fake, GODWIT__PONG, second.last + 1);
    fake_say_header (&fake, GODWIT__PONG, second.asked);
    const unsigned more = (unsigned) (LIMIT - (second.last - second.asked));
    cast_some (hasty, more);
    read_some (&fake, more);
    expect_no_room (hasty);
    godwit_client_destroy (&hasty);
    fake_end (&fake);
}

Test (unread, replies_need_no_ping, .timeout = 60)
{
    fake_t fake;
    godwit_client_t *hasty = start (&fake);
    for (int i = 0; i < 5 * LIMIT; i++) {
        fake_caller_t caller;
        fake_call (&caller, hasty);
        const godwit__header_t request = fake_next (&fake);
        cr_assert_eq (request.type, GODWIT__REQUEST);
        fake_reply (&fake, request.id);
        pthread_join (caller.thread, NULL);
        cr_assert_eq (caller.status, GODWIT_OK);
    }
    godwit_client_destroy (&hasty);
    fake_end (&fake);
}
