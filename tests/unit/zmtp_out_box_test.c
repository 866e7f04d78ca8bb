/* SPDX-License-Identifier: Apache-2.0 */
/* What waits to be written, in boxes: a peer opens all of it, in order and with the same bytes, whatever the
 * socket takes at a time, whoever adds, and whatever the messages are made of. The same without boxes. */
#include "drivers/zmtp/decoder.h"
#include "drivers/zmtp/frame.h"
#include "drivers/zmtp/out_queue.h"
#include "tests/support/random.h"
#include "tests/support/short_memory.h"
#include "tests/support/short_socket.h"
#include "tests/support/zmtp_boxes.h"

#include <criterion/criterion.h>

#include <pthread.h>

#define MESSAGE_MAX ((size_t) 400 * 1000)
#define NUMBER_SIZE 4

static const godwit__zmtp_out_limits_t limits = {
    .queue_limit = 100, .max_queue_size = SIZE_MAX, .max_message_size = MESSAGE_MAX};

/* One queue, and who reads what it writes. */
typedef struct wire {
    int fds[2];
    godwit__zmtp_out_t out;
    zmtp_boxes_t boxes;
    godwit__zmtp_decoder_t in;
    godwit__zmtp_pool_t pool;
    atomic_int given;      /* what was to be freed */
    atomic_int given_back; /* what was */
} wire_t;

static void
open_wire (wire_t *wire, bool boxed)
{
    const int tiny = 4096;
    *wire = (wire_t){.pool = {.current = NULL}};
    cr_assert_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wire->fds), 0);
    setsockopt (wire->fds[0], SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny);
    godwit__zmtp_out_init (&wire->out);
    godwit__zmtp_decoder_init (&wire->in, MESSAGE_MAX);
    if (!boxed)
        return;
    zmtp_boxes_make (&wire->boxes);
    godwit__zmtp_out_use_box (&wire->out, &wire->boxes.connecting);
    wire->in.box = &wire->boxes.accepting;
}

static void
close_wire (wire_t *wire)
{
    godwit__zmtp_out_release (&wire->out);
    godwit__zmtp_decoder_release (&wire->in);
    godwit__zmtp_pool_release (&wire->pool);
    zmtp_boxes_end (&wire->boxes);
    close (wire->fds[0]);
    close (wire->fds[1]);
    cr_assert_eq (atomic_load (&wire->given), atomic_load (&wire->given_back));
}

/* ---- messages: their number, then bytes that follow from it ---- */

static uint8_t
byte_of (uint32_t number, size_t at)
{
    return at < NUMBER_SIZE ? (uint8_t) (number >> (8 * at)) : (uint8_t) (number + at * 7);
}

static uint8_t *
bytes_of (uint32_t number, size_t size)
{
    uint8_t *const bytes = malloc (size ? size : 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_of (number, i);
    return bytes;
}

static void
give_back (void *data, void *hint)
{
    wire_t *wire = hint;
    free (data);
    atomic_fetch_add (&wire->given_back, 1);
}

/* What it is made of: bytes of the caller, bytes that are taken over, or both around inserts. */
typedef enum made { COPIED, TAKEN_OVER, WITH_INSERTS, COPIED_WITH_INSERTS, MADE_COUNT } made_t;

typedef struct parts {
    godwit__message_t message;
    godwit__insert_t inserts[3];
    uint8_t *own; /* the caller's; NULL: it was taken over */
} parts_t;

static void
add_insert (wire_t *wire, parts_t *parts, const uint8_t *bytes, size_t from, size_t to, size_t at)
{
    uint8_t *const data = malloc (to - from + 1);
    memcpy (data, bytes + from, to - from);
    parts->inserts[parts->message.insert_count++] =
        (godwit__insert_t){.at = at, .data = data, .size = to - from, .free_fn = give_back, .hint = wire};
}

/* A quarter of the bytes in front, a quarter in the middle, and an eighth at the end are inserts. */
static void
make_inserts (wire_t *wire, parts_t *parts, uint8_t *bytes, size_t size)
{
    const size_t cuts[] = {size / 4, size / 2, size / 2 + size / 4, size - size / 8};
    parts->message.inserts = parts->inserts;
    add_insert (wire, parts, bytes, 0, cuts[0], 0);
    add_insert (wire, parts, bytes, cuts[1], cuts[2], cuts[1] - cuts[0]);
    add_insert (wire, parts, bytes, cuts[3], size, cuts[1] - cuts[0] + cuts[3] - cuts[2]);
    memmove (bytes, bytes + cuts[0], cuts[1] - cuts[0]);
    memmove (bytes + cuts[1] - cuts[0], bytes + cuts[2], cuts[3] - cuts[2]);
    parts->message.size = cuts[1] - cuts[0] + cuts[3] - cuts[2];
}

static void
make (wire_t *wire, parts_t *parts, uint32_t number, size_t size, made_t made)
{
    uint8_t *const bytes = bytes_of (number, size);
    *parts = (parts_t){.message = {.data = bytes, .size = size}};
    if (made == WITH_INSERTS || made == COPIED_WITH_INSERTS)
        make_inserts (wire, parts, bytes, size);
    if (made == COPIED || made == COPIED_WITH_INSERTS) {
        parts->own = bytes;
    } else {
        parts->message.free_fn = give_back;
        parts->message.hint = wire;
    }
}

/* The queue has said what it does with the message. */
static void
unmake (wire_t *wire, parts_t *parts, godwit__io_t io)
{
    atomic_fetch_add (&wire->given, (int) parts->message.insert_count + (parts->message.free_fn ? 1 : 0));
    if (io != GODWIT__IO_OK)
        godwit__message_release (&parts->message);
    free (parts->own);
}

/* How it is sent. */
typedef enum way { SENT, QUEUED, STAYING, WAY_COUNT } way_t;

static godwit__io_t
send_one (wire_t *wire, uint32_t number, size_t size, made_t made, way_t way, godwit__zmtp_flushed_t *flushed)
{
    parts_t parts;
    bool room = false;
    godwit__io_t io = GODWIT__IO_OK;
    *flushed = GODWIT__ZMTP_FLUSHED;
    make (wire, &parts, number, size, made);
    if (way == SENT) {
        io = godwit__zmtp_out_send (&wire->out, wire->fds[0], &limits, &parts.message, flushed, &room);
    } else {
        parts.message.stays = way == STAYING;
        io = godwit__zmtp_out_add (&wire->out, &limits, &parts.message);
        if (io == GODWIT__IO_OK)
            *flushed = godwit__zmtp_out_flush (&wire->out, wire->fds[0], &room);
    }
    unmake (wire, &parts, io);
    return io;
}

static void
send_command (wire_t *wire, uint32_t number, size_t size, godwit__zmtp_flushed_t *flushed)
{
    uint8_t frame[GODWIT__ZMTP_LONG_HEAD + GODWIT__ZMTP_COMMAND_MAX];
    bool room;
    const size_t head_size = godwit__zmtp_head_write (frame, GODWIT__ZMTP_COMMAND, size);
    for (size_t i = 0; i < size; i++)
        frame[head_size + i] = byte_of (number, i);
    cr_assert_eq (godwit__zmtp_out_add_raw (&wire->out, frame, head_size + size), GODWIT__IO_OK);
    *flushed = godwit__zmtp_out_flush (&wire->out, wire->fds[0], &room);
}

/* ---- reading ---- */

static bool
read_some (wire_t *wire)
{
    size_t room;
    uint8_t *const to = godwit__zmtp_decoder_room (&wire->in, &wire->pool, &room);
    const ssize_t count = syscall (SYS_recvfrom, wire->fds[1], to, room, MSG_DONTWAIT, NULL, NULL);
    if (count <= 0)
        return false;
    godwit__zmtp_decoder_filled (&wire->in, &wire->pool, (size_t) count);
    return true;
}

static void
check_bytes (const godwit__frame_t *frame, uint32_t number)
{
    size_t right = 0;
    while (right < frame->size && frame->data[right] == byte_of (number, right))
        right++;
    cr_assert_eq (right, frame->size, "message %u, byte %zu of %zu", number, right, frame->size);
}

/* ---- one thread, and a socket that takes what it likes ---- */

static const size_t sizes[] = {0,   1,    4,    63,   64,   190,  222,   223,   255,   256,    900,
                               991, 1023, 1024, 1025, 2000, 5000, 20000, 40000, 70000, 100000, 300000};
#define SIZES (sizeof sizes / sizeof *sizes)

static bool
is_command (uint32_t number)
{
    return number % 7 == 3;
}

static size_t
size_of (uint32_t number)
{
    return is_command (number) ? number % 300 : sizes[number % SIZES];
}

static void
take_in_order (wire_t *wire, uint32_t *next)
{
    godwit__frame_t frame;
    godwit__zmtp_decoded_t decoded;
    while (read_some (wire))
        while ((decoded = godwit__zmtp_decoder_next (&wire->in, &frame)) != GODWIT__ZMTP_NEED) {
            cr_assert_neq (decoded, GODWIT__ZMTP_MALFORMED, "%s", wire->in.problem);
            cr_assert_eq (decoded == GODWIT__ZMTP_CONTROL, is_command (*next), "%u", *next);
            cr_assert_eq (frame.size, size_of (*next), "%u has %zu bytes", *next, frame.size);
            check_bytes (&frame, (*next)++);
            godwit__frame_release (&frame);
        }
}

/* The peer reads, and the queue goes on, until all that was added has come. */
static void
drain (wire_t *wire, uint32_t *next, uint32_t count)
{
    bool room;
    while (*next < count) {
        take_in_order (wire, next);
        cr_assert_neq (godwit__zmtp_out_writable (&wire->out, wire->fds[0], &room), GODWIT__ZMTP_BROKEN);
        cr_assert_neq (godwit__zmtp_out_flush (&wire->out, wire->fds[0], &room), GODWIT__ZMTP_BROKEN);
    }
    cr_assert (godwit__zmtp_out_is_empty (&wire->out));
    cr_assert (!wire->out.heavy_size && !wire->out.count);
}

static void
send_numbered (wire_t *wire, uint32_t number, random_t *random)
{
    godwit__zmtp_flushed_t flushed = GODWIT__ZMTP_FLUSHED;
    if (is_command (number))
        send_command (wire, number, size_of (number), &flushed);
    else
        cr_assert_eq (send_one (wire, number, size_of (number), (made_t) random_below (random, MADE_COUNT),
                                (way_t) random_below (random, WAY_COUNT), &flushed),
                      GODWIT__IO_OK);
    cr_assert_neq (flushed, GODWIT__ZMTP_BROKEN);
}

static void
send_over_a_bad_socket (bool boxed)
{
    wire_t wire;
    uint32_t next = 0;
    random_t random = random_start ();
    open_wire (&wire, boxed);
    short_socket = (short_socket_t){
        .on = true, .state = 1 + random_below (&random, 1000), .again = 20, .partial = 128, .eintr = 10};
    for (uint32_t number = 0; number < 1000; number++) {
        if (random_below (&random, 30) == 0)
            drain (&wire, &next, number);
        if (godwit__zmtp_out_has_room (&wire.out, &limits, 0) || is_command (number))
            send_numbered (&wire, number, &random);
        else
            drain (&wire, &next, number--);
    }
    drain (&wire, &next, 1000);
    short_socket.on = false;
    close_wire (&wire);
}

Test (zmtp_out_box, all_comes_in_order_whatever_the_socket_takes)
{
    send_over_a_bad_socket (true);
}

Test (zmtp_out_box, so_it_does_without_boxes)
{
    send_over_a_bad_socket (false);
}

/* ---- where boxes begin ---- */

Test (zmtp_out_box, what_was_queued_before_goes_as_it_is)
{
    static const uint8_t handshake[] = "the end of the handshake, which has no frames and no boxes";
    for (int is_blocked = 0; is_blocked < 2; is_blocked++) {
        wire_t wire;
        uint32_t next = 0;
        bool room;
        uint8_t came[sizeof handshake];
        godwit__zmtp_flushed_t flushed;
        open_wire (&wire, false);
        zmtp_boxes_make (&wire.boxes);
        cr_assert_eq (godwit__zmtp_out_add_raw (&wire.out, handshake, sizeof handshake), GODWIT__IO_OK);
        short_socket = (short_socket_t){.on = is_blocked, .state = 1, .again = 256};
        if (is_blocked)
            cr_assert_eq (godwit__zmtp_out_flush (&wire.out, wire.fds[0], &room), GODWIT__ZMTP_BLOCKED);
        godwit__zmtp_out_use_box (&wire.out, &wire.boxes.connecting);
        send_one (&wire, 0, size_of (0), COPIED, QUEUED, &flushed);
        send_one (&wire, 1, size_of (1), COPIED, QUEUED, &flushed);
        short_socket.on = false;
        godwit__zmtp_out_writable (&wire.out, wire.fds[0], &room);
        cr_assert_eq (recv (wire.fds[1], came, sizeof came, 0), (ssize_t) sizeof came);
        cr_assert_arr_eq (came, handshake, sizeof came);
        wire.in.box = &wire.boxes.accepting;
        drain (&wire, &next, 2);
        close_wire (&wire);
    }
}

Test (zmtp_out_box, no_bytes_of_a_message_and_no_command_can_be_read_on_the_wire)
{
    static const char secret[] = "attack at dawn";
    wire_t wire;
    static uint8_t came[40000];
    uint8_t frame[2 + sizeof secret] = {GODWIT__ZMTP_COMMAND, sizeof secret};
    static char heavy[3000];
    bool room;
    godwit__zmtp_flushed_t flushed;
    open_wire (&wire, true);
    memcpy (frame + 2, secret, sizeof secret);
    memcpy (heavy + 1000, secret, sizeof secret);
    const godwit__message_t messages[] = {{.data = (void *) (uintptr_t) secret, .size = sizeof secret},
                                          {.data = heavy, .size = sizeof heavy}};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq (godwit__zmtp_out_send (&wire.out, wire.fds[0], &limits, &messages[i], &flushed, &room),
                      GODWIT__IO_OK);
        cr_assert_eq (godwit__zmtp_out_add (&wire.out, &limits, &messages[i]), GODWIT__IO_OK);
        cr_assert_eq (godwit__zmtp_out_add_sign (&wire.out, frame, sizeof frame), GODWIT__IO_OK);
    }
    godwit__zmtp_out_flush (&wire.out, wire.fds[0], &room);
    const ssize_t count = recv (wire.fds[1], came, sizeof came, 0);
    cr_assert_gt (count, 6000);
    cr_assert (!memmem (came, (size_t) count, "attack", 6) && !memmem (came, (size_t) count, "dawn", 4));
    close_wire (&wire);
}

/* ---- many threads ---- */

#define THREADS 4
#define EACH 400

typedef struct sender {
    wire_t *wire;
    uint32_t index;
    pthread_t thread;
} sender_t;

/* As the reactor does: waits until the socket is writable, and goes on. */
static void
go_on (wire_t *wire)
{
    struct pollfd item = {wire->fds[0], POLLOUT, 0};
    bool room;
    uint64_t written;
    while (godwit__zmtp_out_is_blocked (&wire->out, &written)) {
        poll (&item, 1, 1000);
        godwit__zmtp_out_writable (&wire->out, wire->fds[0], &room);
    }
}

static void *
run_sender (void *argument)
{
    const sender_t *sender = argument;
    random_t random = {.state = 1 + sender->index};
    for (uint32_t i = 0; i < EACH;) {
        const size_t size = NUMBER_SIZE + (random_below (&random, 8) ? random_below (&random, 2000)
                                                                     : random_below (&random, 100000));
        godwit__zmtp_flushed_t flushed = GODWIT__ZMTP_FLUSHED;
        const uint32_t number = sender->index << 24 | i;
        const bool commands = random_below (&random, 10) == 0;
        godwit__io_t io = GODWIT__IO_OK;
        if (commands)
            send_command (sender->wire, number, NUMBER_SIZE + size % 200, &flushed);
        else
            io = send_one (sender->wire, number, size, (made_t) random_below (&random, MADE_COUNT),
                           (way_t) random_below (&random, WAY_COUNT), &flushed);
        i += io == GODWIT__IO_OK;
        if (io == GODWIT__IO_AGAIN || flushed == GODWIT__ZMTP_BLOCKED)
            go_on (sender->wire);
    }
    go_on (sender->wire);
    return NULL;
}

/* Returns how many came. */
static unsigned
take_of_threads (wire_t *wire, uint32_t next[THREADS])
{
    godwit__frame_t frame;
    godwit__zmtp_decoded_t decoded;
    unsigned count = 0;
    while ((decoded = godwit__zmtp_decoder_next (&wire->in, &frame)) != GODWIT__ZMTP_NEED) {
        cr_assert_neq (decoded, GODWIT__ZMTP_MALFORMED, "%s", wire->in.problem);
        uint32_t number = 0;
        for (size_t i = 0; i < NUMBER_SIZE; i++)
            number |= (uint32_t) frame.data[i] << (8 * i);
        const uint32_t index = number >> 24;
        cr_assert (index < THREADS && (number & 0xffffff) == next[index], "%u after %u", number, next[index]);
        next[index]++;
        check_bytes (&frame, number);
        godwit__frame_release (&frame);
        count++;
    }
    return count;
}

Test (zmtp_out_box, what_many_threads_send_is_sealed_in_the_order_in_which_it_is_written, .timeout = 120)
{
    wire_t wire;
    sender_t senders[THREADS];
    uint32_t next[THREADS] = {0};
    open_wire (&wire, true);
    for (uint32_t i = 0; i < THREADS; i++) {
        senders[i] = (sender_t){.wire = &wire, .index = i};
        cr_assert_eq (pthread_create (&senders[i].thread, NULL, run_sender, &senders[i]), 0);
    }
    for (unsigned count = 0; count < THREADS * EACH;) {
        struct pollfd item = {wire.fds[1], POLLIN, 0};
        cr_assert_eq (poll (&item, 1, 60000), 1);
        if (read_some (&wire))
            count += take_of_threads (&wire, next);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join (senders[i].thread, NULL);
    cr_assert (godwit__zmtp_out_is_empty (&wire.out));
    close_wire (&wire);
}

/* ---- limits, and the end ---- */

/* Fills the queue. Returns how many messages it took. */
static uint32_t
fill (wire_t *wire, size_t size)
{
    godwit__zmtp_flushed_t flushed;
    uint32_t number = 0;
    while (send_one (wire, number, size, (made_t) (number % MADE_COUNT), SENT, &flushed) == GODWIT__IO_OK)
        number++;
    return number;
}

Test (zmtp_out_box, a_full_queue_says_so_and_has_room_when_the_peer_has_read)
{
    static const size_t filled[] = {300, 20000};
    for (size_t i = 0; i < 2; i++) {
        wire_t wire;
        bool room = false;
        open_wire (&wire, true);
        const uint32_t count = fill (&wire, filled[i]);
        cr_assert (count >= limits.queue_limit && count < 3 * limits.queue_limit, "%u", count);
        cr_assert (!godwit__zmtp_out_has_room (&wire.out, &limits, 1));
        while (!room) {
            cr_assert (read_some (&wire));
            godwit__frame_t frame;
            while (godwit__zmtp_decoder_next (&wire.in, &frame) == GODWIT__ZMTP_MESSAGE)
                godwit__frame_release (&frame);
            godwit__zmtp_out_writable (&wire.out, wire.fds[0], &room);
        }
        cr_assert (godwit__zmtp_out_has_room (&wire.out, &limits, 1));
        close_wire (&wire);
    }
}

Test (zmtp_out_box, a_queue_that_is_dropped_gives_all_back_and_takes_nothing_more)
{
    wire_t wire;
    godwit__zmtp_flushed_t flushed;
    open_wire (&wire, true);
    fill (&wire, 20000);
    godwit__zmtp_out_close (&wire.out, true);
    cr_assert_eq (atomic_load (&wire.given), atomic_load (&wire.given_back));
    cr_assert_eq (send_one (&wire, 0, 10, COPIED, SENT, &flushed), GODWIT__IO_CLOSED);
    cr_assert (godwit__zmtp_out_is_empty (&wire.out));
    close_wire (&wire);
}

#ifndef SHORT_MEMORY_SANITIZED
Test (zmtp_out_box, without_memory_for_a_box_the_connection_is_lost_and_all_is_given_back)
{
    wire_t wire;
    parts_t parts;
    bool room;
    open_wire (&wire, true);
    make (&wire, &parts, 0, 20000, WITH_INSERTS);
    cr_assert_eq (godwit__zmtp_out_add (&wire.out, &limits, &parts.message), GODWIT__IO_OK);
    unmake (&wire, &parts, GODWIT__IO_OK);
    allocations = 0;
    fail_at = 1;
    counting = true;
    const godwit__zmtp_flushed_t flushed = godwit__zmtp_out_flush (&wire.out, wire.fds[0], &room);
    counting = false;
    cr_assert_eq (flushed, GODWIT__ZMTP_BROKEN);
    cr_assert_eq (atomic_load (&wire.given), atomic_load (&wire.given_back));
    cr_assert (!read_some (&wire), "nothing was written");
    close_wire (&wire);
}
#endif
