/* SPDX-License-Identifier: Apache-2.0 */
#include "src/config/option_value.h"

#include <godwit/url.h>

#include "src/address/url_redact.h"
#include "src/error/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const levels[] = {"debug", "info", "warning", "error"};
/* As oslo.messaging calls them (contract 10). */
static const char *const notify_drivers[] = {"messaging", "messagingv2", "routing", "log", "test", "noop"};

#define COUNT(array) (sizeof (array) / sizeof ((array)[0]))

/* ---- what is expected ---- */

static const char *
number_of (const char *unit)
{
    return !strcmp (unit, "ms") ? "a number of milliseconds" : *unit ? "a number of" : "a number";
}

void
godwit__option_expected (const godwit__option_t *option, char *text, size_t size)
{
    const long long least = (long long) option->least, most = (long long) option->most;
    switch (option->kind) {
    case GODWIT__KIND_INT:
    case GODWIT__KIND_INT64:
    case GODWIT__KIND_SIZE: {
        const bool ms = !strcmp (option->unit, "ms");
        snprintf (text, size, "%s%s%s from %lld to %lld", number_of (option->unit),
                  !ms && *option->unit ? " " : "", ms ? "" : option->unit, least, most);
        return;
    }
    case GODWIT__KIND_SECONDS:
        snprintf (text, size, "a number of seconds from %lld.%03lld to %lld", least / 1000, least % 1000,
                  most / 1000);
        return;
    case GODWIT__KIND_TEXT:
        snprintf (text, size, "a text of %lld to %lld bytes", least, most);
        return;
    case GODWIT__KIND_BOOL:
        snprintf (text, size, "true or false");
        return;
    case GODWIT__KIND_LEVEL:
        snprintf (text, size, "debug, info, warning or error");
        return;
    case GODWIT__KIND_PATHS:
        snprintf (text, size, "a list of inproc, ipc, tcp");
        return;
    case GODWIT__KIND_NAMES:
        snprintf (text, size, "a list of names, joined with ','");
        return;
    case GODWIT__KIND_NOTIFY:
        snprintf (text, size, "messaging, messagingv2, routing, log, test or noop");
        return;
    case GODWIT__KIND_URL:
        snprintf (text, size, "a transport URL");
        return;
    case GODWIT__KIND_POINTER:
        break;
    }
    snprintf (text, size, "a pointer");
}

static godwit_status_t
wrong (const godwit__option_t *option, const char *got, godwit__said_t said, godwit_error_t **error)
{
    char expected[160];
    godwit__option_expected (option, expected, sizeof expected);
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                              "Option %s%s%s%s (%s): expected %s, got \"%.200s\"", said.group ? "[" : "",
                              said.group ? said.group : "", said.group ? "] " : "", option->name, said.where,
                              expected, got);
}

/* ---- the kinds ---- */

/* Digits, with or without a '-' before them. False: it is no number. A number that is too large becomes
 * INT64_MAX. */
static bool
parse_number (const char *text, int64_t *number)
{
    const bool negative = *text == '-';
    const char *at = text + negative;
    int64_t value = 0;
    if (!*at)
        return false;
    for (; *at; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value > (INT64_MAX - 9) / 10 ? INT64_MAX : value * 10 + (*at - '0');
    }
    *number = negative ? -value : value;
    return true;
}

/* "1.5": milliseconds, rounded. */
static bool
parse_seconds (const char *text, int64_t *ms)
{
    const char *at = text;
    int64_t value = 0, scale = 1000;
    bool round_up = false;
    size_t digits = 0;
    for (; *at >= '0' && *at <= '9'; at++, digits++)
        value = value > INT64_MAX / 100000 ? value : value * 10 + (*at - '0');
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++, digits++) {
            if (scale > 1)
                value = value > INT64_MAX / 100000 ? value : value * 10 + (*at - '0');
            else if (scale == 1)
                round_up = *at >= '5';
            scale /= 10;
        }
    *ms = value * (scale > 1 ? scale : 1) + round_up;
    return !*at && digits;
}

static bool
parse_bool (const char *text, int64_t *number)
{
    static const char *const yes[] = {"true", "1", "on", "yes"};
    static const char *const no[] = {"false", "0", "off", "no"};
    for (size_t i = 0; i < COUNT (yes); i++) {
        if (!strcasecmp (text, yes[i]) || !strcasecmp (text, no[i])) {
            *number = !strcasecmp (text, yes[i]);
            return true;
        }
    }
    return false;
}

static bool
parse_word (const char *text, const char *const *words, size_t count, int64_t *number)
{
    for (size_t i = 0; i < count; i++)
        if (!strcasecmp (text, words[i])) {
            *number = (int64_t) i;
            return true;
        }
    return false;
}

unsigned
godwit__path_of (const char *address)
{
    return !strncmp (address, "inproc:", 7) ? GODWIT__PATH_INPROC
           : !strncmp (address, "ipc:", 4)  ? GODWIT__PATH_IPC
           : !strncmp (address, "tcp:", 4)  ? GODWIT__PATH_TCP
           : !strncmp (address, "sim:", 4)  ? GODWIT__PATH_TCP
                                            : 0;
}

static bool
parse_paths (const char *text, int64_t *paths)
{
    unsigned found = 0;
    for (const char *at = text; *at;) {
        const size_t size = strcspn (at, ",");
        char word[8] = "";
        if (size < sizeof word - 1) {
            memcpy (word, at, size);
            word[size] = ':';
        }
        const unsigned path = godwit__path_of (word);
        if (!path)
            return false;
        found |= path;
        at += size + (at[size] == ',');
    }
    *paths = found;
    return found != 0;
}

/* Items may stand on lines of their own, and have space around them. */
static bool
are_names (const char *text)
{
    for (const char *at = text;; at++) {
        at += strspn (at, " \t\n");
        const size_t size = strcspn (at, ",");
        if (size == 0)
            return false;
        at += size;
        if (!*at)
            return true;
    }
}

static godwit_status_t
check_url (const godwit__option_t *option, const char *text, godwit__said_t said, godwit_error_t **error)
{
    godwit_url_t *url = NULL;
    godwit_error_t *reason = NULL;
    godwit_status_t status = godwit_url_parse (&url, text, &reason);
    if (status == GODWIT_ERR_INVALID_URL)
        status = godwit__url_error (error,
                                    godwit__error_set (error, status, "Option [%s] %s (%s): %s",
                                                       said.group ? said.group : "", option->name, said.where,
                                                       godwit_error_message (reason)),
                                    text);
    else if (status)
        godwit__error_set_no_memory (error);
    godwit_error_destroy (&reason);
    godwit_url_destroy (&url);
    return status;
}

/* ---- all of them ---- */

godwit_status_t
godwit__option_check (const godwit__option_t *option, int64_t number, godwit__said_t said,
                      godwit_error_t **error)
{
    const int64_t most = option->kind == GODWIT__KIND_LEVEL ? (int64_t) COUNT (levels) - 1 : option->most;
    char text[32];
    if (number >= option->least && number <= most)
        return GODWIT_OK;
    snprintf (text, sizeof text, "%lld", (long long) number);
    return wrong (option, text, said, error);
}

godwit_status_t
godwit__option_read (const godwit__option_t *option, const char *text, godwit__said_t said,
                     godwit__option_value_t *value, godwit_error_t **error)
{
    const size_t size = strlen (text);
    bool good = false;
    *value = (godwit__option_value_t){0, text};
    switch (option->kind) {
    case GODWIT__KIND_INT:
    case GODWIT__KIND_INT64:
    case GODWIT__KIND_SIZE:
        good = parse_number (text, &value->number) && value->number >= option->least &&
               value->number <= option->most;
        break;
    case GODWIT__KIND_SECONDS:
        good = parse_seconds (text, &value->number) && value->number >= option->least &&
               value->number <= option->most;
        break;
    case GODWIT__KIND_TEXT:
        good = size >= (size_t) option->least && size <= (size_t) option->most;
        break;
    case GODWIT__KIND_BOOL:
        good = parse_bool (text, &value->number);
        break;
    case GODWIT__KIND_LEVEL:
        good = parse_word (text, levels, COUNT (levels), &value->number);
        break;
    case GODWIT__KIND_PATHS:
        good = parse_paths (text, &value->number);
        break;
    case GODWIT__KIND_NAMES:
        good = are_names (text);
        break;
    case GODWIT__KIND_NOTIFY:
        good = parse_word (text, notify_drivers, COUNT (notify_drivers), &value->number);
        break;
    case GODWIT__KIND_URL:
        return check_url (option, text, said, error);
    case GODWIT__KIND_POINTER:
        break;
    }
    return good ? GODWIT_OK : wrong (option, text, said, error);
}
