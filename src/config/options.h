/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the value of each option of a transport. An option can be set in several places; the leftmost one
 * wins (contract 8 and 12).
 *
 *     URL's query  >  godwit_transport_options_t  >  configuration file  >  default
 */
#ifndef GODWIT_SRC_CONFIG_OPTIONS_H
#define GODWIT_SRC_CONFIG_OPTIONS_H

#include <godwit/config.h>
#include <godwit/url.h>

#include "src/config/option_value.h"

enum { GODWIT__OPTION_MAX = 64 };

/* All options of a transport with defaults filled in. Strings are borrowed from where they were set. */
typedef struct godwit__settings {
    godwit_transport_options_t known; /* the options that are in the struct */
    int paths;
    bool host_rendezvous;
    const char *static_list; /* the option `static`; NULL: unset */
    const char *static_file;
    const char *where[GODWIT__OPTION_MAX]; /* by the option's index in the table; NULL: the default holds */
} godwit__settings_t;

/* Fills *settings. config and given may be NULL; url_where says in errors where the URL comes from ("URL").
 * INVALID_ARGUMENT names the option, where it was set and what was expected. */
godwit_status_t godwit__options_settle (godwit__settings_t *settings, const godwit_config_t *config,
                                        const godwit_transport_options_t *given, const godwit_url_t *url,
                                        const char *url_where, godwit_error_t **error);

/* Where the option was set; name is an option that a URL may have. */
const char *godwit__settings_where (const godwit__settings_t *settings, const char *name);

#endif
