/* Is a record of our own what others will accept? */
#ifndef GODWIT_MATCHMAKER_RECORD_CHECK_H
#define GODWIT_MATCHMAKER_RECORD_CHECK_H

#include "src/interface/matchmaker.h"

/* INVALID_ARGUMENT names the field. Writes and reads the record, so that there is only one set of rules. */
godwit_status_t godwit__record_check (const godwit__record_t *record, godwit_error_t **error);

#endif
