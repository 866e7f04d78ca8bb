/* SPDX-License-Identifier: Apache-2.0 */
/* A collector that does what a test says: an HTTP server on the loopback with one thread, which answers each
 * request with the next line of a script, and after its last line with an empty 200. */
#ifndef GODWIT_TESTS_OTLP_COLLECTOR_H
#define GODWIT_TESTS_OTLP_COLLECTOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct answer {
    const char *bytes; /* all of the answer; NULL: none, the connection stays open. "": it is closed */
    size_t size;       /* of the bytes; 0: up to the NUL */
} answer_t;

typedef struct collector {
    int listener;
    char endpoint[64]; /* "http://127.0.0.1:PORT" */
    const answer_t *script;
    size_t script_count;
    int stop[2]; /* a pipe: closed at the end */
    pthread_t thread;

    pthread_mutex_t lock;
    size_t requests, connections;
    size_t spans;           /* in all requests */
    char head[2048];        /* of the last request */
    int64_t arrived_ms[64]; /* of the first requests */
} collector_t;

#define ANSWER(status_, more_)                                                                               \
    {                                                                                                        \
        "HTTP/1.1 " status_ "\r\nContent-Length: 0\r\n" more_ "\r\n", 0                                      \
    }

void collector_start (collector_t *collector, const answer_t *script, size_t count);
void collector_stop (collector_t *collector);
size_t collector_requests (collector_t *collector);
size_t collector_spans (collector_t *collector);
/* An endpoint at which nobody listens. */
void nobody (char endpoint[64]);

#endif
