/* SPDX-License-Identifier: Apache-2.0 */
/* The trace: what happens is counted, hashed, and passed to the test's trace function. */
#include "drivers/sim/sim.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/wire/header.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 400

/* ---- the digest ---- */

static void
mix (godwit_cluster_t *cluster, uint64_t value)
{
    uint64_t sum = (cluster->stats.digest ^ value) * UINT64_C (0x9e3779b97f4a7c15);
    cluster->stats.digest = sum ^ sum >> 32;
}

static void
mix_bytes (godwit_cluster_t *cluster, const void *data, size_t size)
{
    const uint8_t *at = data;
    uint64_t word;
    mix (cluster, size);
    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy (&word, at, sizeof word);
        mix (cluster, word);
    }
    word = 0;
    memcpy (&word, at, size);
    mix (cluster, word);
}

/* ---- lines ---- */

static const char *
type_name (const uint8_t *data, size_t size)
{
    static const char *const names[] = {
        "?",      "HELLO", "WELCOME", "REQUEST", "REPLY",       "FAILURE", "NACK",    "ACCEPTED", "HEARTBEAT",
        "CANCEL", "PING",  "PONG",    "GOODBYE", "PUBLICATION", "BATCH",   "RESOLVE", "RESOLVED"};
    godwit__header_t header;
    if (godwit__header_read (&header, data, size) != GODWIT__HEADER_OK)
        return "PUBLICATION"; /* its key comes first */
    if (header.type >= GODWIT__MATCHMAKER_FIRST && header.type <= GODWIT__MATCHMAKER_LAST)
        return "matchmaker";
    return header.type < sizeof names / sizeof *names ? names[header.type] : names[0];
}

/* A sum of a frame's bytes: two runs that differ first differ in a line whose sum differs. */
static uint32_t
sum_of (const uint8_t *data, size_t size)
{
    uint32_t sum = UINT32_C (0x811c9dc5);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ data[i]) * UINT32_C (0x01000193);
    return sum;
}

static void
show (const godwit__sim_connection_t *connection, godwit__sim_note_t note, bool to_port, const uint8_t *data,
      size_t size)
{
    static const char *const notes[] = {"sent", "dropped", "repeated", "overtakes", "arrived",
                                        "lost", "up",      "down",     "refused"};
    const godwit_cluster_t *cluster = connection->cluster;
    const char *client = connection->client_node->name;
    const char *port = connection->port_node ? connection->port_node->name : "?";
    godwit__header_t header = {0};
    char line[LINE_SIZE];
    if (note >= GODWIT__SIM_UP) {
        snprintf (line, sizeof line, "%s -- %s (%s) %s%s%.*s", client, port, connection->address, notes[note],
                  size ? ": " : "", (int) size, data ? (const char *) data : "");
    } else {
        const bool known = godwit__header_read (&header, data, size) == GODWIT__HEADER_OK;
        snprintf (line, sizeof line, "%s -> %s %s %llu of %zu bytes #%08x %s", to_port ? client : port,
                  to_port ? port : client, type_name (data, size),
                  known ? (unsigned long long) header.id : 0ull, size, (unsigned) sum_of (data, size),
                  notes[note]);
    }
    cluster->trace (cluster->trace_user, cluster->now_ns / 1000 - 1000000, line);
}

void
godwit__sim_tell (godwit__sim_connection_t *connection, godwit__sim_note_t note, bool to_port,
                  const uint8_t *data, size_t size)
{
    godwit_cluster_t *cluster = connection->cluster;
    godwit_cluster_stats_t *stats = &cluster->stats;
    stats->frames += note == GODWIT__SIM_SENT || note == GODWIT__SIM_DROPPED || note == GODWIT__SIM_REPEATED;
    stats->dropped += note == GODWIT__SIM_DROPPED;
    stats->repeated += note == GODWIT__SIM_REPEATED;
    stats->overtaking += note == GODWIT__SIM_OVERTAKES;
    stats->delivered += note == GODWIT__SIM_ARRIVED;
    stats->lost += note == GODWIT__SIM_LOST;
    stats->connections += note == GODWIT__SIM_UP;
    stats->broken += note == GODWIT__SIM_DOWN;
    mix (cluster, (uint64_t) cluster->now_ns);
    mix (cluster, connection->routing_id << 8 | (uint64_t) note << 1 | to_port);
    if (note <= GODWIT__SIM_REPEATED) /* bytes arrive as they were sent, so they are hashed once */
        mix_bytes (cluster, data, size);
    if (cluster->trace)
        show (connection, note, to_port, data, size);
}

void
godwit__sim_say (godwit_cluster_t *cluster, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;
    va_start (args, format);
    vsnprintf (line, sizeof line, format, args);
    va_end (args);
    mix (cluster, (uint64_t) cluster->now_ns);
    mix_bytes (cluster, line, strlen (line));
    if (cluster->trace)
        cluster->trace (cluster->trace_user, cluster->now_ns / 1000 - 1000000, line);
}

/* ---- who asks ---- */

godwit_status_t
godwit_cluster_stats (const godwit_cluster_t *cluster, godwit_cluster_stats_t *stats, godwit_error_t **error)
{
    if (!cluster || !stats)
        return godwit__error_null (error, cluster ? "stats" : "cluster");
    const godwit_status_t status = godwit__struct_check (&godwit__struct_cluster_stats, stats, error);
    if (status == GODWIT_OK)
        godwit__struct_write (&godwit__struct_cluster_stats, stats, &cluster->stats);
    return status;
}

void
godwit_cluster_set_trace (godwit_cluster_t *cluster, godwit_cluster_trace_fn *trace, void *user)
{
    if (!cluster)
        return;
    cluster->trace = trace;
    cluster->trace_user = user;
}
