/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody is known at a client's target: is that all there is to know, or was not everything told yet? And
 * what is said of it, in errors and in the log.
 */
#ifndef GODWIT_SRC_CLIENT_NOBODY_H
#define GODWIT_SRC_CLIENT_NOBODY_H

#include "src/client/client.h"
#include "src/discovery/explain.h"

/* How long a call waits for somebody before the log hears of it, and how often it hears of a topic. */
#define GODWIT__NOBODY_LOG_AFTER_NS (1000 * GODWIT__NS_PER_MS)
#define GODWIT__NOBODY_LOG_EVERY_NS (60000 * GODWIT__NS_PER_MS)

/* False inside the program's own loop: while this thread waits there, nothing can be told. */
bool godwit__nobody_may_wait (const godwit_transport_t *transport);

/* Waits until all names are known: until a source has told all that it knows, or all of them are known to be
 * out of reach, or until_ns. If some servers of the topic are known, only a transport that was never told all
 * waits. With transport.lock held, which is released meanwhile. True: it has waited. */
bool godwit__nobody_await_names (const godwit_client_t *client, int64_t until_ns);

/* True if all names were told: who is not known is not there. With transport.lock held. */
static inline bool
godwit__nobody_is_certain (const godwit_transport_t *transport)
{
    return transport->directory->names.state == GODWIT__NAMES_TOLD;
}

/* Makes the error that nobody is there: UNDELIVERABLE if that was certain at the last look. If it was not:
 * DELIVERY_FAILURE. Takes the lock. CLOSED, if that is why. */
godwit_status_t godwit__nobody_error (const godwit_client_t *client, bool is_certain,
                                      godwit_outcome_t outcome, godwit_error_t **error);
/* Writes who is not known, and who is (src/discovery/explain.h). Takes the lock. */
void godwit__nobody_explain (const godwit_client_t *client, char *text, size_t size);

/* A call waits for somebody since since_ns. Logs it, if it has waited for long enough and the topic's last
 * line is old. Returns when to call this again; 0: never. Takes the lock. */
int64_t godwit__nobody_log (const godwit_client_t *client, int64_t since_ns, int64_t now_ns);

#endif
