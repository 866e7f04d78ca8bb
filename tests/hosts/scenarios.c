#include "tests/hosts/fail.h"
#include "tests/hosts/scenario.h"

#include <signal.h>

/* After 2 s a silent peer is given up; libzmq looks every 500 ms. */
#define SILENCE_MS 2500

static member_t *
server_of (cluster_t *cluster, const strike_t *strike)
{
    return &cluster->servers[strike->target % cluster->server_count];
}

static int
host_of (cluster_t *cluster, const strike_t *strike)
{
    return server_of (cluster, strike)->host;
}

static void
hit (cluster_t *cluster, strike_t *strike, history_fault_t fault, const char *what)
{
    strike->fault = history_fault_begin (cluster->history, fault, server_of (cluster, strike)->node, what);
}

static void
note_end (cluster_t *cluster, strike_t *strike)
{
    history_fault_end (cluster->history, strike->fault);
}

/* --- processes
 * --------------------------------------------------------------------------------------------------- */

static void
kill_server (cluster_t *cluster, strike_t *strike)
{
    hit (cluster, strike, HISTORY_FAULT_KILL, "kill -9");
    child_kill (&server_of (cluster, strike)->child);
}

static void
start_server (cluster_t *cluster, strike_t *strike)
{
    cluster_start_server (cluster, strike->target % cluster->server_count);
    note_end (cluster, strike);
}

static void
freeze_server (cluster_t *cluster, strike_t *strike)
{
    hit (cluster, strike, HISTORY_FAULT_FREEZE, "SIGSTOP");
    child_signal (&server_of (cluster, strike)->child, SIGSTOP);
}

static void
thaw_server (cluster_t *cluster, strike_t *strike)
{
    child_signal (&server_of (cluster, strike)->child, SIGCONT);
    note_end (cluster, strike);
}

static void
restart_all (cluster_t *cluster, strike_t *strike)
{
    for (int i = 0; i < cluster->server_count; i++) {
        strike->target = i;
        hit (cluster, strike, HISTORY_FAULT_STOP, "restart");
        cluster_stop (server_of (cluster, strike));
        cluster_start_server (cluster, i);
        note_end (cluster, strike);
    }
}

static void
replace_server (cluster_t *cluster, strike_t *strike)
{
    kill_server (cluster, strike);
    cluster_start_stranger (cluster, host_of (cluster, strike));
}

static void
bring_server_back (cluster_t *cluster, strike_t *strike)
{
    cluster_stop_stranger (cluster);
    start_server (cluster, strike);
}

static void
add_server (cluster_t *cluster, strike_t *strike)
{
    (void) strike;
    cluster_add_server (cluster);
}

/* --- the network
 * ------------------------------------------------------------------------------------------------- */

static void
hit_host (cluster_t *cluster, strike_t *strike, const char *what)
{
    strike->fault = cluster_hit_host (cluster, HISTORY_FAULT_NETWORK, host_of (cluster, strike), what);
}

static void
heal (cluster_t *cluster, strike_t *strike)
{
    network_heal ();
    note_end (cluster, strike);
}

static void
pull_cable (cluster_t *cluster, strike_t *strike)
{
    hit_host (cluster, strike, "link down");
    network_link (host_of (cluster, strike), false);
}

static void
lose_frames (cluster_t *cluster, strike_t *strike)
{
    hit_host (cluster, strike, "30 % loss");
    network_set_host (host_of (cluster, strike), (network_fault_t){.loss_permille = 300});
}

static void
delay_frames (cluster_t *cluster, strike_t *strike)
{
    hit_host (cluster, strike, "200 ms delay");
    network_set_host (host_of (cluster, strike), (network_fault_t){.delay_ms = 200});
}

static void
cut_off_requests (cluster_t *cluster, strike_t *strike)
{
    hit_host (cluster, strike, "nothing reaches it");
    network_set (NETWORK_ALL, host_of (cluster, strike), (network_fault_t){.is_cut = true});
}

static void
cut_off_replies (cluster_t *cluster, strike_t *strike)
{
    hit_host (cluster, strike, "nothing leaves it");
    network_set (host_of (cluster, strike), NETWORK_ALL, (network_fault_t){.is_cut = true});
}

/* --- names
 * ------------------------------------------------------------------------------------------------------- */

static void
kill_rendezvous (cluster_t *cluster, strike_t *strike)
{
    strike->fault = history_fault_begin (cluster->history, HISTORY_FAULT_NAMES, 0, "a rendezvous lost");
    child_kill (&cluster->rendezvous[strike->target % CLUSTER_RENDEZVOUS].child);
}

static void
start_rendezvous (cluster_t *cluster, strike_t *strike)
{
    cluster_start_rendezvous (cluster, strike->target % CLUSTER_RENDEZVOUS);
    note_end (cluster, strike);
}

static void
kill_all_rendezvous (cluster_t *cluster, strike_t *strike)
{
    strike->fault = history_fault_begin (cluster->history, HISTORY_FAULT_NAMES, 0, "all rendezvous lost");
    for (int i = 0; i < CLUSTER_RENDEZVOUS; i++)
        child_kill (&cluster->rendezvous[i].child);
}

static void
start_all_rendezvous (cluster_t *cluster, strike_t *strike)
{
    for (int i = 0; i < CLUSTER_RENDEZVOUS; i++)
        cluster_start_rendezvous (cluster, i);
    note_end (cluster, strike);
}

/* --- all of them
 * ------------------------------------------------------------------------------------------------- */

const scenario_t scenarios[] = {
    {.name = "calm", .title = "none", .servers = 3, .must_not_fail = true},
    {.name = "kill",
     .title = "kill -9 of a server",
     .begin = kill_server,
     .end = start_server,
     .hold_ms = {300, 1500},
     .gap_ms = {500, 1500},
     .servers = 3,
     .detection_limit_ms = 50},
    {.name = "freeze",
     .title = "SIGSTOP of a server",
     .begin = freeze_server,
     .end = thaw_server,
     .hold_ms = {2500, 5000},
     .gap_ms = {500, 1500},
     .servers = 3,
     .detection_limit_ms = SILENCE_MS},
    {.name = "link",
     .title = "link down",
     .begin = pull_cable,
     .end = heal,
     .hold_ms = {3000, 5000},
     .gap_ms = {500, 1500},
     .servers = 3,
     .detection_limit_ms = SILENCE_MS},
    {.name = "loss",
     .title = "30 % loss",
     .begin = lose_frames,
     .end = heal,
     .hold_ms = {3000, 6000},
     .gap_ms = {500, 1500},
     .servers = 3},
    {.name = "delay",
     .title = "200 ms delay",
     .begin = delay_frames,
     .end = heal,
     .hold_ms = {3000, 6000},
     .gap_ms = {500, 1500},
     .servers = 3},
    {.name = "deaf",
     .title = "one-way partition, to it",
     .begin = cut_off_requests,
     .end = heal,
     .hold_ms = {3000, 5000},
     .gap_ms = {500, 1500},
     .servers = 3,
     .detection_limit_ms = SILENCE_MS},
    {.name = "mute",
     .title = "one-way partition, from it",
     .begin = cut_off_replies,
     .end = heal,
     .hold_ms = {3000, 5000},
     .gap_ms = {500, 1500},
     .servers = 3,
     .detection_limit_ms = SILENCE_MS},
    {.name = "rendezvous",
     .title = "a rendezvous lost",
     .begin = kill_rendezvous,
     .end = start_rendezvous,
     .hold_ms = {1000, 3000},
     .gap_ms = {500, 1500},
     .servers = 3,
     .must_not_fail = true},
    {.name = "names",
     .title = "all rendezvous lost",
     .begin = kill_all_rendezvous,
     .end = start_all_rendezvous,
     .hold_ms = {2000, 6000},
     .gap_ms = {500, 1500},
     .servers = 3,
     .must_not_fail = true},
    {.name = "added",
     .title = "a host added",
     .begin = add_server,
     .hold_ms = {500, 2000},
     .gap_ms = {500, 1500},
     .most = NETWORK_HOSTS - CLUSTER_RENDEZVOUS - CLUSTER_CLIENT_HOSTS,
     .servers = 3,
     .must_not_fail = true},
    {.name = "restart",
     .title = "rolling restart of five",
     .begin = restart_all,
     .hold_ms = {500, 1000},
     .gap_ms = {500, 1000},
     .servers = 5,
     .must_not_fail = true},
    {.name = "reuse",
     .title = "address used by another",
     .begin = replace_server,
     .end = bring_server_back,
     .hold_ms = {500, 2000},
     .gap_ms = {500, 1500},
     .servers = 3,
     .port = 9600,
     .detection_limit_ms = 50},
};

const size_t scenario_count = sizeof scenarios / sizeof *scenarios;
