/* Transport options: defaults, the caller's struct, and the URL's query, which wins (contract 8 and 12). */
#ifndef GODWIT_SRC_OPTIONS_H
#define GODWIT_SRC_OPTIONS_H

#include <godwit/transport.h>
#include <godwit/url.h>

#include <stdint.h>

/* Which kinds of address are used, to listen and to connect. */
enum { GODWIT__PATH_INPROC = 1, GODWIT__PATH_IPC = 2, GODWIT__PATH_TCP = 4, GODWIT__PATH_ALL = 7 };

/* Fills `options`, whose strings are borrowed from `given` and `url`, and *paths. INVALID_ARGUMENT names the
 * option, where it was set and what was expected; that an option is not known is such an error, too. */
godwit_status_t godwit__options_settle (godwit_transport_options_t *options, unsigned *paths,
                                        const godwit_transport_options_t *given, const godwit_url_t *url,
                                        godwit_error_t **error);

/* The path bit of an address ("tcp://..."), 0 if it is of no kind that is known. */
unsigned godwit__path_of (const char *address);

#endif
