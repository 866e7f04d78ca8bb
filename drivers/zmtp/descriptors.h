/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers may take of the descriptors that the process may have. Pure but for the system's limit; any
 * thread. */
#ifndef GODWIT_DRIVERS_ZMTP_DESCRIPTORS_H
#define GODWIT_DRIVERS_ZMTP_DESCRIPTORS_H

#include <stddef.h>

#define GODWIT__ZMTP_DESCRIPTORS_FEW 16 /* in any case */

/* The limit of something that takes descriptors: `most`, or this part of all that the process may have, but
 * never less than few. It may change at any time. */
size_t godwit__zmtp_descriptor_limit (size_t most, unsigned part);

#endif
