/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/cluster.h"

#include "tools/godwit/clean.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
cluster_fail (const common_t *common, godwit_error_t **error, int status)
{
    fprintf (stderr, "godwit %s: ", common->command);
    clean_print_lines (stderr, godwit_error_print (*error));
    fputc ('\n', stderr);
    godwit_error_destroy (error);
    return status;
}

/* ---- joining ---- */

int
cluster_join (cluster_t *cluster, const common_t *common)
{
    godwit_error_t *error = NULL;
    *cluster = (cluster_t){.common = common};
    godwit_status_t status = godwit_transport_new (
        &cluster->transport, common_url (common),
        GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_ERROR,
                                  .rpc_response_timeout_ms = common->timeout_ms),
        &error);
    if (status)
        return cluster_fail (common, &error,
                             status == GODWIT_ERR_INVALID_URL || status == GODWIT_ERR_INVALID_ARGUMENT
                                 ? STATUS_USAGE
                                 : STATUS_FAILED);
    if (godwit_transport_wait_ready (cluster->transport, common->timeout_ms, &error) == GODWIT_OK)
        return EXIT_SUCCESS;
    fprintf (stderr, "godwit %s: it is not known which servers there are: ", common->command);
    clean_print_lines (stderr, godwit_error_message (error));
    fprintf (stderr,
             "\nIs a rendezvous running at %s? Start one with `godwit matchmaker`, or name another "
             "with --url.\n",
             common_url (common));
    godwit_error_destroy (&error);
    return STATUS_FAILED;
}

void
cluster_leave (cluster_t *cluster)
{
    godwit_transport_destroy (&cluster->transport);
}

/* ---- servers ---- */

const char *
server_text (const server_t *server, const char *key)
{
    return godwit_value_as_str (godwit_value_get (server->map, key), "");
}

static int
compare (const void *a, const void *b)
{
    const server_t *const left = a, *const right = b;
    int order = strcmp (left->exchange, right->exchange);
    if (!order)
        order = strcmp (left->topic, right->topic);
    if (!order)
        order = strcmp (left->name, right->name);
    return order ? order : strcmp (server_text (left, "instance"), server_text (right, "instance"));
}

static void
select_servers (servers_t *servers, const pattern_t *pattern)
{
    for (size_t i = 0; i < servers->total; i++) {
        server_t server = {.map = godwit_value_at (servers->list, i)};
        server.exchange = server_text (&server, "exchange");
        server.topic = server_text (&server, "topic");
        server.name = server_text (&server, "server");
        server.state = server_text (&server, "state");
        if (pattern_matches (pattern, server.exchange, server.topic, server.name))
            servers->items[servers->count++] = server;
    }
    if (servers->count)
        qsort (servers->items, servers->count, sizeof *servers->items, compare);
}

int
cluster_list (servers_t *servers, const cluster_t *cluster, const pattern_t *pattern)
{
    godwit_error_t *error = NULL;
    *servers = (servers_t){0};
    if (godwit_transport_servers (cluster->transport, &servers->list, &error) != GODWIT_OK)
        return cluster_fail (cluster->common, &error, STATUS_FAILED);
    servers->total = godwit_value_count (servers->list);
    servers->items = calloc (servers->total + 1, sizeof *servers->items);
    if (!servers->items) {
        fprintf (stderr, "godwit %s: out of memory\n", cluster->common->command);
        return STATUS_FAILED;
    }
    select_servers (servers, pattern);
    return EXIT_SUCCESS;
}

void
servers_free (servers_t *servers)
{
    free (servers->items);
    godwit_value_unref (&servers->list);
    *servers = (servers_t){0};
}

/* ---- introspection ---- */

godwit_value_t *
cluster_describe (const cluster_t *cluster, const godwit_target_t *target, int64_t timeout_ms)
{
    godwit_client_t *client = NULL;
    godwit_value_t *described = NULL;
    if (godwit_client_new (
            &client, cluster->transport,
            GODWIT_TARGET (.exchange = target->exchange, .topic = target->topic, .server = target->server,
                           .name_space = INTROSPECTION, .version = INTROSPECTION_VERSION),
            GODWIT_CLIENT_OPTIONS (.timeout_ms = timeout_ms, .mandatory = GODWIT_YES), NULL) == GODWIT_OK)
        godwit_client_call (client, NULL, "describe", (godwit_fields_t){NULL, 0, NULL}, &described, NULL);
    godwit_client_destroy (&client);
    return described;
}

/* ---- nothing was found ---- */

/* A name as it could have been typed with so many parts. */
static void
offer (near_t *near, const server_t *server, unsigned parts)
{
    char text[3 * PATTERN_PART_SIZE];
    if (parts <= 1) {
        near_offer (near, server->topic);
        return;
    }
    if (parts == 2) {
        snprintf (text, sizeof text, "%s/%s", server->exchange, server->topic);
        near_offer (near, text);
        snprintf (text, sizeof text, "%s/%s", server->topic, server->name);
    } else {
        snprintf (text, sizeof text, "%s/%s/%s", server->exchange, server->topic, server->name);
    }
    near_offer (near, text);
}

static int
say_nothing (const cluster_t *cluster, const pattern_t *pattern)
{
    static const pattern_t all = {.count = 0};
    servers_t servers;
    near_t near = {.wanted = pattern->count ? pattern->text : ""};
    const int status = cluster_list (&servers, cluster, &all);
    fprintf (stderr, "godwit %s: ", cluster->common->command);
    if (!status && !servers.count) {
        fprintf (stderr, "there are no servers in the cluster %s", common_url (cluster->common));
    } else {
        fprintf (stderr, "no server matches ");
        clean_print (stderr, near.wanted);
    }
    for (size_t i = 0; i < servers.count; i++)
        offer (&near, &servers.items[i], pattern->count);
    near_print (stderr, &near, pattern->count < 2 ? "topics" : "names");
    fputc ('\n', stderr);
    servers_free (&servers);
    return status ? status : STATUS_NOTHING;
}

int
cluster_find (servers_t *servers, const cluster_t *cluster, const pattern_t *pattern)
{
    const int status = cluster_list (servers, cluster, pattern);
    return status || servers->count ? status : say_nothing (cluster, pattern);
}

/* ---- how a server is shown ---- */

char *
server_versions (const server_t *server)
{
    const godwit_value_t *const serves = godwit_value_get (server->map, "serves");
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream (&text, &size);
    if (!to)
        return NULL;
    for (size_t i = 0; i < godwit_value_count (serves); i++) {
        const godwit_value_t *const entry = godwit_value_at (serves, i);
        const char *const name_space = godwit_value_as_str (godwit_value_get (entry, "namespace"), NULL);
        fprintf (to, "%s%s%s%s", i ? ", " : "", name_space ? name_space : "", name_space ? " " : "",
                 godwit_value_as_str (godwit_value_get (entry, "version"), ""));
    }
    fclose (to);
    return text;
}

const char *
server_address (const server_t *server)
{
    const godwit_value_t *const addresses = godwit_value_get (server->map, "addresses");
    const char *const path = server_text (server, "path");
    const size_t length = strlen (path);
    for (size_t i = 0; length && i < godwit_value_count (addresses); i++) {
        const char *const address = godwit_value_as_str (godwit_value_at (addresses, i), "");
        if (strncmp (address, path, length) == 0 && address[length] == ':')
            return address;
    }
    return godwit_value_as_str (godwit_value_at (addresses, 0), "");
}

char *
server_names (const server_t *server)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream (&text, &size);
    if (!to)
        return NULL;
    clean_print (to, server->exchange);
    fputc ('/', to);
    clean_print (to, server->topic);
    fputc ('/', to);
    clean_print (to, server->name);
    fclose (to);
    return text;
}

style_t
server_style (const char *state)
{
    return strcmp (state, "up") == 0         ? STYLE_GOOD
           : strcmp (state, "draining") == 0 ? STYLE_DOUBTFUL
           : strcmp (state, "suspect") == 0  ? STYLE_DOUBTFUL
                                             : STYLE_BAD;
}
