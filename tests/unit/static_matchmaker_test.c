/* SPDX-License-Identifier: Apache-2.0 */
#include "src/interface/matchmaker.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As many servers as a list may have. */
enum { RECORDS_MAX = 4096 };

typedef struct told {
    godwit__record_t *records[RECORDS_MAX];
    unsigned count;
    unsigned synced_count;
    unsigned all_count; /* how often it said that all was told; and how much was told by then */
    unsigned count_when_all;
} told_t;

static void
on_seen (void *user, godwit__record_t *record)
{
    told_t *told = user;
    cr_assert (told->count < RECORDS_MAX);
    told->records[told->count++] = godwit__record_ref (record);
}

static void
on_gone (void *user, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id, bool withdrawn)
{
    (void) withdrawn;
    (void) user;
    (void) instance;
    (void) server_id;
    cr_assert_fail ("nothing goes from a fixed list");
}

static void
on_synced (void *user)
{
    ((told_t *) user)->synced_count++;
}

static void
on_names (void *user, godwit__names_state_t state, const char *text)
{
    told_t *told = user;
    cr_assert_eq (state, GODWIT__NAMES_TOLD);
    cr_assert_str_empty (text);
    cr_assert_eq (told->synced_count, 1u);
    told->all_count++;
    told->count_when_all = told->count;
}

static const godwit__matchmaker_events_t events = {on_seen, on_gone, on_synced, on_names};

/* Opens one with this list, runs it, and closes it. The error's text goes to `text`. */
static godwit_status_t
list (const char *query, told_t *told, char *text, size_t size)
{
    memset (told, 0, sizeof *told);
    godwit__reactor_t *reactor = NULL;
    cr_assert_eq (godwit__reactor_new (&reactor, &godwit__clock_system, NULL), GODWIT_OK);
    const godwit__driver_options_t driver_options = {
        .reactor = reactor, .queue_limit = 1, .virtual_host = ""};
    godwit__driver_t *driver = NULL;
    cr_assert_eq (godwit__inproc_driver.open (&driver, &driver_options, NULL), GODWIT_OK);
    char url_text[512];
    snprintf (url_text, sizeof url_text, "inproc:///?%s", query);
    godwit_url_t *url = NULL;
    cr_assert_eq (godwit_url_parse (&url, url_text, NULL), GODWIT_OK);
    static const uint8_t instance[GODWIT__UUID_SIZE] = {1};
    const godwit__matchmaker_options_t options = {.reactor = reactor,
                                                  .driver = driver,
                                                  .url = url,
                                                  .instance = instance,
                                                  .virtual_host = "",
                                                  .control_exchange = "mine",
                                                  .static_list = godwit_url_query_get (url, "static"),
                                                  .static_file = godwit_url_query_get (url, "static_file")};
    godwit__matchmaker_t *matchmaker = NULL;
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit__matchmaker_static.open (&matchmaker, &options, &events, told, &error);
    snprintf (text, size, "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
    if (status == GODWIT_OK) {
        cr_assert_eq (told->synced_count, 0u, "told from within open");
        godwit__record_t fields = {
            .instance = {1}, .server_id = 1, .state = GODWIT__RECORD_UP, .topic = "own"};
        godwit__record_t *own = godwit__record_new (&fields);
        cr_assert_eq (matchmaker->ops->announce (matchmaker, own, NULL), GODWIT_OK);
        godwit__record_unref (&own);
        fields.topic = "no\ntopic"; /* who asks for it could not read the answer */
        own = godwit__record_new (&fields);
        cr_assert_eq (matchmaker->ops->announce (matchmaker, own, NULL), GODWIT_ERR_INVALID_ARGUMENT);
        godwit__record_unref (&own);
        matchmaker->ops->withdraw (matchmaker, 1);
        godwit__reactor_run_once (reactor, 0);
        godwit__reactor_run_once (reactor, 0);
        matchmaker->ops->close (matchmaker);
    }
    godwit_url_destroy (&url);
    driver->ops->close (driver);
    godwit__reactor_destroy (&reactor);
    return status;
}

static void
release (told_t *told)
{
    for (unsigned i = 0; i < told->count; i++)
        godwit__record_unref (&told->records[i]);
}

Test (static_matchmaker, tells_what_is_listed_once)
{
    told_t told;
    char text[256];
    cr_assert_eq (
        list ("static=calc/one@inproc://a,billing/calc/two@inproc://b|inproc://c,&static=x/y@inproc://d",
              &told, text, sizeof text),
        GODWIT_OK, "%s", text);
    cr_assert_eq (told.count, 3u);
    cr_assert_eq (told.synced_count, 1u);
    cr_assert (told.all_count == 1 && told.count_when_all == 3);
    static const uint8_t unknown[GODWIT__UUID_SIZE];
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq (memcmp (told.records[i]->instance, unknown, sizeof unknown), 0);
        cr_assert_eq (told.records[i]->server_id, 0u);
        cr_assert_eq (told.records[i]->state, GODWIT__RECORD_UP);
        cr_assert_eq (told.records[i]->weight, 1u);
        cr_assert_str_eq (told.records[i]->fanout_address, "");
    }
    cr_assert_str_eq (told.records[0]->exchange, "mine");
    cr_assert_str_eq (told.records[0]->topic, "calc");
    cr_assert_str_eq (told.records[0]->server, "one");
    cr_assert_str_eq (told.records[1]->exchange, "billing");
    cr_assert_str_eq (told.records[1]->topic, "calc");
    cr_assert_str_eq (told.records[1]->server, "two");
    cr_assert_eq (told.records[1]->address_count, 2u);
    cr_assert_str_eq (told.records[1]->addresses[0], "inproc://b");
    cr_assert_str_eq (told.records[1]->addresses[1], "inproc://c");
    cr_assert_str_eq (told.records[2]->addresses[0], "inproc://d");
    release (&told);
}

Test (static_matchmaker, may_be_empty)
{
    told_t told;
    char text[256];
    cr_assert_eq (list ("other=1", &told, text, sizeof text), GODWIT_OK);
    cr_assert_eq (told.count, 0u);
    cr_assert_eq (told.synced_count, 1u);
    cr_assert_eq (told.all_count, 1u);
}

Test (static_matchmaker, says_which_entry_is_wrong)
{
    static const char *const wrong[] = {
        "static=calc/one@inproc://a,calc/two",        "static=calc/one@inproc://a,calc/two@",
        "static=calc/one@inproc://a,two@inproc://b",  "static=calc/one@inproc://a,a/b/c/d@inproc://b",
        "static=calc/one@inproc://a,/two@inproc://b", "static=calc/one@inproc://a,calc/@inproc://b",
        "static=calc/one@inproc://a,x/y@tcp://h:1",   "static=calc/one@inproc://a,x/y@inproc://b||inproc://c",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        told_t told;
        char text[256];
        cr_assert_eq (list (wrong[i], &told, text, sizeof text), GODWIT_ERR_INVALID_URL, "%s", wrong[i]);
        cr_assert (strstr (text, "entry 2"), "%s: %s", wrong[i], text);
        cr_assert_eq (told.count, 0u);
    }
}

/* ---- lists in a file ---- */

static void
write_list (char path[], const char *text)
{
    const int file = mkstemp (path);
    cr_assert (file >= 0 && write (file, text, strlen (text)) == (ssize_t) strlen (text));
    close (file);
}

Test (static_matchmaker, reads_a_file)
{
    char path[] = "/tmp/godwit-servers-XXXXXX", query[128], text[256];
    write_list (path, "# calculators\n\n  calc/one@inproc://a  # the first\r\n"
                      "billing/calc/two@inproc://b|inproc://c, x/y@inproc://d,\n#x/z@inproc://e");
    told_t told;
    snprintf (query, sizeof query, "static_file=%s&static=z/z@inproc://z", path);
    cr_assert_eq (list (query, &told, text, sizeof text), GODWIT_OK, "%s", text);
    cr_assert_eq (told.count, 4u);
    static const char *const servers[] = {"z", "one", "two", "y"};
    static const char *const addresses[] = {"inproc://z", "inproc://a", "inproc://b", "inproc://d"};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_str_eq (told.records[i]->server, servers[i]);
        cr_assert_str_eq (told.records[i]->addresses[0], addresses[i]);
    }
    cr_assert_str_eq (told.records[1]->exchange, "mine");
    cr_assert_str_eq (told.records[2]->addresses[1], "inproc://c");
    release (&told);
    unlink (path);
}

Test (static_matchmaker, has_a_limit)
{
    char path[] = "/tmp/godwit-servers-XXXXXX", query[128], text[256];
    static char content[RECORDS_MAX * 32];
    static told_t told;
    size_t size = 0;
    for (unsigned i = 0; i < RECORDS_MAX; i++)
        size += (size_t) snprintf (content + size, sizeof content - size, "calc/s%u@inproc://s%u\n", i, i);
    write_list (path, content);
    snprintf (query, sizeof query, "static_file=%s", path);
    cr_assert_eq (list (query, &told, text, sizeof text), GODWIT_OK, "%s", text);
    cr_assert_eq (told.count, RECORDS_MAX);
    cr_assert_str_eq (told.records[RECORDS_MAX - 1]->server, "s4095");
    release (&told);

    snprintf (query, sizeof query, "static_file=%s&static=calc/one@inproc://a", path);
    cr_assert_eq (list (query, &told, text, sizeof text), GODWIT_ERR_INVALID_URL);
    cr_assert (strstr (text, "too many"), "%s", text);
    unlink (path);
}

Test (static_matchmaker, says_which_line_of_a_file_is_wrong)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"a/b@inproc://a\n\ncalc/two\n", ": line 3: expected '@' and an address"},
        {"a/b@inproc://a, two@inproc://b", ": line 1: expected [exchange/]topic/server"},
        {"a/b@inproc://a c/d@inproc://b",
         ": line 1: expected ',' between entries, and no space in an address"},
        {"\na/b@inproc://a c", ": line 2: expected ',' between entries, and no space in an address"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[] = "/tmp/godwit-servers-XXXXXX", query[128], text[256], says[256];
        told_t told;
        write_list (path, rows[i].text);
        snprintf (query, sizeof query, "static_file=%s", path);
        snprintf (says, sizeof says, "%s%s", path, rows[i].says);
        cr_assert_eq (list (query, &told, text, sizeof text), GODWIT_ERR_INVALID_URL, "%s", rows[i].text);
        cr_assert_str_eq (text, says);
        unlink (path);
        cr_assert_eq (list (query, &told, text, sizeof text), GODWIT_ERR_SYSTEM);
        cr_assert (strstr (text, path), "%s", text);
    }
}
