/* SPDX-License-Identifier: Apache-2.0 */
#include "src/transport/transport_realm.h"

#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/runtime/warnings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_NS (INT64_C (3600) * 1000 * GODWIT__NS_PER_MS)
#define DAY_NS (24 * HOUR_NS)

/* ---- at the start ---- */

static bool
has_network (const godwit__driver_ops_t *driver)
{
    return driver == &godwit__zmtp_driver || driver == &godwit__zmq_driver;
}

/* A driver of the environment's own is in a realm only if it is told to be. */
static godwit_status_t
find (const godwit__settings_t *settings, const godwit__driver_ops_t *driver, char **path,
      godwit_error_t **error)
{
    if (has_network (driver) || (driver != &godwit__inproc_driver && settings->known.realm))
        return godwit__realm_find (path, settings->known.realm, error);
    *path = NULL;
    return GODWIT_OK;
}

static godwit_status_t
check (const char *path, const godwit__settings_t *settings, const godwit__driver_ops_t *driver,
       godwit_error_t **error)
{
    if (settings->known.insecure)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "Option insecure (%s): expected it or a realm (%s), not both; realm=none "
                                  "leaves the realm",
                                  godwit__settings_where (settings, "insecure"), path);
    if (driver == &godwit__zmq_driver)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "%s: zmq+libzmq:// can be in no realm: use zmq://, or say realm=none",
                                  path);
    return GODWIT_OK;
}

/* The folder that systemd gives to a service with StateDirectory=; of several the first one. NULL: there is
 * none. False: memory is short. */
static bool
find_state_folder (char **folder)
{
    const char *const folders = secure_getenv ("STATE_DIRECTORY");
    const size_t size = folders ? strcspn (folders, ":") : 0;
    *folder = size ? strndup (folders, size) : NULL;
    return *folder || size == 0;
}

static godwit_status_t
open_file (godwit_transport_t *transport, const char *path, const godwit__environment_t *environment,
           godwit_error_t **error)
{
    char *state;
    if (!find_state_folder (&state))
        return godwit__error_no_memory (error);
    const godwit__realm_options_t options = {
        .path = path,
        .keeps_bulletins = environment->keeps_bulletins,
        .state_folder = state,
        .now_s = environment->now_s,
        .now_user = environment->now_s_user,
        .elapsed_ns = environment->clock.now_ns,
        .elapsed_user = environment->clock.user,
        .random = environment->random,
        .random_user = environment->random_user,
        .note = godwit__logs (transport, GODWIT_LOG_ERROR) ? godwit__transport_note : NULL,
        .note_user = transport,
    };
    const godwit_status_t status = godwit__realm_open (&transport->realm, &options, error);
    free (state);
    if (status == GODWIT_OK)
        memcpy (transport->instance, godwit__realm_instance (transport->realm), sizeof transport->instance);
    return status;
}

godwit_status_t
godwit__transport_open_realm (godwit_transport_t *transport, const godwit__settings_t *settings,
                              const godwit__driver_ops_t *driver, const godwit__environment_t *environment,
                              godwit_error_t **error)
{
    char *path;
    godwit_status_t status = find (settings, driver, &path, error);
    if (status != GODWIT_OK)
        return status;
    if (path)
        status = check (path, settings, driver, error);
    if (path && status == GODWIT_OK)
        status = open_file (transport, path, environment, error);
    free (path);
    transport->refuses_tcp = has_network (driver) && !transport->realm && !settings->known.insecure;
    return status;
}

/* ---- from time to time ---- */

static void
look_later (godwit_transport_t *transport)
{
    godwit__reactor_arm (transport->control, &transport->realm_look,
                         godwit__transport_now (transport) +
                             godwit__ns_of_ms (transport->options.refresh_ms));
}

static void
on_look (godwit__timer_t *timer)
{
    godwit_transport_t *transport = timer->user;
    godwit__realm_look (transport->realm, false, NULL);
    look_later (transport);
}

void
godwit__transport_watch_realm (godwit_transport_t *transport)
{
    if (!transport->realm)
        return;
    transport->realm_look = (godwit__timer_t){.fire = on_look, .user = transport};
    look_later (transport);
}

static void
warn_of_end (godwit_transport_t *transport)
{
    const int days = godwit__realm_days_left (transport->realm);
    char end[32] = "has ended";
    if (days == 0)
        return;
    if (days > 0)
        snprintf (end, sizeof end, "ends in %d day%s", days, days == 1 ? "" : "s");
    godwit__party_t *self = godwit__realm_self (transport->realm);
    godwit__log (transport, GODWIT_LOG_WARNING, "certificate \"%s\" %s: godwit realm issue",
                 self->certificate.name, end);
    godwit__party_unref (&self);
}

void
godwit__transport_remind (godwit_transport_t *transport)
{
    const int64_t now_ns = godwit__transport_now (transport);
    if (now_ns < transport->remind_ns || !godwit__logs (transport, GODWIT_LOG_WARNING))
        return;
    transport->remind_ns = now_ns + (transport->realm ? DAY_NS : HOUR_NS);
    if (transport->realm)
        warn_of_end (transport);
    else if (transport->options.insecure)
        godwit__log (transport, GODWIT_LOG_WARNING,
                     "insecure=true: whoever reaches this process over tcp can call it, answer it and read "
                     "what it publishes; in a realm only members can: run `godwit realm init`");
}

/* ---- when the program says so ---- */

godwit_status_t
godwit_transport_reload_realm (godwit_transport_t *transport, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!transport)
        return godwit__error_null (error, "transport");
    const godwit_status_t status = godwit__transport_check (transport, error);
    if (status != GODWIT_OK)
        return status;
    if (!transport->realm)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "transport: expected one in a realm, got one without");
    return godwit__realm_look (transport->realm, true, error);
}
