/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/otlp/collector.h"

#include "components/otlp/inside.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MOST ((size_t) 4 << 20)

/* ---- reading ---- */

/* False: the end of the test, or of the connection. */
static bool
read_more (collector_t *collector, int fd, char *bytes, size_t *size)
{
    struct pollfd polls[] = {{.fd = fd, .events = POLLIN}, {.fd = collector->stop[0], .events = POLLIN}};
    poll (polls, 2, -1);
    if (polls[1].revents)
        return false;
    const ssize_t got = recv (fd, bytes + *size, REQUEST_MOST - *size, 0);
    if (got <= 0)
        return false;
    *size += (size_t) got;
    bytes[*size] = '\0';
    return true;
}

/* How many bytes the request at the front has; 0: it is not whole yet. *head: those before its body. */
static size_t
request_size (const char *bytes, size_t size, size_t *head)
{
    const char *const end = strstr (bytes, "\r\n\r\n"), *const length =
                                                            strcasestr (bytes, "\r\nContent-Length:");
    if (!end || !length)
        return 0;
    *head = (size_t) (end - bytes) + 4;
    const size_t whole = *head + strtoul (length + 17, NULL, 10);
    return size < whole ? 0 : whole;
}

static size_t
count_spans (const char *body, size_t size)
{
    size_t spans = 0;
    Godwit__Otlp__ExportTraceServiceRequest *const request =
        godwit__otlp__export_trace_service_request__unpack (NULL, size, (const uint8_t *) body);
    for (size_t i = 0; request && i < request->n_resource_spans; i++)
        for (size_t k = 0; k < request->resource_spans[i]->n_scope_spans; k++)
            spans += request->resource_spans[i]->scope_spans[k]->n_spans;
    if (request)
        godwit__otlp__export_trace_service_request__free_unpacked (request, NULL);
    return spans;
}

static const answer_t *
note_request (collector_t *collector, const char *bytes, size_t head, size_t size)
{
    static const answer_t usual = ANSWER ("200 OK", "");
    pthread_mutex_lock (&collector->lock);
    const size_t number = collector->requests++;
    if (number < sizeof collector->arrived_ms / sizeof *collector->arrived_ms)
        collector->arrived_ms[number] = godwit__otlp_now_ms ();
    snprintf (collector->head, sizeof collector->head, "%.*s", (int) head, bytes);
    collector->spans += count_spans (bytes + head, size - head);
    const answer_t *const answer = number < collector->script_count ? &collector->script[number] : &usual;
    pthread_mutex_unlock (&collector->lock);
    return answer;
}

/* ---- connections ---- */

static void
serve (collector_t *collector, int fd, char *bytes)
{
    size_t size = 0, head = 0;
    while (read_more (collector, fd, bytes, &size)) {
        const size_t whole = request_size (bytes, size, &head);
        if (!whole)
            continue;
        const answer_t *const answer = note_request (collector, bytes, head, whole);
        size = 0; /* the client sends one at a time */
        if (!answer->bytes)
            continue;
        const size_t answer_size = answer->size ? answer->size : strlen (answer->bytes);
        if (!answer_size || send (fd, answer->bytes, answer_size, MSG_NOSIGNAL) < 0 ||
            strncmp (answer->bytes, "HTTP/", 5) != 0)
            return;
    }
}

static void *
run (void *user)
{
    collector_t *const collector = user;
    char *const bytes = malloc (REQUEST_MOST + 1);
    struct pollfd polls[] = {{.fd = collector->listener, .events = POLLIN},
                             {.fd = collector->stop[0], .events = POLLIN}};
    while (bytes && poll (polls, 2, -1) > 0 && !polls[1].revents) {
        const int fd = accept (collector->listener, NULL, NULL);
        if (fd < 0)
            continue;
        pthread_mutex_lock (&collector->lock);
        collector->connections++;
        pthread_mutex_unlock (&collector->lock);
        serve (collector, fd, bytes);
        close (fd);
    }
    free (bytes);
    return NULL;
}

static int
listen_somewhere (char endpoint[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert (fd >= 0 && bind (fd, (struct sockaddr *) &address, size) == 0 && listen (fd, 8) == 0 &&
               getsockname (fd, (struct sockaddr *) &address, &size) == 0);
    snprintf (endpoint, 64, "http://127.0.0.1:%d", ntohs (address.sin_port));
    return fd;
}

void
collector_start (collector_t *collector, const answer_t *script, size_t count)
{
    *collector = (collector_t){.script = script, .script_count = count};
    collector->listener = listen_somewhere (collector->endpoint);
    pthread_mutex_init (&collector->lock, NULL);
    cr_assert_eq (pipe (collector->stop), 0);
    cr_assert_eq (pthread_create (&collector->thread, NULL, run, collector), 0);
}

void
collector_stop (collector_t *collector)
{
    close (collector->stop[1]);
    pthread_join (collector->thread, NULL);
    close (collector->stop[0]);
    close (collector->listener);
    pthread_mutex_destroy (&collector->lock);
}

size_t
collector_requests (collector_t *collector)
{
    pthread_mutex_lock (&collector->lock);
    const size_t requests = collector->requests;
    pthread_mutex_unlock (&collector->lock);
    return requests;
}

size_t
collector_spans (collector_t *collector)
{
    pthread_mutex_lock (&collector->lock);
    const size_t spans = collector->spans;
    pthread_mutex_unlock (&collector->lock);
    return spans;
}

void
nobody (char endpoint[64])
{
    close (listen_somewhere (endpoint));
}
