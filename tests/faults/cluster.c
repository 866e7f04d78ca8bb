/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT 10000u /* below those that the kernel gives to whoever asks for any */
#define PORT_COUNT 20000u

static _Noreturn void fail (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

static void
fail (const char *format, ...)
{
    va_list list;
    va_start (list, format);
    fprintf (stderr, "cluster: ");
    vfprintf (stderr, format, list);
    fprintf (stderr, "\n");
    va_end (list);
    exit (3);
}

/* ---- processes ---- */

static size_t
gather_arguments (const cluster_t *cluster, const cluster_member_t *member, char numbers[2][32],
                  const char *path, const char **list)
{
    size_t count = 0;
    snprintf (numbers[0], 32, "%u", member->node);
    snprintf (numbers[1], 32, "%" PRIu64, cluster->seed * 100003 + member->node);
    const char *const fixed[] = {cluster->program, "--node", numbers[0],  "--role", member->role, "--name",
                                 member->name,     "--url",  member->url, "--log",  path,         "--seed",
                                 numbers[1]};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        list[count++] = fixed[i];
    for (size_t i = 0; i < CLUSTER_ARGUMENTS && member->arguments[i]; i++)
        list[count++] = member->arguments[i];
    list[count] = NULL;
    return count;
}

void
cluster_start (cluster_t *cluster, cluster_member_t *member)
{
    char path[1024];
    char numbers[2][32];
    const char *list[CLUSTER_ARGUMENTS + 16];
    int output[2];
    member->node = cluster->next_node++;
    snprintf (path, sizeof path, "%s/%s.%u%s", cluster->folder, member->name, member->node, HISTORY_SUFFIX);
    gather_arguments (cluster, member, numbers, path, list);
    if (pipe2 (output, O_CLOEXEC))
        fail ("pipe: %s", strerror (errno));
    member->pid = fork ();
    if (member->pid < 0)
        fail ("fork: %s", strerror (errno));
    if (member->pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL); /* a frozen one would outlive a run that failed */
        dup2 (output[1], STDOUT_FILENO);
        execv (cluster->program, (char *const *) (void *) list);
        _exit (127);
    }
    close (output[1]);
    member->output = output[0];
    member->started_ns = history_now_ns ();
}

/* Reads what it says until it is this line. */
static void
expect (cluster_member_t *member, const char *line)
{
    char text[64];
    size_t size = 0;
    struct pollfd output = {member->output, POLLIN, 0};
    while (size < sizeof text - 1) {
        if (poll (&output, 1, CLUSTER_WAIT_LIMIT_MS) != 1)
            fail ("%s (process %d, node %u) does not say \"%s\"", member->name, (int) member->pid,
                  member->node, line);
        if (read (member->output, text + size, 1) != 1)
            fail ("%s (node %u) ended before it said \"%s\"", member->name, member->node, line);
        if (text[size++] == '\n')
            break;
    }
    text[size] = '\0';
    if (strlen (line) + 1 != size || strncmp (text, line, size - 1) != 0)
        fail ("%s (node %u) says \"%s\" instead of \"%s\"", member->name, member->node, text, line);
}

void
cluster_expect_ready (cluster_member_t *member)
{
    expect (member, "ready");
}

void
cluster_stop (cluster_member_t *member)
{
    int status = 0;
    if (member->pid == 0)
        return;
    kill (member->pid, SIGTERM);
    expect (member, "done");
    if (waitpid (member->pid, &status, 0) != member->pid || !WIFEXITED (status) || WEXITSTATUS (status) != 0)
        fail ("%s (node %u) ended with status %#x", member->name, member->node, (unsigned) status);
    close (member->output);
    member->pid = 0;
}

void
cluster_kill (cluster_member_t *member)
{
    kill (member->pid, SIGKILL);
    waitpid (member->pid, NULL, 0);
    close (member->output);
    member->pid = 0;
}

static void
check_lives (cluster_t *cluster)
{
    for (size_t i = 0; i < cluster->member_count; i++) {
        cluster_member_t *member = &cluster->members[i];
        int status = 0;
        if (member->pid > 0 && waitpid (member->pid, &status, WNOHANG) == member->pid)
            fail ("%s (node %u) died by itself, with status %#x", member->name, member->node,
                  (unsigned) status);
    }
}

void
cluster_rest (cluster_t *cluster, int64_t ms)
{
    const struct timespec rest = {ms / 1000, ms % 1000 * 1000000};
    nanosleep (&rest, NULL);
    check_lives (cluster);
}

/* ---- what is around it ---- */

void
cluster_find_program (char path[CLUSTER_PATH_MAX], const char *called)
{
    const char *const slash = strrchr (called, '/');
    snprintf (path, CLUSTER_PATH_MAX, "%.*s/node", slash ? (int) (slash - called) : 1, slash ? called : ".");
    if (access (path, X_OK))
        fail ("%s: %s", path, strerror (errno));
}

void
cluster_make_folder (char path[CLUSTER_PATH_MAX], const char *name)
{
    const char *const tmp = getenv ("TMPDIR");
    snprintf (path, CLUSTER_PATH_MAX, "%s/godwit-%s-XXXXXX", tmp && *tmp ? tmp : "/tmp", name);
    if (!mkdtemp (path))
        fail ("%s: %s", path, strerror (errno));
}

void
cluster_remove_folder (const char *path)
{
    const pid_t pid = fork ();
    if (pid == 0) {
        execlp ("rm", "rm", "-rf", path, (char *) NULL);
        _exit (127);
    }
    waitpid (pid, NULL, 0);
}

/* ---- the cluster ---- */

const char *
cluster_driver (const char *driver, unsigned number)
{
    const char *name = driver ? driver : getenv (CLUSTER_DRIVER_VARIABLE);
    if (!name || !*name)
        return "zmq";
    if (strcmp (name, CLUSTER_MIXED) != 0)
        return name;
    return number % 2 ? "zmq+libzmq" : "zmq";
}

static uint16_t
free_port (void)
{
    static unsigned looked;
    while (looked < PORT_COUNT) {
        const unsigned port = FIRST_PORT + ((unsigned) getpid () * 7919u + looked++) % PORT_COUNT;
        const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const struct sockaddr_in address = {.sin_family = AF_INET,
                                            .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
                                            .sin_port = htons ((uint16_t) port)};
        const bool is_free = fd >= 0 && bind (fd, (const struct sockaddr *) &address, sizeof address) == 0;
        if (fd >= 0)
            close (fd);
        if (is_free)
            return (uint16_t) port;
    }
    fail ("no port is free");
}

static cluster_member_t *
new_member (cluster_t *cluster, const char *role, const char *name, const char *place)
{
    const char *const driver = cluster_driver (cluster->driver, (unsigned) cluster->member_count);
    if (cluster->member_count == CLUSTER_MEMBERS)
        fail ("more than %d members", CLUSTER_MEMBERS);
    cluster_member_t *member = &cluster->members[cluster->member_count++];
    memset (member, 0, sizeof *member);
    snprintf (member->role, sizeof member->role, "%s", role);
    snprintf (member->name, sizeof member->name, "%s", name);
    snprintf (member->url, sizeof member->url, "%s://%s", driver, place);
    return member;
}

static void
start_rendezvous (cluster_t *cluster, unsigned number, uint16_t port, const char *query)
{
    char name[32];
    char place[400];
    snprintf (name, sizeof name, "rendezvous-%u", number);
    snprintf (place, sizeof place, "127.0.0.1:%u/?insecure=true&host_rendezvous=true%s%s", port,
              *query ? "&" : "", query);
    cluster_member_t *member = new_member (cluster, "rendezvous", name, place);
    cluster_start (cluster, member);
    cluster_expect_ready (member);
}

void
cluster_open (cluster_t *cluster, const char *program, const char *folder, uint64_t seed,
              unsigned rendezvous_count, const char *driver, const char *query)
{
    char path[1024];
    char hosts[256] = "";
    memset (cluster, 0, sizeof *cluster);
    snprintf (cluster->program, sizeof cluster->program, "%s", program);
    snprintf (cluster->folder, sizeof cluster->folder, "%s", folder);
    cluster->driver = driver;
    cluster->seed = seed;
    cluster->next_node = 1;
    snprintf (path, sizeof path, "%s/runner%s", folder, HISTORY_SUFFIX);
    cluster->history = history_open (path, &(const history_options_t){.node = cluster->next_node++,
                                                                      .roles = HISTORY_RUNNER,
                                                                      .name = "runner",
                                                                      .host = "here",
                                                                      .seed = seed,
                                                                      .capacity = 100000});
    if (!cluster->history)
        fail ("%s: %s", path, strerror (errno));
    for (unsigned i = 1; i <= rendezvous_count && i <= CLUSTER_RENDEZVOUS; i++) {
        const uint16_t port = free_port ();
        const size_t used = strlen (hosts);
        snprintf (hosts + used, sizeof hosts - used, "%s127.0.0.1:%u", used ? "," : "", port);
        start_rendezvous (cluster, i, port, query);
    }
    snprintf (cluster->place, sizeof cluster->place, "%s/?insecure=true%s%s", hosts, *query ? "&" : "",
              query);
}

cluster_member_t *
cluster_add (cluster_t *cluster, const char *role, const char *name, const char *const *arguments)
{
    cluster_member_t *member = new_member (cluster, role, name, cluster->place);
    for (size_t i = 0; arguments && arguments[i] && i < CLUSTER_ARGUMENTS - 1; i++)
        member->arguments[i] = arguments[i];
    cluster_start (cluster, member);
    return member;
}

cluster_member_t *
cluster_find (cluster_t *cluster, const char *name)
{
    for (size_t i = 0; i < cluster->member_count; i++)
        if (strcmp (cluster->members[i].name, name) == 0)
            return &cluster->members[i];
    fail ("there is no member %s", name);
}

void
cluster_close (cluster_t *cluster)
{
    static const char *const order[] = {"notifier", "caster", "client", "both",
                                        "listener", "worker", "server", "rendezvous"};
    check_lives (cluster);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        for (size_t j = 0; j < cluster->member_count; j++)
            if (strcmp (cluster->members[j].role, order[i]) == 0)
                cluster_stop (&cluster->members[j]);
    history_close (cluster->history);
    cluster->history = NULL;
}
