/* SPDX-License-Identifier: Apache-2.0 */
/* The halves whose functions are in programs of their own (bench/peers). */
#include "pair.h"

const bench_half_t bench_peer_grpc = {.name = "gRPC C++", .program = "peer-grpc"};
const bench_half_t bench_peer_nng = {.name = "nng", .program = "peer-nng"};
const bench_half_t bench_peer_capnp = {.name = "Cap'n Proto", .program = "peer-capnp"};
const bench_half_t bench_peer_nats = {.name = "NATS", .program = "peer-nats"};
