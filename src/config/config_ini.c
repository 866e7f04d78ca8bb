/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an INI text with inih as oslo.config's parser would. Where inih differs, it is given a changed
 * text:
 *
 *  - inih cuts lines after about 200 bytes. Longer ones are given to it as continuation lines, in pieces.
 *  - A ';' or '#' behind a space begins a comment for inih; for oslo.config only one in the first column
 *    does. Others are given to it as control characters, which a file cannot have, and put back afterwards.
 *  - A continuation line may not follow a blank line or a comment.
 *  - What inih would leave out (text behind a ']', the end of a long name) is an error.
 *
 * inih's switches are variables of the process, so they stay as they are.
 */
#include "src/config/config_ini.h"

#include "src/error/error.h"

#include <ini.h>
#include <string.h>

enum { PIECE_MAX = 160, LINE_MAX_SIZE = 65536, GROUP_MAX = 49 };

/* What stands for ';', '#', ' ' and '\t' on the way through inih. */
static const char plain[] = ";# \t";
static const char shielded[] = "\1\2\3\4";

typedef struct reader {
    const char *name;  /* of the file */
    const char *next;  /* what has not been read ... */
    const char *limit; /* ... up to here */
    size_t line;
    const char *rest; /* of the line that is given in pieces; NULL: the line is done */
    const char *end;
    bool open;        /* a continuation line may follow */
    bool expected;    /* inih was given a piece of an option, and has to report it */
    bool first;       /* it is the first piece of an option */
    bool begins_line; /* it is the first piece of a line */
    const godwit__ini_events_t *events;
    void *user;
    godwit_status_t status;
    godwit_error_t **error;
} reader_t;

static char *
fail (reader_t *reader, const char *what)
{
    if (!reader->status)
        reader->status = godwit__error_set (reader->error, GODWIT_ERR_MALFORMED, "%s:%zu: %s", reader->name,
                                            reader->line, what);
    return NULL;
}

static bool
is_space (char c)
{
    return c == ' ' || c == '\t';
}

/* ---- to inih ---- */

static char *
shield (char *to, const char *from, size_t size, bool edges)
{
    for (size_t i = 0; i < size; i++) {
        const char *const special = memchr (plain, from[i], sizeof plain - 1);
        const bool edge = edges && (i == 0 || i + 1 == size);
        *to++ = special && (!is_space (from[i]) || edge) ? shielded[special - plain] : from[i];
    }
    *to = '\0';
    return to;
}

/* Gives the next piece of the line. */
static char *
give (reader_t *reader, char *to)
{
    char *const start = to;
    size_t size = (size_t) (reader->end - reader->rest);
    const bool last = size <= PIECE_MAX;
    if (!last)
        size = PIECE_MAX;
    if (!reader->first)
        *to++ = ' ';
    /* Only spaces around the whole value may be lost. */
    to = shield (to, reader->rest, size, !reader->first || !last);
    memcpy (to, "\n", 2);
    reader->rest = last ? NULL : reader->rest + size;
    reader->expected = true;
    return start;
}

static char *
give_group (reader_t *reader, char *to)
{
    const char *const name = reader->rest + 1;
    const char *const last = reader->end - 1;
    if (last < name || *last != ']')
        return fail (reader, "expected ']' at the end of the line");
    const size_t size = (size_t) (last - name);
    if (size == 0)
        return fail (reader, "expected the name of a group between '[' and ']'");
    if (is_space (name[0]) || is_space (name[size - 1]))
        return fail (reader, "expected no space around the name of a group");
    if (memchr (name, ']', size))
        return fail (reader, "expected one ']'");
    if (size > GROUP_MAX)
        return fail (reader, "expected a group's name of at most 49 bytes");
    *to = '[';
    memcpy (shield (to + 1, name, size, true), "]\n", 3);
    reader->rest = NULL;
    return to;
}

static char *
give_option (reader_t *reader, char *to)
{
    const size_t size = (size_t) (reader->end - reader->rest);
    size_t name_size = 0;
    while (name_size < size && reader->rest[name_size] != '=' && reader->rest[name_size] != ':')
        name_size++;
    if (name_size < size && name_size >= PIECE_MAX)
        return fail (reader, "expected an option's name of less than 160 bytes, with the space behind it");
    reader->open = true;
    reader->first = true;
    reader->begins_line = true;
    return give (reader, to);
}

static char *
give_continuation (reader_t *reader, char *to)
{
    if (!reader->open)
        return fail (reader, "expected no space before the line: there is no option that it continues");
    while (is_space (*reader->rest))
        reader->rest++;
    reader->first = false;
    reader->begins_line = true;
    return give (reader, to);
}

/* Finds the next line, without the space at its end. False: there is none, or it is malformed. */
static bool
next_line (reader_t *reader)
{
    if (reader->next == reader->limit)
        return false;
    const char *const newline = memchr (reader->next, '\n', (size_t) (reader->limit - reader->next));
    reader->rest = reader->next;
    reader->end = newline ? newline : reader->limit;
    reader->next = newline ? newline + 1 : reader->limit;
    reader->line++;
    while (reader->end > reader->rest && strchr (" \t\r\v\f", reader->end[-1]))
        reader->end--;
    if (reader->end - reader->rest > LINE_MAX_SIZE)
        return fail (reader, "expected a line of at most 65536 bytes");
    for (const char *at = reader->rest; at < reader->end; at++)
        if (((unsigned char) *at < 0x20 && *at != '\t') || *at == 0x7f)
            return fail (reader, "expected no control character");
    return true;
}

/* Behaves as fgets does. */
static char *
read_piece (char *to, int size, void *user)
{
    reader_t *reader = user;
    if (reader->status)
        return NULL;
    if (reader->expected)
        return fail (reader, "expected \"name = value\" or \"name: value\"");
    if (size < PIECE_MAX + 8)
        return fail (reader, "expected inih to take lines of 168 bytes: ini_max_line is less");
    if (reader->rest) {
        reader->first = false;
        reader->begins_line = false;
        return give (reader, to);
    }
    if (!next_line (reader))
        return NULL;
    if (reader->rest < reader->end && is_space (*reader->rest))
        return give_continuation (reader, to);
    reader->open = false;
    if (reader->rest < reader->end && *reader->rest == '[')
        return give_group (reader, to);
    if (reader->rest < reader->end && *reader->rest != '#' && *reader->rest != ';')
        return give_option (reader, to);
    const bool comment = reader->rest < reader->end;
    reader->rest = NULL;
    return memcpy (to, comment ? "#\n" : "\n\0", 3);
}

/* ---- from inih ---- */

static void
unshield (char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; from[i] && i + 1 < size; i++)
        to[i] = (from[i] >= 1 && from[i] <= 4) ? plain[from[i] - 1] : from[i];
    to[i] = '\0';
}

static int
on_piece (void *user, const char *section, const char *name, const char *value)
{
    reader_t *reader = user;
    char group_text[GROUP_MAX + 1], name_text[PIECE_MAX + 8], value_text[PIECE_MAX + 8];
    if (reader->status)
        return 0;
    reader->expected = false;
    unshield (value_text, sizeof value_text, value ? value : "");
    const godwit__ini_piece_t piece = {value_text, reader->begins_line, !reader->rest};
    if (!reader->first) {
        reader->status = reader->events->more (reader->user, &piece, reader->error);
        return !reader->status;
    }
    unshield (group_text, sizeof group_text, section);
    unshield (name_text, sizeof name_text, name);
    if (!*section)
        fail (reader, "expected a group, such as [DEFAULT], before the first option");
    else if (!*name_text)
        fail (reader, "expected a name before the '=' or ':'");
    else
        reader->status =
            reader->events->option (reader->user, reader->line, group_text, name_text, &piece, reader->error);
    return !reader->status;
}

godwit_status_t
godwit__ini_read (const char *text, const char *name, const godwit__ini_events_t *events, void *user,
                  godwit_error_t **error)
{
    reader_t reader = {.name = name,
                       .next = text,
                       .limit = text + strlen (text),
                       .events = events,
                       .user = user,
                       .error = error};
    if (!strncmp (text, "\xef\xbb\xbf", 3))
        reader.next += 3;
    const int result = ini_parse_stream (read_piece, &reader, on_piece, &reader);
    if (!reader.status && reader.expected)
        fail (&reader, "expected \"name = value\" or \"name: value\"");
    if (!reader.status && result == -2)
        return godwit__error_no_memory (error);
    if (!reader.status && result)
        fail (&reader, "expected a line that inih accepts");
    return reader.status;
}
