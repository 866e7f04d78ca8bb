/* SPDX-License-Identifier: Apache-2.0 */
#include "src/notify/stamp.h"

#include "src/base/date.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

enum { ID_BYTES = 16, RANDOM_BYTES = 64 * ID_BYTES, SECOND_SIZE = 20, DAY_S = 86400 };

/* A thread's own. The random bytes are of the transport with the instance `of`: a child of fork() has another
 * transport, and so does not use those that its parent uses, too. The transport's random numbers are a system
 * call for every 256 bytes, 110 ns for each notification; expanding a seed of them takes 17. */
typedef struct supply {
    uint64_t of;
    size_t left;
    struct {
        uint8_t seed[randombytes_SEEDBYTES]; /* of the next ones */
        uint8_t bytes[RANDOM_BYTES];
    } random;
    int64_t second;
    char second_text[SECOND_SIZE]; /* "2026-11-29 17:05:01." */
} supply_t;

static _Thread_local supply_t thread_supply;

/* ---- message_id ---- */

/* Eight digits, of which nobody needs to know the order: the bytes are random. Each nibble gets a byte of its
 * own; what is above 9 goes on with 'a'. */
static inline void
put_digits (char *at, uint32_t random)
{
    uint64_t digits = random;
    digits = (digits | digits << 16) & UINT64_C (0x0000ffff0000ffff);
    digits = (digits | digits << 8) & UINT64_C (0x00ff00ff00ff00ff);
    digits = (digits | digits << 4) & UINT64_C (0x0f0f0f0f0f0f0f0f);
    const uint64_t letters = (digits + UINT64_C (0x0606060606060606)) >> 4 & UINT64_C (0x0101010101010101);
    digits += UINT64_C (0x3030303030303030) + letters * ('a' - '0' - 10);
    memcpy (at, &digits, sizeof digits);
}

/* "xxxxxxxx-xxxx-4xxx-[89ab]xxx-xxxxxxxxxxxx" */
static void
print_id (char text[GODWIT__MESSAGE_ID_SIZE + 1], const uint8_t random[ID_BYTES])
{
    uint32_t words[ID_BYTES / sizeof (uint32_t)];
    char digits[2 * ID_BYTES];
    memcpy (words, random, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        put_digits (digits + 8 * i, words[i]);
    memcpy (text, digits, 8);
    text[8] = '-';
    memcpy (text + 9, digits + 8, 4);
    text[13] = '-';
    memcpy (text + 14, digits + 12, 4);
    text[14] = '4';
    text[18] = '-';
    memcpy (text + 19, digits + 16, 4);
    text[19] = "89ab"[words[2] & 3];
    text[23] = '-';
    memcpy (text + 24, digits + 20, 12);
    text[GODWIT__MESSAGE_ID_SIZE] = '\0';
}

static const uint8_t *
take_random (supply_t *supply, godwit_transport_t *transport)
{
    uint64_t of;
    memcpy (&of, transport->instance, sizeof of);
    if (supply->of != of || !supply->left) {
        uint8_t seed[randombytes_SEEDBYTES];
        if (supply->of == of)
            memcpy (seed, supply->random.seed, sizeof seed);
        else
            transport->random (transport->random_user, seed, sizeof seed);
        randombytes_buf_deterministic (&supply->random, sizeof supply->random, seed);
        supply->of = of;
        supply->left = sizeof supply->random.bytes;
    }
    supply->left -= ID_BYTES;
    return supply->random.bytes + supply->left;
}

/* ---- timestamp ---- */

static inline char *
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
    if (transport->clock.waiter) { /* a simulation draws the same numbers each time that it is run */
        uint8_t random[ID_BYTES];
        transport->random (transport->random_user, random, sizeof random);
        print_id (stamp->message_id, random);
    } else {
        print_id (stamp->message_id, take_random (supply, transport));
    }
    print_time (stamp->timestamp, supply, transport);
}
