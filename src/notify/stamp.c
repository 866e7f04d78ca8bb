/* SPDX-License-Identifier: Apache-2.0 */
#include "src/notify/stamp.h"

#include "src/base/date.h"

#include <string.h>
#include <time.h>

enum { ID_BYTES = 16, RANDOM_BYTES = 64 * ID_BYTES, SECOND_SIZE = 20, DAY_S = 86400 };

/* A thread's own. The random bytes are of the transport with the instance `of`: a child of fork() has another
 * transport, and so does not use those that its parent uses, too. */
typedef struct supply {
    uint64_t of;
    size_t left;
    uint8_t random[RANDOM_BYTES];
    int64_t second;
    char second_text[SECOND_SIZE]; /* "2026-11-29 17:05:01." */
} supply_t;

static _Thread_local supply_t thread_supply;

/* ---- message_id ---- */

static const char digits[] = "0123456789abcdef";

static inline char *
put_bytes (char *at, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    return at;
}

static void
print_id (char *text, const uint8_t random[ID_BYTES])
{
    uint8_t bytes[ID_BYTES];
    static const size_t groups[] = {4, 2, 2, 2, 6};
    memcpy (bytes, random, sizeof bytes);
    bytes[6] = (uint8_t) ((bytes[6] & 0x0f) | 0x40); /* version 4 */
    bytes[8] = (uint8_t) ((bytes[8] & 0x3f) | 0x80);
    const uint8_t *from = bytes;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (i)
            *text++ = '-';
        text = put_bytes (text, from, groups[i]);
        from += groups[i];
    }
    *text = '\0';
}

static const uint8_t *
take_random (supply_t *supply, godwit_transport_t *transport)
{
    uint64_t of;
    memcpy (&of, transport->instance, sizeof of);
    if (supply->of != of || !supply->left) {
        transport->random (transport->random_user, supply->random, sizeof supply->random);
        supply->of = of;
        supply->left = sizeof supply->random;
    }
    supply->left -= ID_BYTES;
    return supply->random + supply->left;
}

/* ---- timestamp ---- */

static char *
put_number (char *at, unsigned number, int width, char end)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char) ('0' + number % 10);
        number /= 10;
    }
    at[width] = end;
    return at + width + 1;
}

static void
print_second (char text[SECOND_SIZE], int64_t second)
{
    const godwit__date_t date = godwit__date_of (second / DAY_S);
    const unsigned of_day = (unsigned) (second % DAY_S);
    char *at = put_number (text, (unsigned) date.year, 4, '-');
    at = put_number (at, (unsigned) date.month, 2, '-');
    at = put_number (at, (unsigned) date.day, 2, ' ');
    at = put_number (at, of_day / 3600, 2, ':');
    at = put_number (at, of_day / 60 % 60, 2, ':');
    put_number (at, of_day % 60, 2, '.');
}

/* A simulated cluster has its own time, which begins in 1970. */
static struct timespec
wall_clock (const godwit_transport_t *transport)
{
    struct timespec now = {0, 0};
    if (transport->clock.waiter) {
        const int64_t now_ns = godwit__transport_now (transport);
        now.tv_sec = (time_t) (now_ns / 1000000000);
        now.tv_nsec = (long) (now_ns % 1000000000);
    } else {
        clock_gettime (CLOCK_REALTIME, &now);
    }
    if (now.tv_sec < 0) /* a machine whose clock was never set */
        now = (struct timespec){0, 0};
    return now;
}

static void
print_time (char *text, supply_t *supply, const godwit_transport_t *transport)
{
    const struct timespec now = wall_clock (transport);
    if (supply->second != now.tv_sec || !supply->second_text[0]) {
        print_second (supply->second_text, now.tv_sec);
        supply->second = now.tv_sec;
    }
    memcpy (text, supply->second_text, SECOND_SIZE);
    put_number (text + SECOND_SIZE, (unsigned) (now.tv_nsec / 1000), 6, '\0');
}

void
godwit__stamp_make (godwit__stamp_t *stamp, godwit_transport_t *transport)
{
    supply_t *const supply = &thread_supply;
    if (transport->clock.waiter)
        supply->left = 0; /* a simulation draws the same numbers each time that it is run */
    print_id (stamp->message_id, take_random (supply, transport));
    print_time (stamp->timestamp, supply, transport);
}
