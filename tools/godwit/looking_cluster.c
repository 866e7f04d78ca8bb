/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the processes of a cluster for their recent calls, all at the same time. Nothing here is a failure:
 * who cannot be reached is named. */
#include "tools/godwit/cluster.h"
#include "tools/godwit/looking.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The registry of a cluster is given so long; whoever explains a failure may sit where nothing can be
 * reached. */
#define READY_MS 2000
#define CALLS_MAX 1000

/* A process that is asked. */
typedef struct question {
    const godwit_value_t *server; /* one of its servers */
    godwit_client_t *client;
    godwit_future_t *future;
} question_t;

static const char *
text_of (const godwit_value_t *map, const char *key)
{
    return godwit_value_as_str (godwit_value_get (map, key), "");
}

/* Its black box was read already, or it is asked by another of its servers. */
static bool
is_known (const sources_t *sources, const question_t *questions, size_t count, const char *instance)
{
    for (size_t i = 0; i < sources->count; i++)
        if (!strcmp (sources->items[i].instance, instance))
            return true;
    for (size_t i = 0; i < count; i++)
        if (!strcmp (text_of (questions[i].server, "instance"), instance))
            return true;
    return false;
}

static void
begin (question_t *question, const looking_t *looking, godwit_transport_t *transport, const looked_t *looked)
{
    const godwit_field_t fields[] = {
        GODWIT_STR ("id", looked->id ? looked->id->text : ""),
        GODWIT_INT ("limit", looked->limit < CALLS_MAX ? (int64_t) looked->limit : CALLS_MAX),
        GODWIT_INT ("last_ms", looked->last_ms),
        GODWIT_BOOL ("slowest", looked->slowest),
        GODWIT_STR ("topic", looked->topic),
    };
    const size_t count = sizeof fields / sizeof *fields - (looked->topic ? 0 : 1);
    if (godwit_client_new (&question->client, transport,
                           GODWIT_TARGET (.exchange = text_of (question->server, "exchange"),
                                          .topic = text_of (question->server, "topic"),
                                          .server = text_of (question->server, "server"),
                                          .name_space = INTROSPECTION, .version = INTROSPECTION_VERSION),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = looking->common.timeout_ms),
                           NULL) == GODWIT_OK)
        godwit_client_call_future (question->client, NULL, "calls",
                                   (godwit_fields_t){.items = fields, .count = count}, &question->future,
                                   NULL);
}

static void
note_missing (looking_t *looking, const char *what, const char *why)
{
    const size_t used = strlen (looking->missing);
    snprintf (looking->missing + used, sizeof looking->missing - used, "%s%s (%.80s)", used ? ", " : "", what,
              why);
}

static void
end (question_t *question, looking_t *looking, sources_t *sources)
{
    godwit_value_t *answer = NULL;
    godwit_error_t *error = NULL;
    godwit_status_t status = GODWIT_ERR_OUT_OF_MEMORY;
    if (question->future)
        status = godwit_future_wait (question->future, -1, NULL, &answer, &error);
    if (!status)
        status = sources_add_answer (sources, answer, &error);
    if (status)
        note_missing (looking, text_of (question->server, "server"), godwit_status_type (status));
    godwit_value_unref (&answer);
    godwit_error_destroy (&error);
    godwit_future_destroy (&question->future);
    godwit_client_destroy (&question->client);
}

static godwit_status_t
ask_all (looking_t *looking, godwit_transport_t *transport, sources_t *sources, const looked_t *looked,
         godwit_error_t **error)
{
    godwit_value_t *servers = NULL;
    size_t count = 0;
    const godwit_status_t status = godwit_transport_servers (transport, &servers, error);
    question_t *const questions = calloc (godwit_value_count (servers) + 1, sizeof *questions);
    for (size_t i = 0; questions && i < godwit_value_count (servers); i++) {
        const godwit_value_t *const server = godwit_value_at (servers, i);
        if (is_known (sources, questions, count, text_of (server, "instance")))
            continue;
        questions[count].server = server;
        begin (&questions[count++], looking, transport, looked);
    }
    for (size_t i = 0; i < count; i++)
        end (&questions[i], looking, sources);
    free (questions);
    godwit_value_unref (&servers);
    return status;
}

godwit_status_t
looking_ask_cluster (looking_t *looking, sources_t *sources, const looked_t *looked, godwit_error_t **error)
{
    godwit_transport_t *transport = NULL;
    godwit_error_t *why = NULL;
    godwit_status_t status = godwit_transport_new (
        &transport, common_url (&looking->common),
        GODWIT_TRANSPORT_OPTIONS (.runtime_dir = looking->dir, .black_box_size = -1), error);
    if (status)
        return status;
    const int64_t ready_ms = looking->common.timeout_ms < READY_MS ? looking->common.timeout_ms : READY_MS;
    if (godwit_transport_wait_ready (transport, ready_ms, &why))
        note_missing (looking, common_url (&looking->common), godwit_error_message (why));
    godwit_error_destroy (&why);
    status = ask_all (looking, transport, sources, looked, error);
    godwit_transport_destroy (&transport);
    return status;
}
