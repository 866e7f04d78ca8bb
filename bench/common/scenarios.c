/* SPDX-License-Identifier: Apache-2.0 */
#include "alone.h"
#include "die.h"
#include "scenario.h"
#include "silent.h"

#include <string.h>

const bench_scenario_t bench_scenarios[] = {
    {
        .name = "idle1000",
        .what = "a server with 1,000 silent clients: its processor time, descriptors and memory",
        .names = {"connections", "connections_fds", "connections_kib"},
        .run = bench_scenario_idle,
        .limit_s = 120,
    },
    {
        .name = "connect_curve",
        .what = "a server's processor time and memory for each client that connects, in a realm and without",
        .names = {"connect_curve_ms", "connect_curve_kib"},
        .run = bench_scenario_connect,
        .limit_s = 120,
    },
    {
        .name = "instructions",
        .what = "user-space instructions of a call over tcp, of the client's and the server's thread",
        .names = {"instructions_client", "instructions_server"},
        .run = bench_scenario_instructions,
        .limit_s = 240,
    },
    {
        .name = "many_connections",
        .what = "10,000 silent connections to one server: its memory, and another client's calls",
        .names = {"many_connections_mib", "many_connections_p99"},
        .run = bench_scenario_many_connections,
        .limit_s = 120,
    },
    {
        .name = "many_servers",
        .what = "one client that calls each of 2,000 servers once",
        .names = {"many_servers_s"},
        .run = bench_scenario_many_servers,
        .limit_s = 180,
    },
};

const size_t bench_scenarios_count = sizeof bench_scenarios / sizeof *bench_scenarios;

const bench_scenario_t *
bench_scenario_find (const char *name)
{
    for (size_t i = 0; i < bench_scenarios_count; i++) {
        const bench_scenario_t *scenario = &bench_scenarios[i];
        if (strcmp (scenario->name, name) == 0)
            return scenario;
        for (size_t n = 0; n < sizeof scenario->names / sizeof *scenario->names; n++)
            if (scenario->names[n] != NULL && strcmp (scenario->names[n], name) == 0)
                return scenario;
    }
    return NULL;
}

int
bench_role_run (const char *name, char **arguments)
{
    static const struct {
        const char *name;
        size_t arguments;
        int (*run) (char **arguments);
    } roles[] = {
        {"silent", 3, bench_silent_main},
        {"godwit-alone", 0, bench_alone_godwit_main},
        {"member-alone", 1, bench_alone_member_main},
        {"bare-alone", 0, bench_alone_bare_main},
        {"servers", 2, bench_many_servers_main},
        {"clients", 2, bench_clients_main},
    };

    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp (roles[i].name, name) != 0)
            continue;
        for (size_t n = 0; n < roles[i].arguments; n++)
            if (arguments[n] == NULL)
                bench_die ("the role %s has %zu arguments", name, roles[i].arguments);
        return roles[i].run (arguments);
    }
    bench_die ("there is no role %s", name);
}
