/* SPDX-License-Identifier: Apache-2.0 */
/* Releasing a block. */
#include "src/base/block.h"

void
godwit__block_unref (godwit__block_t *block)
{
    if (atomic_fetch_sub_explicit (&block->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__frame_release (&block->frame);
    if (block->release)
        block->release (block);
}

void
godwit__block_let_go (void *data, void *hint)
{
    (void) data;
    godwit__block_unref (hint);
}
