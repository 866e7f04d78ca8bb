/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the notifier in contract 10 stand on: a transport whose log is kept, and the notification
 * driver "spy", which tells what it was given. */
#ifndef GODWIT_TESTS_CONTRACT_SPY_H
#define GODWIT_TESTS_CONTRACT_SPY_H

#include "tests/support/log_book.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>
#include <godwit/notify.h>

#include <string.h>

/* The last notification, and what becomes of the next. */
typedef struct spy {
    unsigned count;
    int64_t retry;
    godwit_priority_t priority;
    char message_id[64], publisher_id[64], event_type[64], timestamp[64], exchange[64], topic[64];
    char context[256], payload[512];
    godwit_status_t fails_with;
    bool says_dropped;
} spy_t;

extern godwit_transport_t *transport;
extern log_book_t book; /* of the transport */
extern spy_t spy;
extern const godwit_notify_driver_t *const own_drivers[1]; /* the driver */
extern const char *const spies[1];                         /* its name */

/* Before and after each test. */
void spy_open_world (void);
void spy_close_world (void);
/* A notifier of the transport. */
godwit_notifier_t *notifier_new (const godwit_notifier_options_t *options);

/* SPIED: options of a notifier whose driver is "spy". DRIVERS: its drivers as some of the options. */
#define SPIED(...)                                                                                           \
    GODWIT_NOTIFIER_OPTIONS (.drivers = spies, .driver_count = 1, .own_drivers = own_drivers,                \
                             .own_driver_count = 1, __VA_ARGS__)
#define DRIVERS(...)                                                                                         \
    .drivers = (const char *const[]){__VA_ARGS__},                                                           \
    .driver_count = sizeof ((const char *const[]){__VA_ARGS__}) / sizeof (char *),                           \
    .own_drivers = own_drivers, .own_driver_count = 1

#define FAILS(status_, text_, call_)                                                                         \
    do {                                                                                                     \
        godwit_error_t *error = NULL;                                                                        \
        const godwit_status_t got_ = (call_);                                                                \
        cr_expect_eq (got_, (status_), "%s: %s", #call_, godwit_status_type (got_));                         \
        cr_expect_not_null (strstr (godwit_error_message (error), (text_)), "%s: %s", #call_,                \
                            godwit_error_message (error));                                                   \
        godwit_error_destroy (&error);                                                                       \
    } while (0)

#endif
