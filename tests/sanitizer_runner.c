/* SPDX-License-Identifier: Apache-2.0 */
/* Runs Criterion tests under a sanitizer, in the place of Criterion's own runner.
 *
 * Criterion starts each test in a worker that maps an arena at a fixed address, which ThreadSanitizer's
 * layout of memory does not allow, and that ends without the exit handlers in which LeakSanitizer looks for
 * leaks. This runner forks for each test and lets it exit. The program defines the functions below, so they
 * win over those of libcriterion; the assertions themselves stay Criterion's. Knows Test, TestSuite and
 * ParameterizedTest with their options, --filter PATTERN (as SUITE/NAME) and --list. */
#include <criterion/alloc.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STATUS_FAILED = 125,
    STATUS_SKIPPED = 77,
    SLOWDOWN = 5 /* how much longer than its .timeout a test may take */
};

/* The linker makes these bounds of the sections where Criterion's macros put pointers. */
extern struct criterion_test *__start_cr_tst[] __attribute__ ((weak));
extern struct criterion_test *__stop_cr_tst[] __attribute__ ((weak));
extern struct criterion_suite *__start_cr_sts[] __attribute__ ((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__ ((weak));

typedef struct counts {
    int passed;
    int failed;
    int skipped;
} counts_t;

/* Parameters are made with these. Criterion's own take from the arena, which is not there. */
void *
cr_malloc (size_t size)
{
    return malloc (size);
}

void *
cr_calloc (size_t count, size_t size)
{
    return calloc (count, size);
}

void *
cr_realloc (void *memory, size_t size)
{
    return realloc (memory, size);
}

void
cr_free (void *memory)
{
    free (memory);
}

/* Of the process that runs one test. */
static struct criterion_test *current_test;
static struct criterion_suite *current_suite;
static void *current_parameter;
static atomic_bool current_failed;

/* --- what a test calls
 * ----------------------------------------------------------------------------------------- */

void
criterion_send_assert (struct criterion_assert_stats *stats)
{
    if (stats->passed)
        return;
    atomic_store (&current_failed, true);
    fprintf (stderr, "%s:%u: %s/%s: %s\n", stats->file, stats->line, current_test->category,
             current_test->name, stats->message ? stats->message : "");
}

/* The failed assertion of criterion/new/assert.h, whose own version writes to the parent that is not there.
 */
void
cri_assert_node_send (const char *file, size_t line, struct cri_assert_node *node)
{
    struct criterion_assert_stats stats = {.passed = 0, .file = file, .line = (unsigned) line};
    stats.message = node->nchild > 0 ? node->children[0].repr : NULL;
    criterion_send_assert (&stats);
}

void
criterion_abort_test (void)
{
    fflush (NULL);
    _exit (STATUS_FAILED);
}

void
criterion_continue_test (void)
{
}

void
cri_asserts_passed_incr (void)
{
}

void
criterion_skip_test (const char *format, ...)
{
    (void) format;
    _exit (STATUS_SKIPPED);
}

void
criterion_test_die (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vfprintf (stderr, format, arguments);
    va_end (arguments);
    _exit (STATUS_FAILED);
}

void
criterion_internal_test_setup (void)
{
    if (current_suite && current_suite->data && current_suite->data->init)
        current_suite->data->init ();
    if (current_test->data->init)
        current_test->data->init ();
}

void
criterion_internal_test_main (void (*function) (void))
{
    if (current_test->data->kind_ == CR_TEST_PARAMETERIZED)
        ((void (*) (void *)) function) (current_parameter);
    else
        function ();
}

void
criterion_internal_test_teardown (void)
{
    if (current_test->data->fini)
        current_test->data->fini ();
    if (current_suite && current_suite->data && current_suite->data->fini)
        current_suite->data->fini ();
}

/* --- running
 * ----------------------------------------------------------------------------------------------------- */

/* An entry is empty where a sanitizer or the linker padded the section; AddressSanitizer marks it as not
 * readable. */
__attribute__ ((no_sanitize ("address"))) static void *
entry_at (void *section, size_t index)
{
    return ((void **) section)[index];
}

static struct criterion_suite *
find_suite (const char *name)
{
    size_t count = (size_t) (__stop_cr_sts - __start_cr_sts);
    for (size_t i = 0; i < count; i++) {
        struct criterion_suite *suite = entry_at (__start_cr_sts, i);
        if (suite && strcmp (suite->name, name) == 0)
            return suite;
    }
    return NULL;
}

static double
timeout_of (const struct criterion_test *test, const struct criterion_suite *suite)
{
    if (test->data->timeout > 0)
        return test->data->timeout;
    return suite && suite->data ? suite->data->timeout : 0;
}

static void
run (struct criterion_test *test, void *parameter, counts_t *counts)
{
    struct criterion_suite *suite = find_suite (test->category);
    fflush (NULL);
    pid_t child = fork ();
    if (child == 0) {
        current_test = test;
        current_suite = suite;
        current_parameter = parameter;
        alarm ((unsigned) ceil (timeout_of (test, suite) * SLOWDOWN));
        test->test ();
        exit (atomic_load (&current_failed) ? STATUS_FAILED : 0);
    }

    int status = 0;
    if (child < 0 || waitpid (child, &status, 0) != child) {
        perror ("sanitizer_runner");
        exit (1);
    }
    bool exited = WIFEXITED (status);
    if (exited && WEXITSTATUS (status) == STATUS_SKIPPED) {
        counts->skipped++;
    } else if (test->data->signal ? WIFSIGNALED (status) && WTERMSIG (status) == test->data->signal
                                  : exited && WEXITSTATUS (status) == test->data->exit_code) {
        counts->passed++;
    } else {
        counts->failed++;
        fprintf (stderr, "%s/%s: failed, %s %d\n", test->category, test->name, exited ? "status" : "signal",
                 exited ? WEXITSTATUS (status) : WTERMSIG (status));
    }
}

static void
run_parameterized (struct criterion_test *test, counts_t *counts)
{
    struct criterion_test_params parameters = test->data->param_ ();
    for (size_t i = 0; i < parameters.length; i++)
        run (test, (char *) parameters.params + i * parameters.size, counts);
    if (parameters.cleanup)
        parameters.cleanup (&parameters);
}

int
main (int argc, char **argv)
{
    const char *pattern = "*";
    bool list = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp (argv[i], "--filter") == 0 && i + 1 < argc)
            pattern = argv[++i];
        list = list || strcmp (argv[i], "--list") == 0;
    }

    counts_t counts = {0, 0, 0};
    size_t count = (size_t) (__stop_cr_tst - __start_cr_tst);
    for (size_t i = 0; i < count; i++) {
        struct criterion_test *test = entry_at (__start_cr_tst, i);
        if (!test || fnmatch (pattern, test->data->identifier_, 0) != 0)
            continue;
        if (list)
            puts (test->data->identifier_);
        else if (test->data->disabled)
            counts.skipped++;
        else if (test->data->kind_ == CR_TEST_PARAMETERIZED)
            run_parameterized (test, &counts);
        else
            run (test, NULL, &counts);
    }
    if (list)
        return 0;
    printf ("%d passed, %d failed, %d skipped\n", counts.passed, counts.failed, counts.skipped);
    return counts.failed > 0 || counts.passed + counts.skipped == 0;
}
