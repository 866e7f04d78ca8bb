/* SPDX-License-Identifier: Apache-2.0 */
/* docs/options.md has every option as the table in src/config/option_table.c has it, and no other. */
#include "src/config/options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
say_places (unsigned places)
{
    static char text[160];
    static const struct {
        unsigned place;
        const char *name;
    } names[] = {{GODWIT__IN_STRUCT, "struct"},
                 {GODWIT__IN_URL, "URL"},
                 {GODWIT__IN_DEFAULT, "`[DEFAULT]`"},
                 {GODWIT__IN_GODWIT, "`[godwit]`"},
                 {GODWIT__IN_NOTIFICATIONS, "`[oslo_messaging_notifications]`"}};
    text[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (places & names[i].place)
            strcat (strcat (text, text[0] ? ", " : ""), names[i].name);
    return text;
}

static const char *
say_default (const godwit__option_t *option)
{
    static char text[64];
    if (option->normal_text)
        snprintf (text, sizeof text, "%s", option->normal_text);
    else if (option->kind == GODWIT__KIND_SECONDS)
        snprintf (text, sizeof text, "%lld", (long long) option->normal / 1000);
    else
        snprintf (text, sizeof text, "%lld", (long long) option->normal);
    return text;
}

static const char *
row_of (const godwit__option_t *option)
{
    static char row[512];
    char expected[160];
    godwit__option_expected (option, expected, sizeof expected);
    snprintf (row, sizeof row, "| `%s` | %s | %s | %s | %s |", option->name, say_places (option->places),
              expected, say_default (option), option->doc);
    return row;
}

static char *
read_page (void)
{
    FILE *const file = fopen (GODWIT_SOURCE_DIR "/docs/options.md", "re");
    cr_assert_not_null (file);
    char *const text = calloc (1, 1 << 16);
    cr_assert_gt (fread (text, 1, (1 << 16) - 1, file), 0u);
    fclose (file);
    return text;
}

Test (options_doc, has_every_option_and_no_other)
{
    char *const page = read_page ();
    size_t rows = 0, missing = 0;
    for (size_t i = 0; i < godwit__option_count; i++) {
        char line[600];
        snprintf (line, sizeof line, "\n%s\n", row_of (&godwit__options[i]));
        if (!strstr (page, line)) {
            fprintf (stderr, "%s\n", row_of (&godwit__options[i]));
            missing++;
        }
    }
    for (const char *at = page; (at = strstr (at, "\n| `")); at++)
        rows++;
    cr_assert_eq (missing, 0u, "docs/options.md lacks the rows above");
    cr_assert_eq (rows, godwit__option_count, "docs/options.md has %zu options, the table %zu", rows,
                  godwit__option_count);
    free (page);
}

/* Every field of the struct is an option: a new one that nobody put into the table is found here. */
Test (options_doc, the_struct_has_no_other_field)
{
    unsigned char covered[sizeof (godwit_transport_options_t)] = {0};
    static const size_t sizes[] = {
        [GODWIT__KIND_TEXT] = sizeof (char *),   [GODWIT__KIND_INT] = sizeof (int),
        [GODWIT__KIND_INT64] = sizeof (int64_t), [GODWIT__KIND_SIZE] = sizeof (size_t),
        [GODWIT__KIND_BOOL] = sizeof (bool),     [GODWIT__KIND_LEVEL] = sizeof (godwit_log_level_t),
        [GODWIT__KIND_POINTER] = sizeof (void *)};
    memset (covered, 1, sizeof (size_t)); /* struct_size */
    for (size_t i = 0; i < godwit__option_count; i++)
        if (godwit__options[i].places & GODWIT__IN_STRUCT)
            memset (covered + godwit__options[i].offset, 1, sizes[godwit__options[i].kind]);
    size_t gap = 0;
    for (size_t i = 0; i < sizeof covered; i++) {
        gap = covered[i] ? 0 : gap + 1;
        cr_assert_lt (gap, 8u, "a field at offset %zu is in no option", i + 1 - gap);
    }
}
