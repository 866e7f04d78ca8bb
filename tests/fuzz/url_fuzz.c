/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: no crash, and what is printed parses to the same URL. */
#include <godwit/url.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
    char *const text = malloc (size + 1);
    if (!text)
        return 0;
    memcpy (text, data, size);
    text[size] = '\0';

    godwit_url_t *url = NULL, *again = NULL;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit_url_parse (&url, text, &error);
    if (status) {
        check (status == GODWIT_ERR_INVALID_URL && !url && error);
        check (strstr (godwit_error_message (error), "at byte ") &&
               strstr (godwit_error_message (error), "expected "));
        godwit_error_destroy (&error);
        free (text);
        return 0;
    }
    check (!error);
    const char *const printed = godwit_url_print (url);
    if (strlen (printed) <= 65536) { /* quoting may make it longer than a URL may be */
        check (godwit_url_parse (&again, printed, NULL) == GODWIT_OK);
        check (strcmp (godwit_url_print (again), printed) == 0);
        check (!godwit_url_virtual_host (url) || godwit_url_equal (url, again));
        check (godwit_url_query_count (url) == godwit_url_query_count (again));
        for (size_t i = 0; i < godwit_url_query_count (url); i++) {
            check (strcmp (godwit_url_query_key (url, i), godwit_url_query_key (again, i)) == 0);
            check (strcmp (godwit_url_query_value (url, i), godwit_url_query_value (again, i)) == 0);
        }
    }
    godwit_url_destroy (&url);
    godwit_url_destroy (&again);
    free (text);
    return 0;
}
