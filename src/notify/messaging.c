/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers `messaging` and `messagingv2`: a copy for each topic goes to the outbox, which keeps and
 * delivers it. */
#include "src/error/error.h"
#include "src/notify/notifier.h"
#include "src/runtime/own_rights.h"

static godwit_status_t
append (const godwit__sending_t *sending, size_t topic, const godwit__encoded_notification_t *body,
        bool *dropped, godwit_error_t **error)
{
    const godwit_notifier_t *const notifier = sending->notifier;
    const godwit__deed_t deed = {.verb = GODWIT__VERB_PUBLISH,
                                 .exchange = notifier->root->exchange,
                                 .topic = notifier->root->topics[topic]};
    const godwit_status_t status = godwit__own_right (notifier->root->transport, &deed, error);
    if (status)
        return status;
    godwit__stream_t *const stream = godwit__notifier_stream (notifier->root, topic, sending->parts.priority);
    if (!stream)
        return godwit__error_no_memory (error);
    return godwit__stream_append (stream, body->data, body->size, notifier->retry, dropped, error);
}

/* A topic that fails does not keep the others from theirs; the first failure is the driver's. */
static inline godwit_status_t
send_to_topics (const godwit__sending_t *sending, const godwit__encoded_notification_t *body,
                godwit_driver_report_t *report, godwit_error_t **error)
{
    godwit_status_t first = GODWIT_OK;
    for (size_t i = 0; i < sending->notifier->root->topic_count; i++) {
        bool dropped = false;
        const godwit_status_t status = append (sending, i, body, &dropped, first ? NULL : error);
        if (first == GODWIT_OK)
            first = status;
        report->failed += status != GODWIT_OK;
        report->dropped += status == GODWIT_OK && dropped;
        report->accepted += status == GODWIT_OK && !dropped;
    }
    return first;
}

static godwit_status_t
send_plain (const godwit__notify_driver_t *driver, const godwit__sending_t *sending,
            godwit_driver_report_t *report, godwit_error_t **error)
{
    (void) driver;
    return send_to_topics (sending, &sending->encoded[GODWIT__NOTIFICATION_PLAIN], report, error);
}

static godwit_status_t
send_enveloped (const godwit__notify_driver_t *driver, const godwit__sending_t *sending,
                godwit_driver_report_t *report, godwit_error_t **error)
{
    (void) driver;
    return send_to_topics (sending, &sending->encoded[GODWIT__NOTIFICATION_ENVELOPED], report, error);
}

const godwit__notify_ops_t godwit__notify_messaging = {"messaging", GODWIT__NEEDS_PLAIN, send_plain};
const godwit__notify_ops_t godwit__notify_messagingv2 = {"messagingv2", GODWIT__NEEDS_ENVELOPED,
                                                         send_enveloped};
