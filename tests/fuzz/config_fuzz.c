/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a configuration file: no crash, and an error names a line. What is read is written out again,
 * and then reads the same. */
#include "src/config/config.h"

#include <stdio.h>
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
check_error (godwit_status_t status, godwit_error_t *error)
{
    const char *const message = godwit_error_message (error);
    check (status == GODWIT_ERR_MALFORMED || status == GODWIT_ERR_INVALID_ARGUMENT ||
           status == GODWIT_ERR_INVALID_URL || status == GODWIT_ERR_LIMIT_EXCEEDED);
    check (strstr (message, "conf:") != NULL);
    check (status == GODWIT_ERR_LIMIT_EXCEEDED || strstr (message, "expected ") ||
           strstr (message, "there is no such "));
}

/* Values in quotes, since space at their ends belongs to them; further lines are indented. No space before
 * the '=': with it a name of the full length would be too long. */
static char *
write_out (const godwit_config_t *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream (&text, &size);
    check (file != NULL);
    for (size_t i = 0; i < godwit__config_entry_count (config); i++) {
        const godwit__config_entry_t *const entry = godwit__config_entry (config, i);
        const size_t first = strcspn (entry->value, "\n");
        fprintf (file, "[%s]\n%s=\"%.*s\"\n", entry->group, entry->name, (int) first, entry->value);
        for (const char *at = entry->value + first; *at == '\n';) {
            const size_t length = strcspn (at + 1, "\n");
            fprintf (file, "\t%.*s\n", (int) length, at + 1);
            at += 1 + length;
        }
    }
    fclose (file);
    return text;
}

static void
check_same (const godwit_config_t *a, const godwit_config_t *b)
{
    check (godwit__config_entry_count (a) == godwit__config_entry_count (b));
    for (size_t i = 0; i < godwit__config_entry_count (a); i++) {
        const godwit__config_entry_t *const x = godwit__config_entry (a, i), *const y =
                                                                                 godwit__config_entry (b, i);
        check (!strcmp (x->group, y->group) && !strcmp (x->name, y->name) && !strcmp (x->value, y->value));
        check (godwit_config_get (a, x->group, x->name) != NULL);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *const text = malloc (size + 1);
    if (!text)
        return 0;
    memcpy (text, data, size);
    text[size] = '\0';

    godwit_config_t *config = NULL, *again = NULL;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit_config_parse (&config, text, "conf", &error);
    if (status) {
        check (!config && error);
        check_error (status, error);
        godwit_error_destroy (&error);
    } else {
        char *const written = write_out (config);
        const godwit_status_t read = godwit_config_parse (&again, written, "conf", &error);
        if (read == GODWIT_OK)
            check_same (config, again);
        else /* it has grown */
            check (strstr (godwit_error_message (error), " at most ") != NULL);
        godwit_error_destroy (&error);
        free (written);
    }
    godwit_config_destroy (&config);
    godwit_config_destroy (&again);
    free (text);
    return 0;
}
