/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread logs while it notifies is not notified: otherwise one record would make another one. */
#ifndef GODWIT_SRC_NOTIFY_QUIET_H
#define GODWIT_SRC_NOTIFY_QUIET_H

#include <stdbool.h>

/* Whether this thread notifies. */
bool godwit__is_quiet (void);
/* Returns what it was before. */
bool godwit__set_quiet (bool is_quiet);

#endif
