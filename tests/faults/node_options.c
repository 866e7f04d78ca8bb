/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/node_options.h"

#include "tests/faults/history.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_NODE = 1,
    OPTION_ROLE,
    OPTION_NAME,
    OPTION_HOST,
    OPTION_URL,
    OPTION_TOPIC,
    OPTION_LOG,
    OPTION_SEED,
    OPTION_RECORDS,
    OPTION_THREADS,
    OPTION_RATE,
    OPTION_SECONDS,
    OPTION_CALLS,
    OPTION_SERVERS,
    OPTION_TIMEOUT,
    OPTION_SLOW,
    OPTION_CONCURRENCY,
    OPTION_QUEUE,
    OPTION_MIX,
    OPTION_NAMED,
    OPTION_QUICK,
    OPTION_PATIENT,
    OPTION_POOL,
    OPTION_POOLS,
    OPTION_SPOOL,
    OPTION_BATCH,
    OPTION_CREDIT,
    OPTION_WORK,
    OPTION_REQUEUE
};

static const struct option table[] = {
    {"node", required_argument, NULL, OPTION_NODE},
    {"role", required_argument, NULL, OPTION_ROLE},
    {"name", required_argument, NULL, OPTION_NAME},
    {"server-name", required_argument, NULL, OPTION_NAME},
    {"host", required_argument, NULL, OPTION_HOST},
    {"url", required_argument, NULL, OPTION_URL},
    {"topic", required_argument, NULL, OPTION_TOPIC},
    {"log", required_argument, NULL, OPTION_LOG},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"records", required_argument, NULL, OPTION_RECORDS},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"calls", required_argument, NULL, OPTION_CALLS},
    {"servers", required_argument, NULL, OPTION_SERVERS},
    {"timeout-ms", required_argument, NULL, OPTION_TIMEOUT},
    {"slow-ms", required_argument, NULL, OPTION_SLOW},
    {"concurrency", required_argument, NULL, OPTION_CONCURRENCY},
    {"queue-limit", required_argument, NULL, OPTION_QUEUE},
    {"mix", required_argument, NULL, OPTION_MIX},
    {"named", required_argument, NULL, OPTION_NAMED},
    {"quick", no_argument, NULL, OPTION_QUICK},
    {"patient", no_argument, NULL, OPTION_PATIENT},
    {"pool", required_argument, NULL, OPTION_POOL},
    {"pools", required_argument, NULL, OPTION_POOLS},
    {"spool", required_argument, NULL, OPTION_SPOOL},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"credit", required_argument, NULL, OPTION_CREDIT},
    {"work-us", required_argument, NULL, OPTION_WORK},
    {"requeue", required_argument, NULL, OPTION_REQUEUE},
    {NULL, 0, NULL, 0},
};

static bool
parse_role (node_options_t *options, const char *text)
{
    options->roles = !strcmp (text, "server")       ? HISTORY_SERVER
                     : !strcmp (text, "client")     ? HISTORY_CLIENT
                     : !strcmp (text, "rendezvous") ? HISTORY_RENDEZVOUS
                     : !strcmp (text, "notifier")   ? HISTORY_NOTIFIER
                     : !strcmp (text, "listener")   ? HISTORY_LISTENER
                     : !strcmp (text, "caster")     ? HISTORY_CASTER
                     : !strcmp (text, "worker")     ? HISTORY_WORKER
                     : !strcmp (text, "both")       ? HISTORY_SERVER | HISTORY_CLIENT
                                                    : 0;
    return options->roles != 0;
}

/* name=parts[,name=parts...]; what is not named is not done. */
static bool
parse_mix (node_mix_t *mix, const char *text)
{
    const struct {
        const char *name;
        uint32_t *parts;
    } rows[] = {{"call", &mix->call},
                {"cast", &mix->cast},
                {"fanout", &mix->fanout},
                {"fanout_call", &mix->fanout_call},
                {"idempotent", &mix->idempotent},
                {"async", &mix->async},
                {"named", &mix->named}};
    uint32_t sum = 0;
    memset (mix, 0, sizeof *mix);
    while (*text) {
        const size_t length = strcspn (text, "=");
        size_t row = 0;
        char *end = NULL;
        while (row < sizeof rows / sizeof rows[0] &&
               (strlen (rows[row].name) != length || strncmp (rows[row].name, text, length) != 0))
            row++;
        if (row == sizeof rows / sizeof rows[0] || text[length] != '=')
            return false;
        *rows[row].parts = (uint32_t) strtoul (text + length + 1, &end, 10);
        sum += *rows[row].parts;
        if (*end != ',' && *end != '\0')
            return false;
        text = *end == ',' ? end + 1 : end;
    }
    return sum > 0;
}

static bool
parse_one (node_options_t *options, int option, const char *text)
{
    switch (option) {
    case OPTION_NODE:
        options->node = (uint32_t) strtoul (text, NULL, 10);
        return options->node > 0 && options->node <= HISTORY_NODE_MAX;
    case OPTION_ROLE:
        return parse_role (options, text);
    case OPTION_NAME:
        options->name = text;
        return true;
    case OPTION_HOST:
        options->host = text;
        return true;
    case OPTION_URL:
        options->url = text;
        return true;
    case OPTION_TOPIC:
        options->topic = text;
        return true;
    case OPTION_LOG:
        options->log = text;
        return true;
    case OPTION_SEED:
        options->seed = strtoull (text, NULL, 10);
        return true;
    case OPTION_RECORDS:
        options->records = strtoull (text, NULL, 10);
        return true;
    case OPTION_THREADS:
        options->threads = (uint32_t) strtoul (text, NULL, 10);
        return options->threads > 0 && options->threads <= 256;
    case OPTION_RATE:
        options->rate = strtod (text, NULL);
        return options->rate >= 0;
    case OPTION_SECONDS:
        options->seconds = strtoll (text, NULL, 10);
        return options->seconds >= 0;
    case OPTION_CALLS:
        options->calls = strtoull (text, NULL, 10);
        return true;
    case OPTION_SERVERS:
        options->servers = (uint32_t) strtoul (text, NULL, 10);
        return true;
    case OPTION_TIMEOUT:
        options->timeout_ms = strtoll (text, NULL, 10);
        return options->timeout_ms > 0;
    case OPTION_SLOW:
        options->slow_ms = strtoll (text, NULL, 10);
        return options->slow_ms >= 0;
    case OPTION_CONCURRENCY:
        options->concurrency = (int) strtol (text, NULL, 10);
        return options->concurrency > 0;
    case OPTION_QUEUE:
        options->queue_limit = (int) strtol (text, NULL, 10);
        return options->queue_limit > 0;
    case OPTION_POOL:
        options->pool = text;
        return true;
    case OPTION_POOLS:
        options->pools = text;
        return true;
    case OPTION_SPOOL:
        options->spool = text;
        return true;
    case OPTION_BATCH:
        options->batch = (int) strtol (text, NULL, 10);
        return options->batch > 0;
    case OPTION_CREDIT:
        options->credit = (int) strtol (text, NULL, 10);
        return options->credit > 0;
    case OPTION_WORK:
        options->work_us = (uint32_t) strtoul (text, NULL, 10);
        return true;
    case OPTION_REQUEUE:
        options->requeue_permille = (uint32_t) strtoul (text, NULL, 10);
        return options->requeue_permille < 1000;
    case OPTION_MIX:
        return parse_mix (&options->mix, text);
    case OPTION_NAMED:
        options->named = text;
        return true;
    case OPTION_PATIENT:
        options->is_patient = true;
        return true;
    case OPTION_QUICK:
        options->quick_only = true;
        return true;
    default:
        return false;
    }
}

bool
node_options_parse (node_options_t *options, int argc, char **argv)
{
    *options = (node_options_t){
        .name = "node",
        .host = "",
        .topic = "work",
        .pool = "",
        .threads = 2,
        .rate = 100,
        .timeout_ms = 4000,
        .slow_ms = 50,
        .mix = {.call = 50, .cast = 15, .fanout = 5, .fanout_call = 3, .idempotent = 10, .async = 20}};
    int option;
    int which = 0;
    while ((option = getopt_long (argc, argv, "", table, &which)) != -1) {
        if (option == '?')
            return false;
        if (!parse_one (options, option, optarg)) {
            fprintf (stderr, "node: --%s: not \"%s\"\n", table[which].name, optarg ? optarg : "");
            return false;
        }
    }
    if (options->mix.named > 0 && !options->named) {
        fprintf (stderr, "node: calls to named servers need --named NAME,...\n");
        return false;
    }
    if (optind < argc || !options->node || !options->roles || !options->url || !options->log) {
        fprintf (
            stderr,
            "node: --node N --role server|client|both|rendezvous|notifier|listener|caster|worker --url URL "
            "--log FILE are needed\n");
        return false;
    }
    return true;
}
