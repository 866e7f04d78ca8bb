/* SPDX-License-Identifier: Apache-2.0 */
/* Random interleavings of bytes, closes and time, with both ends the engine:
 *
 *     interleavings [--seed N] [--count N]
 *
 * Each seed is one life of a connection: a link and a port send each other messages, over a socket that takes
 * and gives as much as it likes; the ends' reactors and leaders run in any order, time passes, the socket
 * fails, an end is closed. What is accepted has to arrive, whole, once and in order, or the connection ends;
 * what the program owned is freed once; nothing hangs; and nothing is left. Ends with 1 and the seed that
 * broke it, which alone breaks it again. */
#include "drivers/zmtp/port.h"
#include "src/interface/driver.h"
#include "tests/support/short_socket.h"

#include <dirent.h>
#include <getopt.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGES 48     /* of one direction, at most */
#define ROUNDS 4000     /* until what has to happen has happened */
#define LOOK_EVERY 2000 /* lives between two looks at memory and descriptors */

enum { CLIENT, SERVER };

/* ---- the world: two drivers, each with its reactor, and a clock that the test moves ---- */

static int64_t clock_ns = 1000000000;

static int64_t
now_ns (void *user)
{
    (void) user;
    return clock_ns;
}

static const godwit__clock_t test_clock = {.now_ns = now_ns};

static struct {
    char folder[64];
    godwit__reactor_t *reactor[2];
    godwit__driver_t *driver[2];
    godwit__channel_t *port;
    godwit__port_addresses_t addresses;
} world;

/* ---- one life ---- */

/* What the program gave away. */
typedef struct owned {
    bool accepted;
    unsigned freed;
    uint8_t *bytes;
} owned_t;

typedef struct direction {
    unsigned accepted, received;
    bool owes_flush;
    owned_t owned[MESSAGES];
    owned_t inserted[MESSAGES];
} direction_t;

static struct {
    uint64_t seed;
    uint64_t state;
    direction_t to[2]; /* to CLIENT, to SERVER */
    godwit__channel_t *link;
    godwit__routing_id_t routing_id; /* of the link at the port; 0: not known yet */
    unsigned ups, downs;
    bool is_link_ended;  /* recv said CLOSED */
    bool is_broken;      /* messages may be lost from now on */
    bool is_attached[2]; /* a reactor leads */
    godwit__source_t source[2];
} life;

__attribute__ ((format (printf, 1, 2), noreturn)) static void
broken (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    fprintf (stderr, "--seed %llu --count 1: ", (unsigned long long) life.seed);
    vfprintf (stderr, format, arguments);
    fprintf (stderr, "\n");
    va_end (arguments);
    exit (1);
}

static uint32_t
below (uint32_t limit)
{
    life.state = life.state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) (((life.state >> 33) * limit) >> 31);
}

static bool
one_in (uint32_t count)
{
    return below (count) == 0;
}

static void
run (int end)
{
    godwit__reactor_run_once (world.reactor[end], 0);
}

static const godwit__zmtp_t *
engine (int end)
{
    return (const godwit__zmtp_t *) world.driver[end];
}

/* ---- messages: what is in the n-th of a direction follows from the seed ---- */

static uint64_t
mix (uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    return x;
}

static size_t
size_of (int to, unsigned number)
{
    static const uint32_t most[] = {8, 64, 64, 300, 1100, 1100, 5000, 20000, 70000};
    const uint64_t random = mix (life.seed * 131 + (unsigned) to * 64 + number);
    const uint32_t limit = most[random % (sizeof most / sizeof *most)];
    return number == 0 ? 8 : (random >> 32) % limit;
}

static uint8_t
byte_of (int to, unsigned number, size_t at)
{
    return (uint8_t) (life.seed * 7 + (unsigned) to * 101 + number * 31 + at * 13 + (at >> 8));
}

static void
free_owned (void *data, void *hint)
{
    owned_t *owned = hint;
    if (data != owned->bytes)
        broken ("other memory is freed than was given");
    if (!owned->accepted)
        broken ("memory of a message that was not accepted is freed");
    if (++owned->freed > 1)
        broken ("memory is freed twice");
    free (owned->bytes);
    owned->bytes = NULL;
}

static uint8_t *
own (owned_t *owned, int to, unsigned number, size_t from, size_t size)
{
    *owned = (owned_t){.accepted = true, .bytes = malloc (size ? size : 1)};
    for (size_t i = 0; i < size; i++)
        owned->bytes[i] = byte_of (to, number, from + i);
    return owned->bytes;
}

static void
disown (owned_t *owned)
{
    free (owned->bytes);
    *owned = (owned_t){.bytes = NULL};
}

static godwit__channel_t *
channel_to (int to)
{
    return to == SERVER ? life.link : world.port;
}

static bool
can_send (int to)
{
    return to == SERVER ? life.link != NULL : world.port && life.routing_id != 0;
}

static void
flush (int to)
{
    if (!life.to[to].owes_flush || !can_send (to))
        return;
    life.to[to].owes_flush = false;
    channel_to (to)->ops->flush (channel_to (to), to == SERVER ? 0 : life.routing_id);
}

static void
send_next (int to)
{
    direction_t *direction = &life.to[to];
    const unsigned number = direction->accepted;
    if (number == MESSAGES || !can_send (to))
        return;
    const size_t size = size_of (to, number);
    const bool gives = one_in (2);
    const size_t inserted = gives && size > 2 && one_in (2) ? 1 + below ((uint32_t) size - 1) : 0;
    const size_t at = inserted ? below ((uint32_t) (size - inserted) + 1) : 0;
    owned_t *owned = &direction->owned[number];
    /* The data without the insert, as one piece. */
    uint8_t *data = own (owned, to, number, 0, size - inserted);
    for (size_t i = at; i < size - inserted; i++)
        data[i] = byte_of (to, number, i + inserted);
    const godwit__insert_t insert = {
        .at = at,
        .data = inserted ? own (&direction->inserted[number], to, number, at, inserted) : NULL,
        .size = inserted,
        .free_fn = free_owned,
        .hint = &direction->inserted[number]};
    const godwit__message_t message = {.data = data,
                                       .size = size - inserted,
                                       .free_fn = gives ? free_owned : NULL,
                                       .hint = owned,
                                       .inserts = &insert,
                                       .insert_count = inserted ? 1 : 0};
    const godwit__channel_ops_t *ops = channel_to (to)->ops;
    const bool queues = one_in (2);
    const godwit__io_t io =
        (queues ? ops->queue : ops->send) (channel_to (to), to == SERVER ? 0 : life.routing_id, &message);
    if (io == GODWIT__IO_OK) {
        direction->accepted++;
        direction->owes_flush |= queues;
        if (!gives)
            disown (owned); /* it was copied */
        return;
    }
    if (owned->freed || direction->inserted[number].freed)
        broken ("memory of a message that was not accepted is freed");
    disown (owned);
    disown (&direction->inserted[number]);
    if (io == GODWIT__IO_REFUSED)
        broken ("a message of %zu bytes is refused", size);
    if (io == GODWIT__IO_CLOSED && !life.is_broken)
        broken ("a message to %s is not accepted, though nothing was broken", to ? "the port" : "the link");
}

static void
check_frame (int to, const godwit__frame_t *frame)
{
    direction_t *direction = &life.to[to];
    const unsigned number = direction->received++;
    if (number >= direction->accepted)
        broken ("more arrives than was accepted");
    if (frame->size != size_of (to, number))
        broken ("message %u to %s has %zu bytes, not %zu", number, to ? "the port" : "the link", frame->size,
                size_of (to, number));
    for (size_t i = 0; i < frame->size; i++)
        if (frame->data[i] != byte_of (to, number, i))
            broken ("byte %zu of message %u to %s is another", i, number, to ? "the port" : "the link");
}

/* ---- leading ---- */

/* Takes up to `most` frames. Returns what the last recv said. */
static godwit__io_t
take (int end, unsigned most)
{
    godwit__channel_t *channel = end == SERVER ? world.port : life.link;
    godwit__io_t io = GODWIT__IO_OK;
    while (most-- && io == GODWIT__IO_OK) {
        godwit__frame_t frame;
        godwit__routing_id_t routing_id = 0;
        io = one_in (2) ? channel->ops->recv (channel, &frame, &routing_id)
                        : channel->ops->receive (channel, &frame, &routing_id, 0);
        if (io != GODWIT__IO_OK)
            break;
        if (end == SERVER && life.routing_id && routing_id != life.routing_id)
            broken ("the routing id changes");
        if (end == SERVER)
            life.routing_id = routing_id;
        check_frame (end, &frame);
        godwit__frame_release (&frame);
    }
    if (end == CLIENT && io == GODWIT__IO_CLOSED) {
        life.is_link_ended = true;
        if (!life.is_broken)
            broken ("the link is closed, though nothing was broken: %s", channel->ops->why_down (channel));
    }
    return io;
}

static void
on_source (godwit__source_t *source)
{
    const int end = source == &life.source[SERVER] ? SERVER : CLIENT;
    if (!life.is_attached[end])
        broken ("ready after detach");
    if (take (end, 1000) == GODWIT__IO_OK)
        broken ("frames without end");
}

static void
toggle (int end)
{
    godwit__channel_t *channel = end == SERVER ? world.port : life.link;
    if (!channel)
        return;
    if (life.is_attached[end]) {
        channel->ops->detach (channel);
    } else {
        life.source[end] = (godwit__source_t){.ready = on_source};
        if (channel->ops->attach (channel, world.reactor[end], &life.source[end], NULL) != GODWIT_OK)
            broken ("attach fails");
    }
    life.is_attached[end] = !life.is_attached[end];
}

static void
lead (int end, unsigned most)
{
    godwit__channel_t *channel = end == SERVER ? world.port : life.link;
    if (!channel || life.is_attached[end])
        return;
    if (one_in (4))
        channel->ops->wait (channel, one_in (2), 0);
    take (end, most);
}

/* ---- ends ---- */

static void
open_world_port (void)
{
    if (world.driver[SERVER]->ops->open_port (world.driver[SERVER], NULL, &world.port, &world.addresses,
                                              NULL) != GODWIT_OK)
        broken ("no port");
}

static void
close_link (void)
{
    if (!life.link)
        return;
    if (life.is_attached[CLIENT])
        toggle (CLIENT);
    flush (SERVER);
    life.link->ops->close (life.link);
    life.link = NULL;
}

static void
close_world_port (void)
{
    if (life.is_attached[SERVER])
        toggle (SERVER);
    flush (CLIENT);
    world.port->ops->close (world.port);
    world.port = NULL;
}

static void
on_up (void *user)
{
    (void) user;
    life.ups++;
}

static void
on_down (void *user, const char *reason)
{
    (void) user;
    life.downs++;
    if (!life.is_broken)
        broken ("the link goes down, though nothing was broken: %s", reason);
}

static const godwit__link_events_t link_events = {.up = on_up, .down = on_down};

/* ---- what happens ---- */

static void
break_something (void)
{
    if (!one_in (6))
        return;
    life.is_broken = true;
    switch (below (5)) {
    case 0:
        close_link ();
        break;
    case 1:
        if (world.port)
            close_world_port ();
        break;
    case 2:
        shutdown (short_socket.last_fd, one_in (2) ? SHUT_RDWR : one_in (2) ? SHUT_WR : SHUT_RD);
        break;
    case 3:
        clock_ns += below (2000) * GODWIT__NS_PER_MS;
        break;
    case 4:
        short_socket.reset = 2000;
        break;
    }
}

static void
step (bool breaks)
{
    switch (below (breaks ? 14 : 12)) {
    case 0:
    case 1:
        send_next (SERVER);
        break;
    case 2:
    case 3:
        send_next (CLIENT);
        break;
    case 4:
        flush ((int) below (2));
        break;
    case 5:
        lead (CLIENT, 1 + below (8));
        break;
    case 6:
        lead (SERVER, 1 + below (8));
        break;
    case 7:
    case 8:
        run (CLIENT);
        break;
    case 9:
    case 10:
        run (SERVER);
        break;
    case 11:
        if (one_in (8))
            toggle ((int) below (2));
        else
            clock_ns += below (1000000);
        break;
    default:
        break_something ();
    }
    if (short_socket.failures)
        life.is_broken = true;
}

/* Everybody gets his turn. */
static void
round_of_all (void)
{
    for (int end = 0; end < 2; end++) {
        run (end);
        flush (end);
        lead (end, 100);
    }
    if (short_socket.failures)
        life.is_broken = true;
}

static bool
is_delivered (int to)
{
    return life.to[to].received == life.to[to].accepted;
}

/* All arrives, or the link goes down. */
static void
settle (void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        round_of_all ();
        const bool is_up_or_down = life.ups || life.downs || !life.link;
        if (is_up_or_down && is_delivered (SERVER) && (is_delivered (CLIENT) || !life.link))
            return;
        if (life.is_broken && (life.downs || !life.link || !world.port) && (life.is_link_ended || !life.link))
            return;
        clock_ns += life.is_broken ? 5 * GODWIT__NS_PER_MS : GODWIT__NS_PER_MS / 4;
    }
    broken (
        "it hangs: %u of %u messages arrived at the port, %u of %u at the link; ups %u, downs %u, ended %d",
        life.to[SERVER].received, life.to[SERVER].accepted, life.to[CLIENT].received,
        life.to[CLIENT].accepted, life.ups, life.downs, life.is_link_ended);
}

static bool
is_quiet (void)
{
    const godwit__zmtp_port_t *port = (godwit__zmtp_port_t *) world.port;
    for (int end = 0; end < 2; end++)
        if (engine (end)->stream_count || !godwit__list_is_empty (&engine (end)->closing) ||
            !godwit__list_is_empty (&engine (end)->telling))
            return false;
    return !port || (port->table.count == 0 && port->opening.count == 0);
}

/* The link is closed; what it had accepted still arrives, and nothing is left. */
static void
finish (void)
{
    const bool was_up = life.ups > 0;
    close_link ();
    for (unsigned i = 0; !is_quiet (); i++) {
        if (i == ROUNDS)
            broken ("a connection that was closed stays: %zu and %zu streams, %u in the table",
                    engine (CLIENT)->stream_count, engine (SERVER)->stream_count,
                    world.port ? ((godwit__zmtp_port_t *) world.port)->table.count : 0);
        round_of_all ();
        clock_ns += GODWIT__NS_PER_MS / 4;
    }
    if (was_up && !life.is_broken && !is_delivered (SERVER))
        broken ("%u of %u messages arrive that a link had accepted before it was closed",
                life.to[SERVER].received, life.to[SERVER].accepted);
    if (life.downs > 1 || life.ups > 1)
        broken ("%u times up, %u times down", life.ups, life.downs);
    for (int to = 0; to < 2; to++)
        for (unsigned i = 0; i < MESSAGES; i++)
            if (life.to[to].owned[i].accepted > life.to[to].owned[i].freed ||
                life.to[to].inserted[i].accepted > life.to[to].inserted[i].freed)
                broken ("memory of message %u to %s is never freed", i, to ? "the port" : "the link");
}

static void
live (uint64_t seed)
{
    memset (&life, 0, sizeof life);
    life.seed = seed;
    life.state = mix (seed + 0x9e3779b97f4a7c15u);
    const bool breaks = one_in (2);
    /* By path; sometimes by TCP, whose ports are soon used up. */
    const size_t address = one_in (200) ? 1 : 0;
    short_socket = (short_socket_t){.on = true,
                                    .state = life.state | 1,
                                    .again = one_in (3) ? 0 : below (128),
                                    .partial = one_in (3) ? 0 : below (256),
                                    .eintr = below (32),
                                    .last_fd = -1};
    if (!world.port)
        open_world_port ();
    if (one_in (2))
        toggle (SERVER);
    if (world.driver[CLIENT]->ops->open_link (world.driver[CLIENT], world.addresses.links[address],
                                              &link_events, NULL, &life.link, NULL) != GODWIT_OK)
        broken ("no link");
    for (uint32_t steps = below (160); steps; steps--)
        step (breaks);
    short_socket.reset = 0;
    if (one_in (2))
        settle ();
    if (!life.is_broken && !life.ups)
        settle ();
    finish ();
    if (life.is_attached[SERVER])
        toggle (SERVER);
    short_socket.on = false;
}

/* ---- the program ---- */

static void
open_world (void)
{
    strcpy (world.folder, "/tmp/godwit-interleavings-XXXXXX");
    if (!mkdtemp (world.folder))
        broken ("no folder");
    for (int end = 0; end < 2; end++) {
        godwit__driver_options_t options = {.loopback = true,
                                            .max_message_size = 1 << 20,
                                            .queue_limit = 16,
                                            .max_queue_size = 100000,
                                            .connect_timeout_ms = 10000,
                                            .heartbeat_ms = 100,
                                            .heartbeat_timeout_ms = 400,
                                            .virtual_host = "",
                                            .runtime_dir = world.folder,
                                            .insecure = true};
        if (godwit__reactor_new (&world.reactor[end], &test_clock, NULL) != GODWIT_OK)
            broken ("no reactor");
        options.reactor = world.reactor[end];
        if (godwit__zmtp_driver.open (&world.driver[end], &options, NULL) != GODWIT_OK)
            broken ("no driver");
    }
    open_world_port ();
}

static void
close_world (void)
{
    if (world.port)
        close_world_port ();
    for (int end = 0; end < 2; end++) {
        world.driver[end]->ops->close (world.driver[end]);
        godwit__reactor_destroy (&world.reactor[end]);
    }
    rmdir (world.folder);
}

static unsigned
count_descriptors (void)
{
    unsigned count = 0;
    DIR *listing = opendir ("/proc/self/fd");
    while (listing && readdir (listing))
        count++;
    if (listing)
        closedir (listing);
    return count;
}

/* Nothing grows from one look to another. */
static void
look (void)
{
    static size_t first_size;
    static unsigned first_count;
    if (!world.port)
        open_world_port ();
    const size_t size = mallinfo2 ().uordblks + mallinfo2 ().hblkhd;
    const unsigned count = count_descriptors ();
    if (!first_count) {
        first_size = size;
        first_count = count;
    }
    if (count > first_count)
        broken ("before this: %u descriptors, then %u", first_count, count);
    if (size > first_size + 256 * 1024)
        broken ("before this: %zu bytes of memory, then %zu", first_size, size);
}

int
main (int argc, char **argv)
{
    static const struct option table[] = {
        {"seed", required_argument, NULL, 's'}, {"count", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
    uint64_t seed = 1, count = 1000;
    int option;
    while ((option = getopt_long (argc, argv, "", table, NULL)) != -1) {
        if (option == 's')
            seed = strtoull (optarg, NULL, 10);
        else if (option == 'c')
            count = strtoull (optarg, NULL, 10);
        else
            return 2;
    }
    open_world ();
    for (uint64_t i = 0; i < count; i++) {
        live (seed + i);
        if (i % LOOK_EVERY == LOOK_EVERY - 1)
            look ();
    }
    close_world ();
    printf ("%llu lives from seed %llu on: all kept what they promise\n", (unsigned long long) count,
            (unsigned long long) seed);
    return 0;
}
