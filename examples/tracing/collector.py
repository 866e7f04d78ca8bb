#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for an OpenTelemetry collector: collector.py

Listens on the loopback, prints where, and reads spans until it is ended (SIGTERM). Then it prints the trees that they make.
What comes is Protocol Buffers, of which this reads as much as it needs: fields by their numbers."""
import http.server
import signal
import struct
import threading

KINDS = {2: "SERVER", 3: "CLIENT"}
spans = []
lock = threading.Lock()


def fields(data):
    """The fields of a message: their numbers, each with a number or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
        else:
            size = {1: 8, 5: 4}.get(kind) or varint()
            yield key >> 3, data[at : at + size]
            at += size


def inside(data, number):
    """All messages of this field."""
    return [value for found, value in fields(data) if found == number]


def attributes(messages):
    found = {}
    for message in messages:
        key = inside(message, 1)[0].decode()
        for _, value in fields(inside(message, 2)[0]):
            found[key] = value.decode() if isinstance(value, bytes) else value
    return found


def read_span(data, service):
    one = dict(fields(data))
    begin, end = (struct.unpack("<Q", one[number])[0] for number in (7, 8))
    return {
        "id": one[2], "parent": one.get(4, b""), "trace": one[1], "name": one[5].decode(), "begin": begin, "end": end,
        "kind": KINDS[one[6]], "service": service, "error": attributes(inside(data, 9)).get("error.type"),
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for process in inside(body, 1):
            service = attributes(inside(inside(process, 1)[0], 1))["service.name"]
            for scope in inside(process, 2):
                with lock:
                    spans.extend(read_span(span, service) for span in inside(scope, 2))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def show(span, depth):
    what = f"{span['service']}: {span['kind']} {span['name']}" + (f", {span['error']}" if span["error"] else "")
    print(f"{'  ' * depth}{what:{44 - 2 * depth}} {(span['end'] - span['begin']) / 1e6:8.3f} ms")
    for child in children(span["trace"], span["id"]):
        show(child, depth + 1)


def children(trace, parent):
    return sorted((span for span in spans if span["trace"] == trace and span["parent"] == parent),
                  key=lambda span: span["begin"])


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    print(f"ready: http://127.0.0.1:{server.server_port}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ids = {span["id"] for span in spans}
    for trace in dict.fromkeys(span["trace"] for span in sorted(spans, key=lambda span: span["begin"])):
        print(f"trace {trace.hex()}")
        for span in sorted(spans, key=lambda span: span["begin"]):
            if span["trace"] == trace and span["parent"] not in ids: # nobody told of its parent
                show(span, 1)


if __name__ == "__main__":
    main()
