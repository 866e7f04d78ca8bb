/* SPDX-License-Identifier: Apache-2.0 */
/* godwit __complete COMMAND WORD...: what the last word, which may be empty, could become, a line each. The
 * scripts of `godwit completion` call it. What a word is, the args_doc of the command says: "TOPIC METHOD".
 *
 * Names of the cluster come from others, and go to a shell: only those that no shell reads in another way are
 * printed. It never fails: without a cluster there is nothing to print. */
#include "tools/godwit/cluster.h"
#include "tools/godwit/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 1500

typedef struct complete {
    const command_t *command;
    common_t common;
    const char *last;
    const char *topic; /* the first word that is no option, if it is not the last */
    unsigned position; /* of the last one among those */
} complete_t;

/* ---- names ---- */

static bool
is_harmless (const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@%+-";
    return *name && *name != '-' && strspn (name, allowed) == strlen (name);
}

static void
offer (const complete_t *self, const char *name)
{
    if (is_harmless (name) && strncmp (name, self->last, strlen (self->last)) == 0)
        puts (name);
}

static void
offer_pair (const complete_t *self, const char *first, const char *second)
{
    char text[2 * PATTERN_PART_SIZE];
    snprintf (text, sizeof text, "%s/%s", first, second);
    offer (self, text);
}

/* Topics; once there is a slash, also their servers, and exchanges with their topics. */
static void
offer_topics (const complete_t *self, const cluster_t *cluster)
{
    static const pattern_t all = {.count = 0};
    const bool has_slash = strchr (self->last, '/') != NULL;
    servers_t servers;
    if (cluster_list (&servers, cluster, &all) != EXIT_SUCCESS)
        return;
    for (size_t i = 0; i < servers.count; i++) {
        const server_t *const server = &servers.items[i], *const before = i ? server - 1 : NULL;
        const bool is_new = !before || strcmp (before->topic, server->topic) != 0 ||
                            strcmp (before->exchange, server->exchange) != 0;
        if (has_slash)
            offer_pair (self, server->topic, server->name);
        if (is_new && has_slash)
            offer_pair (self, server->exchange, server->topic);
        else if (is_new)
            offer (self, server->topic);
    }
    servers_free (&servers);
}

/* Of the topic that was typed before. */
static void
offer_servers (complete_t *self, const cluster_t *cluster)
{
    pattern_t pattern;
    servers_t servers = {0};
    self->last += strcspn (self->last, "=") + 1;
    if (self->topic && pattern_read (&pattern, self->topic) &&
        cluster_list (&servers, cluster, &pattern) == EXIT_SUCCESS)
        for (size_t i = 0; i < servers.count; i++)
            offer (self, servers.items[i].name);
    servers_free (&servers);
}

static void
offer_methods (const complete_t *self, const cluster_t *cluster)
{
    pattern_t pattern;
    servers_t servers = {0};
    godwit_value_t *described = NULL;
    if (!self->topic || !pattern_read (&pattern, self->topic) ||
        cluster_list (&servers, cluster, &pattern) != EXIT_SUCCESS || !servers.count)
        goto end;
    const server_t *const server = servers.items;
    described = cluster_describe (
        cluster, GODWIT_TARGET (.exchange = server->exchange, .topic = server->topic, .server = server->name),
        TIMEOUT_MS);
    const godwit_value_t *const endpoints = godwit_value_get (described, "endpoints");
    for (size_t i = 0; i < godwit_value_count (endpoints); i++) {
        const godwit_value_t *const methods = godwit_value_get (godwit_value_at (endpoints, i), "methods");
        for (size_t j = 0; j < godwit_value_count (methods); j++)
            offer (self, godwit_value_as_str (godwit_value_get (godwit_value_at (methods, j), "name"), ""));
    }
end:
    godwit_value_unref (&described);
    servers_free (&servers);
}

/* ---- the words ---- */

typedef struct wanted {
    const char *word; /* "--url", "-u" */
    bool takes_argument;
} wanted_t;

static bool
look (void *user, const struct argp_option *option)
{
    wanted_t *const wanted = user;
    const bool is_it = wanted->word[1] == '-' ? strcmp (wanted->word + 2, option->name) == 0
                                              : wanted->word[1] == option->key;
    if (is_it)
        wanted->takes_argument = option->arg != NULL;
    return !is_it;
}

static bool
takes_next (const complete_t *self, const char *word)
{
    wanted_t wanted = {word, false};
    if (strchr (word, '='))
        return false;
    commands_options (self->command->argp, look, &wanted);
    return wanted.takes_argument;
}

static void
read_words (complete_t *self, int argc, char **argv)
{
    self->last = argv[argc - 1];
    for (int i = 2; i < argc - 1; i++) {
        const bool is_url = strcmp (argv[i], "--url") == 0 || strcmp (argv[i], "-u") == 0;
        if (strncmp (argv[i], "--url=", 6) == 0)
            self->common.url = argv[i] + 6;
        if (argv[i][0] == '-' && argv[i][1]) {
            if (is_url)
                self->common.url = argv[i + 1];
            i += takes_next (self, argv[i]);
            continue;
        }
        if (!self->position++)
            self->topic = argv[i];
    }
}

/* The word of args_doc at this position; "" if there is none. Only its first line counts. */
static size_t
kind_of (const complete_t *self, const char **kind)
{
    const char *at = self->command->argp->args_doc ? self->command->argp->args_doc : "";
    for (unsigned i = 0; i < self->position; i++) {
        at += strcspn (at, " \n");
        at += *at == ' ';
    }
    *kind = at + strspn (at, "[");
    return strcspn (*kind, " \n]/[");
}

static bool
is_kind (const char *kind, size_t size, const char *word)
{
    return strlen (word) == size && strncmp (kind, word, size) == 0;
}

static void
complete (complete_t *self)
{
    const char *kind = NULL;
    const size_t size = kind_of (self, &kind);
    const bool is_server = strncmp (self->last, "--server=", 9) == 0;
    const bool is_topic = is_kind (kind, size, "TOPIC") || is_kind (kind, size, "PATTERN");
    const bool is_method = is_kind (kind, size, "METHOD");
    cluster_t cluster = {0};
    if (!is_server && (self->last[0] == '-' || !(is_topic || is_method)))
        return;
    if (cluster_join (&cluster, &self->common) == EXIT_SUCCESS) {
        if (is_server)
            offer_servers (self, &cluster);
        else if (is_topic)
            offer_topics (self, &cluster);
        else
            offer_methods (self, &cluster);
    }
    cluster_leave (&cluster);
}

int
command_complete (int argc, char **argv)
{
    complete_t self = {.common = COMMON_OF ("__complete")};
    self.common.timeout_ms = TIMEOUT_MS;
    self.command = argc > 2 ? commands_find (argv[1]) : NULL;
    if (self.command) {
        read_words (&self, argc, argv);
        complete (&self);
    }
    return EXIT_SUCCESS;
}
