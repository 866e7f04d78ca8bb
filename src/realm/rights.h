/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate allows. A right is a verb and a pattern: `exchange/topic[/method]`. Each segment of a
 * pattern is literal, or ends in `*`, which stands for any rest of this segment, also an empty one. A pattern
 * without a method allows all methods. What no right allows is refused. Pure; any thread. */
#ifndef GODWIT_SRC_REALM_RIGHTS_H
#define GODWIT_SRC_REALM_RIGHTS_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stddef.h>

#define GODWIT__RIGHT_MAX 64       /* rights of a certificate */
#define GODWIT__PATTERN_MAX 255    /* bytes of a pattern */
#define GODWIT__HOST_PATTERN "*/*" /* the pattern of the verb host, which has no topic */
#define GODWIT__NOTIFY_TOPIC                                                                                 \
    "notify:" /* the topic of a lane is notify:TOPIC.PRIORITY (docs/protocol.md 4.11) */

typedef enum godwit__verb {
    GODWIT__VERB_SERVE,   /* be a server of the topic, subscribe to it, listen to its notifications */
    GODWIT__VERB_CALL,    /* call and cast */
    GODWIT__VERB_PUBLISH, /* fanouts, notifications */
    GODWIT__VERB_HOST,    /* be a rendezvous */
    GODWIT__VERB_INSPECT, /* ask servers of the topic about themselves */
    GODWIT__VERB_COUNT
} godwit__verb_t;

/* "serve", "call", "publish", "host", "inspect". Static text. */
const char *godwit__verb_name (godwit__verb_t verb);
/* False: no verb has this name. */
bool godwit__verb_read (godwit__verb_t *verb, const char *name, size_t size);

typedef struct godwit__right {
    godwit__verb_t verb;
    const char *pattern; /* ends with NUL */
} godwit__right_t;

/* What is wrong with a pattern, or NULL. Static text: "expected EXCHANGE/TOPIC[/METHOD]", ... */
const char *godwit__pattern_wrong (const char *pattern);

/* What is to be done. */
typedef struct godwit__deed {
    godwit__verb_t verb;
    const char *exchange; /* HOST: NULL */
    /* The topic of a lane counts as that of its notifications: `notify:TOPIC.PRIORITY` as TOPIC. HOST: NULL.
     */
    const char *topic;
    const char *method; /* not NUL-terminated; NULL: none (serve, host; a fanout or a call always has one) */
    size_t method_size;
    bool any_method; /* whether some method is allowed, whichever; method is NULL */
} godwit__deed_t;

/* The first of the rights that allows it; NULL: none does. A right with a method allows deeds with that
 * method only, so `serve` and notifications, which have none, need a pattern without a method, or one with
 * the method `*`. */
const godwit__right_t *godwit__rights_find (const godwit__right_t *rights, size_t count,
                                            const godwit__deed_t *deed);

/* The room for what godwit__deed_refusal writes. */
#define GODWIT__DEED_TEXT 640
/* `"web" may not call godwit/billing/refund`: who may not do what. name is that of the certificate; names of
 * topics and methods that are not printable are made so. */
void godwit__deed_refusal (char text[GODWIT__DEED_TEXT], const char *name, const godwit__deed_t *deed);

#endif
