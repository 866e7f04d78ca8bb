/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers/peer.h"
#include "child.h"
#include "running.h"

int
bench_peer_main (int argc, char **argv, const bench_half_t *half)
{
    const bench_pair_t *pair = argc >= 4 ? bench_pair_find (argv[2]) : NULL;
    const size_t index = pair != NULL ? strtoul (argv[3], NULL, 10) : BENCH_HALVES_MAX;

    if (index >= BENCH_HALVES_MAX)
        bench_die ("%s is started by godwit-bench --peers", argv[0]);
    bench_child_begin ();
    if (strcmp (argv[1], "--serve") == 0)
        bench_running_serve (pair, index, half);
    else if (strcmp (argv[1], "--client") == 0 && argc == 5)
        bench_running_call (pair, index, half, argv[4]);
    else
        bench_die ("%s: %s?", argv[0], argv[1]);
    return 0;
}
