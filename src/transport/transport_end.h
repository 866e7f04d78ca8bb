/* SPDX-License-Identifier: Apache-2.0 */
/* Frees a transport when its last reference is gone; for transport_new.c. */
#ifndef GODWIT_SRC_TRANSPORT_TRANSPORT_END_H
#define GODWIT_SRC_TRANSPORT_TRANSPORT_END_H

#include "src/runtime/transport.h"

/* Frees a transport that nobody refers to any more. Only memory is left by now, except in the child of a
 * fork, where everything else belongs to the parent. */
void godwit__transport_release (godwit_transport_t *transport);

#endif
