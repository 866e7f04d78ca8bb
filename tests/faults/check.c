/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/check.h"

#include "tests/faults/check_inside.h"

#include <string.h>

bool
check_run (const char *folder, const check_options_t *options, check_summary_t *summary)
{
    check_t check = {.options = options, .summary = summary};
    memset (summary, 0, sizeof *summary);
    bool done = check_open (&check, folder);
    if (done) {
        check_read (&check);
        check_processes (&check);
        check_calls (&check);
        check_fanouts (&check);
        check_detection (&check);
        check_notices (&check);
        check_explain (&check, check.latest, "the latest after its deadline");
        check_explain (&check, check.worst_fault, "the fault that was found out last");
        check_explain (&check, check.worst_hit, "the call that it hit, and that ended last");
        done = !check.is_short;
        check_show (&check);
    }
    if (check.is_short && options->out)
        fprintf (options->out, "%s: out of memory\n", folder);
    check_close (&check);
    return done;
}

uint64_t
check_broken (const check_summary_t *summary)
{
    uint64_t sum = 0;
    for (int rule = 0; rule < CHECK_RULE_COUNT; rule++)
        sum += summary->violations[rule];
    return sum;
}

uint64_t
check_lost (const check_summary_t *summary)
{
    return summary->violations[CHECK_NEVER_ENDED] + summary->violations[CHECK_CAST_LOST] +
           summary->violations[CHECK_FANOUT_LESS] + summary->violations[CHECK_NOTICE_LOST] +
           summary->violations[CHECK_NOTICE_LEFT];
}

/* ---- reports ---- */

typedef struct column {
    const char *name;
    double value;
    int decimals; /* of TSV */
} column_t;

#define COLUMNS 29

static size_t
columns_of (const check_summary_t *summary, column_t columns[COLUMNS])
{
    static const check_summary_t none;
    const check_summary_t *of = summary ? summary : &none;
    const column_t all[] = {
        {"tried", (double) of->tried, 0},
        {"ok", (double) of->outcomes[CHECK_SUCCEEDED], 0},
        {"not_sent", (double) of->outcomes[GODWIT_OUTCOME_NOT_SENT], 0},
        {"rejected", (double) of->outcomes[GODWIT_OUTCOME_REJECTED], 0},
        {"maybe_run", (double) of->outcomes[GODWIT_OUTCOME_MAYBE_RUN], 0},
        {"ran", (double) of->outcomes[GODWIT_OUTCOME_RAN], 0},
        {"none", (double) of->outcomes[GODWIT_OUTCOME_NONE], 0},
        {"unfinished", (double) of->unfinished, 0},
        {"detection_ms", (double) of->detection_ns / 1e6, 1},
        {"ran_twice", (double) of->violations[CHECK_RAN_TWICE], 0},
        {"lost", (double) check_lost (of), 0},
        {"broken", (double) check_broken (of), 0},
        {"casts", (double) of->kinds[HISTORY_CAST], 0},
        {"fanouts", (double) of->kinds[HISTORY_FANOUT], 0},
        {"fanout_calls", (double) of->kinds[HISTORY_FANOUT_CALL], 0},
        {"idempotent", (double) of->kinds[HISTORY_IDEMPOTENT], 0},
        {"ran_again", (double) of->ran_again, 0},
        {"runs", (double) of->runs, 0},
        {"casts_gone", (double) of->casts_gone, 0},
        {"faults", (double) of->faults, 0},
        {"hit", (double) of->hit, 0},
        {"late_ms", (double) of->late_ns / 1e6, 1},
        {"stall_ms", (double) of->stall_ns / 1e6, 1},
        {"torn", (double) of->torn, 0},
        {"notices", (double) of->notices.accepted, 0},
        {"delivered", (double) of->notices.deliveries, 0},
        {"marked", (double) of->notices.marked, 0},
        {"came_again", (double) of->notices.twice, 0},
        {"notices_gone", (double) of->notices.gone, 0},
    };
    _Static_assert(sizeof all / sizeof all[0] == COLUMNS, "all columns");
    memcpy (columns, all, sizeof all);
    return COLUMNS;
}

static void
print_tsv_head (FILE *out)
{
    column_t columns[COLUMNS];
    columns_of (NULL, columns);
    fprintf (out, "run");
    for (size_t i = 0; i < COLUMNS; i++)
        fprintf (out, "\t%s", columns[i].name);
    fputc ('\n', out);
}

FILE *
check_open_tsv (const char *path)
{
    FILE *const tsv = strcmp (path, "-") == 0 ? stdout : fopen (path, "ae");
    if (!tsv)
        perror (path);
    else if (tsv == stdout || ftell (tsv) == 0)
        print_tsv_head (tsv);
    return tsv;
}

void
check_print_tsv (FILE *out, const char *name, const check_summary_t *summary)
{
    column_t columns[COLUMNS];
    columns_of (summary, columns);
    fprintf (out, "%s", name);
    for (size_t i = 0; i < COLUMNS; i++)
        fprintf (out, "\t%.*f", columns[i].decimals, columns[i].value);
    fputc ('\n', out);
}

static void
print_lateness (FILE *out, const char *name, const char *what, const uint64_t counts[HISTORY_LATENESS_STEPS])
{
    fprintf (out, "%s: %-22s", name, what);
    for (unsigned step = 0; step < HISTORY_LATENESS_STEPS; step++)
        fprintf (out, " %8llu", (unsigned long long) counts[step]);
    fputc ('\n', out);
}

void
check_print (FILE *out, const char *name, const check_summary_t *summary)
{
    const uint64_t *outcomes = summary->outcomes;
    const uint64_t fanouts = summary->kinds[HISTORY_FANOUT] + summary->kinds[HISTORY_FANOUT_CALL];
    fprintf (out,
             "%s: %llu tried (%llu casts, %llu fanouts), %llu faults: %llu succeeded, %llu NOT_SENT, "
             "%llu REJECTED, %llu MAYBE_RUN, %llu RAN, %llu not begun, %llu of who was killed; "
             "worst detection %.1f ms (of %llu hit), worst end %.1f ms late, worst stall %.1f ms; "
             "ran twice %llu, lost in silence %llu, broken %llu\n",
             name, (unsigned long long) summary->tried, (unsigned long long) summary->kinds[HISTORY_CAST],
             (unsigned long long) fanouts, (unsigned long long) summary->faults,
             (unsigned long long) outcomes[CHECK_SUCCEEDED],
             (unsigned long long) outcomes[GODWIT_OUTCOME_NOT_SENT],
             (unsigned long long) outcomes[GODWIT_OUTCOME_REJECTED],
             (unsigned long long) outcomes[GODWIT_OUTCOME_MAYBE_RUN],
             (unsigned long long) outcomes[GODWIT_OUTCOME_RAN],
             (unsigned long long) outcomes[GODWIT_OUTCOME_NONE], (unsigned long long) summary->unfinished,
             (double) summary->detection_ns / 1e6, (unsigned long long) summary->hit,
             (double) summary->late_ns / 1e6, (double) summary->stall_ns / 1e6,
             (unsigned long long) summary->violations[CHECK_RAN_TWICE],
             (unsigned long long) check_lost (summary), (unsigned long long) check_broken (summary));
    const notices_summary_t *const notices = &summary->notices;
    if (notices->sent)
        fprintf (
            out,
            "%s: %llu notifications, %llu accepted: %llu delivered, %llu of them marked, %llu came again, "
            "%llu were requeued, %llu gone with their notifier\n",
            name, (unsigned long long) notices->sent, (unsigned long long) notices->accepted,
            (unsigned long long) notices->deliveries, (unsigned long long) notices->marked,
            (unsigned long long) notices->twice, (unsigned long long) notices->requeued,
            (unsigned long long) notices->gone);
    fprintf (out,
             "%s: late by less than, ms         1        2        4        8       16       32       64"
             "      128      256     more\n",
             name);
    print_lateness (out, name, "calls past their time", summary->late_calls);
    print_lateness (out, name, "beats of a bare timer", summary->late_timers);
}
