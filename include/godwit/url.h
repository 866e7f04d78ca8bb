/* Transport URLs (contract 8): driver[+sub]://[user[:pass]@]host[:port][,...]/[virtual_host][?query] */
#ifndef GODWIT_URL_H
#define GODWIT_URL_H

#include <godwit/error.h>

#include <stdbool.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_url godwit_url_t;

typedef struct godwit_url_host {
    const char *username; /* NULL: unset; decoded */
    const char *password; /* NULL: unset; decoded */
    const char *hostname; /* without the brackets of an IPv6 address; "" if only credentials stood there */
    int port;             /* 0: unset */
} godwit_url_host_t;

/* *url belongs to the caller. INVALID_URL says what is wrong, where (byte offset), and what was expected,
 * without quoting the URL, which may hold a password. At most 64 KiB. Credentials in some hosts only are
 * accepted, and an option without a value ("?a", "?a=") is left out; godwit_url_warning then tells. Escapes
 * that are none ("%zz") stay as they are. */
GODWIT_EXPORT godwit_status_t godwit_url_parse (godwit_url_t **url, const char *text, godwit_error_t **error);
GODWIT_EXPORT void godwit_url_destroy (godwit_url_t **url);

/* All results are borrowed from the URL. */
GODWIT_EXPORT const char *godwit_url_transport (const godwit_url_t *url); /* "kombu+memory", in lower case */
GODWIT_EXPORT const char *godwit_url_driver (const godwit_url_t *url);    /* before the '+' */
GODWIT_EXPORT size_t godwit_url_host_count (const godwit_url_t *url);
GODWIT_EXPORT const godwit_url_host_t *godwit_url_host (const godwit_url_t *url, size_t index);
/* NULL: unset ("x:", "x://h"); "" for "x://h/"; "/" for "x:////". Decoded. */
GODWIT_EXPORT const char *godwit_url_virtual_host (const godwit_url_t *url);
/* The query in the order of first appearance; a repeated key's values are joined with ','. Decoded. */
GODWIT_EXPORT size_t godwit_url_query_count (const godwit_url_t *url);
GODWIT_EXPORT const char *godwit_url_query_key (const godwit_url_t *url, size_t index);
GODWIT_EXPORT const char *godwit_url_query_value (const godwit_url_t *url, size_t index);
GODWIT_EXPORT const char *godwit_url_query_get (const godwit_url_t *url,
                                                const char *key); /* NULL: not there */
/* A thing to tell the operator that is no error, or NULL. */
GODWIT_EXPORT const char *godwit_url_warning (const godwit_url_t *url);
/* The canonical text: quoted again, always with '/' after the hosts. Borrowed. Contains passwords: do not log
 * it. */
GODWIT_EXPORT const char *godwit_url_print (const godwit_url_t *url);
/* The query does not count. */
GODWIT_EXPORT bool godwit_url_equal (const godwit_url_t *a, const godwit_url_t *b);

GODWIT_END_DECLS

#endif
