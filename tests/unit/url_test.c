/* SPDX-License-Identifier: Apache-2.0 */
#include "src/address/url.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static godwit_url_t *
parse (const char *text)
{
    godwit_url_t *url = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_url_parse (&url, text, &error), GODWIT_OK, "%s: %s", text,
                  godwit_error_message (error));
    return url;
}

/* One line with everything in it; "-" is unset. */
static const char *
describe (const godwit_url_t *url)
{
    static char text[2048];
    char *end = text + sprintf (text, "%s %s", godwit_url_transport (url), godwit_url_driver (url));
    const char *const virtual_host = godwit_url_virtual_host (url);
    for (size_t i = 0; i < godwit_url_host_count (url); i++) {
        const godwit_url_host_t *const host = godwit_url_host (url, i);
        end += sprintf (end, " |user=%s pass=%s host=%s port=%d", host->username ? host->username : "-",
                        host->password ? host->password : "-", host->hostname, host->port);
    }
    end += sprintf (end, " |vhost=%s", virtual_host ? virtual_host : "-");
    for (size_t i = 0; i < godwit_url_query_count (url); i++)
        end += sprintf (end, " ?%s=%s", godwit_url_query_key (url, i), godwit_url_query_value (url, i));
    return text;
}

Test (url, parsing_and_printing)
{
    static const struct {
        const char *text, *parsed, *printed;
    } rows[] = {
        {"zmq:", "zmq zmq |vhost=-", "zmq:///"},
        {"zmq://", "zmq zmq |vhost=-", "zmq:///"},
        {"zmq:///", "zmq zmq |vhost=", "zmq:///"},
        {"zmq:////", "zmq zmq |vhost=/", "zmq:////"},
        {"zmq:///v", "zmq zmq |vhost=v", "zmq:///v"},
        {"zmq:/v", "zmq zmq |vhost=v", "zmq:///v"},
        {"zmq://h", "zmq zmq |user=- pass=- host=h port=0 |vhost=-", "zmq://h/"},
        {"zmq://h/", "zmq zmq |user=- pass=- host=h port=0 |vhost=", "zmq://h/"},
        {"zmq://h//", "zmq zmq |user=- pass=- host=h port=0 |vhost=/", "zmq://h//"},
        {"zmq://h/v", "zmq zmq |user=- pass=- host=h port=0 |vhost=v", "zmq://h/v"},
        {"zmq://h/v/w", "zmq zmq |user=- pass=- host=h port=0 |vhost=v/w", "zmq://h/v/w"},
        {"zmq://h:1234/v", "zmq zmq |user=- pass=- host=h port=1234 |vhost=v", "zmq://h:1234/v"},
        {"zmq://h:/v", "zmq zmq |user=- pass=- host=h port=0 |vhost=v", "zmq://h/v"},
        {"zmq://:80/", "zmq zmq |user=- pass=- host= port=80 |vhost=", "zmq://:80/"},
        {"zmq://h:00080/", "zmq zmq |user=- pass=- host=h port=80 |vhost=", "zmq://h:80/"},
        {"zmq://h:65535", "zmq zmq |user=- pass=- host=h port=65535 |vhost=-", "zmq://h:65535/"},
        {"zmq://[ffff::1]/v", "zmq zmq |user=- pass=- host=ffff::1 port=0 |vhost=v", "zmq://[ffff::1]/v"},
        {"zmq://[ffff::1]:1234/v", "zmq zmq |user=- pass=- host=ffff::1 port=1234 |vhost=v",
         "zmq://[ffff::1]:1234/v"},
        {"zmq://[::1]:", "zmq zmq |user=- pass=- host=::1 port=0 |vhost=-", "zmq://[::1]/"},
        {"zmq://[fe80::1%eth0]:5", "zmq zmq |user=- pass=- host=fe80::1%eth0 port=5 |vhost=-",
         "zmq://[fe80::1%eth0]:5/"},
        {"zmq://[::ffff:10.0.0.1]", "zmq zmq |user=- pass=- host=::ffff:10.0.0.1 port=0 |vhost=-",
         "zmq://[::ffff:10.0.0.1]/"},
        {"zmq://u@h:1/v", "zmq zmq |user=u pass=- host=h port=1 |vhost=v", "zmq://u@h:1/v"},
        {"zmq://u:p@h:1/v", "zmq zmq |user=u pass=p host=h port=1 |vhost=v", "zmq://u:p@h:1/v"},
        {"zmq://u:@h", "zmq zmq |user=u pass= host=h port=0 |vhost=-", "zmq://u:@h/"},
        {"zmq://:p@h", "zmq zmq |user= pass=p host=h port=0 |vhost=-", "zmq://:p@h/"},
        {"zmq://@h", "zmq zmq |user= pass=- host=h port=0 |vhost=-", "zmq://@h/"},
        {"zmq://u:p@/v", "zmq zmq |user=u pass=p host= port=0 |vhost=v", "zmq://u:p@/v"},
        {"zmq://u:p:q@h", "zmq zmq |user=u pass=p:q host=h port=0 |vhost=-", "zmq://u:p%3Aq@h/"},
        {"zmq://u@v:p@h", "zmq zmq |user=u@v pass=p host=h port=0 |vhost=-", "zmq://u%40v:p@h/"},
        {"zmq://u:p@q@h", "zmq zmq |user=u pass=p@q host=h port=0 |vhost=-", "zmq://u:p%40q@h/"},
        {"zmq://u:p@[::1]:1", "zmq zmq |user=u pass=p host=::1 port=1 |vhost=-", "zmq://u:p@[::1]:1/"},
        {"zmq://h1:1,h2:2/v", "zmq zmq |user=- pass=- host=h1 port=1 |user=- pass=- host=h2 port=2 |vhost=v",
         "zmq://h1:1,h2:2/v"},
        {"zmq://,h1,,h2,/v", "zmq zmq |user=- pass=- host=h1 port=0 |user=- pass=- host=h2 port=0 |vhost=v",
         "zmq://h1,h2/v"},
        {"zmq://,,,", "zmq zmq |vhost=-", "zmq:///"},
        {"zmq://:,h,:/", "zmq zmq |user=- pass=- host=h port=0 |vhost=", "zmq://h/"},
        {"zmq://u1:p1@h1,u2:p2@[::2]:2",
         "zmq zmq |user=u1 pass=p1 host=h1 port=0 |user=u2 pass=p2 host=::2 port=2 |vhost=-",
         "zmq://u1:p1@h1,u2:p2@[::2]:2/"},
        {"kombu+memory:", "kombu+memory kombu |vhost=-", "kombu+memory:///"},
        {"zmq+:", "zmq+ zmq |vhost=-", "zmq+:///"},
        {"a+b+c://h", "a+b+c a |user=- pass=- host=h port=0 |vhost=-", "a+b+c://h/"},
        {"ZMQ://Host", "zmq zmq |user=- pass=- host=Host port=0 |vhost=-", "zmq://Host/"},
        {"z1.a-b:", "z1.a-b z1.a-b |vhost=-", "z1.a-b:///"},
        /* escapes */
        {"zmq://u%24:p%26@h:1/%24", "zmq zmq |user=u$ pass=p& host=h port=1 |vhost=$",
         "zmq://u%24:p%26@h:1/%24"},
        {"zmq://u:p%2C%40%3a%2F%3F%23%25@h", "zmq zmq |user=u pass=p,@:/?#% host=h port=0 |vhost=-",
         "zmq://u:p%2C%40%3A%2F%3F%23%25@h/"},
        {"zmq://h/%2Fa%20b+c", "zmq zmq |user=- pass=- host=h port=0 |vhost=/a b+c", "zmq://h//a%20b%2Bc"},
        {"zmq://u:%zz%4%@h/%", "zmq zmq |user=u pass=%zz%4% host=h port=0 |vhost=%",
         "zmq://u:%25zz%254%25@h/%25"},
        {"zmq://h/\xc3\xa9", "zmq zmq |user=- pass=- host=h port=0 |vhost=\xc3\xa9", "zmq://h/%C3%A9"},
        {"zmq://u b:p~-._@h/a b", "zmq zmq |user=u b pass=p~-._ host=h port=0 |vhost=a b",
         "zmq://u%20b:p~-._@h/a%20b"},
        /* queries */
        {"zmq://h?x=1&y=2", "zmq zmq |user=- pass=- host=h port=0 |vhost=- ?x=1 ?y=2", "zmq://h/?x=1&y=2"},
        {"zmq://h/v?x=1", "zmq zmq |user=- pass=- host=h port=0 |vhost=v ?x=1", "zmq://h/v?x=1"},
        {"zmq:?x=1", "zmq zmq |vhost=- ?x=1", "zmq:///?x=1"},
        {"zmq://?x=1", "zmq zmq |vhost=- ?x=1", "zmq:///?x=1"},
        {"zmq://h/?l=1&m=x&l=2&l=3", "zmq zmq |user=- pass=- host=h port=0 |vhost= ?l=1,2,3 ?m=x",
         "zmq://h/?l=1%2C2%2C3&m=x"},
        {"zmq://h/?d=x:1&d=y:2", "zmq zmq |user=- pass=- host=h port=0 |vhost= ?d=x:1,y:2",
         "zmq://h/?d=x%3A1%2Cy%3A2"},
        {"zmq://noport:/?", "zmq zmq |user=- pass=- host=noport port=0 |vhost=", "zmq://noport/"},
        {"zmq:/?a+b=c+d%2B%20&%61=%3D", "zmq zmq |vhost= ?a b=c d+  ?a==", "zmq:///?a+b=c+d%2B+&a=%3D"},
        {"zmq:/?a=b=c&&d=?/&", "zmq zmq |vhost= ?a=b=c ?d=?/", "zmq:///?a=b%3Dc&d=%3F%2F"},
        {"zmq:/?=v", "zmq zmq |vhost= ?=v", "zmq:///?=v"},
        {"zmq:/?a&b=&c=1", "zmq zmq |vhost= ?c=1", "zmq:///?c=1"},
        {"zmq:/?a=1;b=2", "zmq zmq |vhost= ?a=1;b=2", "zmq:///?a=1%3Bb%3D2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_url_t *url = parse (rows[i].text);
        cr_assert_str_eq (describe (url), rows[i].parsed, "%s: %s", rows[i].text, describe (url));
        cr_assert_str_eq (godwit_url_print (url), rows[i].printed, "%s: %s", rows[i].text,
                          godwit_url_print (url));

        /* What is printed means the same, but for an unset virtual host, which is printed as an empty one. */
        godwit_url_t *again = parse (rows[i].printed);
        if (godwit_url_virtual_host (url))
            cr_assert_str_eq (describe (again), rows[i].parsed);
        cr_assert_str_eq (godwit_url_print (again), rows[i].printed);
        godwit_url_destroy (&url);
        cr_assert_null (url);
        godwit_url_destroy (&again);
    }
}

Test (url, errors_say_what_where_and_what_was_expected)
{
    static const struct {
        const char *text;
        size_t at;
        const char *wrong, *expected;
    } rows[] = {
        {"", 0, "No scheme", "driver[+sub]://"},
        {"host", 0, "No scheme", "driver"},
        {"//host", 0, "No scheme", "driver"},
        {":", 0, "No scheme", "driver"},
        {"://host", 0, "No scheme", "driver"},
        {"1zmq://h", 0, "No scheme", "a letter"},
        {"+zmq://h", 0, "No scheme", "a letter"},
        {"z_q://h", 1, "No scheme", "letters, digits"},
        {"z mq://h", 1, "No scheme", "letters, digits"},
        {"zm/q://h", 2, "No scheme", "letters, digits"},
        {"zmq:host", 4, "neither hosts nor", "\"//\""},
        {"localhost:9573", 10, "neither hosts nor", "\"//\""},
        {"zmq://h:x", 8, "not a number", "digits"},
        {"zmq://h:12x/", 10, "not a number", "digits"},
        {"zmq://h:-1", 8, "not a number", "digits"},
        {"zmq://h:+1", 8, "not a number", "digits"},
        {"zmq://h: 1", 8, "not a number", "digits"},
        {"zmq://h:65536", 8, "too large", "1 to 65535"},
        {"zmq://h:99999999999999999999", 8, "too large", "1 to 65535"},
        {"zmq://a,h:0", 10, "is 0", "1 to 65535"},
        {"zmq://::1", 7, "not a number", "brackets"},
        {"zmq://1::2:80", 8, "not a number", "brackets"},
        {"zmq://u:p/q@h", 8, "not a number", "%2F"},
        {"zmq://[::1", 6, "Invalid IPv6 URL", "[address]"},
        {"zmq://[", 6, "Invalid IPv6 URL", "[address]"},
        {"zmq://[]", 7, "Invalid IPv6 URL", "IPv6 address"},
        {"zmq://[host]", 7, "Invalid IPv6 URL", "IPv6 address"},
        {"zmq://[1.2.3.4]", 7, "Invalid IPv6 URL", "IPv6 address"},
        {"zmq://[:::1]", 7, "Invalid IPv6 URL", "IPv6 address"},
        {"zmq://[::1]x", 11, "after the ']'", "':'"},
        {"zmq://[::1]80", 11, "after the ']'", "':'"},
        {"zmq://[::1]:x", 12, "not a number", "digits"},
        {"zmq://h]", 7, "host's name", "a name"},
        {"zmq://h[::1]", 7, "host's name", "a name"},
        {"zmq://a,b c", 9, "host's name", "a name"},
        {"zmq://h/\n", 8, "control character", "%xx"},
        {"zmq://h\t", 7, "control character", "%xx"},
        {"zmq://h/\x7f", 8, "control character", "%xx"},
        {"zmq://u:p#q@h/", 9, "'#'", "%23"},
        {"zmq://h/v#f", 9, "'#'", "%23"},
        {"zmq://u%00@h", 7, "NUL", "other byte"},
        {"zmq://u:p%00@h", 9, "NUL", "other byte"},
        {"zmq://h/%00", 8, "NUL", "other byte"},
        {"zmq://h/?a=b&%00=1", 13, "NUL", "other byte"},
        {"zmq://h/?a=b&c=%00", 15, "NUL", "other byte"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_url_t *url = NULL;
        godwit_error_t *error = NULL;
        char at[32];
        snprintf (at, sizeof at, ", at byte %zu; ", rows[i].at);
        cr_assert_eq (godwit_url_parse (&url, rows[i].text, &error), GODWIT_ERR_INVALID_URL, "%s",
                      rows[i].text);
        const char *const message = godwit_error_message (error);
        cr_assert (strstr (message, rows[i].wrong) != NULL, "%s: %s", rows[i].text, message);
        cr_assert (strstr (message, at) != NULL, "%s: %s", rows[i].text, message);
        const char *const expected = strstr (message, "expected ");
        cr_assert (expected && strstr (expected, rows[i].expected) != NULL, "%s: %s", rows[i].text, message);
        cr_assert_null (url);
        godwit_error_destroy (&error);
        cr_assert_eq (godwit_url_parse (&url, rows[i].text, NULL), GODWIT_ERR_INVALID_URL);
    }
    godwit_url_t *url = NULL;
    cr_assert_eq (godwit_url_parse (&url, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    godwit_url_destroy (&url);
    godwit_url_destroy (NULL);
}

Test (url, an_error_tells_no_password)
{
    godwit_url_t *url = NULL;
    godwit_error_t *error = NULL;
    cr_assert_neq (godwit_url_parse (&url, "zmq://user:s3cret/x@host/", &error), GODWIT_OK);
    cr_assert_null (strstr (godwit_error_print (error), "s3cret"));
    cr_assert_null (strstr (godwit_error_print (error), "user"));
    godwit_error_destroy (&error);
}

Test (url, length_is_limited_and_work_is_linear)
{
    static const char *const pieces[] = {"a",    ",",   "&", "@,",  ":@,", "?",
                                         "a=1&", "=v&", "/", "%41", "[",   "h:1,"};
    char *const text = malloc (GODWIT__URL_MAX_SIZE + 2);
    const clock_t start = clock ();
    for (size_t k = 0; k < 3 * sizeof pieces / sizeof pieces[0]; k++) {
        const char *const piece = pieces[k % (sizeof pieces / sizeof pieces[0])];
        static const char *const heads[] = {"x://", "x:/?", "x:///"};
        strcpy (text, heads[k / (sizeof pieces / sizeof pieces[0])]);
        size_t size = strlen (text);
        while (size < GODWIT__URL_MAX_SIZE) {
            text[size] = piece[(size - 4) % strlen (piece)];
            size++;
        }
        text[size] = '\0';
        godwit_url_t *url = NULL;
        const godwit_status_t status = godwit_url_parse (&url, text, NULL);
        cr_assert (status == GODWIT_OK || status == GODWIT_ERR_INVALID_URL);
        godwit_url_destroy (&url);

        text[size] = 'a';
        text[size + 1] = '\0';
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_url_parse (&url, text, &error), GODWIT_ERR_INVALID_URL);
        cr_assert (strstr (godwit_error_message (error), "too long, at byte 65536;") != NULL);
        godwit_error_destroy (&error);
    }
    cr_assert_lt (clock () - start, 5 * CLOCKS_PER_SEC);
    free (text);
}

Test (url, options_are_counted)
{
    char text[8 * GODWIT__URL_MAX_OPTIONS + 64] = "x:?";
    size_t size = 3;
    for (int i = 0; i < GODWIT__URL_MAX_OPTIONS; i++)
        size += (size_t) sprintf (text + size, "o%d=1&", i);
    godwit_url_t *url = parse (text);
    cr_assert_eq (godwit_url_query_count (url), GODWIT__URL_MAX_OPTIONS);
    godwit_url_destroy (&url);
    strcpy (text + size, "one=more");
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_url_parse (&url, text, &error), GODWIT_ERR_INVALID_URL);
    cr_assert (strstr (godwit_error_message (error), "too many options") != NULL);
    godwit_error_destroy (&error);
}

Test (url, options_are_looked_up)
{
    godwit_url_t *url = parse ("x:?a=1&b=2&a=3");
    cr_assert_str_eq (godwit_url_query_get (url, "a"), "1,3");
    cr_assert_str_eq (godwit_url_query_get (url, "b"), "2");
    cr_assert_null (godwit_url_query_get (url, "c"));
    cr_assert_null (godwit_url_query_get (url, NULL));
    cr_assert_null (godwit_url_query_key (url, 2));
    cr_assert_null (godwit_url_query_value (url, 2));
    cr_assert_null (godwit_url_host (url, 0));
    godwit_url_destroy (&url);
}

Test (url, equality_ignores_the_query)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"x://v?x=1&y=2", "x://v?l=1", true},
        {"x://h:1,i:2/v", "x://h:1,i:2/v", true},
        {"X://h", "x://h", true},
        {"x://%75:p@h", "x://u:p@h", true},
        {"x://h", "y://h", false},
        {"x+y://h", "x://h", false},
        {"x://h", "x://h/", false},
        {"x://h/a", "x://h/b", false},
        {"x://h/v", "x://i/v", false},
        {"x://h", "x://H", false},
        {"x://h:1", "x://h:2", false},
        {"x://h", "x://h,i", false},
        {"x://h,i", "x://i,h", false},
        {"x://u@h", "x://h", false},
        {"x://@h", "x://h", false},
        {"x://u:p@h", "x://u:q@h", false},
        {"x://u:@h", "x://u@h", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_url_t *a = parse (rows[i].a), *b = parse (rows[i].b);
        cr_assert_eq (godwit_url_equal (a, b), rows[i].equal, "%s %s", rows[i].a, rows[i].b);
        cr_assert_eq (godwit_url_equal (b, a), rows[i].equal, "%s %s", rows[i].a, rows[i].b);
        cr_assert (godwit_url_equal (a, a));
        cr_assert_not (godwit_url_equal (a, NULL));
        godwit_url_destroy (&a);
        godwit_url_destroy (&b);
    }
}

Test (url, warnings)
{
    static const struct {
        const char *text, *warning;
    } rows[] = {
        {"x://a,b", NULL},
        {"x://u:p@a,v:q@b", NULL},
        {"x://u@a,b", NULL}, /* a user alone is no credential */
        {"x://u:p@a,b,w:q@c,u@d", "Hosts with a username and a password: a, c; hosts without both: b, d. "
                                  "Give them to all hosts or to none."},
        {"x:?a", "1 option in the query without a value: ignored."},
        {"x:?a&b=&c=1", "2 options in the query without a value: ignored."},
        {"x://u:p@a,b?z",
         "Hosts with a username and a password: a; hosts without both: b. Give them to all hosts or to none. "
         "1 option in the query without a value: ignored."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_url_t *url = parse (rows[i].text);
        if (rows[i].warning)
            cr_assert_str_eq (godwit_url_warning (url), rows[i].warning);
        else
            cr_assert_null (godwit_url_warning (url), "%s: %s", rows[i].text, godwit_url_warning (url));
        godwit_url_destroy (&url);
    }
}
