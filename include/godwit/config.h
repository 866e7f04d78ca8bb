/* Configuration from a file, as oslo.config writes it (contract 12):
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
 * [DEFAULT] and [oslo_messaging_notifications] have the names and units of oslo.messaging (seconds); [godwit]
 * has all options by the names that they have in a URL's query. docs/options.md lists them. In these three an
 * unknown or ill-typed option is an error that names it with its file and line; all other groups are the
 * program's own. Capital letters do not count in the name of a group, but for DEFAULT.
 *
 * The format is oslo.config's: "name = value" or "name: value"; a line that begins with '#' or ';' is a
 * comment; one that begins with a space continues the value of the line before it, after a newline; quotes
 * around a whole value are taken off. At most 1 MiB, 16384 options, and 65536 bytes a line.
 *
 * What is said twice: the URL's query wins over godwit_transport_options_t, which wins over the file. As zero
 * in that struct means "not given", it cannot turn off what the file turns on; the query can.
 *
 * Threads: a configuration does not change once it is loaded; any number of threads may read it.
 */
#ifndef GODWIT_CONFIG_H
#define GODWIT_CONFIG_H

#include <godwit/transport.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_config godwit_config_t;

/* Reads a file. *config belongs to the caller. SYSTEM (it cannot be read), MALFORMED ("conf:12: ..."),
 * INVALID_ARGUMENT ("Option [DEFAULT] rpc_response_timeout (conf:12): expected a number of seconds ..., got
 * \"x\""), INVALID_URL (the same for a transport_url, without quoting it), LIMIT_EXCEEDED (more than 1 MiB,
 * or too many options), OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_config_load (godwit_config_t **config, const char *path,
                                                  godwit_error_t **error);
/* The same from a text; name stands for the file in errors. */
GODWIT_EXPORT godwit_status_t godwit_config_parse (godwit_config_t **config, const char *text,
                                                   const char *name, godwit_error_t **error);
/* Sets *config to NULL; accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_config_destroy (godwit_config_t **config);
/* The text of any option of any group, the last one if it is said more than once; NULL: it is not there.
 * Borrowed. */
GODWIT_EXPORT const char *godwit_config_get (const godwit_config_t *config, const char *group,
                                             const char *name);
/* "conf:12": where that option was set; NULL: it was not. Borrowed. */
GODWIT_EXPORT const char *godwit_config_where (const godwit_config_t *config, const char *group,
                                               const char *name);

/* A transport as the file says. url NULL: [DEFAULT] transport_url, else "zmq://". options may be NULL. The
 * statuses of godwit_transport_new. */
GODWIT_EXPORT godwit_status_t godwit_transport_new_from_config (godwit_transport_t **transport,
                                                                const godwit_config_t *config,
                                                                const char *url,
                                                                const godwit_transport_options_t *options,
                                                                godwit_error_t **error);

GODWIT_END_DECLS

#endif
