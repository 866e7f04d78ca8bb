/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GODWIT_SRC_LISTENER_LISTENER_FREE_H
#define GODWIT_SRC_LISTENER_LISTENER_FREE_H

#include "src/listener/listener.h"

/* Ends the lanes, and frees a listener, which may be half made. */
void godwit__listener_free (godwit_listener_t *listener);

#endif
