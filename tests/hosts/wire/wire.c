/* SPDX-License-Identifier: Apache-2.0 */
/* A switch with faults: forwards Ethernet frames between interfaces, and loses, delays and cuts off as it is
 * told.
 *
 *     wire SEED
 *
 * It reads a command a line, and answers "ok ..." or "error: ...":
 *
 *     port NUMBER INTERFACE                       opens an interface; the host behind it has the hardware
 * address 02:00:00:00:00:NUMBER way FROM TO loss=PERMILLE delay=MS cut=0|1  what becomes of frames of this
 * way from now on; * is all ports stats                                       what happened so far, all ways
 * together
 *
 * Only IPv4 and ARP are forwarded. It ends with its input. */
#include "tests/hosts/wire/lane.h"
#include "tests/hosts/wire/ports.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS INT64_C (1000000000)

enum { MAC_SIZE = 6, ETHERNET_SIZE = 14, COMMAND_SIZE = 256, WHY_SIZE = 256, DRAIN_BATCHES = 64 };

typedef struct wire {
    rules_t rules;
    lanes_t lanes;
    ports_t *ports;
    struct {
        uint64_t forwarded, lost, cut, late, full, refused, foreign, too_long;
    } counts;
    char input[COMMAND_SIZE];
    size_t input_size;
} wire_t;

static int64_t
now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* --- frames
 * ------------------------------------------------------------------------------------------------------ */

/* The port behind a hardware address, 0: all of them, -1: none. */
static int
port_of (const uint8_t mac[MAC_SIZE])
{
    static const uint8_t all[MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t ours[MAC_SIZE - 1] = {0x02};
    if (memcmp (mac, all, sizeof all) == 0)
        return 0;
    if (memcmp (mac, ours, sizeof ours) == 0 && mac[MAC_SIZE - 1] >= 1 && mac[MAC_SIZE - 1] <= WIRE_PORTS)
        return mac[MAC_SIZE - 1];
    return -1;
}

static bool
is_wanted (const port_frame_t *frame)
{
    const unsigned type = (unsigned) frame->bytes[12] << 8 | frame->bytes[13];
    return type == 0x0800 || type == 0x0806; /* IPv4, ARP */
}

static void
send_now (wire_t *wire, int to, const uint8_t *bytes, size_t size)
{
    if (ports_send (wire->ports, to, bytes, size))
        wire->counts.forwarded++;
    else
        wire->counts.refused++;
}

static void
forward (wire_t *wire, int from, int to, const port_frame_t *frame, int64_t now)
{
    const rule_t *way = &wire->rules.ways[from][to];
    if (to == from || ports_fd (wire->ports, to) < 0)
        return;
    if (way->is_cut) {
        wire->counts.cut++;
    } else if (rules_lose (&wire->rules, way)) {
        wire->counts.lost++;
    } else if (way->delay_ms == 0 && !lanes_has (&wire->lanes, from, to)) {
        send_now (wire, to, frame->bytes, frame->size);
    } else if (lanes_put (&wire->lanes, from, to, frame->bytes, frame->size, now + way->delay_ms * 1000000)) {
        wire->counts.late++;
    } else {
        wire->counts.full++;
    }
}

static void
on_frame (wire_t *wire, int from, const port_frame_t *frame, int64_t now)
{
    if (frame->size == 0) {
        wire->counts.too_long++;
        return;
    }
    const int to = frame->size >= ETHERNET_SIZE && is_wanted (frame) ? port_of (frame->bytes) : -1;
    if (to < 0)
        wire->counts.foreign++;
    else if (to > 0)
        forward (wire, from, to, frame, now);
    else
        for (int i = 1; i <= WIRE_PORTS; i++)
            forward (wire, from, i, frame, now);
}

static int
on_readable (wire_t *wire, int from)
{
    port_frame_t frames[WIRE_BATCH];
    const int count = ports_receive (wire->ports, from, frames);
    const int64_t now = count > 0 ? now_ns () : 0;
    for (int i = 0; i < count; i++)
        on_frame (wire, from, &frames[i], now);
    wire->counts.refused += ports_flush (wire->ports);
    return count;
}

/* What was sent before a command is not what it is about. Bounded: there may always be more. */
static void
drain (wire_t *wire)
{
    for (int i = 1; i <= WIRE_PORTS; i++)
        for (int batches = 0; batches < DRAIN_BATCHES && ports_fd (wire->ports, i) >= 0; batches++)
            if (on_readable (wire, i) < WIRE_BATCH)
                break;
}

/* Delivers what is due; returns when the next frame is. */
static int64_t
deliver_late (wire_t *wire)
{
    int64_t next_ns = INT64_MAX;
    int to = 0;
    late_frame_t *frame;
    const int64_t now = now_ns ();
    while ((frame = lanes_take (&wire->lanes, now, &to, &next_ns))) {
        send_now (wire, to, frame->bytes, frame->size);
        wire->counts.refused += ports_flush (wire->ports);
        lanes_give_back (&wire->lanes, frame);
        next_ns = INT64_MAX;
    }
    return next_ns;
}

/* --- commands
 * ---------------------------------------------------------------------------------------------------- */

static void
say_stats (const wire_t *wire)
{
    printf (
        "ok forwarded=%llu lost=%llu cut=%llu late=%llu full=%llu refused=%llu foreign=%llu too_long=%llu\n",
        (unsigned long long) wire->counts.forwarded, (unsigned long long) wire->counts.lost,
        (unsigned long long) wire->counts.cut, (unsigned long long) wire->counts.late,
        (unsigned long long) wire->counts.full, (unsigned long long) wire->counts.refused,
        (unsigned long long) wire->counts.foreign, (unsigned long long) wire->counts.too_long);
}

static void
obey (wire_t *wire, const char *line)
{
    char why[WHY_SIZE] = "expected port, way or stats";
    char interface[COMMAND_SIZE];
    int number = 0;
    bool is_done = false;
    if (strcmp (line, "stats") == 0) {
        say_stats (wire);
        return;
    }
    if (sscanf (line, "port %d %255s", &number, interface) == 2)
        is_done = ports_open (wire->ports, number, interface, why, sizeof why);
    else if (strncmp (line, "way ", 4) == 0)
        is_done = rules_set (&wire->rules, line + 4, why, sizeof why);
    if (is_done)
        printf ("ok\n");
    else
        printf ("error: %s: %s\n", line, why);
}

/* False at the end of the input, or when a line is longer than any command. */
static bool
read_commands (wire_t *wire)
{
    const ssize_t got =
        read (STDIN_FILENO, wire->input + wire->input_size, sizeof wire->input - 1 - wire->input_size);
    if (got < 0 && errno == EINTR)
        return true;
    if (got <= 0)
        return false;
    wire->input_size += (size_t) got;
    wire->input[wire->input_size] = '\0';
    char *end;
    while ((end = strchr (wire->input, '\n'))) {
        *end = '\0';
        obey (wire, wire->input);
        wire->input_size -= (size_t) (end + 1 - wire->input);
        memmove (wire->input, end + 1, wire->input_size + 1);
    }
    return true;
}

/* --- the loop
 * ---------------------------------------------------------------------------------------------------- */

static void
wait_for_something (wire_t *wire, struct pollfd *polled, int64_t next_ns)
{
    const int64_t now = now_ns ();
    const int64_t left_ns = next_ns > now ? next_ns - now : 0;
    const struct timespec timeout = {left_ns / SECOND_NS, left_ns % SECOND_NS};
    polled[0] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
    for (int i = 1; i <= WIRE_PORTS; i++)
        polled[i] = (struct pollfd){ports_fd (wire->ports, i), POLLIN, 0};
    if (ppoll (polled, WIRE_PORTS + 1, next_ns == INT64_MAX ? NULL : &timeout, NULL) < 0)
        for (int i = 0; i <= WIRE_PORTS; i++)
            polled[i].revents = 0;
}

static void
run (wire_t *wire)
{
    struct pollfd polled[WIRE_PORTS + 1];
    for (;;) {
        wait_for_something (wire, polled, deliver_late (wire));
        if (polled[0].revents != 0) {
            drain (wire);
            if (!read_commands (wire))
                return;
        }
        for (int i = 1; i <= WIRE_PORTS; i++)
            if (polled[i].revents != 0)
                on_readable (wire, i);
    }
}

int
main (int argc, char **argv)
{
    static wire_t wire;
    if (argc != 2) {
        fprintf (stderr, "usage: wire SEED\n");
        return 2;
    }
    setvbuf (stdout, NULL, _IOLBF, 0);
    wire.rules.random.state = strtoull (argv[1], NULL, 10);
    wire.ports = ports_new ();
    if (!wire.ports)
        return 1;
    run (&wire);
    ports_destroy (&wire.ports);
    lanes_clear (&wire.lanes);
    return 0;
}
