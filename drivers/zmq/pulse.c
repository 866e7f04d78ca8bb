/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/pulse.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* The time between two looks, as a part of the limit, when something is awaited. */
#define QUICK_PART 16
#define LEAST_NS INT64_C (1000000)
/* More than all questions together that a peer might not have got yet. If more than this is on its way and
 * changes, then the peer takes it: the answer comes when it has taken all that was sent before the question.
 */
#define BULK (16 * 1024)

static int
queued_on (int fd)
{
    int queued = 0;
    return fd >= 0 && ioctl (fd, SIOCOUTQ, &queued) == 0 && queued > 0 ? queued : 0;
}

/* False: the system does not count, as on a local socket. */
static bool
count_received (int fd, uint64_t *received)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (fd < 0 || getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
        size < offsetof (struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return false;
    *received = info.tcpi_bytes_received;
    return true;
}

int64_t
godwit__pulse_pause_ns (const godwit__pulse_limits_t *limits, bool is_quick)
{
    const int64_t slow_ns = limits->interval_ns / 2;
    const int64_t quick_ns = limits->limit_ns / QUICK_PART;
    const int64_t pause_ns = is_quick && quick_ns < slow_ns ? quick_ns : slow_ns;
    return pause_ns > LEAST_NS ? pause_ns : LEAST_NS;
}

/* How long an answer is waited for, so that the whole silence stays below the limit. A limit of two intervals
 * or less counts from the question. */
static int64_t
answer_limit_ns (const godwit__pulse_limits_t *limits)
{
    const bool is_long = limits->limit_ns > 2 * limits->interval_ns;
    return limits->limit_ns - (is_long ? limits->interval_ns : 0) - godwit__pulse_pause_ns (limits, true);
}

static void
note_sign_of_life (godwit__pulse_t *pulse)
{
    pulse->silent_ns = pulse->unanswered_ns = 0;
    pulse->asked = false;
}

void
godwit__pulse_asked (godwit__pulse_t *pulse)
{
    note_sign_of_life (pulse);
    pulse->asked = true;
}

static void
pass (godwit__pulse_t *pulse, bool stands, int64_t passed_ns)
{
    pulse->stuck_ns = stands ? pulse->stuck_ns + passed_ns : 0;
    pulse->silent_ns += passed_ns;
    pulse->unanswered_ns += passed_ns;
}

/* Others may go on sending meanwhile: only if it becomes less, something was read. While anything waits to be
 * read, that tells enough. */
static void
look_at_local (godwit__pulse_t *pulse, int queued, int64_t passed_ns)
{
    pass (pulse, queued && pulse->queued && queued >= pulse->queued, passed_ns);
    pulse->asked = queued > 0;
    pulse->unanswered_ns = 0;
}

static void
look_at_tcp (godwit__pulse_t *pulse, int queued, uint64_t received, int64_t passed_ns)
{
    const bool moves = queued > BULK && pulse->queued > BULK && queued != pulse->queued;
    pass (pulse, queued && queued == pulse->queued, passed_ns);
    if (received != pulse->received || moves)
        note_sign_of_life (pulse);
    pulse->received = received;
}

godwit__pulse_state_t
godwit__pulse_look (godwit__pulse_t *pulse, const godwit__pulse_limits_t *limits, int64_t passed_ns)
{
    const int64_t slow_ns = godwit__pulse_pause_ns (limits, false);
    const int64_t counted_ns = passed_ns < 2 * slow_ns ? passed_ns : 2 * slow_ns;
    const int queued = queued_on (pulse->fd);
    uint64_t received;
    if (count_received (pulse->fd, &received))
        look_at_tcp (pulse, queued, received, counted_ns);
    else
        look_at_local (pulse, queued, counted_ns);
    pulse->queued = queued;

    if (pulse->stuck_ns >= limits->limit_ns - limits->limit_ns / 4)
        return GODWIT__PULSE_STUCK;
    if (pulse->asked)
        return pulse->unanswered_ns >= answer_limit_ns (limits) ? GODWIT__PULSE_SILENT : GODWIT__PULSE_FINE;
    return pulse->silent_ns >= limits->interval_ns - slow_ns ? GODWIT__PULSE_ASK : GODWIT__PULSE_FINE;
}
