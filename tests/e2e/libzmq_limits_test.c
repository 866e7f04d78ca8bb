/* SPDX-License-Identifier: Apache-2.0 */
/* A process with little of what the system gives: what does not work says so, and libzmq does not end the
 * process. */
#include <criterion/criterion.h>

#include "tests/support/life.h"

#include <godwit/godwit.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite (libzmq_limits, .timeout = 120);

/* Nobody else's. */
#define TEST_USER 54321
#define TIMEOUT_MS 300

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, 5));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};

/* A server, and a call to it through the network. Returns how many of the four steps were done. */
static int
live (const char *url, godwit_error_t **error)
{
    const godwit_transport_options_t *options = GODWIT_TRANSPORT_OPTIONS (.destroy_timeout_ms = 1000);
    const godwit_endpoint_t endpoints[] = {GODWIT_ENDPOINT (methods)};
    godwit_transport_t *serving = NULL, *calling = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    int done = 0;
    if (godwit_transport_new (&serving, url, options, error) == GODWIT_OK && ++done &&
        godwit_server_new (&server, serving, GODWIT_TARGET (.topic = "limits", .server = "one"), endpoints, 1,
                           NULL, error) == GODWIT_OK &&
        godwit_server_start (server, NULL, error) == GODWIT_OK && ++done &&
        godwit_transport_new (&calling, url, options, error) == GODWIT_OK && ++done &&
        godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "limits"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = TIMEOUT_MS), error) == GODWIT_OK &&
        godwit_client_call (client, NULL, "answer", GODWIT_NO_ARGS, NULL, error) == GODWIT_OK)
        done++;
    godwit_client_destroy (&client);
    godwit_transport_destroy (&calling);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&serving);
    return done;
}

/* In a process with this limit. Returns how many steps were done. */
static int
live_with (int resource, rlim_t limit, const char *url)
{
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0) {
        godwit_error_t *error = NULL;
        if (resource == (int) RLIMIT_NPROC && geteuid () == 0 && setuid (TEST_USER) < 0)
            _exit (100);
        setrlimit ((__rlimit_resource_t) resource, &(struct rlimit){limit, limit});
        const int done = live (url, &error);
        _exit (done);
    }
    int status = 0;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status), "with %llu it was ended by signal %d", (unsigned long long) limit,
               WTERMSIG (status));
    cr_assert_leq (WEXITSTATUS (status), 4);
    return WEXITSTATUS (status);
}

static void
print_url (char url[64], const char *path)
{
    snprintf (url, 64, "zmq+libzmq://:%d/?insecure=true&paths=%s", free_port (), path);
}

Test (libzmq_limits, few_descriptors)
{
    for (rlim_t limit = 9; limit <= 64; limit++) {
        char url[64];
        print_url (url, limit % 2 ? "tcp" : "ipc");
        live_with (RLIMIT_NOFILE, limit, url);
    }
    char url[64];
    print_url (url, "tcp");
    cr_assert_eq (live_with (RLIMIT_NOFILE, 256, url), 4);
}

Test (libzmq_limits, few_threads)
{
    for (rlim_t limit = 1; limit <= 10; limit++) {
        char url[64];
        print_url (url, "tcp");
        live_with (RLIMIT_NPROC, limit, url);
    }
}

static rlim_t
address_space (void)
{
    char text[64] = "";
    FILE *file = fopen ("/proc/self/statm", "r");
    cr_assert (file && fgets (text, sizeof text, file));
    fclose (file);
    return strtoull (text, NULL, 10) * (rlim_t) sysconf (_SC_PAGESIZE);
}

/* A sanitizer takes more than there is. */
Test (libzmq_limits, little_memory)
{
    const rlim_t used = address_space ();
    for (rlim_t more = 0; more <= 160 && !life_is_sanitized (); more += 4) {
        char url[64];
        print_url (url, "tcp");
        live_with (RLIMIT_AS, used + (more << 20), url);
    }
}
