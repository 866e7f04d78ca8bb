/* Processes without any configuration meet, and go on when the one that hosts the rendezvous is killed. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/matchmaker_member"
#define PATIENCE_MS 20000

typedef struct process {
    pid_t pid;
    int input;
    int output;
    char text[65536]; /* all that it wrote */
    size_t size;
} process_t;

static int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One that nobody listens on, below those that the kernel gives to connections: a port that is looked for by
 * connecting to it must not become the source of such a connection. Tests that run at the same time look in
 * different places. */
static int
free_port (void)
{
    static unsigned looked;
    for (;;) {
        const int port = 10000 + (int) (((unsigned) getpid () * 7919u + looked++) % 20000u);
        const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const struct sockaddr_in address = {.sin_family = AF_INET,
                                            .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
                                            .sin_port = htons ((uint16_t) port)};
        cr_assert (fd >= 0);
        const bool is_free = bind (fd, (const struct sockaddr *) &address, sizeof address) == 0;
        close (fd);
        if (is_free)
            return port;
    }
}

static void
start (process_t *process, int port, int number)
{
    char url[64];
    char name[16];
    int input[2];
    int output[2];
    snprintf (url, sizeof url, "zmq://:%d/", port);
    snprintf (name, sizeof name, "%d", number);
    memset (process, 0, sizeof *process);
    cr_assert_eq (pipe2 (input, O_CLOEXEC) | pipe2 (output, O_CLOEXEC), 0);
    process->pid = fork ();
    cr_assert (process->pid >= 0);
    if (process->pid == 0) {
        dup2 (input[0], STDIN_FILENO);
        dup2 (output[1], STDOUT_FILENO);
        execl (PROGRAM, PROGRAM, url, name, (char *) NULL);
        _exit (127);
    }
    close (input[0]);
    close (output[1]);
    process->input = input[1];
    process->output = output[0];
}

static void
announce (const process_t *process, int server)
{
    cr_assert (dprintf (process->input, "%d\n", server) > 0);
}

static unsigned
count (const process_t *process, const char *line)
{
    unsigned found = 0;
    for (const char *at = process->text; (at = strstr (at, line)); at += strlen (line))
        found++;
    return found;
}

/* Reads on until the line was there so many times. */
static void
wait_for (process_t *process, unsigned times, const char *line)
{
    const int64_t end = now_ms () + PATIENCE_MS;
    while (count (process, line) < times) {
        struct pollfd output = {process->output, POLLIN, 0};
        cr_assert (now_ms () < end && poll (&output, 1, PATIENCE_MS) == 1, "no \"%s\" in:\n%s", line,
                   process->text);
        const ssize_t got =
            read (process->output, process->text + process->size, sizeof process->text - 1 - process->size);
        cr_assert (got > 0, "it ended before \"%s\":\n%s", line, process->text);
        process->size += (size_t) got;
        process->text[process->size] = '\0';
    }
}

static void
finish (process_t *process, int signal_number)
{
    int status = 0;
    if (signal_number)
        kill (process->pid, signal_number);
    close (process->input);
    cr_assert_eq (waitpid (process->pid, &status, 0), process->pid);
    if (!signal_number)
        cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %d", status);
    close (process->output);
}

Test (matchmaker_takeover, members_go_on_when_the_host_is_killed, .timeout = 120)
{
    const int port = free_port ();
    static process_t processes[7];
    for (int i = 0; i < 4; i++) {
        start (&processes[i], port, i + 1);
        wait_for (&processes[i], 1, "synced\n"); /* so that the first hosts */
        announce (&processes[i], 10 + i);
    }
    for (int i = 0; i < 4; i++) {
        wait_for (&processes[i], 1, "seen 1 10\n");
        wait_for (&processes[i], 1, "seen 4 13\n");
    }
    int64_t slowest_ms = 0;
    for (int killed = 0; killed < 3; killed++) {
        /* The host is the one that has lived longest only the first time: kill all but the last, one by one.
         */
        const int64_t killed_at = now_ms ();
        unsigned synced[4];
        for (int i = 0; i < 4; i++)
            synced[i] = count (&processes[i], "synced\n");
        finish (&processes[killed], SIGKILL);
        if (killed == 0) {
            for (int i = 1; i < 4; i++)
                wait_for (&processes[i], synced[i] + 1, "synced\n");
            slowest_ms = now_ms () - killed_at;
        }
        /* One that comes now is found, and finds those that are left. */
        process_t *late = &processes[4 + killed];
        start (late, port, 5 + killed);
        announce (late, 20 + killed);
        char line[32];
        for (int i = killed + 1; i < 4; i++) {
            snprintf (line, sizeof line, "seen %d %d\n", 5 + killed, 20 + killed);
            wait_for (&processes[i], 1, line);
            snprintf (line, sizeof line, "seen %d %d\n", i + 1, 10 + i);
            wait_for (late, 1, line);
        }
        finish (late, 0);
        snprintf (line, sizeof line, "gone %d %d\n", 5 + killed, 20 + killed);
        for (int i = killed + 1; i < 4; i++)
            wait_for (&processes[i], 1, line);
    }
    cr_assert (slowest_ms < 2000, "the takeover took %d ms", (int) slowest_ms);
    for (int i = 1; i < 4; i++)
        cr_assert_eq (count (&processes[3], i == 3   ? "gone 4"
                                            : i == 2 ? "gone 3"
                                                     : "gone 2"),
                      0u, "nobody said that it is gone:\n%s", processes[3].text);
    finish (&processes[3], 0);
}

Test (matchmaker_takeover, many_start_at_once, .timeout = 120)
{
    enum { COUNT = 8 };
    const int port = free_port ();
    static process_t processes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        start (&processes[i], port, i + 1);
        announce (&processes[i], 10 + i);
    }
    for (int i = 0; i < COUNT; i++) {
        for (int other = 0; other < COUNT; other++) {
            char line[32];
            snprintf (line, sizeof line, "seen %d %d\n", other + 1, 10 + other);
            wait_for (&processes[i], 1, line);
        }
    }
    for (int i = 0; i < COUNT; i++)
        finish (&processes[i], 0);
}
