/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at everything in a file. */
#ifndef GODWIT_SPOOL_CHECK_H
#define GODWIT_SPOOL_CHECK_H

#include "components/spool/model.h"
#include "components/spool/store.h"

/* model is what was loaded from the file. MALFORMED: an item is not what was written, or is missing. */
godwit_status_t godwit__spool_check (godwit__store_t *store, const godwit__model_t *model,
                                     godwit__problem_t *problem);

#endif
