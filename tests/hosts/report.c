#include "tests/hosts/report.h"

#include <godwit/error.h>

void
report_head (FILE *out)
{
    fprintf (out, "%-27s %6s %9s %9s %9s %9s %9s %7s %6s %10s %9s %7s\n", "", "", "calls", "", "", "", "", "",
             "", "worst de-", "ran", "lost in");
    fprintf (out, "%-27s %6s %9s %9s %9s %9s %9s %7s %6s %10s %9s %7s\n", "fault", "times", "tried", "ok",
             "NOT_SENT", "REJECTED", "MAYBE_RUN", "RAN", "none", "tection ms", "twice", "silence");
}

static void
print (FILE *out, const char *title, unsigned times, const check_summary_t *summary)
{
    const uint64_t *outcomes = summary->outcomes;
    fprintf (out, "%-27s %6u %9llu %9llu %9llu %9llu %9llu %7llu %6llu %10.1f %9llu %7llu\n", title, times,
             (unsigned long long) summary->tried, (unsigned long long) outcomes[CHECK_SUCCEEDED],
             (unsigned long long) outcomes[GODWIT_OUTCOME_NOT_SENT],
             (unsigned long long) outcomes[GODWIT_OUTCOME_REJECTED],
             (unsigned long long) outcomes[GODWIT_OUTCOME_MAYBE_RUN],
             (unsigned long long) outcomes[GODWIT_OUTCOME_RAN],
             (unsigned long long) outcomes[GODWIT_OUTCOME_NONE], (double) summary->detection_ns / 1e6,
             (unsigned long long) summary->violations[CHECK_RAN_TWICE],
             (unsigned long long) check_lost (summary));
}

void
report_row (FILE *out, const scenario_t *scenario, const scenario_result_t *result)
{
    print (out, scenario->title, result->strikes, &result->summary);
}

void
report_no_row (FILE *out, const scenario_t *scenario)
{
    fprintf (out, "%-27s did not come to its end\n", scenario->title);
}

void
report_sum (FILE *out, const scenario_result_t *results, size_t count)
{
    check_summary_t sum = {.tried = 0};
    unsigned times = 0;
    for (size_t i = 0; i < count; i++) {
        const check_summary_t *summary = &results[i].summary;
        times += results[i].strikes;
        sum.tried += summary->tried;
        for (int j = 0; j < CHECK_OUTCOMES; j++)
            sum.outcomes[j] += summary->outcomes[j];
        for (int j = 0; j < CHECK_RULE_COUNT; j++)
            sum.violations[j] += summary->violations[j];
        if (summary->detection_ns > sum.detection_ns)
            sum.detection_ns = summary->detection_ns;
    }
    print (out, "all", times, &sum);
}
