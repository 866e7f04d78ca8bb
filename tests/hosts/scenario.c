#include "tests/hosts/scenario.h"
#include "tests/hosts/fail.h"

#include <godwit/error.h>

#include <stdio.h>

enum { STRIKES = 64, BACK_MS = 15000, SHOWN = 5 };

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
make_plan (plan_t *plan, const scenario_t *scenario, cluster_t *cluster, unsigned seconds)
{
    const unsigned most = scenario->most > 0 && scenario->most < STRIKES ? scenario->most : STRIKES;
    unsigned used_ms = 0;
    plan->count = 0;
    if (!scenario->begin)
        return;
    while (plan->count < most && (plan->count == 0 || used_ms < seconds * 1000)) {
        strike_t *strike = &plan->strikes[plan->count++];
        *strike = (strike_t){.target = (int) random_below (&cluster->random, 1000),
                             .gap_ms = between (&cluster->random, scenario->gap_ms),
                             .hold_ms = between (&cluster->random, scenario->hold_ms)};
        used_ms += strike->gap_ms + strike->hold_ms;
    }
}

static void
carry_out (plan_t *plan, const scenario_t *scenario, cluster_t *cluster, scenario_result_t *result)
{
    result->back_ms = cluster_await_calls (cluster, BACK_MS) < 0 ? -1 : 0;
    for (unsigned i = 0; i < plan->count && result->back_ms >= 0; i++) {
        strike_t *strike = &plan->strikes[i];
        hosts_wait (-1, strike->gap_ms);
        scenario->begin (cluster, strike);
        hosts_wait (-1, strike->hold_ms);
        if (scenario->end)
            scenario->end (cluster, strike);
        const int64_t back_ms = cluster_await_calls (cluster, BACK_MS);
        result->strikes++;
        if (back_ms < 0 || back_ms > result->back_ms)
            result->back_ms = back_ms;
    }
}

static void
judge (const scenario_t *scenario, const scenario_options_t *options, unsigned stranger_calls,
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
    if (scenario->detection_limit_ms > 0 && summary->detection_ns > limit_ns) {
        printf ("%s: a call that the fault hit ended after %llu ms, expected %u and at most %u more\n",
                scenario->name, (unsigned long long) (summary->detection_ns / 1000000),
                scenario->detection_limit_ms, options->margin_ms);
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
    static cluster_t cluster;
    static plan_t plan;
    const int64_t start_ms = hosts_now_ms ();
    *result = (scenario_result_t){.broken = 0};
    cluster_open (&cluster, &(cluster_options_t){.build = options->build,
                                                 .folder = options->folder,
                                                 .seed = options->seed,
                                                 .rate = options->rate,
                                                 .servers = scenario->servers,
                                                 .port = scenario->port});
    make_plan (&plan, scenario, &cluster, options->seconds);
    const int64_t end_ms = hosts_now_ms () + (int64_t) options->seconds * 1000;
    carry_out (&plan, scenario, &cluster, result);
    while (result->back_ms >= 0 && hosts_now_ms () < end_ms)
        hosts_wait (-1, end_ms - hosts_now_ms ());
    result->broken += (unsigned) cluster_close (&cluster);
    if (!check_run (options->folder, &(check_options_t){.out = stdout, .shown = SHOWN}, &result->summary))
        hosts_fail ("the histories in %s cannot be checked", options->folder);
    judge (scenario, options, cluster.stranger_calls, result);
    printf ("%s: %u faults, %llu calls in %.1f s\n", scenario->name, result->strikes,
            (unsigned long long) result->summary.tried, (double) (hosts_now_ms () - start_ms) / 1000);
}
