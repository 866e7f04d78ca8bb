/* SPDX-License-Identifier: Apache-2.0 */
#include "src/loop/park.h"

#include "src/loop/reactor.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void
godwit__park (atomic_uint *word, int64_t left_ns)
{
    const struct timespec left = {(time_t) (left_ns / 1000000000), (long) (left_ns % 1000000000)};
    if (left_ns > 0)
        syscall (SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, left_ns == GODWIT__NEVER ? NULL : &left, NULL, 0);
}

void
godwit__unpark (const atomic_uint *word)
{
    syscall (SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
