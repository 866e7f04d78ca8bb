/* SPDX-License-Identifier: Apache-2.0 */
/* A call whose namespace or version no server has: what there is instead. */
#ifndef GODWIT_SRC_CLIENT_CALL_VERSION_H
#define GODWIT_SRC_CLIENT_CALL_VERSION_H

#include "src/client/call.h"

/* The server that refused a call has said what it serves. If others serve something else, returns an error
 * that also says what; else the failure itself, which is consumed. Takes transport.lock. */
godwit_error_t *godwit__call_add_versions (const godwit__call_t *call, godwit_error_t *failure);

#endif
