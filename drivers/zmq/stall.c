/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/stall.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

/* The time between two looks, as a part of the limit: if nothing waits on the connection, and if something
 * does. */
#define IDLE_PART 4
#define BUSY_PART 16
#define LEAST_NS INT64_C (1000000)

bool
godwit__stall_look (godwit__stall_t *stall, int64_t now_ns, int64_t limit_ns)
{
    int queued = 0;
    if (stall->fd < 0 || ioctl (stall->fd, SIOCOUTQ, &queued) < 0)
        queued = 0;
    if (queued <= 0 || queued != stall->queued) {
        stall->queued = queued > 0 ? queued : 0;
        stall->since_ns = now_ns;
        return false;
    }
    return now_ns - stall->since_ns >= limit_ns - limit_ns / IDLE_PART;
}

int64_t
godwit__stall_next_ns (const godwit__stall_t *stall, int64_t now_ns, int64_t limit_ns)
{
    const int64_t wait_ns = limit_ns / (stall->queued ? BUSY_PART : IDLE_PART);
    return now_ns + (wait_ns > LEAST_NS ? wait_ns : LEAST_NS);
}
