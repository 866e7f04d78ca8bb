/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/call_version.h"

#include "src/base/listing.h"
#include "src/error/error.h"

#include <stdlib.h>

/* Servers that are named. */
#define SERVERS_MAX 4
#define TEXT_SIZE 1024

/* "one (1.2), two (1.3, billing 2.0) and 4 more"; empty if all servers serve the same, or say nothing. */
static void
list_servers (const godwit_client_t *client, char text[TEXT_SIZE])
{
    const godwit__group_t *const group = client->group;
    const uint32_t used = group->offers.used;
    godwit__listing_t listing;
    char served[256], name[80];
    godwit__listing_begin (&listing, text, TEXT_SIZE, SERVERS_MAX, ", ");
    if ((used & (used - 1)) == 0) /* fewer than two offers */
        return;
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *const member = group->members[i];
        if (member->draining)
            continue;
        godwit__offer_print (godwit__offers_get (&group->offers, member->offer), client->target.name_space,
                             served, sizeof served);
        snprintf (name, sizeof name, "%.64s (", member->record->server);
        godwit__listing_add (&listing, name, *served ? served : "unknown", ")");
    }
    godwit__listing_end (&listing);
}

godwit_error_t *
godwit__call_add_versions (const godwit__call_t *call, godwit_error_t *failure)
{
    static const char *const details[] = {"version", "method"};
    static const char between[] = "; the servers are: ";
    godwit_transport_t *const transport = call->client->transport;
    char servers[TEXT_SIZE];
    pthread_mutex_lock (&transport->lock);
    list_servers (call->client, servers);
    godwit__transport_unlock (transport);
    if (*servers == '\0')
        return failure;
    const char *const message = godwit_error_message (failure);
    const size_t size = strlen (message) + sizeof between + strlen (servers);
    char *const text = malloc (size);
    if (!text)
        return failure;
    snprintf (text, size, "%s%s%s", message, between, servers);
    godwit_error_t *const told = godwit__error_new_remote (
        godwit_error_status (failure), godwit_error_outcome (failure), godwit_error_module (failure),
        godwit_error_type (failure), text, godwit_error_traceback (failure));
    free (text);
    for (size_t i = 0; i < sizeof details / sizeof *details; i++)
        if (godwit_error_detail (failure, details[i]))
            godwit_error_set_detail (told, details[i], godwit_error_detail (failure, details[i]));
    godwit_error_destroy (&failure);
    return told;
}
