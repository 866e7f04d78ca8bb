/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/report.h"

#include <godwit/error.h>

#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 4096, COLUMNS = 64 };

/* --- rows
 * -------------------------------------------------------------------------------------------------------- */

static report_row_t *
row_new (report_t *report, const char *title)
{
    if (report->count == REPORT_ROWS)
        return NULL;
    report_row_t *row = &report->rows[report->count++];
    snprintf (row->title, sizeof row->title, "%s", title);
    return row;
}

void
report_add (report_t *report, const scenario_t *scenario, const scenario_result_t *result)
{
    report_row_t *row = row_new (report, scenario->title);
    if (!row || !result)
        return;
    const check_summary_t *summary = &result->summary;
    const uint64_t *outcomes = summary->outcomes;
    row->has_ended = true;
    row->times = result->strikes;
    row->tried = (double) summary->tried;
    row->ok = (double) outcomes[CHECK_SUCCEEDED];
    row->not_sent = (double) outcomes[GODWIT_OUTCOME_NOT_SENT];
    row->rejected = (double) outcomes[GODWIT_OUTCOME_REJECTED];
    row->maybe_run = (double) outcomes[GODWIT_OUTCOME_MAYBE_RUN];
    row->ran = (double) outcomes[GODWIT_OUTCOME_RAN];
    row->other = (double) (outcomes[GODWIT_OUTCOME_NONE] + summary->unfinished);
    row->detection_ms = (double) summary->detection_ns / 1e6;
    row->pause_ms = result->pause_ms;
    row->ran_twice = (double) summary->violations[CHECK_RAN_TWICE];
    row->lost = (double) check_lost (summary);
    row->notices = (double) summary->notices.accepted;
    row->came_again = (double) summary->notices.twice;
    row->gone = (double) summary->notices.gone;
}

/* The words of a line that tabs separate; the line is cut up. */
static size_t
split (char *line, char *words[COLUMNS])
{
    size_t count = 0;
    line[strcspn (line, "\n")] = '\0';
    for (char *word = line; word && count < COLUMNS; word = strchr (word, '\t')) {
        if (count > 0)
            *word++ = '\0';
        words[count++] = word;
    }
    return count;
}

static double
value_of (char *const names[COLUMNS], char *const values[COLUMNS], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (names[i], name) == 0)
            return strtod (values[i], NULL);
    return 0;
}

static void
add_words (report_t *report, char *const names[COLUMNS], char *const values[COLUMNS], size_t count)
{
#define VALUE(name) value_of (names, values, count, name)
    report_row_t *row = row_new (report, values[0]);
    if (!row)
        return;
    row->has_ended = true;
    row->times = VALUE ("faults");
    row->tried = VALUE ("tried");
    row->ok = VALUE ("ok");
    row->not_sent = VALUE ("not_sent");
    row->rejected = VALUE ("rejected");
    row->maybe_run = VALUE ("maybe_run");
    row->ran = VALUE ("ran");
    row->other = VALUE ("none") + VALUE ("unfinished");
    row->detection_ms = VALUE ("detection_ms");
    row->pause_ms = -1;
    row->ran_twice = VALUE ("ran_twice");
    row->lost = VALUE ("lost");
    row->notices = VALUE ("notices");
    row->came_again = VALUE ("came_again");
    row->gone = VALUE ("notices_gone");
#undef VALUE
}

bool
report_add_tsv (report_t *report, const char *path)
{
    char head[LINE_SIZE], line[LINE_SIZE];
    char *names[COLUMNS], *values[COLUMNS];
    FILE *file = fopen (path, "r");
    if (!file)
        return false;
    const size_t count = fgets (head, sizeof head, file) ? split (head, names) : 0;
    while (count > 0 && fgets (line, sizeof line, file))
        if (split (line, values) == count)
            add_words (report, names, values, count);
    fclose (file);
    return count > 0;
}

/* --- the table
 * --------------------------------------------------------------------------------------------------- */

static void
print_head (FILE *out)
{
    static const char format[] = "%-27s %6s %9s %9s %9s %9s %9s %7s %6s %11s %8s %6s %8s  %9s %7s %6s\n";
    fprintf (out, format, "", "", "calls", "", "", "", "", "", "", "worst de-", "longest", "ran", "lost in",
             "notifi-", "came", "");
    fprintf (out, format, "fault", "times", "tried", "ok", "NOT_SENT", "REJECTED", "MAYBE_RUN", "RAN",
             "other", "tection, ms", "pause, ms", "twice", "silence", "cations", "again", "gone");
}

static void
print_row (FILE *out, const report_row_t *row)
{
    char pause[16] = "-";
    if (row->pause_ms >= 0)
        snprintf (pause, sizeof pause, "%d", (int) row->pause_ms);
    if (row->has_ended)
        fprintf (out,
                 "%-27s %6.0f %9.0f %9.0f %9.0f %9.0f %9.0f %7.0f %6.0f %11.1f %9s %5.0f %8.0f  %9.0f %7.0f "
                 "%6.0f\n",
                 row->title, row->times, row->tried, row->ok, row->not_sent, row->rejected, row->maybe_run,
                 row->ran, row->other, row->detection_ms, pause, row->ran_twice, row->lost, row->notices,
                 row->came_again, row->gone);
    else
        fprintf (out, "%-27s did not come to its end\n", row->title);
}

static void
add_up (report_row_t *sum, const report_row_t *row)
{
    sum->times += row->times;
    sum->tried += row->tried;
    sum->ok += row->ok;
    sum->not_sent += row->not_sent;
    sum->rejected += row->rejected;
    sum->maybe_run += row->maybe_run;
    sum->ran += row->ran;
    sum->other += row->other;
    sum->ran_twice += row->ran_twice;
    sum->lost += row->lost;
    sum->notices += row->notices;
    sum->came_again += row->came_again;
    sum->gone += row->gone;
    if (row->detection_ms > sum->detection_ms)
        sum->detection_ms = row->detection_ms;
    if (row->pause_ms > sum->pause_ms)
        sum->pause_ms = row->pause_ms;
}

void
report_print (FILE *out, const report_t *report)
{
    report_row_t sum = {.title = "all", .has_ended = true, .pause_ms = -1};
    fprintf (out, "Faults, seed %llu\n\n", (unsigned long long) report->seed);
    print_head (out);
    for (size_t i = 0; i < report->count; i++) {
        print_row (out, &report->rows[i]);
        add_up (&sum, &report->rows[i]);
    }
    print_row (out, &sum);
    fprintf (
        out,
        "\nRAN: the method itself failed. Other: nothing was sent, or the caller was killed. Pause: a client "
        "whose calls wait for none\nhad no success for so long. Came again: to a pool that had got it "
        "before. Gone: with a "
        "notifier that had no spool, or dropped because its policy says so.\n");
}
