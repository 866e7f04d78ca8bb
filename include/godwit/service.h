/* The RPC module of apmec (contract 11): one transport for the whole program, clients that back off,
 * services.
 *
 * This part is process-wide by design: init makes the transport, get_client and the like use it, cleanup ends
 * it. Calls before init are INVALID_ARGUMENT "... before godwit_rpc_init". Programs that want several
 * transports, or no global state, use the other headers.
 *
 * Threads: all functions may be called by any thread, but init and cleanup while nothing else of this header
 * runs.
 */
#ifndef GODWIT_SERVICE_H
#define GODWIT_SERVICE_H

#include <godwit/client.h>
#include <godwit/config.h>
#include <godwit/server.h>

GODWIT_BEGIN_DECLS

/* ---- the program's transport ---- */

/* Transport, notification transport and notifier; allowed remote modules are ALLOWED and EXTRA as of now, and
 * those of [godwit] allowed_remote_exmods. config is borrowed for the length of the call; NULL: all defaults.
 * INVALID_ARGUMENT if it was called already; the statuses of godwit_transport_new. Notifications are no part
 * of this version: the transport is what it makes. */
GODWIT_EXPORT godwit_status_t godwit_rpc_init (const godwit_config_t *config, godwit_error_t **error);
/* The transport only. */
GODWIT_EXPORT godwit_status_t godwit_rpc_init_action (const godwit_config_t *config, godwit_error_t **error);
/* Ends it: clients and servers made of it return CLOSED from now on. Resets the timeouts of all clients that
 * back off, and set_max_timeout. INVALID_ARGUMENT before init. After fork() the parent's transport is of no
 * use to the child (FORKED): it may call this, and then init. */
GODWIT_EXPORT godwit_status_t godwit_rpc_cleanup (godwit_error_t **error);
/* The transport, to register errors with; NULL before init. Borrowed, until cleanup. */
GODWIT_EXPORT godwit_transport_t *godwit_rpc_transport (void);

/* Modules whose errors reach callers as themselves, beside those that always do. They count from the next
 * init on. module is copied; what is there already is not added again. INVALID_ARGUMENT ("", or with a ','),
 * LIMIT_EXCEEDED (more than 256), OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_rpc_add_extra_exmod (const char *module, godwit_error_t **error);
GODWIT_EXPORT void godwit_rpc_clear_extra_exmods (void);
/* All of them as a list of texts, "godwit" first. *modules belongs to the caller. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_rpc_get_allowed_exmods (godwit_value_t **modules,
                                                             godwit_error_t **error);

/* ---- clients and servers of it ---- */

/* A BackingOffClient: a client whose calls, if no timeout was given, have the timeout of their
 * "namespace.method" (or "method") in a process-wide table. It begins at the rpc_response_timeout; when a
 * call times out, the caller sleeps for a random part of it (at most the default), the timeout doubles up to
 * the ceiling (ten times the default, or set_max_timeout), and the call fails with that TIMEOUT; it is not
 * tried again. An explicit timeout, also one that is cleared by prepare, bypasses all that. Clients prepared
 * of it back off, too. Asynchronous calls double the timeout and do not sleep. The sleep ends with the client
 * or the transport. A call times out in this sense whatever its MessagingTimeout comes from (its time is
 * spent, its server was lost, its monitor gave it up), unless that is the server's answer. docs/service.md
 * says more of the table. serializer (NULL: none) is wrapped in a RequestContextSerializer without hooks (it
 * converts entities, not contexts) and must outlive the client. The statuses of godwit_client_new;
 * INVALID_ARGUMENT before init. */
GODWIT_EXPORT godwit_status_t godwit_rpc_get_client (godwit_client_t **client, const godwit_target_t *target,
                                                     const char *version_cap,
                                                     const godwit_serializer_t *serializer,
                                                     godwit_error_t **error);
/* The same on any transport, without the wrapper: options as godwit_client_new's, in which a timeout, also
 * GODWIT_CLEAR_INT, is an explicit one. The table of timeouts is the process's. */
GODWIT_EXPORT godwit_status_t godwit_backing_off_client_new (godwit_client_t **client,
                                                             godwit_transport_t *transport,
                                                             const godwit_target_t *target,
                                                             const godwit_client_options_t *options,
                                                             godwit_error_t **error);
/* A ceiling for all of them, in milliseconds; it only lowers, and caps what the table holds. INVALID_ARGUMENT
 * unless it is at least 1. */
GODWIT_EXPORT godwit_status_t godwit_backing_off_client_set_max_timeout (int64_t timeout_ms,
                                                                         godwit_error_t **error);

/* A server with the default access policy. endpoints as godwit_server_new's; serializer as get_client's. The
 * statuses of godwit_server_new; INVALID_ARGUMENT before init. */
GODWIT_EXPORT godwit_status_t godwit_rpc_get_server (godwit_server_t **server, const godwit_target_t *target,
                                                     const godwit_endpoint_t *endpoints,
                                                     size_t endpoint_count,
                                                     const godwit_serializer_t *serializer,
                                                     godwit_error_t **error);

typedef struct godwit_notifier godwit_notifier_t;
/* A notifier with the publisher "service.host" unless publisher_id is given. Not yet: notifications are no
 * part of this version, and this says so (INVALID_ARGUMENT "Notifications are not there yet").
 * INVALID_ARGUMENT also before init, and after init_action. */
GODWIT_EXPORT godwit_status_t godwit_rpc_get_notifier (godwit_notifier_t **notifier, const char *service,
                                                       const char *host, const char *publisher_id,
                                                       godwit_error_t **error);

/* ---- connections: several servers that start and stop together ---- */

typedef struct godwit_rpc_connection godwit_rpc_connection_t;

/* A connection of the program's transport; or one whose functions do nothing (VoidConnection) when RPC is
 * disabled: [DEFAULT] rpc_workers = 0 in the configuration of init. *connection belongs to the caller; it
 * outlives cleanup, and returns CLOSED then. INVALID_ARGUMENT before init, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_new (godwit_rpc_connection_t **connection,
                                                         godwit_error_t **error);
/* A VoidConnection, init or not. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_new_void (godwit_rpc_connection_t **connection,
                                                              godwit_error_t **error);
/* Adds a server of topic, which starts with the next consume_in_threads. exchange NULL: "apmec"'s
 * counterpart, the transport's control exchange; host, the server's name, NULL: [DEFAULT] host in the
 * configuration of init, or this host's name. endpoints as godwit_server_new's. fanout: as in the target.
 * CLOSED after close; the statuses of godwit_server_new. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_create_consumer (
    godwit_rpc_connection_t *connection, const char *topic, const godwit_endpoint_t *endpoints,
    size_t endpoint_count, bool fanout, const char *exchange, const char *host,
    const godwit_serializer_t *serializer, godwit_error_t **error);
/* Starts all that are not started. If one fails, those that it started are stopped again, and waited for. The
 * statuses of godwit_server_start; CLOSED after close. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_consume_in_threads (godwit_rpc_connection_t *connection,
                                                                        godwit_error_t **error);
/* The servers; borrowed. 0 and NULL for a VoidConnection. */
GODWIT_EXPORT size_t godwit_rpc_connection_server_count (const godwit_rpc_connection_t *connection);
GODWIT_EXPORT godwit_server_t *godwit_rpc_connection_server (const godwit_rpc_connection_t *connection,
                                                             size_t index);
/* Stops all, and then waits for all, whatever fails meanwhile: the first failure is returned. Once is enough;
 * again does nothing. Not from a handler of its servers. The statuses of godwit_server_stop and wait. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_close (godwit_rpc_connection_t *connection,
                                                           godwit_error_t **error);
/* Closes it. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_rpc_connection_destroy (godwit_rpc_connection_t **connection);

/* ---- services ---- */

typedef struct godwit_service godwit_service_t;

/* What a service runs. */
typedef struct godwit_manager {
    size_t struct_size;
    const godwit_endpoint_t *endpoints; /* copied as godwit_server_new does */
    size_t endpoint_count;
    void *user;
    /* After the consumer was made, before it consumes; may be NULL. A failure ends start with that status. */
    godwit_status_t (*initialize_service_hook) (void *user, godwit_service_t *service,
                                                godwit_error_t **error);
} godwit_manager_t;

/* A service on host (NULL: as create_consumer's) for a topic. manager is copied; the on_destroy of its
 * endpoints is called by godwit_service_destroy. manager NULL: a service is its own manager, and has neither
 * methods nor a hook: it listens, and answers pings if the transport's rpc_ping_enabled says so; C has no
 * subclasses that could add to it. serializer is borrowed until destroy. *service belongs to the caller; init
 * is needed by start only. INVALID_ARGUMENT, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_service_new (godwit_service_t **service, const char *host,
                                                  const char *topic, const godwit_manager_t *manager,
                                                  const godwit_serializer_t *serializer,
                                                  godwit_error_t **error);
/* Connection, consumer, hook, consume. A failure undoes what was done. Started already: OK, and nothing
 * happens. After a stop that was not graceful it waits for the handlers that still run. Not from the hook, or
 * a handler of the service. INVALID_ARGUMENT before init; the statuses of the four steps. */
GODWIT_EXPORT godwit_status_t godwit_service_start (godwit_service_t *service, godwit_error_t **error);
/* graceful: waits for running handlers (so not from one of them); else it does not, and they run on. Errors
 * while closing are logged and swallowed. Not from the hook. A service that is stopped stays so. */
GODWIT_EXPORT void godwit_service_stop (godwit_service_t *service, bool graceful);
/* The connection, for the hook, which may add consumers to it; NULL unless started. Borrowed until stop. */
GODWIT_EXPORT godwit_rpc_connection_t *godwit_service_connection (godwit_service_t *service);
/* Stops it gracefully. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_service_destroy (godwit_service_t **service);

GODWIT_END_DECLS

#endif
