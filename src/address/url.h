/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed transport URL: url_parse.c makes it, url.c prints and compares it. It does not change afterwards.
 */
#ifndef GODWIT_SRC_ADDRESS_URL_H
#define GODWIT_SRC_ADDRESS_URL_H

#include <godwit/url.h>

enum { GODWIT__URL_MAX_SIZE = 65536, GODWIT__URL_MAX_OPTIONS = 1024 };

typedef struct godwit__url_option {
    const char *key;
    const char *value;
} godwit__url_option_t;

struct godwit_url {
    const char *transport;
    const char *driver;
    const char *virtual_host;
    godwit_url_host_t *hosts;
    size_t host_count;
    godwit__url_option_t *options;
    size_t option_count;
    char *texts; /* the memory of the strings above */
    char *warning;
    char *printed;
};

/* Fills url->printed and url->warning. ignored: how many keys of the query have no value. */
godwit_status_t godwit__url_describe (godwit_url_t *url, size_t ignored, godwit_error_t **error);

#endif
