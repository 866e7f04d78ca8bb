/* SPDX-License-Identifier: Apache-2.0 */
/* What `godwit events` prints. */
#ifndef GODWIT_TOOLS_EVENTS_H
#define GODWIT_TOOLS_EVENTS_H

#include <godwit/notification.h>

typedef enum events_form {
    EVENTS_PLAIN,
    EVENTS_COLOURED, /* for a terminal */
    EVENTS_JSON
} events_form_t;

/* Prints a notification as a line, and flushes it. False: it could not be written (errno). */
bool events_print (const godwit_notification_t *notification, events_form_t form);

#endif
