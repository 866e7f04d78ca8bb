/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/descriptors.h"

#include <sys/resource.h>

size_t
godwit__zmtp_descriptor_limit (size_t most, unsigned part)
{
    struct rlimit descriptors;
    if (getrlimit (RLIMIT_NOFILE, &descriptors) < 0)
        return most;
    const rlim_t share = descriptors.rlim_cur / part;
    return share >= most                          ? most
           : share < GODWIT__ZMTP_DESCRIPTORS_FEW ? GODWIT__ZMTP_DESCRIPTORS_FEW
                                                  : (size_t) share;
}
