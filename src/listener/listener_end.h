/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GODWIT_SRC_LISTENER_LISTENER_END_H
#define GODWIT_SRC_LISTENER_LISTENER_END_H

#include "src/listener/listener.h"

/* Ends what hands letters on, and answers for what was pulled. Its lanes may still run: what they have begun
 * with they settle themselves. A second time it does nothing. */
void godwit__listener_quit (godwit_listener_t *listener);
/* Frees a listener, which may be half made. Its lanes have ended. */
void godwit__listener_free (godwit_listener_t *listener);

#endif
