/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: which notifications an endpoint gets (docs/notifications.md).
 *
 * Patterns are POSIX extended regular expressions of the C library. Nothing has to be linked or installed for
 * them, and a match takes time in proportion to the text: texts come from outside. Back-references, which the
 * C library adds, would take exponential time; a pattern with one is refused. */
#ifndef GODWIT_SRC_LISTENER_FILTER_H
#define GODWIT_SRC_LISTENER_FILTER_H

#include <godwit/listener.h>

typedef struct godwit__filter godwit__filter_t;

/* Copies and compiles a filter. given NULL: *filter is NULL, which matches all. INVALID_ARGUMENT names the
 * pattern, and what is wrong with it; OUT_OF_MEMORY. */
godwit_status_t godwit__filter_new (godwit__filter_t **filter, const godwit_filter_t *given,
                                    godwit_error_t **error);
void godwit__filter_destroy (godwit__filter_t **filter);
typedef enum godwit__match {
    GODWIT__MATCH_NO,
    GODWIT__MATCH_YES,
    GODWIT__MATCH_UNKNOWN /* memory is short */
} godwit__match_t;

/* filter NULL: YES. Any thread. */
godwit__match_t godwit__filter_match (godwit__filter_t *filter, const godwit_notification_t *notification);

#endif
