/* SPDX-License-Identifier: Apache-2.0 */
/* Transport URLs: reading, printing and comparing them. */
#include "src/address/url.h"

#include "src/error/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
godwit_url_destroy (godwit_url_t **url)
{
    if (!url || !*url)
        return;
    free ((*url)->texts);
    free ((*url)->hosts);
    free ((*url)->options);
    free ((*url)->warning);
    free ((*url)->printed);
    free (*url);
    *url = NULL;
}

const char *
godwit_url_transport (const godwit_url_t *url)
{
    return url->transport;
}

const char *
godwit_url_driver (const godwit_url_t *url)
{
    return url->driver;
}

size_t
godwit_url_host_count (const godwit_url_t *url)
{
    return url->host_count;
}

const godwit_url_host_t *
godwit_url_host (const godwit_url_t *url, size_t index)
{
    return index < url->host_count ? &url->hosts[index] : NULL;
}

const char *
godwit_url_virtual_host (const godwit_url_t *url)
{
    return url->virtual_host;
}

size_t
godwit_url_query_count (const godwit_url_t *url)
{
    return url->option_count;
}

const char *
godwit_url_query_key (const godwit_url_t *url, size_t index)
{
    return index < url->option_count ? url->options[index].key : NULL;
}

const char *
godwit_url_query_value (const godwit_url_t *url, size_t index)
{
    return index < url->option_count ? url->options[index].value : NULL;
}

const char *
godwit_url_query_get (const godwit_url_t *url, const char *key)
{
    for (size_t i = 0; key && i < url->option_count; i++)
        if (strcmp (url->options[i].key, key) == 0)
            return url->options[i].value;
    return NULL;
}

const char *
godwit_url_warning (const godwit_url_t *url)
{
    return url->warning;
}

const char *
godwit_url_print (const godwit_url_t *url)
{
    return url->printed;
}

static bool
same_text (const char *a, const char *b)
{
    return a == b || (a && b && strcmp (a, b) == 0);
}

bool
godwit_url_equal (const godwit_url_t *a, const godwit_url_t *b)
{
    if (a == b)
        return true;
    if (!a || !b || !same_text (a->transport, b->transport) ||
        !same_text (a->virtual_host, b->virtual_host) || a->host_count != b->host_count)
        return false;
    for (size_t i = 0; i < a->host_count; i++) {
        const godwit_url_host_t *const x = &a->hosts[i];
        const godwit_url_host_t *const y = &b->hosts[i];
        if (!same_text (x->username, y->username) || !same_text (x->password, y->password) ||
            !same_text (x->hostname, y->hostname) || x->port != y->port)
            return false;
    }
    return true;
}

/* ---- printing ---- */

/* Called twice: without text to learn the length, then with it. */
struct output {
    char *text;
    size_t length;
};

static void
put (struct output *output, const char *text)
{
    const size_t length = strlen (text);
    if (output->text)
        memcpy (output->text + output->length, text, length + 1);
    output->length += length;
}

static bool
is_unreserved (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '~';
}

/* With plus a space becomes '+'; `safe` stays as it is, besides what always does ('\0': nothing). */
static void
put_quoted (struct output *output, const char *text, char safe, bool plus)
{
    for (; *text; text++) {
        char quoted[4] = {*text, '\0'};
        if (plus && *text == ' ')
            quoted[0] = '+';
        else if (!is_unreserved (*text) && *text != safe)
            snprintf (quoted, sizeof quoted, "%%%02X", (unsigned char) *text);
        put (output, quoted);
    }
}

static void
put_host (struct output *output, const godwit_url_host_t *host)
{
    const bool brackets = strchr (host->hostname, ':') != NULL;
    if (host->username || host->password) {
        if (host->username)
            put_quoted (output, host->username, '\0', false);
        if (host->password) {
            put (output, ":");
            put_quoted (output, host->password, '\0', false);
        }
        put (output, "@");
    }
    put (output, brackets ? "[" : "");
    put (output, host->hostname);
    put (output, brackets ? "]" : "");
    if (host->port) {
        char port[16];
        snprintf (port, sizeof port, ":%d", host->port);
        put (output, port);
    }
}

static void
put_url (struct output *output, const godwit_url_t *url)
{
    put (output, url->transport);
    put (output, "://");
    for (size_t i = 0; i < url->host_count; i++) {
        put (output, i ? "," : "");
        put_host (output, &url->hosts[i]);
    }
    put (output, "/");
    if (url->virtual_host)
        put_quoted (output, url->virtual_host, '/', false);
    for (size_t i = 0; i < url->option_count; i++) {
        put (output, i ? "&" : "?");
        put_quoted (output, url->options[i].key, '\0', true);
        put (output, "=");
        put_quoted (output, url->options[i].value, '\0', true);
    }
}

static bool
has_credentials (const godwit_url_host_t *host)
{
    return host->username && host->password;
}

static void
put_warning (struct output *output, const godwit_url_t *url, bool mixed, size_t ignored)
{
    for (int with = 1; mixed && with >= 0; with--) {
        const char *separator = with ? "Hosts with a username and a password: " : "; hosts without both: ";
        for (size_t i = 0; i < url->host_count; i++) {
            if (has_credentials (&url->hosts[i]) != (with == 1))
                continue;
            put (output, separator);
            put (output, url->hosts[i].hostname);
            separator = ", ";
        }
    }
    put (output, mixed ? ". Give them to all hosts or to none." : "");
    if (ignored) {
        char text[80];
        snprintf (text, sizeof text, "%s%zu option%s in the query without a value: ignored.",
                  mixed ? " " : "", ignored, ignored == 1 ? "" : "s");
        put (output, text);
    }
}

godwit_status_t
godwit__url_describe (godwit_url_t *url, size_t ignored, godwit_error_t **error)
{
    size_t with = 0;
    for (size_t i = 0; i < url->host_count; i++)
        with += has_credentials (&url->hosts[i]);
    const bool mixed = with > 0 && with < url->host_count;

    struct output printed = {NULL, 0}, warning = {NULL, 0};
    put_url (&printed, url);
    put_warning (&warning, url, mixed, ignored);
    url->printed = malloc (printed.length + 1);
    url->warning = warning.length ? malloc (warning.length + 1) : NULL;
    if (!url->printed || (warning.length && !url->warning))
        return godwit__error_no_memory (error);
    printed = (struct output){url->printed, 0};
    put_url (&printed, url);
    warning = (struct output){url->warning, 0};
    put_warning (&warning, url, mixed, ignored);
    return GODWIT_OK;
}
