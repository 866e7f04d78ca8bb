/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/scenario.h"
#include "tests/hosts/fail.h"
#include "tests/hosts/pause.h"

#include <godwit/error.h>

#include <stdio.h>

enum { STRIKES = 64, BACK_MS = 15000, SHOWN = 5, PAUSE_MS = 500 };

typedef struct plan {
    strike_t strikes[STRIKES];
    unsigned count;
} plan_t;

static unsigned
between (random_t *random, const unsigned limits[2])
{
    return limits[0] + random_below (random, limits[1] - limits[0] + 1);
}

/* All of it follows from the seed. */
static void
make_plan (plan_t *plan, const scenario_t *scenario, fleet_t *fleet, unsigned seconds)
{
    const unsigned most = scenario->most > 0 && scenario->most < STRIKES ? scenario->most : STRIKES;
    unsigned used_ms = 0;
    plan->count = 0;
    if (!scenario->begin)
        return;
    while (plan->count < most && (plan->count == 0 || used_ms < seconds * 1000)) {
        strike_t *strike = &plan->strikes[plan->count++];
        *strike = (strike_t){.target = (int) random_below (&fleet->random, 1000),
                             .gap_ms = between (&fleet->random, scenario->gap_ms),
                             .hold_ms = between (&fleet->random, scenario->hold_ms)};
        used_ms += strike->gap_ms + strike->hold_ms;
    }
}

static void
carry_out (plan_t *plan, const scenario_t *scenario, fleet_t *fleet, scenario_result_t *result)
{
    result->back_ms = fleet_await_calls (fleet, BACK_MS) < 0 ? -1 : 0;
    for (unsigned i = 0; i < plan->count && result->back_ms >= 0; i++) {
        strike_t *strike = &plan->strikes[i];
        hosts_wait (-1, strike->gap_ms);
        scenario->begin (fleet, strike);
        hosts_wait (-1, strike->hold_ms);
        if (scenario->end)
            scenario->end (fleet, strike);
        const int64_t back_ms = fleet_await_calls (fleet, BACK_MS);
        result->strikes++;
        if (back_ms < 0 || back_ms > result->back_ms)
            result->back_ms = back_ms;
    }
}

/* Of the clients whose load does not depend on what becomes of it. */
static int64_t
find_pause (const fleet_t *fleet)
{
    int64_t longest_ms = 0;
    for (int i = 0; i < FLEET_CLIENT_HOSTS; i++) {
        const int64_t pause_ms = pause_longest_ms (fleet->clients[i].log);
        if (pause_ms < 0)
            return -1;
        if (pause_ms > longest_ms)
            longest_ms = pause_ms;
    }
    return longest_ms;
}

static void
examine (const scenario_t *scenario, const scenario_options_t *options, unsigned stranger_calls,
         scenario_result_t *result)
{
    const check_summary_t *summary = &result->summary;
    const uint64_t *outcomes = summary->outcomes;
    const uint64_t limit_ns = (uint64_t) (scenario->detection_limit_ms + options->margin_ms) * 1000000;
    const uint64_t failed = outcomes[GODWIT_OUTCOME_NOT_SENT] + outcomes[GODWIT_OUTCOME_REJECTED] +
                            outcomes[GODWIT_OUTCOME_MAYBE_RUN] + outcomes[GODWIT_OUTCOME_NONE];
    result->broken += check_broken (summary) > 0;
    if (result->back_ms < 0) {
        printf ("%s: not all servers are called\n", scenario->name);
        result->broken++;
    }
    if (scenario->back_limit_ms > 0 &&
        result->back_ms > (int64_t) scenario->back_limit_ms + options->margin_ms) {
        printf ("%s: all servers were called after %d ms, expected %u and at most %u more\n", scenario->name,
                (int) result->back_ms, scenario->back_limit_ms, options->margin_ms);
        result->broken++;
    }
    if (scenario->detection_limit_ms > 0 && summary->detection_ns > limit_ns) {
        printf ("%s: a call that the fault hit ended after %llu ms, expected %u and at most %u more\n",
                scenario->name, (unsigned long long) (summary->detection_ns / 1000000),
                scenario->detection_limit_ms, options->margin_ms);
        result->broken++;
    }
    if (!scenario->may_pause && (result->pause_ms < 0 || result->pause_ms > PAUSE_MS + options->margin_ms)) {
        printf ("%s: for %d ms no call succeeded, expected at most %d and %u more\n", scenario->name,
                (int) result->pause_ms, PAUSE_MS, options->margin_ms);
        result->broken++;
    }
    if (scenario->must_not_fail && failed > 0) {
        printf ("%s: %llu calls failed, expected none\n", scenario->name, (unsigned long long) failed);
        result->broken++;
    }
    if (stranger_calls > 0) {
        printf ("%s: who has the address now was called %u times\n", scenario->name, stranger_calls);
        result->broken++;
    }
}

void
scenario_run (const scenario_t *scenario, const scenario_options_t *options, scenario_result_t *result)
{
    static fleet_t fleet;
    static plan_t plan;
    const int64_t start_ms = hosts_now_ms ();
    *result = (scenario_result_t){.broken = 0};
    fleet_open (&fleet, &(fleet_options_t){.build = options->build,
                                           .folder = options->folder,
                                           .seed = options->seed,
                                           .rate = options->rate,
                                           .servers = scenario->servers,
                                           .is_patient = scenario->must_not_fail,
                                           .port = scenario->port,
                                           .is_secured = scenario->is_secured});
    make_plan (&plan, scenario, &fleet, options->seconds);
    const int64_t end_ms = hosts_now_ms () + (int64_t) options->seconds * 1000;
    carry_out (&plan, scenario, &fleet, result);
    while (result->back_ms >= 0 && hosts_now_ms () < end_ms)
        hosts_wait (-1, end_ms - hosts_now_ms ());
    result->broken += (unsigned) fleet_close (&fleet);
    if (!check_run (options->folder,
                    &(check_options_t){.out = stdout, .shown = SHOWN, .late_ms = options->late_ms},
                    &result->summary))
        hosts_fail ("the histories in %s cannot be checked", options->folder);
    result->pause_ms = find_pause (&fleet);
    examine (scenario, options, fleet.stranger_calls, result);
    printf ("%s: %llu notifications: %llu delivered, %llu of them marked, %llu came again\n", scenario->name,
            (unsigned long long) result->summary.notices.accepted,
            (unsigned long long) result->summary.notices.deliveries,
            (unsigned long long) result->summary.notices.marked,
            (unsigned long long) result->summary.notices.twice);
    printf (
        "%s: %u faults, %llu calls in %.1f s; at worst no call succeeded for %d ms, all servers were called "
        "again after %d ms, and a call ended %.0f ms late\n",
        scenario->name, result->strikes, (unsigned long long) result->summary.tried,
        (double) (hosts_now_ms () - start_ms) / 1000, (int) result->pause_ms, (int) result->back_ms,
        (double) result->summary.late_ns / 1e6);
}
