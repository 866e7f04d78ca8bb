/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 10: the listener. A listener is in the transport that serves, the notifier in the one that calls.
 */
#include "tests/contract/contract.h"

#include <stdio.h>

/* ---- what endpoints have heard ---- */

typedef struct ear {
    const char *name;
    struct heard *heard;
    int requeues;           /* so many times it says REQUEUE */
    godwit_handled_t fails; /* what it says instead; 0: REQUEUE */
} ear_t;

/* "name:event_type " for each time that an endpoint ran, in order. */
typedef struct heard {
    pthread_mutex_t lock;
    char text[4096];
    tally_t count;
} heard_t;

static void
heard_open (heard_t *heard)
{
    pthread_mutex_init (&heard->lock, NULL);
    heard->text[0] = '\0';
    tally_open (&heard->count);
}

static void
heard_close (heard_t *heard)
{
    tally_close (&heard->count);
    pthread_mutex_destroy (&heard->lock);
}

static void
write_down (heard_t *heard, const char *name, const char *what)
{
    pthread_mutex_lock (&heard->lock);
    const size_t size = strlen (heard->text);
    snprintf (heard->text + size, sizeof heard->text - size, "%s:%s ", name, what);
    pthread_mutex_unlock (&heard->lock);
    tally_add (&heard->count);
}

static godwit_handled_t
say (ear_t *ear)
{
    if (ear->requeues <= 0)
        return GODWIT_HANDLED;
    ear->requeues--;
    return ear->fails ? ear->fails : GODWIT_REQUEUE;
}

static godwit_handled_t
hear (const godwit_notification_t *notification, void *user)
{
    ear_t *const ear = user;
    write_down (ear->heard, ear->name, godwit_notification_event_type (notification));
    return say (ear);
}

/* "name:PRIORITY*COUNT" */
static godwit_handled_t
hear_batch (const godwit_notification_t *const *notifications, size_t count, void *user)
{
    ear_t *const ear = user;
    char text[64];
    snprintf (text, sizeof text, "%s*%zu",
              godwit_priority_name (godwit_notification_priority (notifications[0])), count);
    for (size_t i = 1; i < count; i++)
        cr_expect_eq (godwit_notification_priority (notifications[i]),
                      godwit_notification_priority (notifications[0]));
    write_down (ear->heard, ear->name, text);
    return say (ear);
}

/* Waits until endpoints have run so often, and compares. */
static void
expect_heard (heard_t *heard, uint64_t count, const char *text)
{
    tally_wait (&heard->count, count);
    pthread_mutex_lock (&heard->lock);
    cr_assert_str_eq (heard->text, text);
    pthread_mutex_unlock (&heard->lock);
}

/* ---- both ends ---- */

static godwit_listener_t *
start (core_t *core, const godwit_notification_endpoint_t *endpoints, size_t count,
       const godwit_listener_options_t *options)
{
    godwit_listener_t *listener = NULL;
    MUST (godwit_listener_new (&listener, core->serving, GODWIT_TARGET (.topic = "notifications"), 1,
                               endpoints, count, options, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    return listener;
}

/* Requeued ones come again soon. */
static godwit_notifier_t *
notifier_new (core_t *core)
{
    godwit_notifier_t *notifier = NULL;
    MUST (godwit_notifier_new (
        &notifier, core->calling,
        GODWIT_NOTIFIER_OPTIONS (.publisher_id = "compute.host1",
                                 .context_keys = (const char *const[]){"user", "level"},
                                 .context_key_count = 2,
                                 .delivery = GODWIT_DELIVERY_OPTIONS (.requeue_first_ms = 1)),
        &error));
    return notifier;
}

static void
notify (godwit_notifier_t *notifier, const char *event)
{
    MUST (godwit_notify_info (notifier, NULL, event, GODWIT_NIL (NULL), &error));
}

/* Until all is acknowledged. */
static void
end (godwit_notifier_t **notifier, godwit_listener_t **listener)
{
    MUST (godwit_notifier_flush (*notifier, WAIT_LIMIT_MS, &error));
    godwit_notifier_destroy (notifier);
    godwit_listener_destroy (listener);
}

/* What most rows have: one of each, and what the listener's endpoints hear. */
typedef struct ends {
    godwit_notifier_t *notifier;
    godwit_listener_t *listener;
    heard_t heard;
} ends_t;

static void
ends_open (ends_t *ends, core_t *core, const godwit_notification_endpoint_t *endpoints, size_t count,
           const godwit_listener_options_t *options)
{
    heard_open (&ends->heard);
    ends->notifier = notifier_new (core);
    ends->listener = start (core, endpoints, count, options);
}

static void
ends_close (ends_t *ends)
{
    end (&ends->notifier, &ends->listener);
    heard_close (&ends->heard);
}

/* ---- who gets it ---- */

static void
targets_and_priorities (core_t *core)
{
    static const char *const topics[] = {"a", "b", "c"};
    heard_t heard;
    heard_open (&heard);
    ear_t info = {.name = "info", .heard = &heard}, warn = {.name = "warn", .heard = &heard};
    const godwit_target_t targets[] = {*GODWIT_TARGET (.topic = "a"), *GODWIT_TARGET (.topic = "b"),
                                       *GODWIT_TARGET (.topic = "c", .exchange = "other")};
    const godwit_notification_endpoint_t endpoints[] = {
        GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &info),
        GODWIT_NOTIFICATION_ENDPOINT (.warn = hear, .self = &warn)};
    godwit_listener_t *listener = NULL;
    godwit_notifier_t *notifier = NULL, *other = NULL;
    MUST (godwit_listener_new (&listener, core->serving, targets, 3, endpoints, 2, NULL, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    MUST (godwit_notifier_new (&notifier, core->calling,
                               GODWIT_NOTIFIER_OPTIONS (.topics = topics, .topic_count = 3), &error));
    MUST (godwit_notifier_new (
        &other, core->calling,
        GODWIT_NOTIFIER_OPTIONS (.topics = topics + 2, .topic_count = 1, .exchange = "other"), &error));
    notify (notifier, "e"); /* to a, b, and c of an exchange that it does not listen to */
    expect_heard (&heard, 2, "info:e info:e ");
    MUST (godwit_notify_error (notifier, NULL, "nobody", GODWIT_NIL (NULL), &error));
    MUST (godwit_notify_warn (other, NULL, "elsewhere", GODWIT_NIL (NULL), &error));
    expect_heard (&heard, 3, "info:e info:e warn:elsewhere ");
    godwit_notifier_destroy (&notifier);
    end (&other, &listener);
    heard_close (&heard);
}

static void
pools (core_t *core)
{
    static const char *const names[] = {"one", "one", "two", NULL, ""};
    godwit_listener_t *listeners[5];
    heard_t heard[5];
    ear_t ears[5];
    godwit_notifier_t *notifier = notifier_new (core);
    for (size_t i = 0; i < 5; i++) {
        heard_open (&heard[i]);
        ears[i] = (ear_t){.name = "x", .heard = &heard[i]};
        listeners[i] = start (core, &GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &ears[i]), 1,
                              GODWIT_LISTENER_OPTIONS (.pool = names[i]));
    }
    for (int i = 0; i < 20; i++)
        notify (notifier, "e");
    tally_wait (&heard[2].count, 20);
    MUST (godwit_notifier_flush (notifier, WAIT_LIMIT_MS, &error));
    cr_expect_eq (tally_get (&heard[0].count) + tally_get (&heard[1].count), 20u, "the pool one");
    cr_expect_eq (tally_get (&heard[2].count), 20u, "the pool two");
    cr_expect_eq (tally_get (&heard[3].count) + tally_get (&heard[4].count), 20u, "those without a pool");
    godwit_notifier_destroy (&notifier);
    for (size_t i = 0; i < 5; i++) {
        godwit_listener_destroy (&listeners[i]);
        heard_close (&heard[i]);
    }
}

/* ---- what an endpoint gets ---- */

static godwit_handled_t
look (const godwit_notification_t *notification, void *user)
{
    char context[64], payload[64];
    godwit_value_print (godwit_notification_context (notification), context, sizeof context);
    godwit_value_print (godwit_notification_payload (notification), payload, sizeof payload);
    cr_expect_str_eq (context, "{\"user\": \"ada\"}");
    cr_expect_str_eq (payload, "{\"size\": 5}");
    cr_expect_str_eq (godwit_notification_publisher_id (notification), "compute.host1");
    cr_expect_eq (strlen (godwit_notification_message_id (notification)), 36u);
    cr_expect_eq (strlen (godwit_notification_timestamp (notification)), 26u);
    cr_expect_eq (godwit_notification_redeliveries (notification), 0u);
    write_down (user, godwit_priority_name (godwit_notification_priority (notification)),
                godwit_notification_event_type (notification));
    return GODWIT_HANDLED;
}

static void
a_function_for_each_priority (core_t *core)
{
    static const char *const all[] = {"audit:e ", "debug:e ",    "info:e ",  "warn:e ",
                                      "error:e ", "critical:e ", "sample:e "};
    char expected[256] = "";
    ends_t ends;
    godwit_value_t *context = NULL;
    MUST (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "ada"), GODWIT_STR ("token", "x")),
                                &error));
    ends_open (&ends, core,
               &GODWIT_NOTIFICATION_ENDPOINT (.audit = look, .debug = look, .info = look, .warn = look,
                                              .error = look, .critical = look, .sample = look,
                                              .self = &ends.heard),
               1, NULL);
    for (int i = 0; i < GODWIT_PRIORITY_COUNT; i++) { /* the order among priorities is nobody's */
        MUST (godwit_notify (ends.notifier, (godwit_priority_t) i, context, "e",
                             GODWIT_MAP (NULL, GODWIT_INT ("size", 5)), NULL, &error));
        snprintf (expected + strlen (expected), sizeof expected - strlen (expected), "%s", all[i]);
        expect_heard (&ends.heard, (uint64_t) i + 1, expected);
    }
    ends_close (&ends);
    godwit_value_unref (&context);
}

/* ---- what becomes of it ---- */

static void
every_endpoint_until_one_requeues (core_t *core)
{
    ends_t ends;
    ear_t ears[] = {{.name = "1", .heard = &ends.heard},
                    {.name = "2", .heard = &ends.heard, .requeues = 1},
                    {.name = "3", .heard = &ends.heard}};
    const godwit_notification_endpoint_t endpoints[] = {
        GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &ears[0]),
        GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &ears[1]),
        GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &ears[2])};
    ends_open (&ends, core, endpoints, 3, GODWIT_LISTENER_OPTIONS (.allow_requeue = true));
    notify (ends.notifier, "e");
    expect_heard (&ends.heard, 5, "1:e 2:e 1:e 2:e 3:e ");
    ends_close (&ends);
}

static void
an_endpoint_that_fails (core_t *core)
{
    ends_t ends;
    ear_t ear = {.name = "1", .heard = &ends.heard, .requeues = 1, .fails = (godwit_handled_t) 77};
    ends_open (&ends, core, &GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &ear), 1,
               GODWIT_LISTENER_OPTIONS (.allow_requeue = true));
    notify (ends.notifier, "e");
    expect_heard (&ends.heard, 2, "1:e 1:e ");
    ends_close (&ends);
}

static void
requeue_without_allow_requeue (core_t *core)
{
    ends_t ends;
    ear_t first = {.name = "1", .heard = &ends.heard, .requeues = 2},
          second = {.name = "2", .heard = &ends.heard};
    const godwit_notification_endpoint_t endpoints[] = {
        GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &first),
        GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &second)};
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    ends_open (&ends, core, endpoints, 2, NULL);
    notify (ends.notifier, "e");
    notify (ends.notifier, "f");
    notify (ends.notifier, "g");
    MUST (godwit_notifier_flush (ends.notifier, WAIT_LIMIT_MS, &error));
    MUST (godwit_notifier_get_stats (ends.notifier, &stats, &error));
    cr_expect_eq (stats.requeued, 0u);
    cr_expect_eq (stats.acknowledged, 3u);
    expect_heard (&ends.heard, 4, "1:e 1:f 1:g 2:g "); /* those after it do not get it all the same */
    ends_close (&ends);
}

static godwit_handled_t
count_redeliveries (const godwit_notification_t *notification, void *user)
{
    ear_t *const ear = user;
    char text[16];
    snprintf (text, sizeof text, "%u", godwit_notification_redeliveries (notification));
    write_down (ear->heard, ear->name, text);
    return say (ear);
}

static void
a_redelivery_is_marked (core_t *core)
{
    ends_t ends;
    ear_t ear = {.name = "again", .heard = &ends.heard, .requeues = 2};
    ends_open (&ends, core, &GODWIT_NOTIFICATION_ENDPOINT (.info = count_redeliveries, .self = &ear), 1,
               GODWIT_LISTENER_OPTIONS (.allow_requeue = true));
    notify (ends.notifier, "e");
    expect_heard (&ends.heard, 3, "again:0 again:1 again:2 ");
    ends_close (&ends);
}

static void
a_listener_that_ends_first (core_t *core)
{
    heard_t heard;
    heard_open (&heard);
    ear_t ear = {.name = "again", .heard = &heard};
    godwit_notification_t *pulled = NULL;
    godwit_notifier_t *notifier = notifier_new (core);
    godwit_listener_t *first = start (
        core, NULL, 0, GODWIT_LISTENER_OPTIONS (.pull = true, .priorities = 1u << GODWIT_PRIORITY_INFO));
    notify (notifier, "e");
    MUST (godwit_listener_next (first, WAIT_LIMIT_MS, &pulled, &error));
    godwit_listener_destroy (&first);
    godwit_listener_t *second =
        start (core, &GODWIT_NOTIFICATION_ENDPOINT (.info = count_redeliveries, .self = &ear), 1, NULL);
    expect_heard (&heard, 1, "again:1 ");
    godwit_notification_acknowledge (&pulled); /* too late, and harmless */
    end (&notifier, &second);
    heard_close (&heard);
}

/* ---- filters ---- */

typedef struct filter_row {
    godwit_filter_t filter;
    const char *heard; /* of the events one.start, one.end and two */
} filter_row_t;

#define KEYS(key_, pattern_) ((const godwit_key_filter_t[]){{key_, pattern_}})
#define ROW(heard_, ...)                                                                                     \
    {                                                                                                        \
        {.struct_size = sizeof (godwit_filter_t), __VA_ARGS__}, heard_                                       \
    }

static void
filters (core_t *core)
{
    const filter_row_t rows[] = {
        ROW ("x:one.start x:one.end ", .event_type = "one\\."),
        ROW ("", .event_type = "start"), /* anchored at the start */
        ROW ("x:one.end ", .event_type = ".*end"),
        ROW ("x:one.start x:one.end x:two ", .publisher_id = "compute"),
        ROW ("", .publisher_id = "host1"),
        ROW ("x:two ", .publisher_id = "compute", .event_type = "(two|three)$"), /* all have to match */
        ROW ("x:one.start x:one.end x:two ", .context = KEYS ("user", "ad"), .context_count = 1),
        ROW ("", .context = KEYS ("level", "."), .context_count = 1), /* a number is no text */
        ROW ("", .context = KEYS ("nothing", ".*"), .context_count = 1),
        ROW ("x:one.start x:one.end x:two ", .metadata = KEYS ("message_id", "[0-9a-f]{8}-"),
             .metadata_count = 1),
        ROW ("x:one.start x:one.end x:two ", .metadata = KEYS ("timestamp", "20"), .metadata_count = 1),
        ROW ("", .metadata = KEYS ("nothing", ".*"), .metadata_count = 1),
        ROW ("x:one.end ", .payload = KEYS ("state", "deleted"), .payload_count = 1),
        ROW ("", .payload = KEYS ("number", "."), .payload_count = 1),
    };
    godwit_value_t *context = NULL;
    MUST (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "ada"), GODWIT_INT ("level", 3)),
                                &error));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ends_t ends;
        ear_t ear = {.name = "x", .heard = &ends.heard};
        ends_open (&ends, core,
                   &GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &ear, .filter = &rows[i].filter), 1,
                   NULL);
        MUST (godwit_notify_info (ends.notifier, context, "one.start",
                                  GODWIT_MAP (NULL, GODWIT_STR ("state", "new"), GODWIT_INT ("number", 5)),
                                  &error));
        MUST (godwit_notify_info (ends.notifier, context, "one.end",
                                  GODWIT_MAP (NULL, GODWIT_STR ("state", "deleted!")), &error));
        MUST (godwit_notify_info (ends.notifier, context, "two", GODWIT_STR (NULL, "state"), &error));
        /* What nobody wants is acknowledged. */
        MUST (godwit_notifier_flush (ends.notifier, WAIT_LIMIT_MS, &error));
        cr_expect_str_eq (ends.heard.text, rows[i].heard, "row %zu: %s", i, ends.heard.text);
        ends_close (&ends);
    }
    godwit_value_unref (&context);
}

/* ---- batches ---- */

static void
batches (core_t *core)
{
    ends_t ends;
    ear_t ear = {.name = "b", .heard = &ends.heard};
    ends_open (&ends, core, &GODWIT_NOTIFICATION_ENDPOINT (.batch = hear_batch, .self = &ear), 1,
               GODWIT_LISTENER_OPTIONS (.batch_size = 3, .batch_timeout_ms = 600000));
    /* Neither a batch of three priorities, nor one of two that waits for its time. */
    for (int i = 0; i < 5; i++) {
        notify (ends.notifier, "e");
        if (i < 3)
            MUST (godwit_notify_error (ends.notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    }
    tally_wait (&ends.heard.count, 2);
    cr_expect (strstr (ends.heard.text, "b:info*3 "), "%s", ends.heard.text);
    cr_expect (strstr (ends.heard.text, "b:error*3 "), "%s", ends.heard.text);
    MUST (godwit_listener_stop (ends.listener, NULL, &error));
    MUST (godwit_listener_wait (ends.listener, NULL, &error));
    cr_expect (strstr (ends.heard.text, "b:info*2 "), "the rest, at the stop: %s", ends.heard.text);
    ends_close (&ends);
}

static void
a_batch_ends_at_its_time (core_t *core)
{
    ends_t ends;
    ear_t ear = {.name = "b", .heard = &ends.heard};
    ends_open (&ends, core, &GODWIT_NOTIFICATION_ENDPOINT (.batch = hear_batch, .self = &ear), 1,
               GODWIT_LISTENER_OPTIONS (.batch_size = 100, .batch_timeout_ms = 1));
    notify (ends.notifier, "e");
    expect_heard (&ends.heard, 1, "b:info*1 ");
    ends_close (&ends);
}

static void
a_requeued_batch (core_t *core)
{
    ends_t ends;
    ear_t ear = {.name = "b", .heard = &ends.heard, .requeues = 1};
    ends_open (&ends, core, &GODWIT_NOTIFICATION_ENDPOINT (.batch = hear_batch, .self = &ear), 1,
               GODWIT_LISTENER_OPTIONS (.batch_size = 2, .batch_timeout_ms = 600000, .allow_requeue = true));
    notify (ends.notifier, "e");
    notify (ends.notifier, "f");
    expect_heard (&ends.heard, 2, "b:info*2 b:info*2 ");
    ends_close (&ends);
}

/* ---- how it runs, and its life ---- */

typedef struct busy {
    atomic_int running;
    atomic_int most;
    tally_t done;
} busy_t;

static godwit_handled_t
be_busy (const godwit_notification_t *notification, void *user)
{
    busy_t *const busy = user;
    (void) notification;
    const int running = atomic_fetch_add (&busy->running, 1) + 1;
    if (running > atomic_load (&busy->most))
        atomic_store (&busy->most, running);
    sched_yield (); /* so that others would come in between */
    atomic_fetch_sub (&busy->running, 1);
    tally_add (&busy->done);
    return GODWIT_HANDLED;
}

static void
executors (core_t *core)
{
    static const char *const names[] = {"inline", "pool"};
    for (size_t i = 0; i < 2; i++) {
        busy_t busy = {.running = 0};
        tally_open (&busy.done);
        godwit_notifier_t *notifiers[] = {notifier_new (core), notifier_new (core)};
        godwit_listener_t *listener =
            start (core, &GODWIT_NOTIFICATION_ENDPOINT (.info = be_busy, .self = &busy), 1,
                   GODWIT_LISTENER_OPTIONS (.executor = names[i], .concurrency = 8));
        for (int j = 0; j < 100; j++)
            notify (notifiers[j % 2], "e");
        tally_wait (&busy.done, 100);
        cr_expect_leq (atomic_load (&busy.most), i ? 2 : 1, "%s", names[i]); /* one for each notifier */
        MUST (godwit_notifier_flush (notifiers[1], WAIT_LIMIT_MS, &error));
        godwit_notifier_destroy (&notifiers[1]);
        end (&notifiers[0], &listener);
        tally_close (&busy.done);
    }
    godwit_listener_t *listener = NULL;
    ear_t ear = {.name = "x"};
    FAILS (GODWIT_ERR_EXECUTOR_LOAD, GODWIT_OUTCOME_NONE, "eventlet",
           godwit_listener_new (&listener, core->serving, GODWIT_TARGET (.topic = "t"), 1,
                                &GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &ear), 1,
                                GODWIT_LISTENER_OPTIONS (.executor = "eventlet"), &error));
}

static void
stop_and_start_again (core_t *core)
{
    ends_t ends;
    ear_t ear = {.name = "x", .heard = &ends.heard};
    ends_open (&ends, core, &GODWIT_NOTIFICATION_ENDPOINT (.info = hear, .self = &ear), 1, NULL);
    notify (ends.notifier, "one");
    expect_heard (&ends.heard, 1, "x:one ");
    MUST (godwit_listener_stop (ends.listener, NULL, &error));
    MUST (godwit_listener_wait (ends.listener, NULL, &error));
    notify (ends.notifier, "two"); /* nobody is there: it is kept */
    MUST (godwit_listener_start (ends.listener, NULL, &error));
    expect_heard (&ends.heard, 2, "x:one x:two ");
    ends_close (&ends);
}

/* ---- serializers, pulling ---- */

static godwit_status_t
wrap (void *self, const godwit_value_t *context, const godwit_value_t *value, godwit_value_t **out,
      godwit_error_t **error)
{
    (void) self;
    (void) context;
    return godwit_value_new (out, GODWIT_MAP (NULL, GODWIT_VALUE ("was", value)), error);
}

static const godwit_serializer_t wrapping = {.struct_size = sizeof wrapping, .deserialize_entity = wrap};

static void
a_serializer (core_t *core)
{
    char text[64];
    godwit_notification_t *notification = NULL;
    godwit_notifier_t *notifier = notifier_new (core);
    godwit_listener_t *listener =
        start (core, NULL, 0,
               GODWIT_LISTENER_OPTIONS (.pull = true, .priorities = 1u << GODWIT_PRIORITY_INFO,
                                        .serializer = &wrapping));
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 5), &error));
    MUST (godwit_listener_next (listener, WAIT_LIMIT_MS, &notification, &error));
    godwit_value_print (godwit_notification_payload (notification), text, sizeof text);
    cr_expect_str_eq (text, "{\"was\": 5}");
    godwit_notification_acknowledge (&notification);
    end (&notifier, &listener);
}

static void
pulling (core_t *core)
{
    godwit_notification_t *notification = NULL;
    godwit_notifier_t *notifier = notifier_new (core);
    godwit_listener_t *listener =
        start (core, NULL, 0, GODWIT_LISTENER_OPTIONS (.pull = true, .allow_requeue = true));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NONE, "No notification came",
           godwit_listener_next (listener, 0, &notification, &error));
    notify (notifier, "e");
    MUST (godwit_listener_next (listener, WAIT_LIMIT_MS, &notification, &error));
    cr_expect_eq (godwit_notification_redeliveries (notification), 0u);
    godwit_notification_requeue (&notification);
    cr_expect_null (notification);
    MUST (godwit_listener_next (listener, WAIT_LIMIT_MS, &notification, &error));
    cr_expect_eq (godwit_notification_redeliveries (notification), 1u);
    godwit_notification_acknowledge (&notification);
    MUST (godwit_notifier_flush (notifier, WAIT_LIMIT_MS, &error));
    MUST (godwit_listener_stop (listener, NULL, &error));
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "stopped",
           godwit_listener_next (listener, WAIT_LIMIT_MS, &notification, &error));
    end (&notifier, &listener);
}

static const contract_row_t rows[] = {
    {"10: Listener: targets x priorities", targets_and_priorities},
    {"10: pool: each pool gets its own copy, inside a pool one listener does; those without a pool are one",
     pools},
    {"10: Endpoint method per priority (context, publisher_id, event_type, payload, metadata{message_id, "
     "timestamp})",
     a_function_for_each_priority},
    {"10: every matching endpoint runs until one returns REQUEUE; nothing = HANDLED; a redelivery runs all "
     "again",
     every_endpoint_until_one_requeues},
    {"10: ... or fails (= REQUEUE)", an_endpoint_that_fails},
    {"10: allow_requeue false: REQUEUE acts as ack", requeue_without_allow_requeue},
    {"10: redelivered ones are marked, with a count", a_redelivery_is_marked},
    {"10: what a listener has not acknowledged goes to another one of its pool", a_listener_that_ends_first},
    {"10: Filter: regex anchored at the start, on publisher_id, event_type and on keys of context, metadata, "
     "payload; a "
     "missing key does not match",
     filters},
    {"10: Batch listener: batch_size, grouped by priority", batches},
    {"10: Batch listener: batch_timeout", a_batch_ends_at_its_time},
    {"10: Batch listener: REQUEUE returns its group", a_requeued_batch},
    {"10: the executors of the RPC server", executors},
    {"10: the lifecycle of the RPC server", stop_and_start_again},
    {"10: Serializers on ... listener", a_serializer},
    {"10: a pull form", pulling},
};
CONTRACT_OF_ALL_DRIVERS (section10_listener, rows)
