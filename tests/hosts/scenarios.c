/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/fail.h"
#include "tests/hosts/fleet_realm.h"
#include "tests/hosts/scenario.h"

#include <signal.h>

/* heartbeat_timeout_ms. */
#define SILENCE_MS 2000

static member_t *
server_of (fleet_t *fleet, const strike_t *strike)
{
    return &fleet->servers[strike->target % fleet->server_count];
}

static int
host_of (fleet_t *fleet, const strike_t *strike)
{
    return server_of (fleet, strike)->host;
}

static void
hit (fleet_t *fleet, strike_t *strike, history_fault_t fault, const char *what)
{
    strike->fault = history_fault_begin (fleet->history, fault, server_of (fleet, strike)->node, what);
}

static void
note_end (fleet_t *fleet, strike_t *strike)
{
    history_fault_end (fleet->history, strike->fault);
}

/* --- processes
 * --------------------------------------------------------------------------------------------------- */

static void
kill_server (fleet_t *fleet, strike_t *strike)
{
    hit (fleet, strike, HISTORY_FAULT_KILL, "kill -9");
    child_kill (&server_of (fleet, strike)->child);
}

static void
start_server (fleet_t *fleet, strike_t *strike)
{
    fleet_start_server (fleet, strike->target % fleet->server_count);
    note_end (fleet, strike);
}

static void
freeze_server (fleet_t *fleet, strike_t *strike)
{
    hit (fleet, strike, HISTORY_FAULT_FREEZE, "SIGSTOP");
    child_signal (&server_of (fleet, strike)->child, SIGSTOP);
}

static void
thaw_server (fleet_t *fleet, strike_t *strike)
{
    child_signal (&server_of (fleet, strike)->child, SIGCONT);
    note_end (fleet, strike);
}

static void
restart_all (fleet_t *fleet, strike_t *strike)
{
    for (int i = 0; i < fleet->server_count; i++) {
        strike->target = i;
        hit (fleet, strike, HISTORY_FAULT_STOP, "restart");
        fleet_stop (server_of (fleet, strike));
        fleet_start_server (fleet, i);
        note_end (fleet, strike);
    }
}

static void
replace_server (fleet_t *fleet, strike_t *strike)
{
    kill_server (fleet, strike);
    fleet_start_stranger (fleet, host_of (fleet, strike));
}

static void
bring_server_back (fleet_t *fleet, strike_t *strike)
{
    fleet_stop_stranger (fleet);
    start_server (fleet, strike);
}

static void
add_server (fleet_t *fleet, strike_t *strike)
{
    (void) strike;
    fleet_add_server (fleet);
}

/* --- the network
 * ------------------------------------------------------------------------------------------------- */

static void
hit_host (fleet_t *fleet, strike_t *strike, const char *what)
{
    strike->fault = fleet_hit_host (fleet, HISTORY_FAULT_NETWORK, host_of (fleet, strike), what);
}

static void
heal (fleet_t *fleet, strike_t *strike)
{
    network_heal ();
    note_end (fleet, strike);
}

static void
pull_cable (fleet_t *fleet, strike_t *strike)
{
    hit_host (fleet, strike, "link down");
    network_link (host_of (fleet, strike), false);
}

static void
lose_frames (fleet_t *fleet, strike_t *strike)
{
    hit_host (fleet, strike, "30 % loss");
    network_set_host (host_of (fleet, strike), (network_fault_t){.loss_permille = 300});
}

static void
delay_frames (fleet_t *fleet, strike_t *strike)
{
    hit_host (fleet, strike, "200 ms delay");
    network_set_host (host_of (fleet, strike), (network_fault_t){.delay_ms = 200});
}

static void
cut_off_requests (fleet_t *fleet, strike_t *strike)
{
    hit_host (fleet, strike, "nothing reaches it");
    network_set (NETWORK_ALL, host_of (fleet, strike), (network_fault_t){.is_cut = true});
}

static void
cut_off_replies (fleet_t *fleet, strike_t *strike)
{
    hit_host (fleet, strike, "nothing leaves it");
    network_set (host_of (fleet, strike), NETWORK_ALL, (network_fault_t){.is_cut = true});
}

/* --- names
 * ------------------------------------------------------------------------------------------------------- */

static void
kill_rendezvous (fleet_t *fleet, strike_t *strike)
{
    strike->fault = history_fault_begin (fleet->history, HISTORY_FAULT_NAMES, 0, "a rendezvous lost");
    child_kill (&fleet->rendezvous[strike->target % FLEET_RENDEZVOUS].child);
}

static void
start_rendezvous (fleet_t *fleet, strike_t *strike)
{
    fleet_start_rendezvous (fleet, strike->target % FLEET_RENDEZVOUS);
    note_end (fleet, strike);
}

static void
kill_all_rendezvous (fleet_t *fleet, strike_t *strike)
{
    strike->fault = history_fault_begin (fleet->history, HISTORY_FAULT_NAMES, 0, "all rendezvous lost");
    for (int i = 0; i < FLEET_RENDEZVOUS; i++)
        child_kill (&fleet->rendezvous[i].child);
}

static void
start_all_rendezvous (fleet_t *fleet, strike_t *strike)
{
    for (int i = 0; i < FLEET_RENDEZVOUS; i++)
        fleet_start_rendezvous (fleet, i);
    note_end (fleet, strike);
}

/* --- the realm
 * ------------------------------------------------------------------------------------------------------- */

/* New connections, while not everybody has the same keys. */
static void
restart_one (fleet_t *fleet, strike_t *strike)
{
    strike->target++;
    fleet_stop (server_of (fleet, strike));
    fleet_start_server (fleet, strike->target % fleet->server_count);
}

/* Half of the processes have theirs while the others do not. */
static void
issue_all (fleet_t *fleet, strike_t *strike)
{
    fleet_realm_issue_half (fleet, 0);
    restart_one (fleet, strike);
    fleet_realm_issue_half (fleet, 1);
}

/* A rendezvous looks at its files every 5 s. */
#define READ_MS 7000
#define STEPS_MAX 3
#define OPTIONS_MAX 3 /* of a step, with the NULL behind the last one */

/* What is rotated, and the steps: what `godwit realm rotate` is told. */
static const struct {
    const char *what;
    int step_count; /* 0: only new certificates */
    const char *steps[STEPS_MAX][OPTIONS_MAX];
} rotations[] = {
    {"certificates", 0, {{NULL}}},
    {"door", 2, {{"--door"}, {"--door", "--finish"}}},
    {"realm key", 3, {{NULL}, {"--switch"}, {"--finish"}}},
};

#define ROTATIONS (sizeof rotations / sizeof rotations[0])

static void
rotate (fleet_t *fleet, strike_t *strike)
{
    const size_t index = fleet->rotations++ % ROTATIONS;
    strike->fault = history_fault_begin (fleet->history, HISTORY_FAULT_NAMES, 0, rotations[index].what);
    if (rotations[index].step_count == 0)
        issue_all (fleet, strike);
    for (int step = 0; step < rotations[index].step_count; step++) {
        fleet_realm_rotate (fleet, rotations[index].steps[step]);
        issue_all (fleet, strike);
        hosts_wait (-1, READ_MS);
    }
}

static void
end_rotation (fleet_t *fleet, strike_t *strike)
{
    note_end (fleet, strike);
}

/* From then on it is cut off, as it were: no call may fail because of that. */
static void
revoke_server (fleet_t *fleet, strike_t *strike)
{
    hit (fleet, strike, HISTORY_FAULT_NETWORK, "revoked");
    fleet_realm_revoke (fleet, server_of (fleet, strike)->name);
}

static void
stop_revoked (fleet_t *fleet, strike_t *strike)
{
    fleet_stop (server_of (fleet, strike));
    note_end (fleet, strike);
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
     .servers = 3,
     .may_pause = true},
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
     .back_limit_ms = 5000,
     .most = NETWORK_HOSTS - FLEET_RENDEZVOUS - FLEET_CLIENT_HOSTS,
     .servers = 3,
     .must_not_fail = true},
    {.name = "restart",
     .title = "rolling restart of five",
     .begin = restart_all,
     .hold_ms = {500, 1000},
     .gap_ms = {500, 1000},
     .servers = 5,
     .must_not_fail = true},
    {.name = "rotations",
     .title = "new certificates, door, realm key",
     .begin = rotate,
     .end = end_rotation,
     .hold_ms = {500, 1000},
     .gap_ms = {500, 1000},
     .most = ROTATIONS,
     .servers = 3,
     .is_secured = true,
     .must_not_fail = true},
    {.name = "revoked",
     .title = "a server's certificate revoked",
     .begin = revoke_server,
     .end = stop_revoked,
     .hold_ms = {7000, 8000},
     .gap_ms = {1000, 2000},
     .most = 1,
     .servers = 3,
     .is_secured = true,
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
