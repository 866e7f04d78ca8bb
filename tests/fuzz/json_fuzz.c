/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON: no crash, bounded memory, and what is read can be written and read again to the same
 * value, as long as it has a form. */
#include "src/value/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    godwit_value_t *value = NULL, *text = NULL, *again = NULL;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit__json_read (&value, (const char *) data, size, &error);
    check (!status == (value != NULL) && !status == !error);
    if (status) {
        check (status == GODWIT_ERR_MALFORMED || status == GODWIT_ERR_LIMIT_EXCEEDED);
        godwit_error_destroy (&error);
        return 0;
    }
    check (godwit__json_write (&text, value, NULL) == GODWIT_OK);
    check (godwit__json_read (&again, godwit_value_as_str (text, ""), godwit_value_count (text), NULL) ==
           GODWIT_OK);
    check (godwit_value_equal (value, again));
    godwit_value_unref (&again);
    godwit_value_unref (&text);
    godwit_value_unref (&value);
    return 0;
}
