/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/reach.h"

#include "src/error/error.h"
#include "src/server/announce.h"

#include <stdio.h>
#include <string.h>

#define LOOPBACK "127.0.0.1"

static bool
is_known (const godwit__pool_t *pool, const char *host)
{
    for (size_t i = 0; i < pool->host_count; i++)
        if (strcmp (pool->hosts[i], host) == 0)
            return true;
    return false;
}

static godwit_status_t
add_host (godwit__pool_t *pool, const char *host, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    if (pool->host_count == GODWIT__REACH_MAX)
        return GODWIT_OK;
    for (size_t i = 0; status == GODWIT_OK && i < pool->port_count; i++) {
        godwit__port_t *const port = &pool->ports[i];
        if (port->driver->ops->add_host)
            status = port->driver->ops->add_host (port->channel, host, &port->addresses, error);
    }
    if (status != GODWIT_OK)
        return status;
    snprintf (pool->hosts[pool->host_count++], GODWIT__ADDRESS_SIZE, "%s", host);
    if (godwit__logs (pool->transport, GODWIT_LOG_INFO))
        godwit__log (pool->transport, GODWIT_LOG_INFO,
                     "%s reach the servers of this process at %s, as the rendezvous does; the option host "
                     "overrides this",
                     strcmp (host, LOOPBACK) ? "Other hosts" : "Other users of this host", host);
    return GODWIT_OK;
}

static void
warn_once (godwit__pool_t *pool)
{
    if (!pool->is_cut_off && godwit__logs (pool->transport, GODWIT_LOG_WARNING))
        godwit__log (
            pool->transport, GODWIT_LOG_WARNING,
            "No way leads to a rendezvous: until there is one, or the option host is set, other hosts "
            "cannot reach the servers of this process");
    pool->is_cut_off = true;
}

godwit_status_t
godwit__pool_reach (godwit__pool_t *pool, godwit_error_t **error)
{
    const godwit_transport_t *const transport = pool->transport;
    const godwit__matchmaker_t *const matchmaker = transport->matchmaker;
    char hosts[GODWIT__REACH_MAX][GODWIT__ADDRESS_SIZE];
    bool is_cut_off = false;
    if (transport->host || !matchmaker || !matchmaker->ops->reach)
        return GODWIT_OK;
    const size_t before = pool->host_count;
    const size_t count = matchmaker->ops->reach (matchmaker, hosts, &is_cut_off);
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < count && status == GODWIT_OK; i++)
        if (!is_known (pool, hosts[i]))
            status = add_host (pool, hosts[i], error);
    if (is_cut_off && pool->host_count == 0 && status == GODWIT_OK)
        warn_once (pool);
    if (pool->host_count > before)
        godwit__pool_announce (pool);
    return status;
}

void
godwit__transport_reached (godwit_transport_t *transport)
{
    godwit_error_t *error = NULL;
    if (!transport->pool)
        return;
    if (godwit__pool_reach (transport->pool, &error) != GODWIT_OK &&
        godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING,
                     "Other hosts cannot reach the servers of this process: %s",
                     godwit_error_message (error));
    godwit_error_destroy (&error);
}
