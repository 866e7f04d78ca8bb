/* SPDX-License-Identifier: Apache-2.0 */
#include "src/service/rpc_notify.h"

#include "src/config/config.h"
#include "src/error/error.h"
#include "src/notify/notifier.h"
#include "src/service/rpc_context.h"

#include <stdlib.h>
#include <string.h>

enum { FLUSH_MS = 1000 };

static const char group[] = "oslo_messaging_notifications";

/* ---- names of the configuration ---- */

/* A list of texts in one piece of memory. */
typedef struct names {
    const char **items;
    size_t count;
    char *memory;
} names_t;

static void
names_free (names_t *names)
{
    free (names->memory);
    free (names->items);
}

/* "notifications,\n audit": names between commas, without the space around them. text was checked when the
 * configuration was read. */
static bool
split (names_t *names, const char *text)
{
    static const char space[] = " \t\n";
    const size_t most = strlen (text) / 2 + 1;
    names->memory = strdup (text);
    names->items = calloc (most, sizeof *names->items);
    if (!names->memory || !names->items)
        return false;
    char *rest = NULL;
    for (char *at = strtok_r (names->memory, ",", &rest); at; at = strtok_r (NULL, ",", &rest)) {
        at += strspn (at, space);
        size_t size = strlen (at);
        while (size && strchr (space, at[size - 1]))
            size--;
        at[size] = '\0';
        if (size)
            names->items[names->count++] = at;
    }
    return true;
}

/* Each line of the option `driver` names one. */
static bool
list_drivers (names_t *names, const godwit_config_t *config)
{
    size_t count = 0;
    while (config && godwit__config_value (config, group, "driver", count))
        count++;
    names->items = calloc (count + 1, sizeof *names->items);
    for (; names->items && names->count < count; names->count++)
        names->items[names->count] = godwit__config_value (config, group, "driver", names->count);
    return names->items;
}

/* ---- the transport ---- */

/* Its URL, if it has one of its own; NULL: that of [DEFAULT], or none. */
static const char *
own_url (const godwit_config_t *config)
{
    const char *const url = config ? godwit_config_get (config, group, "transport_url") : NULL;
    const char *const usual = config ? godwit_config_get (config, "DEFAULT", "transport_url") : NULL;
    return url && strcmp (url, usual ? usual : "zmq://") != 0 ? url : NULL;
}

/* ---- open and close ---- */

static godwit_status_t
open_notifier (godwit__rpc_notify_t *notify, const godwit_config_t *config, godwit_transport_t *transport,
               const godwit_context_hooks_t *hooks, godwit_error_t **error)
{
    godwit_serializer_t *serializer = NULL;
    godwit_status_t status = godwit__rpc_wrap (&serializer, NULL, hooks, error);
    if (status)
        return status;
    const char *const topic_list = config ? godwit_config_get (config, group, "topics") : NULL;
    const int64_t retry = godwit__config_number (config, group, "retry");
    names_t drivers = {NULL, 0, NULL}, topics = {NULL, 0, NULL};
    const bool is_listed = list_drivers (&drivers, config) && (!topic_list || split (&topics, topic_list));
    status =
        is_listed
            ? godwit_notifier_new (
                  &notify->notifier, transport,
                  GODWIT_NOTIFIER_OPTIONS (.topics = topics.items, .topic_count = topics.count,
                                           .drivers = drivers.items, .driver_count = drivers.count,
                                           .retry = retry ? retry : GODWIT_CLEAR_INT,
                                           .serializer = serializer, .redact_context = hooks->redact,
                                           .redact_user = hooks->user,
                                           .routing_config =
                                               config ? godwit_config_get (config, group, "routing_config")
                                                      : NULL),
                  error)
            : godwit__error_no_memory (error);
    names_free (&drivers);
    names_free (&topics);
    if (status == GODWIT_OK)
        notify->notifier->root->own_serializer = serializer;
    else
        godwit_request_context_serializer_destroy (&serializer);
    return status;
}

godwit_status_t
godwit__rpc_notify_open (godwit__rpc_notify_t *notify, const godwit_config_t *config,
                         godwit_transport_t *transport, const char *modules,
                         const godwit_context_hooks_t *hooks, godwit_error_t **error)
{
    godwit__rpc_notify_t opened = {NULL, NULL};
    const char *const url = own_url (config);
    godwit_status_t status = GODWIT_OK;
    if (url)
        status = godwit_transport_new_from_config (
            &opened.transport, config, url, GODWIT_TRANSPORT_OPTIONS (.allowed_remote_exmods = modules),
            error);
    if (status == GODWIT_OK)
        status = open_notifier (&opened, config, url ? opened.transport : transport, hooks, error);
    if (status)
        godwit_transport_destroy (&opened.transport);
    else
        *notify = opened;
    return status;
}

void
godwit__rpc_notify_close (godwit__rpc_notify_t *notify)
{
    if (notify->notifier)
        godwit_notifier_flush (notify->notifier, FLUSH_MS, NULL); /* what is lost is logged */
    godwit_notifier_destroy (&notify->notifier);
    godwit_transport_destroy (&notify->transport);
}
