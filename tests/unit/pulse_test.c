/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a peer lives, as the system's sockets tell it; time passes as the test says. */
#include <criterion/criterion.h>

#include "drivers/zmq/pulse.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS INT64_C (1000000)

static const godwit__pulse_limits_t limits = {.interval_ns = 500 * MS, .limit_ns = 2000 * MS};

typedef struct pair {
    int ours, theirs;
    godwit__pulse_t pulse;
    int64_t passed_ns; /* since the peer did something for the last time */
} pair_t;

static void
open_pair (pair_t *pair, bool is_local)
{
    int fds[2];
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    if (is_local) {
        cr_assert_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    } else {
        const int listener = socket (AF_INET, SOCK_STREAM, 0);
        fds[0] = socket (AF_INET, SOCK_STREAM, 0);
        cr_assert (bind (listener, (struct sockaddr *) &name, size) == 0 && listen (listener, 1) == 0);
        cr_assert_eq (getsockname (listener, (struct sockaddr *) &name, &size), 0);
        cr_assert_eq (connect (fds[0], (struct sockaddr *) &name, size), 0);
        fds[1] = accept4 (listener, NULL, NULL, SOCK_NONBLOCK);
        close (listener);
    }
    *pair = (pair_t){.ours = fds[0], .theirs = fds[1]};
    godwit__pulse_begin (&pair->pulse, pair->ours);
}

static void
close_pair (const pair_t *pair)
{
    close (pair->ours);
    close (pair->theirs);
}

static void
say (int fd, size_t size)
{
    static const char bytes[64 * 1024];
    cr_assert_eq (send (fd, bytes, size, MSG_DONTWAIT), (ssize_t) size);
}

static size_t
take (int fd)
{
    static char bytes[64 * 1024];
    const ssize_t got = recv (fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return got > 0 ? (size_t) got : 0;
}

/* The next look; what it asks for is sent. */
static godwit__pulse_state_t
look (pair_t *pair)
{
    const int64_t pause_ns = godwit__pulse_pause_ns (&limits, godwit__pulse_is_quick (&pair->pulse));
    pair->passed_ns += pause_ns;
    const godwit__pulse_state_t state = godwit__pulse_look (&pair->pulse, &limits, pause_ns);
    if (state == GODWIT__PULSE_ASK) {
        say (pair->ours, 24);
        godwit__pulse_asked (&pair->pulse);
    }
    return state;
}

static godwit__pulse_state_t
look_until_dead (pair_t *pair, size_t others_send)
{
    godwit__pulse_state_t state;
    do {
        if (others_send)
            say (pair->ours, others_send);
        state = look (pair);
        cr_assert_leq (pair->passed_ns, limits.limit_ns, "it goes unnoticed");
    } while (state == GODWIT__PULSE_FINE || state == GODWIT__PULSE_ASK);
    return state;
}

Test (pulse, a_local_peer_that_reads_lives)
{
    pair_t pair;
    unsigned asked = 0;
    open_pair (&pair, true);
    for (int i = 0; i < 100; i++) {
        asked += look (&pair) == GODWIT__PULSE_ASK;
        take (pair.theirs); /* and answers nothing */
    }
    cr_assert_geq (asked, 25u);
    cr_assert_lt (pair.pulse.stuck_ns, limits.limit_ns / 2);
    close_pair (&pair);
}

Test (pulse, a_local_peer_that_does_not_read_is_stuck)
{
    for (size_t others_send = 0; others_send <= 10; others_send += 10) {
        pair_t pair;
        open_pair (&pair, true);
        cr_assert_eq (look_until_dead (&pair, others_send), GODWIT__PULSE_STUCK);
        close_pair (&pair);
    }
}

Test (pulse, a_peer_that_does_not_answer_over_tcp_is_silent)
{
    for (size_t others_send = 0; others_send <= 10; others_send += 10) {
        pair_t pair;
        open_pair (&pair, false);
        cr_assert_eq (look_until_dead (&pair, others_send), GODWIT__PULSE_SILENT);
        cr_assert_geq (pair.passed_ns, limits.limit_ns - 2 * limits.interval_ns);
        close_pair (&pair);
    }
}

Test (pulse, what_has_arrived_over_tcp_counts_though_nobody_has_read_it)
{
    pair_t pair;
    open_pair (&pair, false);
    for (int i = 0; i < 100; i++) {
        const godwit__pulse_state_t state = look (&pair);
        cr_assert (state == GODWIT__PULSE_FINE || state == GODWIT__PULSE_ASK, "look %d: %d", i, (int) state);
        if (take (pair.theirs))
            say (pair.theirs, 24);
    }
    close_pair (&pair);
}

/* The answer comes behind all that was sent before the question. */
Test (pulse, a_peer_that_takes_much_over_tcp_lives)
{
    pair_t pair;
    size_t sent = 0;
    open_pair (&pair, false);
    while (send (pair.ours, &limits, sizeof limits, MSG_DONTWAIT) > 0)
        sent += sizeof limits;
    cr_assert_gt (sent, (size_t) 512 * 1024);
    for (int i = 0; i < 3000; i++) {
        const int64_t pause_ns = godwit__pulse_pause_ns (&limits, true);
        const godwit__pulse_state_t state = godwit__pulse_look (&pair.pulse, &limits, pause_ns);
        if (pair.pulse.queued < 64 * 1024)
            break;
        if (state == GODWIT__PULSE_ASK)
            godwit__pulse_asked (&pair.pulse); /* it waits behind the rest */
        else
            cr_assert_eq (state, GODWIT__PULSE_FINE, "look %d: %d bytes are left", i, pair.pulse.queued);
        const int before = pair.pulse.queued;
        for (int j = 0; j < 100 && pair.pulse.queued == before; j++) {
            take (pair.theirs);
            godwit__pulse_t now = pair.pulse;
            godwit__pulse_look (&now, &limits, 0);
            if (now.queued != before)
                break;
        }
    }
    cr_assert_lt (pair.pulse.queued, 64 * 1024);
    close_pair (&pair);
}

Test (pulse, the_time_in_which_we_stood_still_does_not_count)
{
    for (int is_local = 0; is_local < 2; is_local++) {
        pair_t pair;
        open_pair (&pair, is_local);
        while (look (&pair) != GODWIT__PULSE_ASK)
            ;
        for (int i = 0; i < 2; i++)
            cr_assert_eq (godwit__pulse_look (&pair.pulse, &limits, 100 * limits.limit_ns),
                          GODWIT__PULSE_FINE);
        close_pair (&pair);
    }
}

Test (pulse, a_connection_that_is_gone_is_nobodys_business)
{
    godwit__pulse_t pulse;
    godwit__pulse_begin (&pulse, -1);
    for (int i = 0; i < 100; i++)
        cr_assert_leq (godwit__pulse_look (&pulse, &limits, 100 * MS), GODWIT__PULSE_ASK);
}
