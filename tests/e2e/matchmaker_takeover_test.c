/* SPDX-License-Identifier: Apache-2.0 */
/* Processes without any configuration meet, and go on when the one that hosts the rendezvous is killed. */
#include "tests/support/process.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/matchmaker_member"
static void
start (process_t *process, int port, int number)
{
    char url[64];
    char name[16];
    snprintf (url, sizeof url, "zmq://:%d/", port);
    snprintf (name, sizeof name, "%d", number);
    process_start (process, PROGRAM, url, name);
}

static void
announce (const process_t *process, int server)
{
    char line[16];
    snprintf (line, sizeof line, "%d", server);
    process_tell (process, line);
}

Test (matchmaker_takeover, members_go_on_when_the_host_is_killed, .timeout = 120)
{
    const int port = free_port ();
    static process_t processes[7];
    for (int i = 0; i < 4; i++) {
        start (&processes[i], port, i + 1);
        process_wait (&processes[i], 1, "synced\n"); /* so that the first hosts */
        announce (&processes[i], 10 + i);
    }
    for (int i = 0; i < 4; i++) {
        process_wait (&processes[i], 1, "seen 1 10\n");
        process_wait (&processes[i], 1, "seen 4 13\n");
    }
    int64_t slowest_ms = 0;
    for (int killed = 0; killed < 3; killed++) {
        /* The host is the one that has lived longest only the first time: kill all but the last, one by one.
         */
        const int64_t killed_at = process_now_ms ();
        unsigned synced[4];
        for (int i = 0; i < 4; i++)
            synced[i] = process_count (&processes[i], "synced\n");
        process_finish (&processes[killed], SIGKILL);
        if (killed == 0) {
            for (int i = 1; i < 4; i++)
                process_wait (&processes[i], synced[i] + 1, "synced\n");
            slowest_ms = process_now_ms () - killed_at;
        }
        /* One that comes now is found, and finds those that are left. */
        process_t *late = &processes[4 + killed];
        start (late, port, 5 + killed);
        announce (late, 20 + killed);
        char line[32];
        for (int i = killed + 1; i < 4; i++) {
            snprintf (line, sizeof line, "seen %d %d\n", 5 + killed, 20 + killed);
            process_wait (&processes[i], 1, line);
            snprintf (line, sizeof line, "seen %d %d\n", i + 1, 10 + i);
            process_wait (late, 1, line);
        }
        process_finish (late, 0);
        snprintf (line, sizeof line, "gone %d %d\n", 5 + killed, 20 + killed);
        for (int i = killed + 1; i < 4; i++)
            process_wait (&processes[i], 1, line);
    }
    cr_assert (slowest_ms < PROCESS_WAIT_LIMIT_MS / 2, "the takeover took %d ms", (int) slowest_ms);
    for (int i = 1; i < 4; i++)
        cr_assert_eq (process_count (&processes[3], i == 3   ? "gone 4"
                                                    : i == 2 ? "gone 3"
                                                             : "gone 2"),
                      0u, "nobody said that it is gone:\n%s", processes[3].text);
    process_finish (&processes[3], 0);
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
            process_wait (&processes[i], 1, line);
        }
    }
    for (int i = 0; i < COUNT; i++)
        process_finish (&processes[i], 0);
}
