/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/date.h"

#include <stdbool.h>

godwit__date_t
godwit__date_of (int64_t days)
{
    godwit__date_t date = {.year = 1970, .month = 1};
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (;; date.year++) {
        const bool is_leap = (date.year % 4 == 0 && date.year % 100 != 0) || date.year % 400 == 0;
        const int year_days = is_leap ? 366 : 365;
        if (days >= year_days) {
            days -= year_days;
            continue;
        }
        for (int month_days; days >= (month_days = lengths[date.month - 1] + (is_leap && date.month == 2));
             date.month++)
            days -= month_days;
        date.day = (int) days + 1;
        return date;
    }
}
