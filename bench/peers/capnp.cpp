/* SPDX-License-Identifier: Apache-2.0 */
/* Cap'n Proto RPC, by its EzRpc classes: an event loop on one thread of each process. */
#include "bench/peers/peer.h"

#include "capnp.capnp.h"

#include <capnp/ez-rpc.h>

#include <stdio.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace
{

// ---- server ----

class EchoImplementation final : public Echo::Server
{
    kj::Promise<void> call (CallContext context) override
    {
        context.getResults ().setData (context.getParams ().getData ());
        return kj::READY_NOW;
    }
};

/* Runs for as long as the process. */
void
run_server (std::string bind_to, kj::MutexGuarded<unsigned> *port)
{
    capnp::EzRpcServer server (kj::heap<EchoImplementation> (), bind_to.c_str ());
    auto &scope = server.getWaitScope ();
    *port->lockExclusive () = bind_to[0] == 'u' ? 1 : server.getPort ().wait (scope);
    kj::NEVER_DONE.wait (scope);
}

void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    static kj::MutexGuarded<unsigned> port (0);
    const std::string local = "unix-abstract:godwit-bench-capnp-" + std::to_string (getpid ());

    std::thread (run_server, bench_peer_is_tcp (setup) ? "127.0.0.1:0" : local, &port).detach ();
    const unsigned listens =
        port.when ([] (unsigned value) { return value != 0; }, [] (unsigned &value) { return value; });
    if (bench_peer_is_tcp (setup))
        snprintf (where, BENCH_WHERE_SIZE, "127.0.0.1:%u", listens);
    else
        snprintf (where, BENCH_WHERE_SIZE, "%s", local.c_str ());
    return nullptr;
}

void
unserve (void *)
{
    _exit (0);
}

// ---- client ----

class Client
{
  public:
    explicit Client (const bench_setup_t *setup)
        : in_flight (setup->concurrency), rpc (setup->where), echo (rpc.getMain<Echo> ()),
          payload (kj::heapArray<kj::byte> (setup->payload_size))
    {
        start ().wait (rpc.getWaitScope ());
    }

    kj::Promise<void> start ()
    {
        auto request = echo.callRequest ();
        request.setData (payload);
        return request.send ().then ([] (capnp::Response<Echo::CallResults> &&) {});
    }

    void call_one_by_one (size_t count, bench_samples_t *samples)
    {
        uint64_t before = bench_now_ns ();
        for (size_t i = 0; i < count; i++) {
            start ().wait (rpc.getWaitScope ());
            const uint64_t now = bench_now_ns ();
            bench_samples_add (samples, now - before);
            before = now;
        }
    }

    void call_pipelined (size_t count)
    {
        size_t to_start = count;
        auto lanes = kj::heapArrayBuilder<kj::Promise<void>> (in_flight);
        for (size_t i = 0; i < in_flight; i++)
            lanes.add (lane (to_start));
        kj::joinPromises (lanes.finish ()).wait (rpc.getWaitScope ());
    }

    const size_t in_flight; // 0: one at a time

  private:
    kj::Promise<void> lane (size_t &to_start)
    {
        if (to_start == 0)
            return kj::READY_NOW;
        to_start--;
        return start ().then ([this, &to_start] { return lane (to_start); });
    }

    capnp::EzRpcClient rpc;
    Echo::Client echo;
    kj::Array<kj::byte> payload;
};

void *
open_client (const bench_setup_t *setup)
{
    return new Client (setup);
}

uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    auto *self = static_cast<Client *> (client);
    const uint64_t begin = bench_now_ns ();

    if (self->in_flight > 0)
        self->call_pipelined (count);
    else
        self->call_one_by_one (count, samples);
    return bench_now_ns () - begin;
}

void
close_client (void *client)
{
    delete static_cast<Client *> (client);
}

} // namespace

int
main (int argc, char **argv)
{
    const bench_half_t half = {"Cap'n Proto", serve, unserve, open_client, burst, close_client, nullptr};
    return bench_peer_main (argc, argv, &half);
}
