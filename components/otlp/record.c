/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/record.h"

#include <string.h>

#define ID_MOST 16 /* bytes */

const char *
godwit__otlp_record_text (const godwit_value_t *record, const char *name)
{
    return godwit_value_as_str (godwit_value_get (record, name), NULL);
}

int64_t
godwit__otlp_record_number (const godwit_value_t *record, const char *name)
{
    const int64_t number = godwit_value_as_int (godwit_value_get (record, name), -1);
    return number < 0 ? -1 : number;
}

static int
digit_of (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
godwit__otlp_record_id (const godwit_value_t *record, const char *name, uint8_t *id, size_t size)
{
    const char *const text = godwit__otlp_record_text (record, name);
    uint8_t read[ID_MOST];
    bool is_zero = true;
    if (!text || size > sizeof read || strlen (text) != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        const int high = digit_of (text[2 * i]), low = digit_of (text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        read[i] = (uint8_t) (high * 16 + low);
        is_zero = is_zero && read[i] == 0;
    }
    if (!is_zero)
        memcpy (id, read, size);
    return !is_zero;
}

bool
godwit__otlp_record_is_running (const godwit_value_t *record)
{
    return godwit_value_as_bool (godwit_value_get (record, "running"), false);
}

bool
godwit__otlp_record_has_failed (const godwit_value_t *record)
{
    const char *const status = godwit__otlp_record_text (record, "status");
    return status && *status && strcmp (status, godwit_status_type (GODWIT_OK)) != 0;
}

bool
godwit__otlp_record_has_no_method (const godwit_value_t *record)
{
    const char *const status = godwit__otlp_record_text (record, "status");
    return status && (strcmp (status, godwit_status_type (GODWIT_ERR_NO_SUCH_METHOD)) == 0 ||
                      strcmp (status, godwit_status_type (GODWIT_ERR_UNSUPPORTED_VERSION)) == 0);
}

int64_t
godwit__otlp_record_duration_ns (const godwit_value_t *record)
{
    const int64_t took_ns = godwit__otlp_record_number (record, "took");
    return took_ns < 0 ? 0 : took_ns;
}
