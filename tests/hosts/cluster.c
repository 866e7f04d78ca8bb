#include "tests/hosts/cluster.h"
#include "tests/hosts/fail.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    START_MS = 30000,
    END_MS = 30000,
    TEXT_SIZE = 512,
    LOOK_MS = 5,
    SOME_RECORDS = 20 /* that it writes when it is called; some of them are about stalls */
};

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF (number)
/* Of a client, each with at most 32 calls that it does not wait for: more than are on their way to one of
 * three servers until that is known to be dead. */
#define THREADS 32
#define WAITING_RATE 2.0
#define TIMEOUT_MS 8000 /* most are longer than it takes to notice a silent peer */
#define SLOW_MS 20
#define RECORDS 2000000

/* --- starting
 * ---------------------------------------------------------------------------------------------------- */

static void
print_url (char *url, size_t size, int host, int port, const char *more)
{
    size_t used = (size_t) snprintf (url, size, "zmq://");
    for (int i = 1; i <= CLUSTER_RENDEZVOUS; i++)
        used +=
            (size_t) snprintf (url + used, size - used, "%s%s:9573", i > 1 ? "," : "", network_address (i));
    used += (size_t) snprintf (url + used, size - used, "/?host=%s%s", network_address (host), more);
    if (port > 0)
        snprintf (url + used, size - used, "&port=%d", port);
}

static void
print_path (const cluster_t *cluster, char *path, const char *name, uint32_t node, const char *suffix)
{
    snprintf (path, CLUSTER_PATH_SIZE, "%s/%s.%u%s", cluster->options.folder, name, node, suffix);
}

static void
start_node (cluster_t *cluster, member_t *member, int port, const char *const *more)
{
    char program[CLUSTER_PATH_SIZE], errors[CLUSTER_PATH_SIZE];
    char url[TEXT_SIZE], node[16], seed[32];
    member->node = ++cluster->nodes;
    snprintf (program, sizeof program, "%s/tests/faults/node", cluster->options.build);
    print_path (cluster, member->log, member->name, member->node, HISTORY_SUFFIX);
    print_path (cluster, errors, member->name, member->node, ".stderr");
    print_url (url, sizeof url, member->host, port, "");
    snprintf (node, sizeof node, "%u", member->node);
    snprintf (seed, sizeof seed, "%llu", (unsigned long long) cluster->options.seed);
    child_options_t options = {.name = member->name,
                               .net = network_name (member->host),
                               .errors = errors,
                               .arguments = {program, "--node", node, "--name", member->name, "--url", url,
                                             "--log", member->log, "--seed", seed, "--records",
                                             TEXT (RECORDS), "--host", network_address (member->host)}};
    size_t count = 0;
    while (options.arguments[count])
        count++;
    for (size_t i = 0; more[i] && count + 1 < CHILD_ARGUMENTS; i++)
        options.arguments[count++] = more[i];
    child_start (&member->child, &options);
}

static void
start_client (cluster_t *cluster, int index)
{
    member_t *member = &cluster->clients[index];
    const bool waits = index >= CLUSTER_CLIENT_HOSTS;
    char rate[32], servers[8];
    snprintf (member->name, sizeof member->name, "client-%d", index + 1);
    member->host = CLUSTER_RENDEZVOUS + 1 + index % CLUSTER_CLIENT_HOSTS;
    snprintf (rate, sizeof rate, "%.3f", waits ? WAITING_RATE : cluster->options.rate / THREADS);
    snprintf (servers, sizeof servers, "%d", cluster->server_count);
    const char *const more[] = {"--role",
                                "client",
                                "--threads",
                                TEXT (THREADS),
                                "--rate",
                                rate,
                                "--timeout-ms",
                                TEXT (TIMEOUT_MS),
                                "--slow-ms",
                                TEXT (SLOW_MS),
                                "--servers",
                                servers,
                                "--mix",
                                waits ? "call=80,fanout=20" : "async=85,cast=15",
                                NULL};
    start_node (cluster, member, 0, more);
}

static void
begin_server (cluster_t *cluster, int index)
{
    static const char *const more[] = {"--role", "server", NULL};
    member_t *member = &cluster->servers[index];
    snprintf (member->name, sizeof member->name, "server-%d", index + 1);
    start_node (cluster, member, cluster->options.port, more);
}

void
cluster_start_server (cluster_t *cluster, int index)
{
    begin_server (cluster, index);
    child_expect (&cluster->servers[index].child, "ready", START_MS);
}

void
cluster_start_stranger (cluster_t *cluster, int host)
{
    static const char *const more[] = {"--role", "server", "--topic", "something-else", NULL};
    member_t *member = &cluster->stranger;
    snprintf (member->name, sizeof member->name, "stranger");
    member->host = host;
    start_node (cluster, member, cluster->options.port, more);
    child_expect (&member->child, "ready", START_MS);
}

void
cluster_start_rendezvous (cluster_t *cluster, int index)
{
    member_t *member = &cluster->rendezvous[index];
    char program[CLUSTER_PATH_SIZE], errors[CLUSTER_PATH_SIZE], url[TEXT_SIZE];
    member->host = index + 1;
    snprintf (member->name, sizeof member->name, "rendezvous-%d", index + 1);
    snprintf (program, sizeof program, "%s/tests/hosts/rendezvous", cluster->options.build);
    print_path (cluster, errors, member->name, 0, ".stderr");
    print_url (url, sizeof url, member->host, 0, "&host_rendezvous=true");
    child_start (&member->child, &(child_options_t){.name = member->name,
                                                    .net = network_name (member->host),
                                                    .errors = errors,
                                                    .arguments = {program, url}});
    child_expect (&member->child, "ready", START_MS);
}

int
cluster_add_server (cluster_t *cluster)
{
    const int index = cluster->server_count;
    if (index == CLUSTER_SERVERS)
        hosts_fail ("at most %d servers", CLUSTER_SERVERS);
    cluster->servers[index].host = network_add_host ();
    cluster_start_server (cluster, index);
    cluster->server_count++;
    return index;
}

void
cluster_open (cluster_t *cluster, const cluster_options_t *options)
{
    char path[CLUSTER_PATH_SIZE], program[CLUSTER_PATH_SIZE];
    memset (cluster, 0, sizeof *cluster);
    cluster->options = *options;
    cluster->random.state = options->seed;
    random_below (&cluster->random, 2); /* the first one says little */
    cluster->nodes = 1;
    print_path (cluster, path, "runner", 1, HISTORY_SUFFIX);
    cluster->history = history_open (path, &(const history_options_t){.node = 1,
                                                                      .roles = HISTORY_RUNNER,
                                                                      .name = "runner",
                                                                      .host = "",
                                                                      .seed = options->seed,
                                                                      .capacity = 65536});
    if (!cluster->history)
        hosts_fail ("cannot make %s", path);
    snprintf (program, sizeof program, "%s/tests/hosts/wire", options->build);
    network_open (program, options->seed);
    for (int i = 0; i < CLUSTER_RENDEZVOUS + CLUSTER_CLIENT_HOSTS; i++)
        network_add_host ();
    for (int i = 0; i < CLUSTER_RENDEZVOUS; i++)
        cluster_start_rendezvous (cluster, i);
    cluster->server_count = options->servers;
    for (int i = 0; i < cluster->server_count; i++) {
        cluster->servers[i].host = i + 1;
        begin_server (cluster, i);
    }
    for (int i = 0; i < cluster->server_count; i++)
        child_expect (&cluster->servers[i].child, "ready", START_MS);
    for (int i = 0; i < CLUSTER_CLIENTS; i++)
        start_client (cluster, i);
    for (int i = 0; i < CLUSTER_CLIENTS; i++)
        child_expect (&cluster->clients[i].child, "ready", START_MS);
}

/* --- what goes on
 * ------------------------------------------------------------------------------------------------ */

uint64_t
cluster_progress (const member_t *member)
{
    history_header_t header;
    FILE *file = fopen (member->log, "rb");
    const bool is_read = file && fread (&header, sizeof header, 1, file) == 1;
    if (file)
        fclose (file);
    return is_read ? header.claimed : 0;
}

int64_t
cluster_await_calls (const cluster_t *cluster, int64_t patience_ms)
{
    uint64_t before[CLUSTER_SERVERS];
    const int64_t start_ms = hosts_now_ms ();
    for (int i = 0; i < cluster->server_count; i++)
        before[i] = cluster_progress (&cluster->servers[i]);
    for (int i = 0; i < cluster->server_count; i++) {
        const member_t *member = &cluster->servers[i];
        while (child_is_running (&member->child) && cluster_progress (member) < before[i] + SOME_RECORDS) {
            if (hosts_now_ms () - start_ms > patience_ms) {
                printf ("%s (node %u) is not called\n", member->name, member->node);
                return -1;
            }
            hosts_wait (-1, LOOK_MS);
        }
    }
    return hosts_now_ms () - start_ms;
}

/* --- faults
 * ------------------------------------------------------------------------------------------------------ */

uint64_t
cluster_hit_host (cluster_t *cluster, history_fault_t fault, int host, const char *what)
{
    uint64_t id = 0;
    for (int i = 0; i < cluster->server_count + CLUSTER_CLIENTS; i++) {
        const member_t *member =
            i < cluster->server_count ? &cluster->servers[i] : &cluster->clients[i - cluster->server_count];
        if (member->host != host)
            continue;
        if (id == 0)
            id = history_fault_begin (cluster->history, fault, member->node, what);
        else
            history_fault_also (cluster->history, id, fault, member->node, what);
    }
    return id;
}

/* --- ending
 * ------------------------------------------------------------------------------------------------------ */

static bool
end_well (member_t *member)
{
    if (!child_is_running (&member->child))
        return true;
    const int status = child_end (&member->child, END_MS);
    if (status == 0)
        return true;
    if (status < 0)
        printf ("%s (node %u) was ended by signal %d\n", member->name, member->node, -status);
    else
        printf ("%s (node %u) ended with status %d\n", member->name, member->node, status);
    return false;
}

void
cluster_stop (member_t *member)
{
    child_signal (&member->child, SIGTERM);
    if (!end_well (member))
        hosts_fail ("%s was to end in good order", member->name);
}

static unsigned
count_calls (const char *path)
{
    unsigned found = 0;
    history_record_t record;
    FILE *file = fopen (path, "rb");
    if (!file || fseek (file, HISTORY_HEADER_SIZE, SEEK_SET) != 0)
        hosts_fail ("cannot read %s", path);
    while (fread (&record, sizeof record, 1, file) == 1)
        found += record.event == HISTORY_HANDLER_BEGIN;
    fclose (file);
    return found;
}

void
cluster_stop_stranger (cluster_t *cluster)
{
    cluster_stop (&cluster->stranger);
    cluster->stranger_calls += count_calls (cluster->stranger.log);
}

int
cluster_close (cluster_t *cluster)
{
    int bad = 0;
    for (int i = 0; i < CLUSTER_CLIENTS; i++)
        child_signal (&cluster->clients[i].child, SIGTERM);
    for (int i = 0; i < CLUSTER_CLIENTS; i++)
        bad += !end_well (&cluster->clients[i]);
    for (int i = 0; i < cluster->server_count; i++)
        child_signal (&cluster->servers[i].child, SIGTERM);
    for (int i = 0; i < cluster->server_count; i++)
        bad += !end_well (&cluster->servers[i]);
    for (int i = 0; i < CLUSTER_RENDEZVOUS; i++)
        bad += !end_well (&cluster->rendezvous[i]);
    network_close ();
    history_close (cluster->history);
    cluster->history = NULL;
    return bad;
}
