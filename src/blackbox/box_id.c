/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of calls and traces, as they were typed. */
#include "src/blackbox/read.h"
#include "src/error/error.h"

#include <string.h>

static int
digit_of (char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool
read_id (godwit__box_id_t *id, const char *text)
{
    const size_t length = text ? strlen (text) : 0;
    id->size = length / 2;
    if (length != 0 && length != 16 && length != 32)
        return false;
    for (size_t i = 0; text && i < id->size; i++) {
        const int high = digit_of (text[2 * i]);
        const int low = digit_of (text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        id->bytes[i] = (uint8_t) (high << 4 | low);
    }
    return true;
}

godwit_status_t
godwit__box_id_read (godwit__box_id_t *id, const char *text, godwit_error_t **error)
{
    if (read_id (id, text))
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                              "id: expected the 16 digits of a call or the 32 of a trace, got \"%.64s\"",
                              text);
}

void
godwit__box_filter_id (godwit__box_filter_t *filter, const godwit__box_id_t *id)
{
    if (id->size == 16)
        filter->trace_id = id->bytes;
    else if (id->size == 8)
        memcpy (&filter->span, id->bytes, sizeof filter->span);
}
