/* SPDX-License-Identifier: Apache-2.0 */
#include "src/error/struct_size.h"

#include "src/error/error.h"

#include <godwit/godwit.h>
#include <godwit/testing.h>

/* The size of a struct whose last field is last_. */
#define SIZE_WITH(type_, last_)                                                                              \
    ((offsetof (type_, last_) + sizeof (((type_ *) 0)->last_) + _Alignof(type_) - 1) / _Alignof(type_) *     \
     _Alignof(type_))
#define KNOWN(name_, last_, size_name_, made_with_)                                                          \
    _Static_assert(sizeof (godwit_##name_##_t) < GODWIT__STRUCT_SIZE_MOST, "a struct is too large");         \
    const godwit__struct_t godwit__struct_##name_ = {                                                        \
        .size_name = (size_name_),                                                                           \
        .made_with = (made_with_),                                                                           \
        .size = sizeof (godwit_##name_##_t),                                                                 \
        .least = SIZE_WITH (godwit_##name_##_t, last_),                                                      \
        .alignment = _Alignof(godwit_##name_##_t),                                                           \
    }
#define BEGINS_WITH_SIZE(name_, last_, made_with_)                                                           \
    _Static_assert(offsetof (godwit_##name_##_t, struct_size) == 0, "a struct begins with its size");        \
    KNOWN (name_, last_, "godwit_" #name_ "_t.struct_size", made_with_)

/*                the struct         its last field at first       what sets its size */
BEGINS_WITH_SIZE (transport_options, handler_log_after_ms, "GODWIT_TRANSPORT_OPTIONS (...)");
BEGINS_WITH_SIZE (target, legacy_namespace_count, "GODWIT_TARGET (...)");
BEGINS_WITH_SIZE (client_options, reserved, "GODWIT_CLIENT_OPTIONS (...)");
BEGINS_WITH_SIZE (overrides, reserved, "GODWIT_OVERRIDES (...)");
BEGINS_WITH_SIZE (fanout_report, epoch, "GODWIT_FANOUT_REPORT");
BEGINS_WITH_SIZE (calls_options, last_ms, "GODWIT_CALLS_OPTIONS (...)");
BEGINS_WITH_SIZE (server_options, serializer, "GODWIT_SERVER_OPTIONS (...)");
BEGINS_WITH_SIZE (step_options, reserved, "GODWIT_STEP_OPTIONS (...)");
BEGINS_WITH_SIZE (run_options, user, "GODWIT_RUN_OPTIONS (...)");
BEGINS_WITH_SIZE (endpoint, method_size, "GODWIT_ENDPOINT (...)");
KNOWN (method, slot_size, "godwit_endpoint_t.method_size", "GODWIT_ENDPOINT (...)");
KNOWN (slot, table_count, "godwit_method_t.slot_size", "GODWIT_METHOD_WITH (...)");
BEGINS_WITH_SIZE (serializer, deserialize_context, "GODWIT_SERIALIZER (...)");
BEGINS_WITH_SIZE (context_hooks, from_map, "{.struct_size = sizeof (godwit_context_hooks_t), ...}");
BEGINS_WITH_SIZE (manager, initialize_service_hook, "{.struct_size = sizeof (godwit_manager_t), ...}");
BEGINS_WITH_SIZE (delivery_options, spool, "GODWIT_DELIVERY_OPTIONS (...)"); /* new after 0.1.0 */
BEGINS_WITH_SIZE (listener_options, transient, "GODWIT_LISTENER_OPTIONS (...)");
BEGINS_WITH_SIZE (notification_endpoint, on_destroy, "GODWIT_NOTIFICATION_ENDPOINT (...)");
BEGINS_WITH_SIZE (filter, payload_count, "GODWIT_FILTER (...)");
BEGINS_WITH_SIZE (notifier_options, delivery, "GODWIT_NOTIFIER_OPTIONS (...)");
BEGINS_WITH_SIZE (notify_options, report, "GODWIT_NOTIFY_OPTIONS (...)");
BEGINS_WITH_SIZE (notify_report, drivers, "GODWIT_NOTIFY_REPORT");
BEGINS_WITH_SIZE (notify_driver, notify, "{.struct_size = sizeof (godwit_notify_driver_t), ...}");
BEGINS_WITH_SIZE (notifier_stats, pools, "GODWIT_NOTIFIER_STATS");
BEGINS_WITH_SIZE (routing, accepts, "{.struct_size = sizeof (godwit_routing_t), ...}");
BEGINS_WITH_SIZE (faults, delay_max_us, "GODWIT_FAULTS (...)");
BEGINS_WITH_SIZE (cluster_plan, user, "GODWIT_CLUSTER_PLAN (...)");
BEGINS_WITH_SIZE (cluster_stats, digest, "{.struct_size = sizeof (godwit_cluster_stats_t)}");

godwit_status_t
godwit__struct_check_size (const godwit__struct_t *known, const void *given, size_t size,
                           godwit_error_t **error)
{
    if (size < known->least || size > GODWIT__STRUCT_SIZE_MOST || size % known->alignment)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s is %zu%s: make it with %s",
                                  known->size_name, size, size ? ", which is that of no release" : "",
                                  known->made_with);
    for (size_t at = known->size; at < size; at++)
        if (((const char *) given)[at])
            return godwit__error_set (
                error, GODWIT_ERR_INVALID_ARGUMENT,
                "%s is %zu: something is set behind the %zu bytes that this library, %s, "
                "knows; it needs a newer one",
                known->size_name, size, known->size, godwit_version_string ());
    return GODWIT_OK;
}
