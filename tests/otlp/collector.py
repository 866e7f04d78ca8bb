#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A collector that keeps what it gets: collector.py FOLDER [--tls CERTIFICATE KEY] [STATUS...]

Each request is two files in the folder: 1.head with 1.body, or 1.refused, and so on. The first requests are answered with these
statuses, and with Retry-After; all others with 200. Prints "ready: PORT"."""
import http.server
import ssl
import sys
import threading

lock = threading.Lock()
count = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            count += 1
            number = count
            status = int(statuses[number - 1]) if number <= len(statuses) else 200
            with open(f"{folder}/{number}.head", "w") as file:
                file.write(f"{self.requestline}\n{self.headers}")
            with open(f"{folder}/{number}.{'body' if status == 200 else 'refused'}", "wb") as file:
                file.write(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        if status != 200:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


folder, *statuses = sys.argv[1:]
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if statuses[:1] == ["--tls"]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(statuses[1], statuses[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    statuses = statuses[3:]
print(f"ready: {server.server_port}", flush=True)
server.serve_forever()
