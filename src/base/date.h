/* SPDX-License-Identifier: Apache-2.0 */
/* Days as dates. gmtime_r and strftime would read the time zone's file first. */
#ifndef GODWIT_SRC_BASE_DATE_H
#define GODWIT_SRC_BASE_DATE_H

#include <stdint.h>

typedef struct godwit__date {
    int year;
    int month; /* from 1 on */
    int day;
} godwit__date_t;

/* The date (UTC) of so many days after 1970-01-01, none before it. */
godwit__date_t godwit__date_of (int64_t days);

#endif
