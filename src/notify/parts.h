/* SPDX-License-Identifier: Apache-2.0 */
/* What a notification is made of: which context travels, what the serializer makes of context and payload,
 * and the forms that its drivers need. */
#ifndef GODWIT_SRC_NOTIFY_PARTS_H
#define GODWIT_SRC_NOTIFY_PARTS_H

#include "src/notify/notifier.h"

/* Settles context and payload of sending->parts, which are the program's before. User code may run. What it
 * made is in sending->notification, and is to be released, also after a failure. INVALID_ARGUMENT,
 * TYPE_MISMATCH, the statuses of the serializer, OUT_OF_MEMORY. */
godwit_status_t godwit__sending_settle (godwit__sending_t *sending, godwit_error_t **error);

/* Makes what is needed (godwit__needs_t) of the parts. The encoded bodies, and sending->notification, are to
 * be released with godwit__sending_release, also after a failure. The statuses of
 * godwit__notification_encode. */
godwit_status_t godwit__sending_make (godwit__sending_t *sending, unsigned needs, godwit_error_t **error);

void godwit__sending_release (godwit__sending_t *sending);

#endif
