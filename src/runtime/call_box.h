/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a call in the black box: those of its label, which is found already. */
#ifndef GODWIT_SRC_RUNTIME_CALL_BOX_H
#define GODWIT_SRC_RUNTIME_CALL_BOX_H

#include "src/runtime/transport.h"

/* What a label's number is when there is no room for its names. */
#define GODWIT__BOX_NAMELESS UINT32_MAX

void godwit__metric_add_name (godwit__box_t *box, godwit__metric_t *metric);

/* 0: the names are not known. */
static inline uint32_t
godwit__metric_name (godwit__box_t *box, godwit__metric_t *metric)
{
    if (box && !atomic_load_explicit (&metric->box_name, memory_order_relaxed))
        godwit__metric_add_name (box, metric);
    const uint32_t name = atomic_load_explicit (&metric->box_name, memory_order_relaxed);
    return name == GODWIT__BOX_NAMELESS ? 0 : name;
}

#endif
