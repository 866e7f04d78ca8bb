/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as notifications. */
#include <godwit/notify.h>

#include "src/error/error.h"

static godwit_field_t
text_or_nil (const char *name, const char *text)
{
    return text ? GODWIT_STR (name, text) : GODWIT_NIL (name);
}

godwit_status_t
godwit_notify_failure (godwit_notifier_t *notifier, const godwit_value_t *context, const char *what,
                       const godwit_error_t *failure, godwit_error_t **error)
{
    if (!failure)
        return godwit__error_null (error, "failure");
    const godwit_error_t *const f = failure;
    return godwit_notify (notifier, GODWIT_PRIORITY_ERROR, context, "error_notification",
                          GODWIT_MAP (NULL, text_or_nil ("what", what),
                                      GODWIT_STR ("type", godwit_error_type (f)),
                                      GODWIT_STR ("module", godwit_error_module (f)),
                                      GODWIT_INT ("status", (int64_t) godwit_error_status (f)),
                                      GODWIT_STR ("message", godwit_error_message (f)),
                                      GODWIT_STR ("outcome", godwit_outcome_name (godwit_error_outcome (f))),
                                      GODWIT_STR ("traceback", godwit_error_traceback (f))),
                          NULL, error);
}
