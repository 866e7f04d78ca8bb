/* SPDX-License-Identifier: Apache-2.0 */
/* Log records as notifications. */
#include "src/notify/quiet.h"

#include <godwit/notify.h>

#include <unistd.h>

typedef struct level {
    const char *name;
    int64_t number; /* of Python's logging */
    godwit_priority_t priority;
} level_t;

static const level_t levels[] = {
    [GODWIT_LOG_DEBUG] = {"DEBUG", 10, GODWIT_PRIORITY_DEBUG},
    [GODWIT_LOG_INFO] = {"INFO", 20, GODWIT_PRIORITY_INFO},
    [GODWIT_LOG_WARNING] = {"WARNING", 30, GODWIT_PRIORITY_WARN},
    [GODWIT_LOG_ERROR] = {"ERROR", 40, GODWIT_PRIORITY_ERROR},
};

void
godwit_notify_log_record (void *user, godwit_log_level_t level, const char *text)
{
    if (!user || !text || (unsigned) level > GODWIT_LOG_ERROR || godwit__is_quiet ())
        return;
    const level_t *const known = &levels[level];
    godwit_notify (user, known->priority, NULL, "logrecord",
                   GODWIT_MAP (NULL, GODWIT_STR ("name", "godwit"), GODWIT_STR ("levelname", known->name),
                               GODWIT_INT ("levelno", known->number), GODWIT_STR ("msg", text),
                               GODWIT_INT ("process", (int64_t) getpid ())),
                   NULL, NULL);
}
