/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a URL apart. No part of it is ever quoted in an error: there may be a password in it. */
#include "src/address/url.h"

#include "src/address/url_redact.h"
#include "src/error/error.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
    const char *text;
    char *free; /* room for the next decoded string; there is enough for the whole text */
    godwit_url_t *url;
    size_t ignored; /* options without a value */
    godwit_error_t **error;
} parser_t;

/* A part of the text. */
typedef struct part {
    const char *begin;
    const char *end;
} part_t;

static godwit_status_t
fail (const parser_t *parser, const char *at, const char *wrong, const char *expected)
{
    return godwit__error_set (parser->error, GODWIT_ERR_INVALID_URL, "%s, at byte %zu; expected %s", wrong,
                              (size_t) (at - parser->text), expected);
}

static const char *
find (part_t part, char wanted)
{
    for (const char *at = part.begin; at < part.end; at++)
        if (*at == wanted)
            return at;
    return NULL;
}

static const char *
find_last (part_t part, char wanted)
{
    for (const char *at = part.end; at > part.begin; at--)
        if (at[-1] == wanted)
            return at - 1;
    return NULL;
}

/* Finds the first of the wanted characters, or the end. */
static const char *
find_any (part_t part, const char *wanted)
{
    const char *at = part.begin;
    while (at < part.end && !strchr (wanted, *at))
        at++;
    return at;
}

/* Splits the first piece off rest. False at the end. */
static bool
next_piece (part_t *rest, char separator, part_t *piece)
{
    if (!rest->begin)
        return false;
    const char *const end = find (*rest, separator);
    *piece = (part_t){rest->begin, end ? end : rest->end};
    rest->begin = end ? end + 1 : NULL;
    return true;
}

/* ---- decoding ---- */

static int
hex (char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

static const char *
keep (parser_t *parser, part_t part)
{
    char *const start = parser->free;
    const size_t size = (size_t) (part.end - part.begin);
    memcpy (start, part.begin, size);
    start[size] = '\0';
    parser->free = start + size + 1;
    return start;
}

/* Decodes %xx, and with plus also '+' as a space. A malformed escape stays as it is. */
static godwit_status_t
decode (parser_t *parser, part_t part, bool plus, const char **result)
{
    char *const start = parser->free;
    char *to = start;
    for (const char *at = part.begin; at < part.end;) {
        if (*at == '%' && part.end - at > 2 && hex (at[1]) >= 0 && hex (at[2]) >= 0) {
            const int byte = hex (at[1]) * 16 + hex (at[2]);
            if (byte == 0)
                return fail (parser, at, "an encoded NUL", "any other byte");
            *to++ = (char) byte;
            at += 3;
        } else {
            *to++ = plus && *at == '+' ? ' ' : *at;
            at++;
        }
    }
    *to = '\0';
    parser->free = to + 1;
    *result = start;
    return GODWIT_OK;
}

/* ---- the parts ---- */

static bool
is_letter (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static godwit_status_t
parse_transport (parser_t *parser, part_t *rest)
{
    const char *const colon = find (*rest, ':');
    if (!colon || colon == rest->begin)
        return fail (parser, rest->begin, "No scheme specified", "driver[+sub]://...");
    for (const char *at = rest->begin; at < colon; at++)
        if (!is_letter (*at) && (at == rest->begin || !(hex (*at) >= 0 || strchr ("+-.", *at))))
            return fail (parser, at, "No scheme specified: a character that a scheme cannot have",
                         "a letter, then letters, digits, '+', '-' and '.', up to the ':'");

    char *const transport = parser->free;
    parser->url->transport = keep (parser, (part_t){rest->begin, colon});
    for (char *at = transport; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char) (*at - 'A' + 'a');
    const char *const plus = strchr (transport, '+');
    parser->url->driver = keep (parser, (part_t){transport, plus ? plus : transport + strlen (transport)});
    rest->begin = colon + 1;
    return GODWIT_OK;
}

static godwit_status_t
parse_port (const parser_t *parser, part_t part, int *port)
{
    int number = 0;
    for (const char *at = part.begin; at < part.end; at++) {
        if (*at < '0' || *at > '9')
            return fail (parser, at, "the port is not a number",
                         "digits up to the ',' or '/' (an IPv6 address goes in brackets; '/', '?' and ':' in "
                         "credentials are written %2F, %3F and %3A)");
        number = number * 10 + (*at - '0');
        if (number > 65535)
            return fail (parser, part.begin, "the port is too large", "1 to 65535");
    }
    if (part.begin != part.end && number == 0)
        return fail (parser, part.begin, "the port is 0", "1 to 65535");
    *port = number;
    return GODWIT_OK;
}

/* "[v6]:port"; the caller has seen the bracket. A zone behind a '%' is not checked. */
static godwit_status_t
parse_ipv6 (parser_t *parser, part_t part, godwit_url_host_t *host)
{
    char address[64];
    struct in6_addr binary;
    const char *const close = find (part, ']');
    if (!close)
        return fail (parser, part.begin, "Invalid IPv6 URL: a '[' without a ']'", "[address]");
    const part_t inside = {part.begin + 1, close};
    const size_t size = (size_t) (find_any (inside, "%") - inside.begin);
    if (size < sizeof address) {
        memcpy (address, inside.begin, size);
        address[size] = '\0';
    }
    if (size >= sizeof address || inet_pton (AF_INET6, address, &binary) != 1 ||
        find_any (inside, " []") != close)
        return fail (parser, inside.begin, "Invalid IPv6 URL: not an address", "an IPv6 address");
    if (close + 1 < part.end && close[1] != ':')
        return fail (parser, close + 1, "text after the ']'", "':' and a port, ',' or '/'");
    host->hostname = keep (parser, inside);
    return parse_port (parser, (part_t){close + 1 < part.end ? close + 2 : part.end, part.end}, &host->port);
}

static godwit_status_t
parse_host (parser_t *parser, part_t part, godwit_url_host_t *host)
{
    const char *const at = find_last (part, '@');
    if (at) {
        part_t user = {part.begin, at};
        const char *const colon = find (user, ':');
        if (colon) {
            const godwit_status_t status = decode (parser, (part_t){colon + 1, at}, false, &host->password);
            if (status)
                return status;
            user.end = colon;
        }
        const godwit_status_t status = decode (parser, user, false, &host->username);
        if (status)
            return status;
        part.begin = at + 1;
    }
    if (part.begin < part.end && *part.begin == '[')
        return parse_ipv6 (parser, part, host);

    const char *const colon = find (part, ':');
    const part_t name = {part.begin, colon ? colon : part.end};
    const char *const bad = find_any (name, " []");
    if (bad != name.end)
        return fail (parser, bad, "a character that a host's name cannot have",
                     "a name, an IPv4 address or [an IPv6 address]");
    host->hostname = keep (parser, name);
    return colon ? parse_port (parser, (part_t){colon + 1, part.end}, &host->port) : GODWIT_OK;
}

static godwit_status_t
parse_hosts (parser_t *parser, part_t hosts)
{
    part_t piece;
    while (next_piece (&hosts, ',', &piece)) {
        if (piece.begin == piece.end)
            continue;
        const godwit_status_t status =
            parse_host (parser, piece, &parser->url->hosts[parser->url->host_count]);
        if (status)
            return status;
        /* A lone ':' names no host. */
        const godwit_url_host_t *const host = &parser->url->hosts[parser->url->host_count];
        if (host->username || host->port || (host->hostname && host->hostname[0]))
            parser->url->host_count++;
    }
    return GODWIT_OK;
}

/* key=value&key=value; options without a value are left out, as Python's parse_qs does. */
static godwit_status_t
parse_query (parser_t *parser, part_t query)
{
    part_t piece;
    while (next_piece (&query, '&', &piece)) {
        const char *const equals = find (piece, '=');
        if (piece.begin == piece.end)
            continue;
        if (!equals || equals + 1 == piece.end) {
            parser->ignored++;
            continue;
        }
        if (parser->url->option_count == GODWIT__URL_MAX_OPTIONS)
            return fail (parser, piece.begin, "too many options", "1024 at the most");
        godwit__url_option_t *const option = &parser->url->options[parser->url->option_count];
        godwit_status_t status = decode (parser, (part_t){piece.begin, equals}, true, &option->key);
        if (!status)
            status = decode (parser, (part_t){equals + 1, piece.end}, true, &option->value);
        if (status)
            return status;
        parser->url->option_count++;
    }
    return GODWIT_OK;
}

/* Joins the values of a repeated key, at the place of the first one. */
static void
join_options (parser_t *parser)
{
    godwit_url_t *const url = parser->url;
    size_t kept = 0;
    for (size_t i = 0; i < url->option_count; i++) {
        const char *const key = url->options[i].key;
        if (!key)
            continue;
        char *const start = parser->free;
        char *to = start;
        for (size_t j = i; j < url->option_count; j++) {
            godwit__url_option_t *const same = &url->options[j];
            if (!same->key || !same->value || strcmp (same->key, key) != 0)
                continue;
            if (to != start)
                *to++ = ',';
            const size_t size = strlen (same->value);
            memcpy (to, same->value, size);
            to += size;
            same->key = NULL;
        }
        *to = '\0';
        parser->free = to + 1;
        url->options[kept++] = (godwit__url_option_t){key, start};
    }
    url->option_count = kept;
}

static godwit_status_t
parse (parser_t *parser, part_t rest)
{
    for (const char *at = rest.begin; at < rest.end; at++) {
        if ((unsigned char) *at < 0x20 || *at == 0x7f)
            return fail (parser, at, "a control character", "it to be written as %xx, or not at all");
        if (*at == '#')
            return fail (parser, at, "a '#', which would begin a fragment", "it to be written as %23");
    }

    godwit_status_t status = parse_transport (parser, &rest);
    if (status)
        return status;
    if (rest.end - rest.begin >= 2 && rest.begin[0] == '/' && rest.begin[1] == '/') {
        const part_t hosts = {rest.begin + 2, find_any ((part_t){rest.begin + 2, rest.end}, "/?")};
        status = parse_hosts (parser, hosts);
        rest.begin = hosts.end;
    } else if (rest.begin < rest.end && *rest.begin != '/' && *rest.begin != '?') {
        status = fail (parser, rest.begin, "neither hosts nor a virtual host", "\"//\" and the hosts");
    }
    const char *const question = find_any (rest, "?");
    if (!status && rest.begin < question)
        status = decode (parser, (part_t){rest.begin + 1, question}, false, &parser->url->virtual_host);
    if (!status && question < rest.end)
        status = parse_query (parser, (part_t){question + 1, rest.end});
    if (!status)
        join_options (parser);
    return status;
}

godwit_status_t
godwit_url_parse (godwit_url_t **url_p, const char *text, godwit_error_t **error)
{
    if (!url_p || !text)
        return godwit__error_null (error, url_p ? "text" : "url");
    const char *const end = memchr (text, '\0', GODWIT__URL_MAX_SIZE + 1);
    if (!end)
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL,
                                  "the URL is too long, at byte %d; expected at most %d bytes",
                                  GODWIT__URL_MAX_SIZE, GODWIT__URL_MAX_SIZE);
    const size_t size = (size_t) (end - text);
    size_t hosts = 1, options = 1;
    for (const char *at = text; at < end; at++) {
        hosts += *at == ',';
        options += *at == '&';
    }
    if (options > GODWIT__URL_MAX_OPTIONS)
        options = GODWIT__URL_MAX_OPTIONS;

    godwit_url_t *url = calloc (1, sizeof *url);
    if (!url)
        return godwit__error_no_memory (error);
    /* Every byte is kept at the most twice (the transport and its driver, an option's value and the joined
     * one), and ends at most three strings (a '@' with its user, password and host). */
    url->texts = malloc (5 * size + 16);
    url->hosts = calloc (hosts, sizeof *url->hosts);
    url->options = calloc (options, sizeof *url->options);
    parser_t parser = {text, url->texts, url, 0, error};
    godwit_status_t status;
    if (!url->texts || !url->hosts || !url->options)
        status = godwit__error_no_memory (error);
    else
        status = parse (&parser, (part_t){text, end});
    if (!status)
        status = godwit__url_describe (url, parser.ignored, error);
    if (status)
        godwit_url_destroy (&url);
    else
        *url_p = url;
    return godwit__url_error (error, status, text);
}
