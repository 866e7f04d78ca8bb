/* SPDX-License-Identifier: Apache-2.0 */
/* The guard of the logging handler: what this thread logs while it notifies is not notified. */
#ifndef GODWIT_SRC_NOTIFY_LOG_RECORD_H
#define GODWIT_SRC_NOTIFY_LOG_RECORD_H

#include <stdbool.h>

/* From now on godwit_notify_log_record does nothing on this thread (is_quiet), or works. Returns what it was.
 */
bool godwit__log_record_quiet (bool is_quiet);

#endif
