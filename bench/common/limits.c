/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"
#include "die.h"

#include <sys/resource.h>

size_t
bench_limits_raise (void)
{
    struct rlimit files;
    bench_check (getrlimit (RLIMIT_NOFILE, &files) == 0, "RLIMIT_NOFILE");
    files.rlim_cur = files.rlim_max;
    bench_check (setrlimit (RLIMIT_NOFILE, &files) == 0, "RLIMIT_NOFILE");
    return files.rlim_cur;
}
