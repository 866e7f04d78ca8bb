/* SPDX-License-Identifier: Apache-2.0 */
/* A process of a cluster of mixed versions: node server|client URL NAME. Its sources are compiled twice, with
 * the headers of the last release and with those of the working tree, so they use only what both have.
 *
 * A node says "up" and the library that it runs with. A server ends in good order when it gets SIGTERM or its
 * standard input ends, a client too; the last line that each says is "tally" and the numbers of tally_t.
 *
 * A word a line on its standard input:
 *   server  await N    says "awaited" when N notes were taken since it came up
 *           told N     says "told" when N fanouts were taken since it came up
 *           hosting    says "hosting" when it hosts a rendezvous
 *   client  wait N     says "there" when N servers are connected
 *           know N     says "known" when it knows N servers, no more and no less
 *           check N    asks all there is to ask of the server number N; says "checked"
 *           work       calls, casts and fans out to all servers; says "worked"
 *           load       begins to call and cast in two threads; says "loading"
 *           halt       ends that; says "halted"
 */
#ifndef GODWIT_TESTS_RELEASE_NODE_H
#define GODWIT_TESTS_RELEASE_NODE_H

#include <godwit/godwit.h>

#define NODE_TOPIC "mixed"
#define NODE_CLIENTS 8

/* Notes are calls and casts of "note": how many, and the sum of node_mark of each. So one that was lost, and
 * another that ran twice, do not make up for each other. Of a server what ran, of a client what has to have
 * run; a client counts a fanout once for each server that it reached. */
typedef struct tally {
    unsigned long long notes, note_sum;
    unsigned long long told, told_sum;
    unsigned long long failed;                /* what a client saw and did not expect; each said in a line */
    unsigned long long malformed, unknown;    /* frames */
    unsigned long long refused, gaps, missed; /* requests; fanouts, counted by server and by client */
} tally_t;

#define NODE_TALLY_FORMAT "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu"

/* The error that "sell" fails with. */
extern const godwit_error_class_t node_out_of_stock;

unsigned long long node_mark (int64_t client, int64_t number);
void node_say (const char *format, ...) GODWIT_PRINTF (1, 2);
/* Ends the process if status is not OK. */
void node_must (godwit_status_t status, godwit_error_t **error);
/* Looks at the statistics of a transport until is_so says yes of them: nobody calls back when they change. */
void node_await_stats (const godwit_transport_t *transport,
                       bool (*is_so) (const godwit_transport_stats_t *stats, unsigned long long number),
                       unsigned long long number);

/* ---- a server ---- */

void node_server_open (godwit_transport_t *transport, const char *name);
void node_server_word (const char *word, unsigned long long number);
/* Drains the server. */
void node_server_close (tally_t *tally);

/* ---- a client; its name is its number, from 1 ---- */

void node_client_open (godwit_transport_t *transport, const char *name);
void node_client_word (const char *word, unsigned long long number);
void node_client_close (tally_t *tally);

/* Says and counts that something is wrong; consumes the error. */
void node_failed (const char *what, godwit_error_t **error);
/* Asks all there is to ask of one server by its name; what is wrong counts as failed. */
void node_check_server (godwit_client_t *client, const char *server, int64_t number);

#endif
