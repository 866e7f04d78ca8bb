/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/futex.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void
godwit__futex_wait (const atomic_uint *word, unsigned seen, int64_t left_ns)
{
    const struct timespec left = {(time_t) (left_ns / 1000000000), (long) (left_ns % 1000000000)};
    if (left_ns > 0)
        syscall (SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, left_ns == INT64_MAX ? NULL : &left, NULL, 0);
}

void
godwit__futex_wake (const atomic_uint *word, int count)
{
    syscall (SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}
