/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that tell nobody of themselves, each in a process that does nothing else: what grows with their
 * clients is theirs. */
#ifndef BENCH_ALONE_H
#define BENCH_ALONE_H

#include "child.h"

typedef struct {
    bench_child_t child;
    char address[64]; /* tcp://127.0.0.1:PORT */
} bench_alone_t;

/* A Godwit server of topic BENCH_TOPIC, with all options at their defaults. */
void bench_alone_start_godwit (bench_alone_t *self);
/* The same in a realm, with this member file. */
void bench_alone_start_member (bench_alone_t *self, const char *member);
/* A ROUTER of bare libzmq with the same heartbeats, and a thread that answers. */
void bench_alone_start_bare (bench_alone_t *self);
void bench_alone_end (bench_alone_t *self);

/* The URL of a client of this Godwit server and of no other. member: its file; NULL: there is no realm. */
void bench_alone_url (const bench_alone_t *self, const char *member, char *url, size_t size);

/* The processes: roles "godwit-alone", "member-alone FILE" and "bare-alone". */
int bench_alone_godwit_main (char **arguments);
int bench_alone_member_main (char **arguments);
int bench_alone_bare_main (char **arguments);

/* In this process: a server on a transport of its own that tells nobody, with the first port from *port on
 * that is free. *port is the next one then. Returns the server's port. It lives until the process ends.
 * member: a file; NULL: there is no realm. */
unsigned bench_alone_serve (const char *name, const char *member, unsigned *port);

#endif
