/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/endpoint.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATH "/v1/traces"
#define EXAMPLE "a URL such as \"http://localhost:4318\""

/* The text of the endpoint is not shown: it may have a password in it. */
static godwit_status_t
refuse (const char *name, const char *expected, godwit_error_t **error)
{
    if (error)
        *error = godwit_error_new (GODWIT_ERR_INVALID_ARGUMENT, "%s: expected %s", name, expected);
    return GODWIT_ERR_INVALID_ARGUMENT;
}

/* A part of the URL, from libcurl (curl_free); NULL: it has none, or out of memory. */
static char *
part_of (CURLU *handle, CURLUPart which)
{
    char *part = NULL;
    return curl_url_get (handle, which, &part, 0) == CURLUE_OK ? part : NULL;
}

/* Of a part that must not be there: OUT_OF_MEMORY is not an absent one. */
static godwit_status_t
refuse_part (CURLU *handle, CURLUPart which, const char *name, const char *expected, godwit_error_t **error)
{
    char *part = NULL;
    const CURLUcode code = curl_url_get (handle, which, &part, 0);
    curl_free (part);
    if (code == CURLUE_OUT_OF_MEMORY)
        return GODWIT_ERR_OUT_OF_MEMORY;
    return code == CURLUE_OK ? refuse (name, expected, error) : GODWIT_OK;
}

static bool
is_loopback_host (const char *host)
{
    uint8_t address[4];
    if (inet_pton (AF_INET, host, address) == 1)
        return address[0] == 127;
    return strcasecmp (host, "localhost") == 0 || strcmp (host, "[::1]") == 0;
}

static godwit_status_t
check_scheme (CURLU *handle, const char *name, godwit_error_t **error)
{
    char *const scheme = part_of (handle, CURLUPART_SCHEME); /* any URL has one */
    const bool is_good = scheme && (strcmp (scheme, "http") == 0 || strcmp (scheme, "https") == 0);
    const godwit_status_t status = is_good  ? GODWIT_OK
                                   : scheme ? refuse (name, EXAMPLE, error)
                                            : GODWIT_ERR_OUT_OF_MEMORY;
    curl_free (scheme);
    return status;
}

static godwit_status_t
check (CURLU *handle, const char *endpoint, const char *name, godwit_error_t **error)
{
    static const struct {
        CURLUPart part;
        const char *expected;
    } rows[] = {{CURLUPART_USER, "a URL without user and password: give them as headers"},
                {CURLUPART_PASSWORD, "a URL without user and password: give them as headers"},
                {CURLUPART_QUERY, "a URL without a query and a fragment"},
                {CURLUPART_FRAGMENT, "a URL without a query and a fragment"}};
    const CURLUcode code = curl_url_set (handle, CURLUPART_URL, endpoint, 0);
    if (code)
        return code == CURLUE_OUT_OF_MEMORY ? GODWIT_ERR_OUT_OF_MEMORY : refuse (name, EXAMPLE, error);
    godwit_status_t status = check_scheme (handle, name, error);
    for (size_t i = 0; !status && i < sizeof rows / sizeof *rows; i++)
        status = refuse_part (handle, rows[i].part, name, rows[i].expected, error);
    return status;
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
