/* SPDX-License-Identifier: Apache-2.0 */
/* godwit_log_stderr, and the variable GODWIT_LOG. Each test is a process of its own, which reads the variable
 * once. */
#include <godwit/server.h>

#include "tests/support/log_book.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A server that starts twice under one name: a warning. */
#define WARNING "have the same name twin"
#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

static char path[64]; /* of a file of this test's own */
static char text[1 << 16];
static log_book_t book;

static void
make_path (void)
{
    snprintf (path, sizeof path, "/tmp/godwit-log-XXXXXX");
    const int fd = mkstemp (path);
    cr_assert_geq (fd, 0);
    close (fd);
}

static void
remove_path (void)
{
    unlink (path);
}

/* stderr goes to the file from now on. */
static void
take_stderr (void)
{
    const int fd = open (path, O_WRONLY | O_APPEND | O_CLOEXEC);
    cr_assert_geq (fd, 0);
    cr_assert_geq (dup2 (fd, STDERR_FILENO), 0);
    close (fd);
}

static const char *
read_file (void)
{
    FILE *const file = fopen (path, "r");
    cr_assert_not_null (file);
    text[fread (text, 1, sizeof text - 1, file)] = '\0';
    fclose (file);
    return text;
}

static bool
matches (const char *line, const char *pattern)
{
    regex_t compiled;
    cr_assert_eq (regcomp (&compiled, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
    const bool found = regexec (&compiled, line, 0, NULL, 0) == 0;
    regfree (&compiled);
    return found;
}

static unsigned
count (const char *in, const char *what)
{
    unsigned found = 0;
    for (const char *at = in; (at = strstr (at, what)); at++)
        found++;
    return found;
}

static void
run_transport (godwit_log_fn *log, void *user, godwit_log_level_t level)
{
    godwit_transport_t *transport = NULL;
    godwit_server_t *servers[2] = {NULL, NULL};
    MUST (godwit_transport_new (&transport, "inproc://log/",
                                GODWIT_TRANSPORT_OPTIONS (.log = log, .log_user = user, .log_level = level),
                                &error));
    for (int i = 0; i < 2; i++) {
        MUST (godwit_server_new (&servers[i], transport, GODWIT_TARGET (.topic = "log", .server = "twin"),
                                 NULL, 0, NULL, &error));
        MUST (godwit_server_start (servers[i], NULL, &error));
    }
    for (int i = 0; i < 2; i++)
        godwit_server_destroy (&servers[i]);
    godwit_transport_destroy (&transport);
}

static void
set_variable (const char *level, const char *file)
{
    char value[128];
    snprintf (value, sizeof value, "%s%s%s", level, file ? ":" : "", file ? file : "");
    setenv ("GODWIT_LOG", value, 1);
}

/* ---- a line ---- */

Test (log, stderr_has_time_level_process_and_thread, .init = make_path, .fini = remove_path)
{
    char pattern[256];
    take_stderr ();
    pthread_setname_np (pthread_self (), "the test");
    godwit_log_stderr (NULL, GODWIT_LOG_WARNING, "it is 100 % full");
    const time_t now = time (NULL);
    struct tm utc;
    char day[16];
    gmtime_r (&now, &utc);
    strftime (day, sizeof day, "%Y-%m-%dT", &utc);
    cr_assert (strncmp (read_file (), day, strlen (day)) == 0 || utc.tm_hour == 0, "%s",
               text); /* or midnight */
    snprintf (pattern, sizeof pattern, "^" TIME " WARNING %ld/the test: it is 100 %% full$",
              (long) getpid ());
    cr_assert (matches (read_file (), pattern), "%s", text);
    cr_assert_eq (count (text, "\n"), 1u);
}

Test (log, a_reader_that_is_gone_does_not_end_the_program)
{
    int ends[2];
    cr_assert_eq (pipe (ends), 0);
    const pid_t child = fork ();
    if (child == 0) {
        signal (SIGPIPE, SIG_DFL);
        close (ends[0]);
        dup2 (ends[1], STDERR_FILENO);
        godwit_log_stderr (NULL, GODWIT_LOG_INFO, "nobody reads this");
        _exit (EXIT_SUCCESS);
    }
    close (ends[0]);
    int status = 0;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == EXIT_SUCCESS);
}

/* ---- the variable ---- */

Test (log, nothing_is_written_without_the_variable, .init = make_path, .fini = remove_path)
{
    take_stderr ();
    unsetenv ("GODWIT_LOG");
    run_transport (NULL, NULL, GODWIT_LOG_DEBUG);
    cr_assert_str_empty (read_file ());
}

Test (log, the_variable_appends_to_a_file, .init = make_path, .fini = remove_path)
{
    set_variable ("warning", path);
    FILE *const file = fopen (path, "w");
    fputs ("what was there\n", file);
    fclose (file);
    run_transport (NULL, NULL, GODWIT_LOG_DEBUG);
    cr_assert (matches (read_file (), "^what was there$"));
    cr_assert (matches (text, "^" TIME " WARNING [0-9]+/godwit-control: .*" WARNING), "%s", text);
}

Test (log, the_variable_without_a_file_is_stderr, .init = make_path, .fini = remove_path)
{
    take_stderr ();
    set_variable ("Warning", NULL);
    run_transport (NULL, NULL, GODWIT_LOG_DEBUG);
    cr_assert_eq (count (read_file (), WARNING), 1u, "%s", text);
}

Test (log, the_variable_has_a_level, .init = make_path, .fini = remove_path)
{
    set_variable ("error", path);
    run_transport (NULL, NULL, GODWIT_LOG_DEBUG);
    cr_assert_str_empty (read_file ());
}

Test (log, the_programs_own_function_gets_its_lines_as_before, .init = make_path, .fini = remove_path)
{
    log_book_open (&book);
    set_variable ("warning", path);
    run_transport (log_book_write, &book, GODWIT_LOG_WARNING);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, WARNING), 1u);
    cr_assert_eq (count (read_file (), WARNING), 1u);
    run_transport (log_book_write, &book, GODWIT_LOG_ERROR);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, WARNING), 1u);
    cr_assert_eq (count (read_file (), WARNING), 2u);
    log_book_close (&book);
}

Test (log, no_line_is_written_twice, .init = make_path, .fini = remove_path)
{
    take_stderr ();
    set_variable ("debug", NULL);
    run_transport (godwit_log_stderr, NULL, GODWIT_LOG_ERROR);
    run_transport (godwit_log_stderr, NULL, GODWIT_LOG_DEBUG);
    cr_assert_eq (count (read_file (), WARNING), 2u, "%s", text);
}

Test (log, an_unknown_level_is_said_once, .init = make_path, .fini = remove_path)
{
    take_stderr ();
    set_variable ("loud", "/tmp/x");
    run_transport (NULL, NULL, GODWIT_LOG_DEBUG);
    run_transport (NULL, NULL, GODWIT_LOG_DEBUG);
    cr_assert_eq (count (read_file (), "\n"), 1u, "%s", text);
    cr_assert_not_null (
        strstr (text, "GODWIT_LOG: expected debug, info, warning or error, and optionally ':' and a "
                      "file, got \"loud:/tmp/x\": it is ignored"),
        "%s", text);
}

Test (log, a_file_that_cannot_be_opened_is_said_once, .init = make_path, .fini = remove_path)
{
    take_stderr ();
    set_variable ("warning", "/no/such/folder/log");
    run_transport (NULL, NULL, GODWIT_LOG_DEBUG);
    cr_assert_eq (count (read_file (), "\n"), 2u, "%s", text);
    cr_assert_not_null (strstr (text,
                                "GODWIT_LOG: cannot open the file \"/no/such/folder/log\" (No such file or "
                                "directory): the log goes to stderr"),
                        "%s", text);
    cr_assert_not_null (strstr (text, WARNING));
}

/* ---- several processes ---- */

#define PROCESSES 4
#define LINES 1000

static void
write_lines (int gate)
{
    char line[200];
    if (read (gate, line, 1) != 0) /* it is closed: all begin at the same moment */
        _exit (EXIT_FAILURE);
    memset (line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    for (int i = 0; i < LINES; i++)
        godwit_log_stderr (NULL, GODWIT_LOG_INFO, line);
    _exit (EXIT_SUCCESS);
}

Test (log, lines_of_several_processes_do_not_mix, .init = make_path, .fini = remove_path, .timeout = 60)
{
    int gate[2];
    take_stderr ();
    cr_assert_eq (pipe (gate), 0);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork () == 0) {
            close (gate[1]);
            write_lines (gate[0]);
        }
    }
    close (gate[1]);
    for (int i = 0; i < PROCESSES; i++)
        wait (NULL);
    static char line[4096];
    FILE *const file = fopen (path, "r");
    unsigned lines = 0;
    for (; fgets (line, sizeof line, file); lines++)
        cr_assert (matches (line, "^" TIME " INFO [0-9]+/[^:]*: x{199}$"), "%s", line);
    fclose (file);
    cr_assert_eq (lines, (unsigned) PROCESSES * LINES);
}
