/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that send and get notifications read from their arguments. What is wrong with one ends
 * the program with STATUS_USAGE, as argp does. */
#ifndef GODWIT_TOOLS_ARGUMENTS_H
#define GODWIT_TOOLS_ARGUMENTS_H

#include <godwit/notification.h>
#include <godwit/value.h>

#include <argp.h>
#include <stddef.h>

#define ARGUMENTS_MAX 64

/* The arguments of an option that may come several times. They are the process's own, and stay. */
typedef struct texts {
    const char *items[ARGUMENTS_MAX];
    size_t count;
} texts_t;

/* The options that both commands have. */
enum { KEY_URL = 'u', KEY_TOPIC = 't', KEY_EXCHANGE = 'e', KEY_PRIORITY = 'p' };

/* What the first three of them say: topics of a transport. */
typedef struct topics {
    const char *url, *exchange;
    texts_t names;
} topics_t;

/* Takes one of these three options. ARGP_ERR_UNKNOWN for any other. */
error_t arguments_topics (topics_t *topics, int key, const char *text, const struct argp_state *state);
/* The URL of the transport: what was given, or $GODWIT_URL, or "zmq://". */
const char *arguments_url (const topics_t *topics);
/* Reads the argument of KEY_PRIORITY. */
godwit_priority_t arguments_priority (const struct argp_state *state, const char *text);

/* Adds an argument of this option. */
void arguments_add (texts_t *texts, const struct argp_state *state, const char *option, const char *text);
/* Reads seconds, such as 2.5, above 0 and up to a year, as milliseconds. */
int64_t arguments_seconds (const struct argp_state *state, const char *option, const char *text);
/* Splits KEY=REST in place: returns the rest. */
const char *arguments_split (const struct argp_state *state, const char *option, char *text);

/* Makes a map of KEY=TEXT and KEY:=JSON. what: for errors. *map belongs to the caller. INVALID_ARGUMENT,
 * OUT_OF_MEMORY. */
godwit_status_t arguments_map (godwit_value_t **map, const texts_t *texts, const char *what,
                               godwit_error_t **error);
/* Makes a value of a text of JSON. *value belongs to the caller. INVALID_ARGUMENT, OUT_OF_MEMORY. */
godwit_status_t arguments_json (godwit_value_t **value, const char *text, size_t size, const char *what,
                                godwit_error_t **error);

/* Prints an error, and destroys it. Returns the exit status: STATUS_USAGE if an argument was wrong, or else
 * STATUS_FAILED. */
int arguments_fail (const char *command, godwit_error_t **error);

#endif
