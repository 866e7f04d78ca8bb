/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that make no allocation at all, so that none of theirs can fail. Their results are somebody
 * else's test. (Getters of requests are in a row of alloc_public_test.c.) */
#include "tests/support/short_memory.h"

#include <godwit/config.h>
#include <godwit/godwit.h>
#include <godwit/url.h>
#include <godwit/version.h>

#ifndef SHORT_MEMORY_SANITIZED

static void
ask_url (const godwit_url_t *url)
{
    godwit_url_transport (url);
    godwit_url_driver (url);
    godwit_url_host_count (url);
    godwit_url_host (url, 0);
    godwit_url_virtual_host (url);
    godwit_url_query_count (url);
    godwit_url_query_key (url, 0);
    godwit_url_query_value (url, 0);
    godwit_url_query_get (url, "b");
    godwit_url_warning (url);
    godwit_url_print (url);
    godwit_url_equal (url, url);
}

static void
ask_value (const godwit_value_t *value)
{
    char text[8];
    godwit_value_t *again = godwit_value_ref (value);
    godwit_value_unref (&again);
    godwit_value_type (value);
    godwit_value_count (value);
    godwit_value_as_object (value);
    godwit_value_as_int (value, 1);
    godwit_value_as_double (value, 1);
    godwit_value_as_bool (value, true);
    godwit_value_as_str (value, "");
    godwit_value_at (value, 0);
    godwit_value_key_at (value, 0);
    godwit_value_get (value, "a");
    godwit_value_equal (value, value);
    godwit_value_print (value, text, sizeof text);
}

static void
ask_error (const godwit_error_t *error)
{
    static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
    godwit_error_status (error);
    godwit_error_type (error);
    godwit_error_module (error);
    godwit_error_message (error);
    godwit_error_cause (error);
    godwit_error_outcome (error);
    godwit_error_is (error, &out_of_stock);
    godwit_error_is_remote (error);
    godwit_error_detail (error, "item");
    godwit_error_call_id (error);
    godwit_error_args (error);
    godwit_error_kwargs (error);
}

static void
ask_transport (const godwit_transport_t *transport, const godwit_config_t *config)
{
    godwit_transport_stats_t stats;
    godwit_transport_fd (transport);
    godwit_transport_stats (transport, &stats, sizeof stats);
    godwit_config_get (config, "own", "a");
    godwit_config_where (config, "own", "a");
}

static void
ask_nobody (void)
{
    char text[8], traceparent[GODWIT_TRACEPARENT_SIZE];
    godwit_trace_t trace = {.flags = 1};
    godwit_trace_set (&trace);
    godwit_trace_current (&trace);
    godwit_trace_set (NULL);
    godwit_trace_print (&trace, traceparent);
    godwit_trace_parse (&trace, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL);
    godwit_log_stderr (NULL, GODWIT_LOG_DEBUG, "a line");
    godwit_status_type (GODWIT_ERR_TIMEOUT);
    godwit_status_text (GODWIT_ERR_TIMEOUT);
    godwit_status_is (GODWIT_ERR_TIMEOUT, GODWIT_ERR_FAILED);
    godwit_outcome_name (GODWIT_OUTCOME_RAN);
    godwit_type_name (GODWIT_TYPE_STR);
    godwit_fanout_state_name (GODWIT_FANOUT_LEFT);
    godwit_fanout_result_count (NULL);
    godwit_fanout_result_epoch (NULL);
    godwit_fanout_result_row (NULL, 0);
    godwit_version_string ();
    godwit_target_equal (NULL, NULL);
    godwit_target_print (GODWIT_TARGET (.topic = "alloc"), text, sizeof text);
}

Test (alloc_getters, allocate_nothing)
{
    godwit_url_t *url = NULL;
    godwit_value_t *value = NULL;
    godwit_config_t *config = NULL;
    godwit_transport_t *transport = NULL;
    cr_assert (!godwit_transport_new (&transport, "inproc://alloc-getters/",
                                      GODWIT_TRANSPORT_OPTIONS (.external_loop = true), NULL));
    cr_assert (!godwit_url_parse (&url, "x://u:p@a,b/v?a=1&b=2", NULL));
    cr_assert (!godwit_config_parse (&config, "[own]\na = b\n", "conf", NULL));
    cr_assert (!godwit_value_new_map (
        &value, GODWIT_ARGS (GODWIT_DOUBLE ("a", 0.1), GODWIT_STR ("longer", "than the room")), NULL));
    godwit_error_t *error = godwit_error_new_typed ("shop", "OutOfStock", "no tea");
    godwit_error_set_detail (error, "item", "tea");
    allocations = fail_at = 0;
    counting = true;
    ask_url (url);
    ask_value (value);
    ask_error (error);
    ask_transport (transport, config);
    ask_nobody ();
    counting = false;
    cr_assert_eq (allocations, 0);
    godwit_error_destroy (&error);
    godwit_value_unref (&value);
    godwit_config_destroy (&config);
    godwit_url_destroy (&url);
    godwit_transport_destroy (&transport);
}

#else

Test (alloc_getters, is_left_to_the_builds_without_sanitizers)
{
    cr_skip_test ();
}

#endif
