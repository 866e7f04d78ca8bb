/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/table.h"

#include "tools/godwit/clean.h"

#include "src/base/utf8.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define GAP 2 /* between columns */
#define SHRINKS_TO 6
#define SHRINKS_AT_MOST_TO 2 /* on a terminal that has no room even for that */
#define FORMAT_SIZE 256

typedef struct cell {
    char *text; /* cleaned: UTF-8 without control characters */
    style_t style;
    unsigned width;
} cell_t;

struct table {
    const table_column_t *columns;
    size_t column_count;
    cell_t *cells;
    size_t count, capacity;
    bool has_failed;
};

table_t *
table_new (const table_column_t *columns, size_t count)
{
    table_t *const self = calloc (1, sizeof *self);
    if (self) {
        self->columns = columns;
        self->column_count = count;
    }
    return self;
}

void
table_destroy (table_t **table)
{
    if (!*table)
        return;
    for (size_t i = 0; i < (*table)->count; i++)
        free ((*table)->cells[i].text);
    free ((*table)->cells);
    free (*table);
    *table = NULL;
}

/* ---- widths ---- */

/* The character at `text`, and how many bytes it has. */
static unsigned
character_width (const char *text, size_t left, size_t *length)
{
    const unsigned char *const bytes = (const unsigned char *) text;
    *length = godwit__utf8_length (bytes, left);
    if (*length < 2) {
        *length = 1;
        return 1;
    }
    wchar_t code = (wchar_t) (bytes[0] & (0xff >> (*length + 1)));
    for (size_t i = 1; i < *length; i++)
        code = (wchar_t) (code << 6 | (bytes[i] & 0x3f));
    const int width = wcwidth (code);
    return width < 0 ? 1 : (unsigned) width; /* the locale does not know it */
}

static unsigned
text_width (const char *text)
{
    unsigned width = 0;
    size_t length = 0;
    for (size_t left = strlen (text); left; text += length, left -= length)
        width += character_width (text, left, &length);
    return width;
}

/* How many bytes fit into so many columns, and how many columns these take. */
static size_t
fitting (const char *text, unsigned most, unsigned *width)
{
    size_t size = 0, length = 0;
    *width = 0;
    for (size_t left = strlen (text); left; size += length, left -= length) {
        const unsigned next = character_width (text + size, left, &length);
        if (*width + next > most)
            break;
        *width += next;
    }
    return size;
}

/* ---- cells ---- */

static bool
grow (table_t *self)
{
    if (self->count < self->capacity)
        return true;
    const size_t capacity = self->capacity ? 2 * self->capacity : 64;
    cell_t *const cells = realloc (self->cells, capacity * sizeof *cells);
    if (!cells)
        return false;
    self->cells = cells;
    self->capacity = capacity;
    return true;
}

void
table_add (table_t *table, style_t style, const char *text)
{
    if (!table || table->has_failed)
        return;
    char *const copy = clean_line (text);
    if (!copy || !grow (table)) {
        free (copy);
        table->has_failed = true;
        return;
    }
    table->cells[table->count++] = (cell_t){copy, style, text_width (copy)};
}

void
table_add_format (table_t *table, style_t style, const char *format, ...)
{
    char text[FORMAT_SIZE];
    va_list arguments;
    va_start (arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start has just initialised it */
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    table_add (table, style, text);
}

/* ---- printing ---- */

static void
measure (const table_t *self, unsigned *widths)
{
    for (size_t i = 0; i < self->column_count; i++)
        widths[i] = (unsigned) strlen (self->columns[i].title);
    for (size_t i = 0; i < self->count; i++)
        if (widths[i % self->column_count] < self->cells[i].width)
            widths[i % self->column_count] = self->cells[i].width;
}

static unsigned
sum (const table_t *self, const unsigned *widths)
{
    unsigned total = 0;
    for (size_t i = 0; i < self->column_count; i++)
        total += widths[i] + (i ? GAP : 0);
    return total;
}

/* The widest that may shrink; column_count: there is none. */
static size_t
widest (const table_t *self, const unsigned *widths, unsigned least)
{
    size_t found = self->column_count;
    for (size_t i = 0; i < self->column_count; i++)
        if (!self->columns[i].keeps && widths[i] > least &&
            (found == self->column_count || widths[i] > widths[found]))
            found = i;
    return found;
}

static void
shrink (const table_t *self, unsigned *widths, unsigned width, unsigned least)
{
    for (unsigned total = sum (self, widths); total > width; total--) {
        const size_t at = widest (self, widths, least);
        if (at == self->column_count)
            return;
        widths[at]--;
    }
}

static void
print_spaces (FILE *to, unsigned count)
{
    fprintf (to, "%*s", (int) count, "");
}

/* A text that does not fit ends with "~". */
static void
print_cell (FILE *to, const cell_t *cell, unsigned width, bool is_right, bool is_last, bool is_coloured)
{
    const bool is_cut = cell->width > width;
    unsigned used = 0;
    const size_t size = fitting (cell->text, is_cut ? width - 1 : width, &used);
    const unsigned left = width - used - is_cut;
    if (is_right)
        print_spaces (to, left);
    fputs (style_begin (cell->style, is_coloured), to);
    fwrite (cell->text, 1, size, to);
    if (is_cut)
        fputc ('~', to);
    fputs (style_end (cell->style, is_coloured), to);
    if (!is_right && !is_last)
        print_spaces (to, left);
}

static void
print_row (const table_t *self, FILE *to, const cell_t *cells, size_t count, const unsigned *widths,
           bool is_coloured)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            print_spaces (to, GAP);
        print_cell (to, &cells[i], widths[i], self->columns[i].is_right, i + 1 == count, is_coloured);
    }
    fputc ('\n', to);
}

static void
print_titles (const table_t *self, FILE *to, const unsigned *widths, bool is_coloured)
{
    for (size_t i = 0; i < self->column_count; i++) {
        char *const title = (char *) (uintptr_t) self->columns[i].title; /* it is not written */
        const cell_t cell = {title, STYLE_TITLE, (unsigned) strlen (title)};
        if (i)
            print_spaces (to, GAP);
        print_cell (to, &cell, widths[i], self->columns[i].is_right, i + 1 == self->column_count,
                    is_coloured);
    }
    fputc ('\n', to);
}

bool
table_print (const table_t *table, FILE *to, unsigned width, bool is_coloured)
{
    unsigned *const widths =
        table && !table->has_failed ? calloc (table->column_count, sizeof *widths) : NULL;
    if (!widths)
        return false;
    measure (table, widths);
    shrink (table, widths, width, SHRINKS_TO);
    shrink (table, widths, width, SHRINKS_AT_MOST_TO);
    print_titles (table, to, widths, is_coloured);
    for (size_t i = 0; i < table->count; i += table->column_count) {
        const size_t left = table->count - i;
        print_row (table, to, table->cells + i, left < table->column_count ? left : table->column_count,
                   widths, is_coloured);
    }
    free (widths);
    return true;
}
