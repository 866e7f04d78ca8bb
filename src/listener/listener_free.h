/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GODWIT_SRC_LISTENER_LISTENER_FREE_H
#define GODWIT_SRC_LISTENER_LISTENER_FREE_H

#include "src/listener/listener.h"

/* Frees a listener, which may be half made. Its lanes have ended. */
void godwit__listener_free (godwit_listener_t *listener);

#endif
