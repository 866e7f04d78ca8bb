/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a running transport another list of rendezvous points. */
#include "src/base/uncancelled.h"
#include "src/runtime/transport.h"

#include "src/address/url_redact.h"
#include "src/error/error.h"
#include "src/transport/secure_defaults.h"

#include <stdio.h>
#include <string.h>

/* Addresses, each as the host of a URL: the rules are the same. */
typedef struct list {
    godwit_url_t *urls[GODWIT__RENDEZVOUS_MAX];
    godwit_url_host_t hosts[GODWIT__RENDEZVOUS_MAX];
    size_t count;
} list_t;

static void
list_clear (list_t *list)
{
    for (size_t i = 0; i < list->count; i++)
        godwit_url_destroy (&list->urls[i]);
}

/* Checks that an address is one host, as in a URL, and nothing more. */
static godwit_status_t
parse_one (const char *address, godwit_url_t **url, godwit_error_t **error)
{
    char text[GODWIT__ADDRESS_SIZE + 8];
    godwit_error_t *wrong = NULL;
    if (!address[0] || strpbrk (address, ",/?#@"))
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL, "%s",
                                  address[0] ? "a character that a host's name cannot have" : "nothing");
    if (snprintf (text, sizeof text, "zmq://%s/", address) >= (int) sizeof text)
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL, "too long");
    godwit_status_t status = godwit_url_parse (url, text, &wrong);
    if (status == GODWIT_OK && godwit_url_host_count (*url) != 1) {
        godwit_url_destroy (url);
        status = godwit__error_set (&wrong, GODWIT_ERR_INVALID_URL, "neither a host nor a port");
    }
    if (status == GODWIT_ERR_INVALID_URL)
        godwit__error_set (error, status, "%s", godwit_error_message (wrong));
    else if (status != GODWIT_OK)
        godwit__error_no_memory (error);
    godwit_error_destroy (&wrong);
    return status;
}

static godwit_status_t
parse (list_t *list, const char *const *addresses, size_t count, godwit_error_t **error)
{
    for (size_t i = 0; i < count; i++) {
        godwit_error_t *wrong = NULL;
        const godwit_status_t status = addresses[i]
                                           ? parse_one (addresses[i], &list->urls[i], &wrong)
                                           : godwit__error_set (&wrong, GODWIT_ERR_INVALID_URL, "NULL");
        if (status == GODWIT_ERR_INVALID_URL)
            godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                               "addresses[%zu]: expected host, host:port or [IPv6 address]:port: %s", i,
                               godwit_error_message (wrong));
        else if (status != GODWIT_OK)
            godwit__error_no_memory (error);
        godwit_error_destroy (&wrong);
        if (status != GODWIT_OK)
            return status == GODWIT_ERR_INVALID_URL ? GODWIT_ERR_INVALID_ARGUMENT : status;
        list->hosts[list->count++] = *godwit_url_host (list->urls[i], 0);
    }
    return GODWIT_OK;
}

static godwit_status_t
check_permitted (const godwit_transport_t *transport, const list_t *list, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < list->count && status == GODWIT_OK; i++) {
        char name[64];
        snprintf (name, sizeof name, "addresses[%zu]", i);
        status = godwit__secure_defaults_check_host (transport, &list->hosts[i], name, error);
    }
    return status;
}

typedef struct change {
    godwit_transport_t *transport;
    const list_t *list;
    godwit_status_t status;
    godwit_error_t *error;
} change_t;

/* On the control thread. */
static void
apply (void *arg)
{
    change_t *change = arg;
    godwit__matchmaker_t *const matchmaker = change->transport->matchmaker;
    if (matchmaker)
        change->status =
            matchmaker->ops->set_hosts (matchmaker, change->list->hosts, change->list->count, &change->error);
}

static godwit_status_t
check_arguments (const godwit_transport_t *transport, const char *const *addresses, size_t count,
                 godwit_error_t **error)
{
    if (!transport)
        return godwit__error_null (error, "transport");
    if (!addresses)
        return godwit__error_null (error, "addresses");
    if (count < 1 || count > GODWIT__RENDEZVOUS_MAX)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "count: expected 1 to %d rendezvous, got %zu", GODWIT__RENDEZVOUS_MAX,
                                  count);
    return godwit__transport_check (transport, error);
}

godwit_status_t
godwit_transport_set_rendezvous (godwit_transport_t *transport, const char *const *addresses, size_t count,
                                 godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit_status_t status = check_arguments (transport, addresses, count, error);
    if (status != GODWIT_OK)
        return status;
    if (!transport->has_rendezvous)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "transport: expected one with rendezvous points, got one with %s",
                                  strcmp (godwit_url_driver (transport->url), "inproc") == 0
                                      ? "inproc, which needs none"
                                      : "a static list");
    list_t list = {.count = 0};
    status = parse (&list, addresses, count, error);
    if (status == GODWIT_OK)
        status = check_permitted (transport, &list, error);
    if (status == GODWIT_OK) {
        change_t change = {transport, &list, GODWIT_ERR_CLOSED, NULL};
        godwit__control_run (transport, apply, &change);
        status = change.status;
        if (status == GODWIT_ERR_CLOSED && !change.error)
            godwit__error_set (error, status, "The transport is being destroyed");
        else if (error && change.error)
            *error = change.error;
        else
            godwit_error_destroy (&change.error);
    }
    list_clear (&list);
    return status;
}
