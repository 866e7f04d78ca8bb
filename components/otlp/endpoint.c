/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/endpoint.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATH "/v1/traces"

/* The text of the endpoint is not shown: it may have a password in it. */
static godwit_status_t
refuse (const char *name, const char *expected, godwit_error_t **error)
{
    if (error)
        *error = godwit_error_new (GODWIT_ERR_INVALID_ARGUMENT, "%s: expected %s", name, expected);
    return GODWIT_ERR_INVALID_ARGUMENT;
}

/* A part of the URL, from libcurl (curl_free); NULL: it has none. */
static char *
part_of (CURLU *handle, CURLUPart which)
{
    char *part = NULL;
    return curl_url_get (handle, which, &part, 0) == CURLUE_OK ? part : NULL;
}

static bool
has_part (CURLU *handle, CURLUPart which)
{
    char *const part = part_of (handle, which);
    const bool is_there = part != NULL;
    curl_free (part);
    return is_there;
}

static bool
is_loopback_host (const char *host)
{
    uint8_t address[4];
    if (inet_pton (AF_INET, host, address) == 1)
        return address[0] == 127;
    return strcasecmp (host, "localhost") == 0 || strcmp (host, "[::1]") == 0;
}

static bool
has_good_scheme (CURLU *handle)
{
    char *const scheme = part_of (handle, CURLUPART_SCHEME);
    const bool is_good = scheme && (strcmp (scheme, "http") == 0 || strcmp (scheme, "https") == 0);
    curl_free (scheme);
    return is_good;
}

static godwit_status_t
check (CURLU *handle, const char *endpoint, const char *name, godwit_error_t **error)
{
    if (curl_url_set (handle, CURLUPART_URL, endpoint, 0) != CURLUE_OK || !has_good_scheme (handle))
        return refuse (name, "a URL such as \"http://localhost:4318\"", error);
    if (has_part (handle, CURLUPART_USER) || has_part (handle, CURLUPART_PASSWORD))
        return refuse (name, "a URL without user and password: give them as headers", error);
    if (has_part (handle, CURLUPART_QUERY) || has_part (handle, CURLUPART_FRAGMENT))
        return refuse (name, "a URL without a query and a fragment", error);
    return GODWIT_OK;
}

/* Appends the path of traces to that of a base, which may end with slashes. */
static godwit_status_t
append_path (CURLU *handle)
{
    char *const base = part_of (handle, CURLUPART_PATH);
    size_t size = base ? strlen (base) : 0;
    while (size && base[size - 1] == '/')
        size--;
    char *const path = malloc (size + sizeof PATH);
    if (path) {
        memcpy (path, base ? base : "", size);
        memcpy (path + size, PATH, sizeof PATH);
    }
    const bool is_set = path && curl_url_set (handle, CURLUPART_PATH, path, 0) == CURLUE_OK;
    free (path);
    curl_free (base);
    return is_set ? GODWIT_OK : GODWIT_ERR_OUT_OF_MEMORY;
}

static godwit_status_t
take (char **url, bool *is_loopback, CURLU *handle)
{
    char *const host = part_of (handle, CURLUPART_HOST), *const whole = part_of (handle, CURLUPART_URL);
    char *const copy = whole ? strdup (whole) : NULL;
    if (copy && host) {
        *is_loopback = is_loopback_host (host);
        *url = copy;
    } else
        free (copy);
    curl_free (host);
    curl_free (whole);
    return copy && host ? GODWIT_OK : GODWIT_ERR_OUT_OF_MEMORY;
}

godwit_status_t
godwit__otlp_endpoint_read (char **url, bool *is_loopback, const char *endpoint, bool is_base,
                            const char *name, godwit_error_t **error)
{
    CURLU *const handle = curl_url ();
    godwit_status_t status = handle ? check (handle, endpoint, name, error) : GODWIT_ERR_OUT_OF_MEMORY;
    if (!status && is_base)
        status = append_path (handle);
    if (!status)
        status = take (url, is_loopback, handle);
    curl_url_cleanup (handle);
    if (status == GODWIT_ERR_OUT_OF_MEMORY && error)
        *error = godwit_error_new (status, "%s: out of memory", name);
    return status;
}
