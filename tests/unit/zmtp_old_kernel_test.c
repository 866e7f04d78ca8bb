/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels before 5.11, and some sandboxes, have no epoll_pwait2. A filter says so to this process: calls
 * work, and who has nothing to do waits. */
#include "tests/support/must.h"

#include <godwit/client.h>
#include <godwit/server.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WAIT_LIMIT_MS 20000
#define WINDOW_MS 500

/* From now on the system call fails so, in this thread and those that it starts. */
static void
take_away (long call, unsigned failure)
{
    struct sock_filter steps[] = {
        BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
        BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (unsigned) call, 0, 1),
        BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | failure),
        BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof steps / sizeof *steps, .filter = steps};
    if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        cr_skip_test ("no filters of system calls here: %s", strerror (errno));
    cr_assert_eq (syscall (call, -1, NULL, 0, NULL, NULL, 0), -1);
    cr_assert_eq (errno, (int) failure);
}

static int64_t
cpu_ms (void)
{
    struct rusage used;
    getrusage (RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

/* Slept through on purpose: what is looked for is what threads do that have nothing to do. */
static void
expect_no_spin (void)
{
    const struct timespec window = {.tv_nsec = WINDOW_MS * 1000000L};
    const int64_t before_ms = cpu_ms ();
    nanosleep (&window, NULL);
    cr_assert_lt (cpu_ms () - before_ms, WINDOW_MS / 5, "%lld of %d ms are used while nothing happens",
                  (long long) (cpu_ms () - before_ms), WINDOW_MS);
}

static godwit_status_t
on_echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT ("", 7));
}

static void
call (godwit_client_t *client)
{
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (client, NULL, "echo", GODWIT_NO_ARGS, &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 7);
    godwit_value_unref (&result);
}

static void
work_without (long call_number, unsigned failure)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("echo", on_echo, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    godwit_transport_t *ours = NULL, *theirs = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    take_away (call_number, failure);
    MUST (godwit_transport_new (&ours, "zmq://", NULL, &error));
    MUST (godwit_transport_new (&theirs, "zmq://", NULL, &error));
    MUST (godwit_server_new (&server, ours, GODWIT_TARGET (.topic = "old", .server = "one"), &endpoint, 1,
                             NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, theirs, GODWIT_TARGET (.topic = "old"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    call (client);
    expect_no_spin ();
    call (client);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&theirs);
    godwit_transport_destroy (&ours);
}

TestSuite (zmtp_old_kernel, .timeout = 60);

Test (zmtp_old_kernel, works_where_the_kernel_does_not_know_epoll_pwait2)
{
    work_without (SYS_epoll_pwait2, ENOSYS);
}

Test (zmtp_old_kernel, works_where_a_sandbox_forbids_epoll_pwait2)
{
    work_without (SYS_epoll_pwait2, EPERM);
}
