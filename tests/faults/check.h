/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the histories of a run and proves what Godwit promises, or says what was broken, with all events of
 * the calls that it was broken for. What it has to allow for is what the histories themselves tell: faults
 * that the runner noted, and stalls of the machine. */
#ifndef GODWIT_TESTS_FAULTS_CHECK_H
#define GODWIT_TESTS_FAULTS_CHECK_H

#include "tests/faults/history.h"
#include "tests/support/notices.h"

#include <stdio.h>

/* How late a call may end, unless the options say. */
#define CHECK_LATE_MS 100

/* Each has its own planted fault in check_test.c. The second text is what is printed. */
#define CHECK_RULE_LIST(X)                                                                                   \
    X (UNREADABLE, "unreadable")   /* a file is no history, or not all of it can be read */                  \
    X (SAME_NODE, "same node")     /* two files say that they are the same node */                           \
    X (DIED, "died")               /* a process has not ended, and nobody killed it */                       \
    X (BEGUN_TWICE, "begun twice") /* the history itself is wrong */                                         \
    X (NEVER_BEGUN, "never begun") /* it ended or ran, and nobody had made it */                             \
    X (NEVER_ENDED, "never ended") /* lost in silence */                                                     \
    X (ENDED_TWICE, "ended twice")                                                                           \
    X (LATE, "late")                 /* more than CHECK_LATE_MS after its deadline */                        \
    X (RAN_TWICE, "ran twice")       /* a fanout: in one server */                                           \
    X (RAN_DENIED, "ran, denied")    /* NOT_SENT or REJECTED, and it ran */                                  \
    X (NOT_RUN, "did not run")       /* success or RAN, and it did not run */                                \
    X (WRONG_SERVER, "wrong server") /* who answered is not who ran it */                                    \
    X (NOT_SERVING, "not serving")   /* it ran before its server was up, or after it was down */             \
    X (HANDLER_LOST, "handler lost") /* it began to run, and has not ended, though the process has */        \
    X (CAST_LOST, "cast lost")       /* it was accepted, nothing was disturbed, and it did not run */        \
    X (GIVEN_UP, "given up")         /* MAYBE_RUN before its time was spent, and nothing was disturbed */    \
    X (REPLY_LOST, "reply lost") /* it had run long before its time was spent, and nothing was disturbed */  \
    X (FANOUT_MORE, "fanout: more")      /* more servers ran it than it says */                              \
    X (FANOUT_LESS, "fanout: less")      /* fewer servers ran it, and nothing had happened to the others */  \
    X (FANOUT_SILENT, "fanout: silent")  /* of a server that was there all the time it says nothing */       \
    X (ROW_WRONG, "wrong row")           /* what a fanout call says of a server is not so */                 \
    X (NOTICE_LOST, "notification lost") /* it was accepted, and a pool has not handled it */                \
    X (NOTICE_UNKNOWN, "notification unknown") /* it was delivered, and nobody has sent it */                \
    X (NOTICE_DENIED, "delivered, denied")     /* its sender was told that it was not accepted */            \
    X (NOTICE_UNMARKED, "unmarked")            /* it came again, and its count is not another one */         \
    X (NOTICE_NEEDLESS, "needless")            /* it came again, or marked, and nothing was disturbed */     \
    X (NOTICE_ORDER, "out of order")           /* it came after one that was sent later */                   \
    X (NOTICE_DUPLICATE, "duplicate")          /* a listener that drops them got one again */                \
    X (NOTICE_LEFT, "left behind")             /* a notifier has ended before all was acknowledged */

typedef enum check_rule {
#define CHECK_RULE_ENUM(name, text) CHECK_##name,
    CHECK_RULE_LIST (CHECK_RULE_ENUM)
#undef CHECK_RULE_ENUM
        CHECK_RULE_COUNT
} check_rule_t;

const char *check_rule_text (check_rule_t rule);

enum { CHECK_SUCCEEDED = 5, CHECK_OUTCOMES = 6 }; /* after those of godwit_outcome_t */

typedef struct check_summary {
    uint64_t files;
    uint64_t events;
    uint64_t torn; /* records that a SIGKILL cut off */
    uint64_t faults;
    uint64_t tried; /* of all kinds */
    uint64_t kinds[HISTORY_KIND_COUNT];
    uint64_t outcomes[CHECK_OUTCOMES]; /* godwit_outcome_t, and CHECK_SUCCEEDED */
    uint64_t unfinished;               /* begun by who was killed */
    uint64_t runs;
    uint64_t ran_again;  /* idempotent calls */
    uint64_t casts_gone; /* accepted, and gone with what was disturbed */
    notices_summary_t notices;
    uint64_t hit;          /* calls that a fault hit */
    uint64_t detection_ns; /* the worst time from a fault's begin to the end of a call it hit */
    uint64_t late_ns;      /* the worst of the calls' ends, after their deadlines */
    uint64_t stall_ns;     /* the worst of the machine */
    uint64_t late_calls[HISTORY_LATENESS_STEPS]; /* that ended after their deadlines, by how late they were */
    uint64_t late_timers[HISTORY_LATENESS_STEPS]; /* beats of a bare timer in the same processes */
    uint64_t violations[CHECK_RULE_COUNT];
} check_summary_t;

typedef struct check_options {
    FILE *out;        /* what is broken is printed here; NULL: nowhere */
    unsigned shown;   /* so many of them; the others are counted */
    uint64_t late_ms; /* 0: CHECK_LATE_MS */
    bool explains;    /* the worst call of each figure is printed, too */
} check_options_t;

/* Checks the histories in the folder: one run. False (with a text in out) if there are none, or memory is
 * short; summary says whether anything was broken. */
bool check_run (const char *folder, const check_options_t *options, check_summary_t *summary);
uint64_t check_broken (const check_summary_t *summary);
/* Calls and casts that were begun or accepted and of which nothing was heard again, of whom no fault explains
 * it, and fanouts that did not reach whom they say. */
uint64_t check_lost (const check_summary_t *summary);

/* Opens a table, to append to it; "-" is the standard output. A new one begins with the names of its columns,
 * which tabs separate. NULL, with a text on stderr, if it cannot be opened. */
FILE *check_open_tsv (const char *path);
/* Appends a line. */
void check_print_tsv (FILE *out, const char *name, const check_summary_t *summary);
/* Human-readable. */
void check_print (FILE *out, const char *name, const check_summary_t *summary);

#endif
