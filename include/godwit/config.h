/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration from a file in the format of oslo.config (docs/contract.md, section 12; docs/options.md).
 *
 *     [DEFAULT]
 *     transport_url = zmq://10.0.0.1:9573/
 *     control_exchange = godwit
 *     rpc_response_timeout = 60
 *     executor_thread_pool_size = 64
 *     rpc_ping_enabled = false
 *
 *     [oslo_messaging_notifications]
 *     driver = messagingv2
 *
 *     [godwit]
 *     heartbeat_ms = 250
 *
 * The options of [DEFAULT] and [oslo_messaging_notifications] have the names and units of oslo.messaging
 * (seconds). [godwit] has all options, by the names that they have in the query of a URL. docs/options.md
 * lists them. In these three groups an unknown or ill-typed option is an error, which names the option, its
 * file and its line. All other groups are the program's own. Group names are not case-sensitive, except that
 * DEFAULT is written in capital letters.
 *
 * An option is "name = value" or "name: value". A line that begins with '#' or ';' is a comment. A line that
 * begins with a space continues the value of the line before it, after a newline. Quotes around a whole value
 * are removed. A file has at most 1 MiB, 16384 options, and 65536 bytes a line.
 *
 * An option may be set in several places: the query of the URL overrides godwit_transport_options_t, which
 * overrides the file. Zero in that struct means "not given", so the struct cannot turn off what the file
 * turns on. The query can.
 *
 * Threads: a configuration does not change once it is loaded; any number of threads may read it.
 */
#ifndef GODWIT_CONFIG_H
#define GODWIT_CONFIG_H

#include <godwit/transport.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_config godwit_config_t;

/* Loads a configuration from a file. *config belongs to the caller. SYSTEM: the file cannot be read.
 * MALFORMED: "conf:12: ...". INVALID_ARGUMENT: "Option [DEFAULT] rpc_response_timeout (conf:12): expected a
 * number of seconds ..., got \"x\"". INVALID_URL: the same for a transport_url, which the text does not
 * quote. LIMIT_EXCEEDED: more than 1 MiB, or too many options. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_config_load (godwit_config_t **config, const char *path,
                                                  godwit_error_t **error);
/* Parses a configuration from a text. name stands for the file in error texts. Otherwise as
 * godwit_config_load. */
GODWIT_EXPORT godwit_status_t godwit_config_parse (godwit_config_t **config, const char *text,
                                                   const char *name, godwit_error_t **error);
/* Destroys a configuration and sets *config to NULL. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_config_destroy (godwit_config_t **config);
/* Returns the text of an option of any group; NULL: it is not set. If it is set several times, the last one
 * counts. Borrowed from the configuration. */
GODWIT_EXPORT const char *godwit_config_get (const godwit_config_t *config, const char *group,
                                             const char *name);
/* Returns where an option was set, such as "conf:12"; NULL: it is not set. Borrowed from the configuration.
 */
GODWIT_EXPORT const char *godwit_config_where (const godwit_config_t *config, const char *group,
                                               const char *name);

/* Makes a transport from a configuration. url NULL: [DEFAULT] transport_url, or "zmq://" if that is not set.
 * options may be NULL. *transport belongs to the caller. Statuses as of godwit_transport_new. */
GODWIT_EXPORT godwit_status_t godwit_transport_new_from_config (godwit_transport_t **transport,
                                                                const godwit_config_t *config,
                                                                const char *url,
                                                                const godwit_transport_options_t *options,
                                                                godwit_error_t **error);

GODWIT_END_DECLS

#endif
