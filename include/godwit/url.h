/* SPDX-License-Identifier: Apache-2.0 */
/* Transport URLs (docs/contract.md, section 8).
 *
 *     driver[+sub]://[user[:pass]@]host[:port][,...]/[virtual_host][?query]
 *
 * Threads: a URL does not change once it is parsed; any number of threads may read it.
 */
#ifndef GODWIT_URL_H
#define GODWIT_URL_H

#include <godwit/error.h>

#include <stdbool.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_url godwit_url_t;

typedef struct godwit_url_host {
    const char *username; /* decoded; NULL: unset */
    const char *password; /* decoded; NULL: unset */
    const char *hostname; /* without the brackets of an IPv6 address; "" if there were only credentials */
    int port;             /* 0: unset */
} godwit_url_host_t;

/* Parses a transport URL of at most 64 KiB. *url belongs to the caller. INVALID_URL: the text says what is
 * wrong, where (as a byte offset), and what was expected. It does not quote the URL, which may hold a
 * password. Three things are accepted, although they are unusual: credentials in only some of the hosts; an
 * option without a value ("?a", "?a="), which is left out; and an invalid escape ("%zz"), which stays as it
 * is. godwit_url_warning tells of the first two. */
GODWIT_EXPORT godwit_status_t godwit_url_parse (godwit_url_t **url, const char *text, godwit_error_t **error);
/* Destroys a URL and sets *url to NULL. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_url_destroy (godwit_url_t **url);

/* ---- parts of a URL ---- */

/* All results are borrowed from the URL. */

/* Returns the scheme of a URL in lower case, such as "kombu+memory". */
GODWIT_EXPORT const char *godwit_url_transport (const godwit_url_t *url);
/* Returns the driver of a URL: its scheme up to the '+'. */
GODWIT_EXPORT const char *godwit_url_driver (const godwit_url_t *url);
/* Returns the number of hosts in a URL. */
GODWIT_EXPORT size_t godwit_url_host_count (const godwit_url_t *url);
/* Returns a host of a URL; NULL if there is no such host. */
GODWIT_EXPORT const godwit_url_host_t *godwit_url_host (const godwit_url_t *url, size_t index);
/* Returns the virtual host of a URL, decoded. NULL: unset ("x:", "x://h"). It is "" for "x://h/" and "/" for
 * "x:////". */
GODWIT_EXPORT const char *godwit_url_virtual_host (const godwit_url_t *url);
/* Returns the number of options in a URL's query. They stand in the order in which they first appear. */
GODWIT_EXPORT size_t godwit_url_query_count (const godwit_url_t *url);
/* Returns the name of an option in a URL's query, decoded; NULL if there is no such option. */
GODWIT_EXPORT const char *godwit_url_query_key (const godwit_url_t *url, size_t index);
/* Returns the value of an option in a URL's query, decoded; NULL if there is no such option. The values of a
 * repeated option are joined with ','. */
GODWIT_EXPORT const char *godwit_url_query_value (const godwit_url_t *url, size_t index);
/* Finds the value of an option by its name; NULL if the query does not have it. */
GODWIT_EXPORT const char *godwit_url_query_get (const godwit_url_t *url, const char *key);
/* Returns a warning for the operator about a URL that was accepted; NULL if there is none. */
GODWIT_EXPORT const char *godwit_url_warning (const godwit_url_t *url);
/* Returns a URL as canonical text: quoted again, always with '/' after the hosts. It contains the passwords:
 * do not log it. */
GODWIT_EXPORT const char *godwit_url_print (const godwit_url_t *url);
/* Tells whether two URLs are equal, without their queries. */
GODWIT_EXPORT bool godwit_url_equal (const godwit_url_t *a, const godwit_url_t *b);

GODWIT_END_DECLS

#endif
