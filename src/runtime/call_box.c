/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/call_box.h"

/* Two threads may add it at the same time: then it is there twice, which does no harm. */
void
godwit__metric_add_name (godwit__box_t *box, godwit__metric_t *metric)
{
    const godwit__label_t *const label = &metric->label;
    const uint32_t name = godwit__box_add_name (box, &(godwit__box_name_t){
                                                         .exchange = label->exchange,
                                                         .topic = label->topic,
                                                         .name_space = label->name_space,
                                                         .version = label->version,
                                                         .server = label->server,
                                                         .method = label->method,
                                                     });
    atomic_store_explicit (&metric->box_name, name ? name : GODWIT__BOX_NAMELESS, memory_order_relaxed);
}
