/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/http.h"

#include "components/otlp/reply.h"

#include <godwit/version.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MOST ((size_t) 64 << 10)       /* of an answer */
#define PAUSE_MS_MOST (INT64_C (60) * 1000) /* whatever the collector wants */
#define CONTENT_TYPE "Content-Type: application/x-protobuf"

struct godwit__otlp_http {
    CURL *easy;
    struct curl_slist *headers;
    size_t size; /* of the body */
    uint8_t body[BODY_MOST];
    char problem[CURL_ERROR_SIZE];
};

/* ---- the client ---- */

/* A longer answer is not read to its end: libcurl calls that a failure. */
static size_t
take_body (char *bytes, size_t size, size_t count, void *user)
{
    godwit__otlp_http_t *const http = user;
    if (size * count > BODY_MOST - http->size)
        return 0;
    memcpy (http->body + http->size, bytes, size * count);
    http->size += size * count;
    return size * count;
}

static bool
add_header (godwit__otlp_http_t *http, const char *line)
{
    struct curl_slist *const headers = curl_slist_append (http->headers, line);
    if (headers)
        http->headers = headers;
    return headers != NULL;
}

/* libcurl sends "Name:" alone for a header that is to be left out, and "Name;" for an empty one. */
static bool
add_pair (godwit__otlp_http_t *http, const godwit__otlp_pair_t *pair)
{
    const size_t size = strlen (pair->name) + strlen (pair->value) + sizeof ": ";
    char *const line = malloc (size);
    if (!line)
        return false;
    snprintf (line, size, *pair->value ? "%s: %s" : "%s;%s", pair->name, pair->value);
    const bool is_added = add_header (http, line);
    free (line);
    return is_added;
}

/* "Expect:" alone: the body is sent at once, and not when the collector has asked for it. */
static bool
make_headers (godwit__otlp_http_t *http, const godwit__otlp_settings_t *settings)
{
    bool is_good = add_header (http, CONTENT_TYPE) && add_header (http, "Expect:");
    for (size_t i = 0; is_good && i < settings->headers.count; i++)
        is_good = add_pair (http, &settings->headers.items[i]);
    return is_good;
}

/* *code: of the first option that could not be set. */
static void
set_text (CURL *easy, CURLoption option, const char *text, CURLcode *code)
{
    if (!*code)
        *code = curl_easy_setopt (easy, option, text);
}

static void
set_number (CURL *easy, CURLoption option, long number, CURLcode *code)
{
    if (!*code)
        *code = curl_easy_setopt (easy, option, number);
}

/* No signals, no redirects, nothing but http and https, nothing on the terminal. */
static CURLcode
set_options (godwit__otlp_http_t *http, const godwit__otlp_settings_t *settings)
{
    CURL *const easy = http->easy;
    char agent[64];
    CURLcode code = curl_easy_setopt (easy, CURLOPT_HTTPHEADER, http->headers);
    snprintf (agent, sizeof agent, "godwit-otlp/%s", godwit_version_string ());
    set_text (easy, CURLOPT_PROTOCOLS_STR, "http,https", &code);
    set_text (easy, CURLOPT_URL, settings->url, &code);
    set_text (easy, CURLOPT_USERAGENT, agent, &code);
    if (settings->is_loopback)
        set_text (easy, CURLOPT_PROXY, "", &code);
    if (settings->certificates)
        set_text (easy, CURLOPT_CAINFO, settings->certificates, &code);
    set_number (easy, CURLOPT_NOSIGNAL, 1, &code);
    set_number (easy, CURLOPT_QUICK_EXIT, 1, &code);
    set_number (easy, CURLOPT_POST, 1, &code);
    set_number (easy, CURLOPT_TCP_KEEPALIVE, 1, &code);
    if (!code)
        code = curl_easy_setopt (easy, CURLOPT_ERRORBUFFER, http->problem);
    if (!code)
        code = curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, take_body);
    if (!code)
        code = curl_easy_setopt (easy, CURLOPT_WRITEDATA, http);
    return code;
}

static godwit_status_t
prepare (godwit__otlp_http_t *http, const godwit__otlp_settings_t *settings)
{
    http->easy = curl_easy_init ();
    if (!http->easy || !make_headers (http, settings))
        return GODWIT_ERR_OUT_OF_MEMORY;
    const CURLcode code = set_options (http, settings);
    return code == CURLE_OUT_OF_MEMORY ? GODWIT_ERR_OUT_OF_MEMORY : code ? GODWIT_ERR_SYSTEM : GODWIT_OK;
}

godwit_status_t
godwit__otlp_http_open (godwit__otlp_http_t **http, const godwit__otlp_settings_t *settings,
                        godwit_error_t **error)
{
    godwit__otlp_http_t *made = calloc (1, sizeof *made);
    const godwit_status_t status = made ? prepare (made, settings) : GODWIT_ERR_OUT_OF_MEMORY;
    if (!status) {
        *http = made;
        return GODWIT_OK;
    }
    godwit__otlp_http_close (&made);
    if (error)
        *error =
            godwit_error_new (status, "the HTTP client of an exporter: %s",
                              status == GODWIT_ERR_SYSTEM
                                  ? "libcurl lacks an option: expected 7.88 or newer, with http and https"
                                  : "out of memory");
    return status;
}

void
godwit__otlp_http_close (godwit__otlp_http_t **http)
{
    if (!*http)
        return;
    if ((*http)->easy)
        curl_easy_cleanup ((*http)->easy);
    curl_slist_free_all ((*http)->headers);
    free (*http);
    *http = NULL;
}

/* ---- one request ---- */

/* Whether the same request may get through later: what concerns the network, not the request. */
static bool
may_pass_later (CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_AGAIN:
        return true;
    default:
        return false;
    }
}

static void
read_failure (const godwit__otlp_http_t *http, CURLcode code, godwit__otlp_answer_t *answer)
{
    char why[sizeof answer->text];
    const char *const problem = http->problem[0] ? http->problem : curl_easy_strerror (code);
    godwit__otlp_reply_text (why, sizeof why, problem, strlen (problem));
    snprintf (answer->text, sizeof answer->text, "%.250s", why);
    answer->fate = may_pass_later (code) ? GODWIT__OTLP_LATER : GODWIT__OTLP_REFUSED;
}

/* Retry-After, in seconds or as a date, which libcurl has made seconds of. */
static int64_t
wanted_pause_ms (CURL *easy)
{
    curl_off_t seconds = 0;
    if (curl_easy_getinfo (easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0)
        return 0;
    return seconds > PAUSE_MS_MOST / 1000 ? PAUSE_MS_MOST : (int64_t) seconds * 1000;
}

static void
read_answer (const godwit__otlp_http_t *http, godwit__otlp_answer_t *answer)
{
    long status = 0;
    curl_easy_getinfo (http->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 == 2) {
        answer->fate = GODWIT__OTLP_ACCEPTED;
        answer->rejected =
            godwit__otlp_reply_read (http->body, http->size, answer->text, sizeof answer->text);
        return;
    }
    const bool is_passing = status == 429 || status == 502 || status == 503 || status == 504;
    answer->fate = is_passing ? GODWIT__OTLP_LATER : GODWIT__OTLP_REFUSED;
    answer->pause_ms = is_passing ? wanted_pause_ms (http->easy) : 0;
    snprintf (answer->text, sizeof answer->text, "the collector answered with the HTTP status %ld", status);
}

void
godwit__otlp_http_post (godwit__otlp_http_t *http, const uint8_t *bytes, size_t size, int64_t timeout_ms,
                        godwit__otlp_answer_t *answer)
{
    *answer = (godwit__otlp_answer_t){0};
    http->size = 0;
    http->problem[0] = '\0';
    CURLcode code = curl_easy_setopt (http->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) size);
    if (!code)
        code = curl_easy_setopt (http->easy, CURLOPT_POSTFIELDS, bytes);
    if (!code)
        code = curl_easy_setopt (http->easy, CURLOPT_TIMEOUT_MS, (long) timeout_ms);
    if (!code)
        code = curl_easy_perform (http->easy);
    curl_easy_setopt (http->easy, CURLOPT_POSTFIELDS, NULL);
    if (code)
        read_failure (http, code, answer);
    else
        read_answer (http, answer);
}
