/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a server tells of its methods, and whatever the arguments are: no crash, an error exactly when the
 * check fails, and what is printed is one line that jansson reads. The input is two texts of JSON, one a
 * line: what is described, and the arguments. */
#include "src/value/json.h"
#include "tools/godwit/output.h"
#include "tools/godwit/slots_check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

static void
check_call (const godwit_value_t *described, const char *name_space, const char *version,
            const godwit_value_t *args)
{
    godwit_error_t *error = NULL;
    const godwit_status_t status = slots_check (described, name_space, version, "add", args, &error);
    check (!status == !error);
    check (!status || strlen (godwit_error_message (error)) > 0);
    godwit_error_destroy (&error);
}

static void
check_print (const godwit_value_t *value)
{
    godwit_value_t *again = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream (&text, &size);
    if (!to)
        return;
    output_json (to, value);
    fclose (to);
    check (!memchr (text, '\n', size));
    check (godwit__json_read (&again, text, size, NULL) == GODWIT_OK && godwit_value_equal (value, again));
    godwit_value_unref (&again);
    free (text);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const char *const text = (const char *) data;
    const char *const end = size ? memchr (text, '\n', size) : NULL;
    godwit_value_t *described = NULL, *args = NULL;
    if (!end || godwit__json_read (&described, text, (size_t) (end - text), NULL) != GODWIT_OK)
        return 0;
    if (godwit__json_read (&args, end + 1, size - (size_t) (end + 1 - text), NULL) == GODWIT_OK) {
        check_call (described, NULL, NULL, args);
        check_call (described, "billing", "2.0", args);
        check_print (args);
    }
    check_print (described);
    godwit_value_unref (&args);
    godwit_value_unref (&described);
    return 0;
}
