/* SPDX-License-Identifier: Apache-2.0 */
/* The RPC module of apmec (docs/contract.md, section 11; docs/service.md). It has one transport for the whole
 * program, clients that back off, and services.
 *
 * This part is process-wide by design: godwit_rpc_init makes the transport, godwit_rpc_get_client and the
 * like use it, and godwit_rpc_cleanup ends it. A call before godwit_rpc_init is INVALID_ARGUMENT, "... before
 * godwit_rpc_init". Programs that want several transports, or no global state, use the other headers.
 *
 * Threads: any thread may call all functions, except that nothing else of this header may run during init and
 * cleanup. */
#ifndef GODWIT_SERVICE_H
#define GODWIT_SERVICE_H

#include <godwit/client.h>
#include <godwit/config.h>
#include <godwit/notify.h>
#include <godwit/server.h>

GODWIT_BEGIN_DECLS

/* ---- the program's transport ---- */

/* Makes the program's transport, and its notifier. The allowed remote modules are, as of now, ALLOWED and
 * EXTRA, and those of [godwit] allowed_remote_exmods. The notifier is that of the options of
 * [oslo_messaging_notifications]; without the option driver it is disabled. It has a transport of its own if
 * the transport_url there differs from that of [DEFAULT]. config is borrowed for the length of the call;
 * NULL: all defaults. INVALID_ARGUMENT: it was called already. Otherwise the statuses of godwit_transport_new
 * and godwit_notifier_new. */
GODWIT_EXPORT godwit_status_t godwit_rpc_init (const godwit_config_t *config, godwit_error_t **error);
/* Makes the program's transport only, as apmec's init_action_rpc does: no notifier. Otherwise as
 * godwit_rpc_init. */
GODWIT_EXPORT godwit_status_t godwit_rpc_init_action (const godwit_config_t *config, godwit_error_t **error);
/* Ends the program's transport and its notifier. Clients, servers and notifiers that were made of them return
 * CLOSED from now on. Waits for up to a second until what was notified is acknowledged; what is not is lost,
 * and the log says so. The timeouts of all clients that back off are reset, and the maximum of
 * godwit_backing_off_client_set_max_timeout, too. INVALID_ARGUMENT before init. After fork() the child cannot
 * use the parent's transport (FORKED); it may call this, and then init. */
GODWIT_EXPORT godwit_status_t godwit_rpc_cleanup (godwit_error_t **error);
/* Returns the program's transport, for example to register errors; NULL before init. Borrowed until cleanup.
 */
GODWIT_EXPORT godwit_transport_t *godwit_rpc_transport (void);

/* Adds a module whose errors reach callers as themselves (EXTRA), to those that always do (ALLOWED). It
 * counts from the next init on. module is copied. One that is there already is not added again.
 * INVALID_ARGUMENT ("", or with a ','), LIMIT_EXCEEDED (more than 256), OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_rpc_add_extra_exmod (const char *module, godwit_error_t **error);
/* Removes all modules that godwit_rpc_add_extra_exmod added. It counts from the next init on. */
GODWIT_EXPORT void godwit_rpc_clear_extra_exmods (void);
/* Lists the modules whose errors reach callers as themselves: a list of strings, "godwit" first. *modules
 * belongs to the caller. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_rpc_get_allowed_exmods (godwit_value_t **modules,
                                                             godwit_error_t **error);

/* Sets the hooks of the RequestContextSerializers of this part: how contexts of the program's own type travel
 * with its clients, servers, consumers and notifiers. It counts from the next init on. hooks is copied; NULL:
 * none, as at first. What it points to must last until all that is made by this part is destroyed.
 * INVALID_ARGUMENT (its size). */
GODWIT_EXPORT godwit_status_t godwit_rpc_set_context_hooks (const godwit_context_hooks_t *hooks,
                                                            godwit_error_t **error);

/* ---- clients and servers of the program's transport ---- */

/* Makes a client that backs off (BackingOffClient), of the program's transport. A call without a timeout of
 * its own gets the timeout of its "namespace.method" (or "method") from a process-wide table, which begins at
 * the rpc_response_timeout. When a call times out, three things happen:
 *  - the timeout in the table doubles, up to the ceiling: ten times the default, or less by set_max_timeout;
 *  - the caller sleeps for a random part of the call's timeout, at most for the default;
 *  - the call fails with that TIMEOUT, and is not tried again.
 *
 * A call times out in this sense whenever it fails with MessagingTimeout: its time is spent, its server was
 * lost, or its monitor gave it up. A MessagingTimeout that the server answered with does not count.
 *
 * A timeout of the call's own, also one that prepare cleared, bypasses all this. Clients that are prepared
 * from this one back off, too. Asynchronous calls double the timeout and do not sleep. A sleep ends early
 * when the client or the transport ends. docs/service.md says more about the table.
 *
 * serializer (NULL: none) is wrapped in a RequestContextSerializer with the hooks of
 * godwit_rpc_set_context_hooks: it converts entities, the hooks contexts. It must outlive the client. The
 * statuses of godwit_client_new; INVALID_ARGUMENT before init. */
GODWIT_EXPORT godwit_status_t godwit_rpc_get_client (godwit_client_t **client, const godwit_target_t *target,
                                                     const char *version_cap,
                                                     const godwit_serializer_t *serializer,
                                                     godwit_error_t **error);
/* Makes a client that backs off, of any transport. options are as of godwit_client_new; a timeout in them,
 * also GODWIT_CLEAR_INT, is the calls' own. The serializer is not wrapped. The table of timeouts is the
 * process's. Otherwise as godwit_rpc_get_client. */
GODWIT_EXPORT godwit_status_t godwit_backing_off_client_new (godwit_client_t **client,
                                                             godwit_transport_t *transport,
                                                             const godwit_target_t *target,
                                                             const godwit_client_options_t *options,
                                                             godwit_error_t **error);
/* Sets the longest timeout of all clients that back off, in milliseconds. It only lowers the ceiling, and
 * also what the table holds. INVALID_ARGUMENT: less than 1. */
GODWIT_EXPORT godwit_status_t godwit_backing_off_client_set_max_timeout (int64_t timeout_ms,
                                                                         godwit_error_t **error);

/* Makes a server with the default access policy, of the program's transport. endpoints as of
 * godwit_server_new, serializer as of godwit_rpc_get_client. The statuses of godwit_server_new;
 * INVALID_ARGUMENT before init. */
GODWIT_EXPORT godwit_status_t godwit_rpc_get_server (godwit_server_t **server, const godwit_target_t *target,
                                                     const godwit_endpoint_t *endpoints,
                                                     size_t endpoint_count,
                                                     const godwit_serializer_t *serializer,
                                                     godwit_error_t **error);

/* Makes a notifier of the program's, prepared with a publisher_id; NULL: "service.host". host NULL: as of
 * godwit_rpc_connection_create_consumer. Its serializer is a RequestContextSerializer: a context that is an
 * object of the program's is redacted, and then made a map, by the hooks of godwit_rpc_set_context_hooks. A
 * plain map is sent as {}. *notifier belongs to the caller (godwit_notifier_destroy), also after cleanup; it
 * returns CLOSED then. INVALID_ARGUMENT: before init, after init_action, or service and publisher_id are both
 * missing. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_rpc_get_notifier (godwit_notifier_t **notifier, const char *service,
                                                       const char *host, const char *publisher_id,
                                                       godwit_error_t **error);

/* ---- connections: several servers that start and stop together ---- */

typedef struct godwit_rpc_connection godwit_rpc_connection_t;

/* Makes a connection of the program's transport. If RPC is disabled ([DEFAULT] rpc_workers = 0 in the
 * configuration of init) it is a VoidConnection, whose functions do nothing. *connection belongs to the
 * caller. It outlives cleanup, and returns CLOSED then. INVALID_ARGUMENT before init, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_new (godwit_rpc_connection_t **connection,
                                                         godwit_error_t **error);
/* Makes a VoidConnection, whose functions do nothing; it needs no init. *connection belongs to the caller.
 * OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_new_void (godwit_rpc_connection_t **connection,
                                                              godwit_error_t **error);
/* Adds a server of a topic to a connection. The next godwit_rpc_connection_consume_in_threads starts it.
 * exchange NULL: the transport's control exchange, the counterpart of "apmec". host is the name of the
 * server; NULL: [DEFAULT] host in the configuration of init, or the name of this host. endpoints as of
 * godwit_server_new, fanout as in the target, serializer as of godwit_rpc_get_client. CLOSED after close;
 * otherwise the statuses of godwit_server_new. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_create_consumer (
    godwit_rpc_connection_t *connection, const char *topic, const godwit_endpoint_t *endpoints,
    size_t endpoint_count, bool fanout, const char *exchange, const char *host,
    const godwit_serializer_t *serializer, godwit_error_t **error);
/* Starts the servers of a connection that are not started. If one fails, those that this call started are
 * stopped again and waited for. CLOSED after close; otherwise the statuses of godwit_server_start. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_consume_in_threads (godwit_rpc_connection_t *connection,
                                                                        godwit_error_t **error);
/* Returns the number of servers of a connection; 0 for a VoidConnection. */
GODWIT_EXPORT size_t godwit_rpc_connection_server_count (const godwit_rpc_connection_t *connection);
/* Returns a server of a connection; NULL for a VoidConnection. Borrowed. */
GODWIT_EXPORT godwit_server_t *godwit_rpc_connection_server (const godwit_rpc_connection_t *connection,
                                                             size_t index);
/* Stops all servers of a connection, and then waits for all of them. It goes on if one fails; the first
 * failure is returned. A second close does nothing. Not from a handler of these servers. The statuses of
 * godwit_server_stop and godwit_server_wait. */
GODWIT_EXPORT godwit_status_t godwit_rpc_connection_close (godwit_rpc_connection_t *connection,
                                                           godwit_error_t **error);
/* Closes and destroys a connection, and sets *connection to NULL. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_rpc_connection_destroy (godwit_rpc_connection_t **connection);

/* ---- services ---- */

typedef struct godwit_service godwit_service_t;

/* What a service runs. */
typedef struct godwit_manager {
    size_t struct_size;
    const godwit_endpoint_t *endpoints; /* copied, as by godwit_server_new */
    size_t endpoint_count;
    void *user;
    /* Runs after the consumer was made and before it consumes; may be NULL. If it fails, start fails with its
     * status. */
    godwit_status_t (*initialize_service_hook) (void *user, godwit_service_t *service,
                                                godwit_error_t **error);
} godwit_manager_t;

/* Makes a service for a topic on a host. host NULL: as of godwit_rpc_connection_create_consumer. manager is
 * copied; godwit_service_destroy calls the on_destroy of its endpoints. With manager NULL a service is its
 * own manager, as in apmec. C has no subclasses that could add methods or a hook, so it has none: it listens,
 * and answers pings if the transport's rpc_ping_enabled says so. serializer is borrowed until destroy.
 * *service belongs to the caller. Only start needs init. INVALID_ARGUMENT, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_service_new (godwit_service_t **service, const char *host,
                                                  const char *topic, const godwit_manager_t *manager,
                                                  const godwit_serializer_t *serializer,
                                                  godwit_error_t **error);
/* Starts a service, in four steps: it makes a connection, adds a consumer, runs the hook, and consumes. A
 * failure undoes what was done. A service that is started stays as it is: OK. After a stop that was not
 * graceful, this waits for the handlers that still run. Not from the hook, or from a handler of the service.
 * INVALID_ARGUMENT before init; otherwise the statuses of the four steps. */
GODWIT_EXPORT godwit_status_t godwit_service_start (godwit_service_t *service, godwit_error_t **error);
/* Stops a service. graceful: waits for running handlers, so not from one of them. Otherwise they run on.
 * Errors while closing are logged, and not returned. Not from the hook. A service that is stopped stays as it
 * is. */
GODWIT_EXPORT void godwit_service_stop (godwit_service_t *service, bool graceful);
/* Returns the connection of a service; NULL unless it is started. The hook may add consumers to it. Borrowed
 * until stop. */
GODWIT_EXPORT godwit_rpc_connection_t *godwit_service_connection (godwit_service_t *service);
/* Stops a service gracefully and destroys it. Sets *service to NULL. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_service_destroy (godwit_service_t **service);

GODWIT_END_DECLS

#endif
