/* SPDX-License-Identifier: Apache-2.0 */
/* godwit_server_run in a process of its own, which gets signals. */
#include "tests/support/must.h"
#include "tests/support/process.h"

#include <godwit/godwit.h>

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/run_server"

typedef struct caller {
    process_t process;
    godwit_transport_t *transport;
    godwit_client_t *client;
    godwit_future_t *future;
} caller_t;

static void
begin (caller_t *caller, const char *mode, const char *method)
{
    char url[64];
    snprintf (url, sizeof url, "zmq:///run-test-%d", (int) getpid ());
    process_start (&caller->process, PROGRAM, url, mode);
    process_expect (&caller->process, "runs");
    MUST (godwit_transport_new (&caller->transport, url, NULL, &error));
    MUST (
        godwit_client_new (&caller->client, caller->transport, GODWIT_TARGET (.topic = "run"), NULL, &error));
    MUST (godwit_client_call_future (caller->client, NULL, method, GODWIT_NO_ARGS, &caller->future, &error));
}

/* Its status, and that it cleaned up. */
static void
end (caller_t *caller, godwit_status_t expected)
{
    process_expect (&caller->process, "takes signals");
    process_expect (&caller->process, "done");
    process_finish (&caller->process, 0);
    cr_assert_eq (godwit_future_wait (caller->future, -1, NULL, NULL, NULL), expected);
    godwit_future_destroy (&caller->future);
    godwit_client_destroy (&caller->client);
    godwit_transport_destroy (&caller->transport);
}

/* Sends a signal, and waits until the process has taken it: two at once would count as one. */
static void
signal_taken (const process_t *process, int number)
{
    char path[64], line[256];
    unsigned long long pending = 1;
    cr_assert_eq (kill (process->pid, number), 0);
    snprintf (path, sizeof path, "/proc/%d/status", (int) process->pid);
    while (pending) {
        FILE *const file = fopen (path, "re");
        cr_assert_not_null (file);
        while (fgets (line, sizeof line, file))
            if (strncmp (line, "ShdPnd:", 7) == 0)
                pending = strtoull (line + 7, NULL, 16);
        fclose (file);
        sched_yield ();
    }
}

Test (run, waits_for_what_it_has_accepted, .timeout = 60)
{
    static caller_t caller;
    begin (&caller, "wait", "hang");
    process_expect (&caller.process, "entered");
    signal_taken (&caller.process, SIGTERM);
    process_tell (&caller.process, "go");
    process_expect (&caller.process, "ok");
    end (&caller, GODWIT_OK);
}

Test (run, names_and_abandons_what_does_not_end_in_time, .timeout = 60)
{
    static caller_t caller;
    begin (&caller, "limit", "hang");
    process_expect (&caller.process, "entered");
    signal_taken (&caller.process, SIGINT);
    process_wait (&caller.process, 2, "hang of <Target topic=run, server=one>, for ");
    process_wait (&caller.process, 1, "log: The run of a server waits no longer");
    process_wait (&caller.process, 1,
                  "TaskTimeout: The server did not end in time; 0 requests are queued, 0 are kept");
    process_wait (&caller.process, 1, "takes signals\ndone\n");
    process_finish (&caller.process, 0);
    cr_assert_eq (godwit_future_wait (caller.future, -1, NULL, NULL, NULL), GODWIT_ERR_TIMEOUT);
    godwit_future_destroy (&caller.future);
    godwit_client_destroy (&caller.client);
    godwit_transport_destroy (&caller.transport);
}

Test (run, does_not_wait_after_a_second_signal, .timeout = 60)
{
    static caller_t caller;
    begin (&caller, "wait", "hang");
    process_expect (&caller.process, "entered");
    signal_taken (&caller.process, SIGTERM);
    cr_assert_eq (process_count (&caller.process, "TaskTimeout"), 0);
    signal_taken (&caller.process, SIGINT);
    process_wait (&caller.process, 1, "TaskTimeout");
    process_wait (&caller.process, 1, "takes signals\ndone\n");
    process_finish (&caller.process, 0);
    godwit_future_destroy (&caller.future);
    godwit_client_destroy (&caller.client);
    godwit_transport_destroy (&caller.transport);
}

Test (run, runs_the_loop_of_a_program_that_has_one, .timeout = 60)
{
    static caller_t caller;
    begin (&caller, "loop", "keep");
    process_expect (&caller.process, "entered");
    signal_taken (&caller.process, SIGTERM);
    process_tell (&caller.process, "reply");
    process_expect (&caller.process, "ok");
    end (&caller, GODWIT_OK);
}

Test (run, returns_when_somebody_has_stopped_the_server, .timeout = 60)
{
    static caller_t caller;
    begin (&caller, "wait", "stop");
    process_expect (&caller.process, "ok");
    end (&caller, GODWIT_OK);
}
