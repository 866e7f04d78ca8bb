/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC C++, unary calls: its synchronous server and stub one at a time, its callback API with several in
 * flight. */
#include "bench/peers/peer.h"

#include "grpc.grpc.pb.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <semaphore.h>
#include <string>
#include <unistd.h>

namespace
{

using godwit_bench::Echo;
using godwit_bench::Payload;

// ---- server ----

class BlockingEcho : public Echo::Service
{
    grpc::Status Call (grpc::ServerContext *, const Payload *request, Payload *reply) override
    {
        reply->set_data (request->data ());
        return grpc::Status::OK;
    }
};

class CallbackEcho : public Echo::CallbackService
{
    grpc::ServerUnaryReactor *Call (grpc::CallbackServerContext *context, const Payload *request,
                                    Payload *reply) override
    {
        reply->set_data (request->data ());
        auto *reactor = context->DefaultReactor ();
        reactor->Finish (grpc::Status::OK);
        return reactor;
    }
};

struct Server {
    std::unique_ptr<grpc::Service> service;
    std::unique_ptr<grpc::Server> server;
};

void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    auto *self = new Server;
    const std::string local = "unix-abstract:godwit-bench-grpc-" + std::to_string (getpid ());
    grpc::ServerBuilder builder;
    int port = 0;

    if (setup->concurrency > 0)
        self->service = std::make_unique<CallbackEcho> ();
    else
        self->service = std::make_unique<BlockingEcho> ();
    builder.AddListeningPort (bench_peer_is_tcp (setup) ? "127.0.0.1:0" : local,
                              grpc::InsecureServerCredentials (), &port);
    builder.RegisterService (self->service.get ());
    self->server = builder.BuildAndStart ();
    if (!self->server)
        bench_die ("gRPC: the server did not start");
    const std::string address = bench_peer_is_tcp (setup) ? "127.0.0.1:" + std::to_string (port) : local;
    snprintf (where, BENCH_WHERE_SIZE, "%s", address.c_str ());
    return self;
}

void
unserve (void *server)
{
    auto *self = static_cast<Server *> (server);
    self->server->Shutdown ();
    delete self;
}

// ---- client ----

struct Client {
    std::unique_ptr<Echo::Stub> stub;
    Payload request;
    size_t in_flight; // 0: one at a time
    std::atomic<size_t> to_start;
    std::atomic<size_t> to_end;
    sem_t ended;
};

void
check (const grpc::Status &status)
{
    if (!status.ok ())
        bench_die ("gRPC: %s", status.error_message ().c_str ());
}

void
call (Client *self)
{
    grpc::ClientContext context;
    Payload reply;
    check (self->stub->Call (&context, self->request, &reply));
}

struct Call {
    grpc::ClientContext context;
    Payload reply;
};

void
start_next (Client *self)
{
    size_t left = self->to_start.load ();
    while (left > 0 && !self->to_start.compare_exchange_weak (left, left - 1))
        continue;
    if (left == 0)
        return;
    auto *one = new Call;
    self->stub->async ()->Call (&one->context, &self->request, &one->reply,
                                [self, one] (grpc::Status status) {
                                    check (status);
                                    delete one;
                                    start_next (self);
                                    if (self->to_end.fetch_sub (1) == 1)
                                        sem_post (&self->ended);
                                });
}

void *
open_client (const bench_setup_t *setup)
{
    auto *self = new Client;
    self->request.set_data (std::string (setup->payload_size, '\0'));
    self->in_flight = setup->concurrency;
    sem_init (&self->ended, 0, 0);
    self->stub = Echo::NewStub (grpc::CreateChannel (setup->where, grpc::InsecureChannelCredentials ()));
    call (self);
    return self;
}

uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    auto *self = static_cast<Client *> (client);
    uint64_t begin = bench_now_ns (), before = begin;

    for (size_t i = 0; self->in_flight == 0 && i < count; i++) {
        call (self);
        const uint64_t now = bench_now_ns ();
        bench_samples_add (samples, now - before);
        before = now;
    }
    if (self->in_flight > 0) {
        self->to_end = count;
        self->to_start = count;
        for (size_t i = 0; i < self->in_flight; i++)
            start_next (self);
        while (sem_wait (&self->ended) != 0)
            continue;
        before = bench_now_ns ();
    }
    return before - begin;
}

void
close_client (void *client)
{
    auto *self = static_cast<Client *> (client);
    sem_destroy (&self->ended);
    delete self;
}

} // namespace

int
main (int argc, char **argv)
{
    const bench_half_t half = {"gRPC C++", serve, unserve, open_client, burst, close_client, nullptr};
    return bench_peer_main (argc, argv, &half);
}
