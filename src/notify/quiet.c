/* SPDX-License-Identifier: Apache-2.0 */
#include "src/notify/quiet.h"

static _Thread_local bool thread_is_quiet;

bool
godwit__is_quiet (void)
{
    return thread_is_quiet;
}

bool
godwit__set_quiet (bool is_quiet)
{
    const bool was_quiet = thread_is_quiet;
    thread_is_quiet = is_quiet;
    return was_quiet;
}
