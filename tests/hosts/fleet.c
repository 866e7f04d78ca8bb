/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/fleet.h"
#include "tests/faults/cluster.h"
#include "tests/hosts/fail.h"
#include "tests/hosts/fleet_realm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    START_MS = 30000,
    END_MS = 30000,
    TEXT_SIZE = 1024,
    LOOK_MS = 5,
    SOME_RECORDS = 20 /* that it writes when it is called; some of them are about stalls */
};

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF (number)
/* Of a client, each with at most 32 calls that it does not wait for: more than are on their way to one of
 * three servers until that is known to be dead. */
#define THREADS 32
#define WAITING_THREADS 12
#define WAITING_RATE 5.0
#define TIMEOUT_MS 8000          /* most are longer than it takes to notice a silent peer */
#define PATIENT_TIMEOUT_MS 60000 /* the shortest is a tenth of it: longer than a machine stands still */
#define SLOW_MS 20
#define NOTICE_RATE 100
#define REFRESH_MS 1000 /* how often a secured process looks at its files */
#define RECORDS 2000000

/* --- starting
 * ---------------------------------------------------------------------------------------------------- */

/* The part of a URL that says who may speak with whom. */
static void
print_security (const fleet_t *fleet, const char *name, char text[FLEET_PATH_SIZE + 64])
{
    char path[FLEET_PATH_SIZE];
    snprintf (text, FLEET_PATH_SIZE + 64, "&insecure=true");
    if (!fleet->options.is_secured)
        return;
    fleet_realm_path (fleet, name, path);
    snprintf (text, FLEET_PATH_SIZE + 64, "&realm=%s&refresh_ms=" TEXT (REFRESH_MS), path);
}

static void
print_url (char *url, size_t size, uint32_t node, int host, int port)
{
    size_t used = (size_t) snprintf (url, size, "%s://", cluster_driver (NULL, node));
    for (int i = 1; i <= FLEET_RENDEZVOUS; i++)
        used +=
            (size_t) snprintf (url + used, size - used, "%s%s:9573", i > 1 ? "," : "", network_address (i));
    used += (size_t) snprintf (url + used, size - used, "/?host=%s", network_address (host));
    if (port > 0)
        snprintf (url + used, size - used, "&port=%d", port);
}

static void
print_path (const fleet_t *fleet, char *path, const char *name, uint32_t node, const char *suffix)
{
    snprintf (path, FLEET_PATH_SIZE, "%s/%s.%u%s", fleet->options.folder, name, node, suffix);
}

static void
start_node (fleet_t *fleet, member_t *member, int port, const char *const *more)
{
    char program[FLEET_PATH_SIZE], errors[FLEET_PATH_SIZE];
    char url[TEXT_SIZE], node[16], seed[32], security[FLEET_PATH_SIZE + 64];
    member->node = ++fleet->nodes;
    snprintf (program, sizeof program, "%s/tests/faults/node", fleet->options.build);
    print_path (fleet, member->log, member->name, member->node, HISTORY_SUFFIX);
    print_path (fleet, errors, member->name, member->node, ".stderr");
    print_url (url, sizeof url, member->node, member->host, port);
    print_security (fleet, member->name, security);
    strncat (url, security, sizeof url - strlen (url) - 1);
    snprintf (node, sizeof node, "%u", member->node);
    snprintf (seed, sizeof seed, "%llu", (unsigned long long) fleet->options.seed);
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
start_client (fleet_t *fleet, int index)
{
    member_t *member = &fleet->clients[index];
    const bool waits = index >= FLEET_CLIENT_HOSTS;
    char rate[32], servers[8];
    snprintf (member->name, sizeof member->name, "client-%d", index + 1);
    member->host = FLEET_RENDEZVOUS + 1 + index % FLEET_CLIENT_HOSTS;
    snprintf (rate, sizeof rate, "%.3f", waits ? WAITING_RATE : fleet->options.rate / THREADS);
    snprintf (servers, sizeof servers, "%d", fleet->server_count);
    const char *const more[] = {"--role",
                                "client",
                                "--threads",
                                TEXT (THREADS),
                                "--rate",
                                rate,
                                "--timeout-ms",
                                fleet->options.is_patient ? TEXT (PATIENT_TIMEOUT_MS) : TEXT (TIMEOUT_MS),
                                "--slow-ms",
                                TEXT (SLOW_MS),
                                "--servers",
                                servers,
                                "--mix",
                                waits ? "call=80,fanout=20" : "async=85,cast=15",
                                fleet->options.is_patient ? "--patient" : NULL,
                                NULL};
    start_node (fleet, member, 0, more);
}

/* They are not struck themselves: what hits their hosts hits them. */
static void
start_notices (fleet_t *fleet)
{
    static const char *const pair[] = {"--role", "listener", "--pool", "pair", "--requeue", "5", NULL};
    static const char *const third[] = {"--role", "listener", "--pool", "third", NULL};
    static const char *const notifier[] = {
        "--role", "notifier", "--pools", "pair,third", "--threads", "2", "--rate", TEXT (NOTICE_RATE), NULL};
    for (int i = 0; i < FLEET_LISTENERS; i++) {
        member_t *const member = &fleet->listeners[i];
        snprintf (member->name, sizeof member->name, "listener-%d", i + 1);
        member->host = i + 1;
        start_node (fleet, member, 0, i < 2 ? pair : third);
    }
    snprintf (fleet->notifier.name, sizeof fleet->notifier.name, "notifier");
    fleet->notifier.host = FLEET_RENDEZVOUS + 1;
    start_node (fleet, &fleet->notifier, 0, notifier);
    for (int i = 0; i < FLEET_LISTENERS; i++)
        child_expect (&fleet->listeners[i].child, "ready", START_MS);
    child_expect (&fleet->notifier.child, "ready", START_MS);
}

static void
begin_server (fleet_t *fleet, int index)
{
    static const char *const more[] = {"--role", "server", NULL};
    member_t *member = &fleet->servers[index];
    snprintf (member->name, sizeof member->name, "server-%d", index + 1);
    start_node (fleet, member, fleet->options.port, more);
}

void
fleet_start_server (fleet_t *fleet, int index)
{
    begin_server (fleet, index);
    child_expect (&fleet->servers[index].child, "ready", START_MS);
}

void
fleet_start_stranger (fleet_t *fleet, int host)
{
    static const char *const more[] = {"--role", "server", "--topic", "something-else", NULL};
    member_t *member = &fleet->stranger;
    snprintf (member->name, sizeof member->name, "stranger");
    member->host = host;
    start_node (fleet, member, fleet->options.port, more);
    child_expect (&member->child, "ready", START_MS);
}

void
fleet_start_rendezvous (fleet_t *fleet, int index)
{
    member_t *member = &fleet->rendezvous[index];
    char program[FLEET_PATH_SIZE], errors[FLEET_PATH_SIZE], address[TEXT_SIZE];
    char realm[FLEET_PATH_SIZE + 8] = "--insecure", path[FLEET_PATH_SIZE];
    member->host = index + 1;
    snprintf (member->name, sizeof member->name, "rendezvous-%d", index + 1);
    snprintf (program, sizeof program, "%s/tools/godwit", fleet->options.build);
    print_path (fleet, errors, member->name, 0, ".stderr");
    snprintf (address, sizeof address, "%s:9573", network_address (member->host));
    if (fleet->options.is_secured) {
        fleet_realm_path (fleet, member->name, path);
        snprintf (realm, sizeof realm, "--realm=%s", path);
    }
    child_start (&member->child,
                 &(child_options_t){.name = member->name,
                                    .net = network_name (member->host),
                                    .errors = errors,
                                    .arguments = {program, "matchmaker", "--listen", address, realm}});
    child_expect (&member->child, "godwit matchmaker: ready", START_MS);
}

int
fleet_add_server (fleet_t *fleet)
{
    const int index = fleet->server_count;
    if (index == FLEET_SERVERS)
        hosts_fail ("at most %d servers", FLEET_SERVERS);
    fleet->servers[index].host = network_add_host ();
    fleet_start_server (fleet, index);
    fleet->server_count++;
    return index;
}

void
fleet_open (fleet_t *fleet, const fleet_options_t *options)
{
    char path[FLEET_PATH_SIZE], program[FLEET_PATH_SIZE];
    memset (fleet, 0, sizeof *fleet);
    fleet->options = *options;
    fleet->random.state = options->seed;
    random_below (&fleet->random, 2); /* the first one says little */
    fleet->nodes = 1;
    print_path (fleet, path, "runner", 1, HISTORY_SUFFIX);
    fleet->history = history_open (path, &(const history_options_t){.node = 1,
                                                                    .roles = HISTORY_RUNNER,
                                                                    .name = "runner",
                                                                    .host = "",
                                                                    .seed = options->seed,
                                                                    .capacity = 65536});
    if (!fleet->history)
        hosts_fail ("cannot make %s", path);
    if (options->is_secured)
        fleet_realm_make (fleet);
    snprintf (program, sizeof program, "%s/tests/hosts/wire", options->build);
    network_open (program, options->seed);
    for (int i = 0; i < FLEET_RENDEZVOUS + FLEET_CLIENT_HOSTS; i++)
        network_add_host ();
    for (int i = 0; i < FLEET_RENDEZVOUS; i++)
        fleet_start_rendezvous (fleet, i);
    fleet->server_count = options->servers;
    for (int i = 0; i < fleet->server_count; i++) {
        fleet->servers[i].host = i + 1;
        begin_server (fleet, i);
    }
    for (int i = 0; i < fleet->server_count; i++)
        child_expect (&fleet->servers[i].child, "ready", START_MS);
    for (int i = 0; i < FLEET_CLIENTS; i++)
        start_client (fleet, i);
    for (int i = 0; i < FLEET_CLIENTS; i++)
        child_expect (&fleet->clients[i].child, "ready", START_MS);
    start_notices (fleet);
}

int
fleet_members (fleet_t *fleet, member_t *members[FLEET_MEMBERS])
{
    int count = 0;
    for (int i = 0; i < FLEET_RENDEZVOUS; i++)
        members[count++] = &fleet->rendezvous[i];
    for (int i = 0; i < fleet->server_count; i++)
        members[count++] = &fleet->servers[i];
    for (int i = 0; i < FLEET_CLIENTS; i++)
        members[count++] = &fleet->clients[i];
    for (int i = 0; i < FLEET_LISTENERS; i++)
        members[count++] = &fleet->listeners[i];
    members[count++] = &fleet->notifier;
    return count;
}

/* --- what goes on
 * ------------------------------------------------------------------------------------------------ */

uint64_t
fleet_progress (const member_t *member)
{
    history_header_t header;
    FILE *file = fopen (member->log, "rb");
    const bool is_read = file && fread (&header, sizeof header, 1, file) == 1;
    if (file)
        fclose (file);
    return is_read ? header.claimed : 0;
}

int64_t
fleet_await_calls (const fleet_t *fleet, int64_t wait_limit_ms)
{
    uint64_t before[FLEET_SERVERS];
    const int64_t start_ms = hosts_now_ms ();
    for (int i = 0; i < fleet->server_count; i++)
        before[i] = fleet_progress (&fleet->servers[i]);
    for (int i = 0; i < fleet->server_count; i++) {
        const member_t *member = &fleet->servers[i];
        while (child_is_running (&member->child) && fleet_progress (member) < before[i] + SOME_RECORDS) {
            if (hosts_now_ms () - start_ms > wait_limit_ms) {
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
fleet_hit_host (fleet_t *fleet, history_fault_t fault, int host, const char *what)
{
    uint64_t id = 0;
    const member_t *all[FLEET_SERVERS + FLEET_CLIENTS + FLEET_LISTENERS + 1];
    int count = 0;
    for (int i = 0; i < fleet->server_count; i++)
        all[count++] = &fleet->servers[i];
    for (int i = 0; i < FLEET_CLIENTS; i++)
        all[count++] = &fleet->clients[i];
    for (int i = 0; i < FLEET_LISTENERS; i++)
        all[count++] = &fleet->listeners[i];
    all[count++] = &fleet->notifier;
    for (int i = 0; i < count; i++) {
        const member_t *const member = all[i];
        if (member->host != host)
            continue;
        if (id == 0)
            id = history_fault_begin (fleet->history, fault, member->node, what);
        else
            history_fault_also (fleet->history, id, fault, member->node, what);
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
fleet_stop (member_t *member)
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
fleet_stop_stranger (fleet_t *fleet)
{
    fleet_stop (&fleet->stranger);
    fleet->stranger_calls += count_calls (fleet->stranger.log);
}

int
fleet_close (fleet_t *fleet)
{
    int bad = 0;
    child_signal (&fleet->notifier.child, SIGTERM);
    for (int i = 0; i < FLEET_CLIENTS; i++)
        child_signal (&fleet->clients[i].child, SIGTERM);
    for (int i = 0; i < FLEET_CLIENTS; i++)
        bad += !end_well (&fleet->clients[i]);
    bad += !end_well (&fleet->notifier);
    for (int i = 0; i < FLEET_LISTENERS; i++)
        child_signal (&fleet->listeners[i].child, SIGTERM);
    for (int i = 0; i < FLEET_LISTENERS; i++)
        bad += !end_well (&fleet->listeners[i]);
    for (int i = 0; i < fleet->server_count; i++)
        child_signal (&fleet->servers[i].child, SIGTERM);
    for (int i = 0; i < fleet->server_count; i++)
        bad += !end_well (&fleet->servers[i]);
    for (int i = 0; i < FLEET_RENDEZVOUS; i++)
        child_signal (&fleet->rendezvous[i].child, SIGTERM);
    for (int i = 0; i < FLEET_RENDEZVOUS; i++)
        bad += !end_well (&fleet->rendezvous[i]);
    network_close ();
    history_close (fleet->history);
    fleet->history = NULL;
    return bad;
}
