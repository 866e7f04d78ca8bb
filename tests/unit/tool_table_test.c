/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: how wide they are, what is cut off, and what becomes of texts that would change a terminal. */
#include "tools/godwit/table.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const table_column_t columns[] = {
    {"NAME", false, false}, {"STATE", false, true}, {"N", true, true}, {"TEXT", false, false}};

static char *
print (const table_t *table, unsigned width, bool is_coloured)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream (&text, &size);
    cr_assert_not_null (to);
    cr_assert (table_print (table, to, width, is_coloured));
    fclose (to);
    return text;
}

static void
add_row (table_t *table, const char *name, const char *state, int number, const char *text)
{
    table_add (table, STYLE_PLAIN, name);
    table_add (table, STYLE_GOOD, state);
    table_add_format (table, STYLE_PLAIN, "%d", number);
    table_add (table, STYLE_PLAIN, text);
}

static void
expect (const table_t *table, unsigned width, bool is_coloured, const char *wanted)
{
    char *const text = print (table, width, is_coloured);
    cr_assert_str_eq (text, wanted, "%s", text);
    free (text);
}

Test (table, is_as_wide_as_what_is_in_it)
{
    table_t *table = table_new (columns, 4);
    add_row (table, "one", "up", 7, "short");
    add_row (table, "three", "draining", 12345, "a longer text");
    expect (table, 80, false,
            "NAME   STATE         N  TEXT\n"
            "one    up            7  short\n"
            "three  draining  12345  a longer text\n");
    table_destroy (&table);
    cr_assert_null (table);
    table_destroy (&table);
}

Test (table, shrinks_what_is_widest)
{
    table_t *table = table_new (columns, 4);
    add_row (table, "a-long-name-of-a-server", "up", 7, "a text that is longer than the name");
    expect (table, 44, false,
            "NAME              STATE  N  TEXT\n"
            "a-long-name-of-~  up     7  a text that is ~\n");
    expect (table, 20, false,
            "NAME  STATE  N  TEXT\n"
            "a-l~  up     7  a t~\n");
    table_destroy (&table);
}

Test (table, has_colours_around_texts_alone)
{
    table_t *table = table_new (columns, 4);
    add_row (table, "one", "up", 7, "x");
    expect (table, 80, true,
            "\033[1mNAME\033[0m  \033[1mSTATE\033[0m  \033[1mN\033[0m  \033[1mTEXT\033[0m\n"
            "one   \033[32mup\033[0m     7  x\n");
    table_destroy (&table);
}

Test (table, cleans_what_comes_from_others)
{
    table_t *table = table_new (columns, 4);
    add_row (table, "a\033[2J", "u\np", 7, "\xff\xc2\x9b");
    expect (table, 80, false,
            "NAME      STATE   N  TEXT\n"
            "a\\x1b[2J  u\\x0ap  7  \\xff\\xc2\\x9b\n");
    table_destroy (&table);
}

Test (table, counts_columns_not_bytes)
{
    setlocale (LC_CTYPE, "C.UTF-8");
    table_t *table = table_new (columns, 4);
    add_row (table, "gr\xc3\xb6\xc3\x9f", "up", 7, "\xe6\x97\xa5\xe6\x9c\xac"); /* two columns a letter */
    add_row (table, "large", "up", 7, "x");
    expect (table, 80, false,
            "NAME   STATE  N  TEXT\n"
            "gr\xc3\xb6\xc3\x9f   up     7  \xe6\x97\xa5\xe6\x9c\xac\n"
            "large  up     7  x\n");
    table_destroy (&table);
}

Test (table, without_memory_prints_nothing)
{
    table_add (NULL, STYLE_PLAIN, "x");
    cr_assert_not (table_print (NULL, stdout, 80, false));
}
