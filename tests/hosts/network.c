/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/network.h"
#include "tests/hosts/child.h"
#include "tests/hosts/fail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PREFIX "godwit-"
#define NAMES_FOLDER "/run/netns"

enum { HUB = 0, WAIT_LIMIT_MS = 10000, COMMAND_SIZE = 256 };

static struct {
    bool is_open;
    int hosts;
    bool is_down[NETWORK_HOSTS + 1];
    child_t wire;
} network;

/* --- commands
 * ---------------------------------------------------------------------------------------------------- */

static int
ip (const char *line, const char *errors)
{
    char words[COMMAND_SIZE];
    char *rest = NULL;
    child_options_t options = {.name = "ip", .errors = errors, .arguments = {"ip"}};
    snprintf (words, sizeof words, "%s", line);
    size_t count = 1;
    for (char *word = strtok_r (words, " ", &rest); word && count + 1 < CHILD_ARGUMENTS;
         word = strtok_r (NULL, " ", &rest))
        options.arguments[count++] = word;
    return child_run (&options);
}

static void must_ip (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
static int try_ip (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

static void
must_ip (const char *format, ...)
{
    va_list args;
    char line[COMMAND_SIZE];
    va_start (args, format);
    vsnprintf (line, sizeof line, format, args);
    va_end (args);
    const int status = ip (line, NULL);
    if (status != 0)
        hosts_fail ("\"ip %s\" ended with %d", line, status);
}

/* Says nothing when it does not work. */
static int
try_ip (const char *format, ...)
{
    va_list args;
    char line[COMMAND_SIZE];
    va_start (args, format);
    vsnprintf (line, sizeof line, format, args);
    va_end (args);
    return ip (line, "/dev/null");
}

static void tell_wire (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

static void
tell_wire (const char *format, ...)
{
    char line[128];
    va_list args;
    va_start (args, format);
    vsnprintf (line, sizeof line, format, args);
    va_end (args);
    child_tell (&network.wire, "%s", line);
    child_expect (&network.wire, "ok", WAIT_LIMIT_MS);
}

/* --- names
 * ------------------------------------------------------------------------------------------------------- */

const char *
network_name (int host)
{
    static char name[NETWORK_NAME_SIZE];
    if (host == HUB)
        snprintf (name, sizeof name, PREFIX "%d-hub", (int) getpid ());
    else
        snprintf (name, sizeof name, PREFIX "%d-%d", (int) getpid (), host);
    return name;
}

const char *
network_address (int host)
{
    static char address[NETWORK_ADDRESS_SIZE];
    snprintf (address, sizeof address, "10.91.0.%u", (unsigned) host % 256);
    return address;
}

/* Those of runs that are over. One that is gone meanwhile is no failure. */
static void
remove_leavings (void)
{
    DIR *folder = opendir (NAMES_FOLDER);
    const struct dirent *entry;
    if (!folder)
        return;
    while ((entry = readdir (folder))) {
        int pid = 0;
        if (sscanf (entry->d_name, PREFIX "%d-", &pid) == 1 && pid > 0 && kill (pid, 0) != 0 &&
            errno == ESRCH)
            try_ip ("netns del %s", entry->d_name);
    }
    closedir (folder);
}

bool
network_is_possible (char *why, size_t size)
{
    if (try_ip ("-V") != 0) {
        snprintf (why, size, "there is no program \"ip\" (Debian: iproute2)");
        return false;
    }
    remove_leavings ();
    const int raw = socket (AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (raw < 0) {
        snprintf (why, size, "no raw sockets: %s", strerror (errno));
        return false;
    }
    close (raw);
    if (try_ip ("netns add %s", network_name (HUB)) != 0) {
        snprintf (why, size,
                  "no network namespaces can be made (CAP_SYS_ADMIN and CAP_NET_ADMIN are needed)");
        return false;
    }
    const bool has_veth = try_ip ("-n %s link add v0 type veth peer name v1", network_name (HUB)) == 0;
    try_ip ("netns del %s", network_name (HUB));
    if (!has_veth)
        snprintf (why, size, "no veth interfaces can be made");
    return has_veth;
}

/* --- making
 * ------------------------------------------------------------------------------------------------------ */

static int
socket_in (const char *name, int type)
{
    char path[128];
    snprintf (path, sizeof path, NAMES_FOLDER "/%s", name);
    const int ours = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    const int theirs = open (path, O_RDONLY | O_CLOEXEC);
    if (ours < 0 || theirs < 0 || setns (theirs, CLONE_NEWNET) != 0)
        hosts_fail ("cannot enter the network namespace \"%s\": %s", name, strerror (errno));
    const int fd = socket (AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || setns (ours, CLONE_NEWNET) != 0)
        hosts_fail ("cannot leave the network namespace \"%s\": %s", name, strerror (errno));
    close (ours);
    close (theirs);
    return fd;
}

/* Frames must be real ones, whole and with their checksums: what "hardware" would do is done before they
 * leave. */
static void
turn_offloads_off (const char *name, const char *interface)
{
    static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
    const int fd = socket_in (name, SOCK_DGRAM);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct ethtool_value off = {.cmd = commands[i], .data = 0};
        struct ifreq request = {.ifr_data = (void *) &off};
        snprintf (request.ifr_name, sizeof request.ifr_name, "%s", interface);
        if (ioctl (fd, SIOCETHTOOL, &request) != 0 && errno != EOPNOTSUPP)
            hosts_fail ("%s: cannot turn offload %#x of %s off: %s", name, commands[i], interface,
                        strerror (errno));
    }
    close (fd);
}

int
network_socket (int host, int type)
{
    return socket_in (network_name (host), type);
}

static void
close_at_exit (void)
{
    hosts_stop_watching ();
    network_close ();
}

void
network_open (const char *wire_program, uint64_t seed)
{
    static bool is_registered;
    char number[32];
    if (!is_registered)
        atexit (close_at_exit);
    is_registered = true;
    network.is_open = true;
    network.hosts = 0;
    must_ip ("netns add %s", network_name (HUB));
    snprintf (number, sizeof number, "%llu", (unsigned long long) seed);
    child_start (
        &network.wire,
        &(child_options_t){.name = "wire", .net = network_name (HUB), .arguments = {wire_program, number}});
}

int
network_add_host (void)
{
    const int host = network.hosts + 1;
    char name[NETWORK_NAME_SIZE];
    char hub[NETWORK_NAME_SIZE];
    char cable[16];
    if (host > NETWORK_HOSTS)
        hosts_fail ("at most %d hosts", NETWORK_HOSTS);
    snprintf (name, sizeof name, "%s", network_name (host));
    snprintf (hub, sizeof hub, "%s", network_name (HUB));
    snprintf (cable, sizeof cable, "v%d", host);
    network.hosts = host;
    network.is_down[host] = false;
    must_ip ("netns add %s", name);
    must_ip ("-n %s link add %s type veth peer name eth0 address 02:00:00:00:00:%02x netns %s", hub, cable,
             (unsigned) host, name);
    turn_offloads_off (hub, cable);
    turn_offloads_off (name, "eth0");
    must_ip ("-n %s link set %s up", hub, cable);
    must_ip ("-n %s address add %s/24 dev eth0", name, network_address (host));
    must_ip ("-n %s link set lo up", name);
    must_ip ("-n %s link set eth0 up", name);
    tell_wire ("port %d %s", host, cable);
    return host;
}

void
network_close (void)
{
    if (!network.is_open)
        return;
    network.is_open = false;
    child_kill_all ();
    for (int host = HUB; host <= network.hosts; host++)
        try_ip ("netns del %s", network_name (host));
    network.hosts = 0;
}

/* --- faults
 * ------------------------------------------------------------------------------------------------------ */

static void
set_way (const char *from, const char *to, network_fault_t fault)
{
    tell_wire ("way %s %s loss=%u delay=%u cut=%d", from, to, fault.loss_permille, fault.delay_ms,
               fault.is_cut);
}

void
network_set (int from, int to, network_fault_t fault)
{
    char numbers[2][12];
    snprintf (numbers[0], sizeof numbers[0], "%d", from);
    snprintf (numbers[1], sizeof numbers[1], "%d", to);
    set_way (from == NETWORK_ALL ? "*" : numbers[0], to == NETWORK_ALL ? "*" : numbers[1], fault);
}

void
network_set_host (int host, network_fault_t fault)
{
    network_set (host, NETWORK_ALL, fault);
    network_set (NETWORK_ALL, host, fault);
}

void
network_link (int host, bool is_up)
{
    must_ip ("-n %s link set eth0 %s", network_name (host), is_up ? "up" : "down");
    network.is_down[host] = !is_up;
}

void
network_heal (void)
{
    network_set (NETWORK_ALL, NETWORK_ALL, (network_fault_t){0});
    for (int host = 1; host <= network.hosts; host++)
        if (network.is_down[host])
            network_link (host, true);
}

void
network_stats (char *line, size_t size)
{
    char said[CHILD_TEXT_SIZE];
    child_tell (&network.wire, "stats");
    if (!child_line (&network.wire, said, sizeof said, WAIT_LIMIT_MS) || strncmp (said, "ok ", 3) != 0)
        hosts_fail ("the wire does not say what it counted");
    snprintf (line, size, "%s", said + 3);
}
