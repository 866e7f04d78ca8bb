/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses and outcomes: names, texts and the tree (contract 3). */
#include <godwit/error.h>

#include <stdbool.h>
#include <stddef.h>

static const struct {
    godwit_status_t parent;
    const char *type;
    const char *text;
} statuses[] = {
#define STATUS_ROW(name, parent_, type_, text_) {GODWIT_ERR_##parent_, type_, text_},
    GODWIT_STATUS_LIST (STATUS_ROW)
#undef STATUS_ROW
};

static bool
is_status (godwit_status_t status)
{
    return (size_t) status < sizeof statuses / sizeof statuses[0];
}

const char *
godwit_status_type (godwit_status_t status)
{
    return is_status (status) ? statuses[status].type : "Unknown";
}

const char *
godwit_status_text (godwit_status_t status)
{
    return is_status (status) ? statuses[status].text : "unknown status";
}

int
godwit_status_is (godwit_status_t status, godwit_status_t parent)
{
    while (status != parent) {
        if (!is_status (status) || statuses[status].parent == status)
            return 0;
        status = statuses[status].parent;
    }
    return 1;
}

const char *
godwit_outcome_name (godwit_outcome_t outcome)
{
    switch (outcome) {
    case GODWIT_OUTCOME_NONE:
        return "NONE";
    case GODWIT_OUTCOME_NOT_SENT:
        return "NOT_SENT";
    case GODWIT_OUTCOME_REJECTED:
        return "REJECTED";
    case GODWIT_OUTCOME_MAYBE_RUN:
        return "MAYBE_RUN";
    case GODWIT_OUTCOME_RAN:
        return "RAN";
    }
    return "UNKNOWN";
}
