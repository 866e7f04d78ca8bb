/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings that come often: once a minute each, with a count, by the transport's clock. */
#include "src/runtime/transport.h"
#include "src/runtime/warnings.h"
#include "src/transport/strangers.h"

#include "tests/support/log_book.h"

#include <criterion/criterion.h>

#include <stdlib.h>

static log_book_t book;
static int64_t now;
static godwit_transport_t *transport; /* no more of one than the log needs */

static int64_t
read_clock (void *user)
{
    (void) user;
    return now;
}

static void
open_log (void)
{
    unsetenv ("GODWIT_LOG");
    log_book_open (&book);
    now = 0;
    transport = calloc (1, sizeof *transport);
    cr_assert_not_null (transport);
    transport->options.log = log_book_write;
    transport->options.log_user = &book;
    transport->clock.now_ns = read_clock;
    godwit__log_open (transport);
    transport->warnings = godwit__warnings_new ();
}

static void
close_log (void)
{
    godwit__warnings_destroy (&transport->warnings);
    free (transport);
    log_book_close (&book);
}

static void
pass_ms (int64_t ms)
{
    now += ms * GODWIT__NS_PER_MS;
    godwit__warnings_tell (transport, false);
}

static size_t
said (const char *what)
{
    return log_book_count (&book, GODWIT_LOG_WARNING, what);
}

Test (warnings, come_once_a_minute_with_a_count, .init = open_log, .fini = close_log)
{
    for (int i = 0; i < 1000; i++)
        godwit__warn (transport, 1, "the queue %s is full", "a");
    pass_ms (59999);
    cr_assert_eq (said (""), 1u);
    cr_assert_eq (said ("the queue a is full"), 1u);
    pass_ms (1);
    cr_assert_eq (said (""), 2u);
    cr_assert_eq (said ("the queue a is full (999 more times since the last such line)"), 1u);
    godwit__warn (transport, 1, "the queue %s is full", "a");
    cr_assert_eq (said (""), 2u);
    pass_ms (60000);
    cr_assert_eq (said ("the queue a is full (1 more times since the last such line)"), 1u);
}

Test (warnings, are_forgotten_when_nothing_came_for_a_minute, .init = open_log, .fini = close_log)
{
    godwit__warn (transport, 1, "it happened");
    pass_ms (60000);
    pass_ms (60000);
    cr_assert_eq (said (""), 1u);
    godwit__warn (transport, 1, "it happened");
    cr_assert_eq (said ("it happened"), 2u);
    cr_assert_eq (said ("more times"), 0u);
}

Test (warnings, of_different_things_do_not_hide_each_other, .init = open_log, .fini = close_log)
{
    godwit__warn (transport, 1, "the queue a is full");
    godwit__warn (transport, 2, "the queue b is full");
    cr_assert_eq (said ("is full"), 2u);
}

Test (warnings, are_bounded, .init = open_log, .fini = close_log)
{
    for (uint64_t key = 0; key < 1000; key++)
        godwit__warn (transport, key, "the queue %llu is full", (unsigned long long) key);
    cr_assert_eq (said (""), 64u);
    pass_ms (60000);
    cr_assert_eq (said ("936 further warnings were not logged"), 1u);
}

Test (warnings, that_were_counted_are_told_at_the_end, .init = open_log, .fini = close_log)
{
    for (int i = 0; i < 3; i++)
        godwit__warn (transport, 1, "it happened");
    godwit__warnings_tell (transport, true);
    cr_assert_eq (said ("it happened (2 more times since the last such line)"), 1u);
}

Test (warnings, are_one_line_whatever_others_put_in, .init = open_log, .fini = close_log)
{
    godwit__warn (transport, 1, "the name %s", "a\nb\x1b[2J");
    cr_assert_eq (said ("the name a b [2J"), 1u);
}

/* ---- connections that were ended ---- */

static void
end_of (const char *reason)
{
    godwit__stranger_ended (transport, "tcp://10.0.0.1:4000", "10.0.0.9:41000", reason);
}

Test (warnings, of_strangers_are_one_line_a_minute_for_each_address, .init = open_log, .fini = close_log)
{
    end_of ("no ZMTP: it begins with \"nonsense\"");
    end_of ("it knocked at another door");
    end_of ("certificate \"web\" (serial 7) is of another realm");
    end_of ("refused by the peer: certificate 'web' (serial 7) was revoked");
    end_of ("it was revoked");
    cr_assert_eq (said (""), 1u);
    godwit__stranger_ended (transport, "tcp://10.0.0.1:4001", NULL, "it knocked at another door");
    cr_assert_eq (said (""), 2u);
}

Test (warnings, of_strangers_do_not_hide_who_was_revoked, .init = open_log, .fini = close_log)
{
    end_of ("no ZMTP: it begins with \"nonsense\"");
    for (int i = 0; i < 3; i++) {
        end_of ("certificate \"web\" (serial 7) was revoked");
        end_of ("certificate \"shop\" (serial 8) was revoked");
        end_of ("certificate \"web\" (serial 9) has ended");
    }
    cr_assert_eq (said (""), 4u);
    cr_assert_eq (said ("ended: certificate \"web\" (serial 7) was revoked"), 1u);
    cr_assert_eq (said ("ended: certificate \"shop\" (serial 8) was revoked"), 1u);
    cr_assert_eq (said ("ended: certificate \"web\" (serial 9) has ended"), 1u);
}
