#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One socket of pyzmq at the other end of the engine: peer.py ROLE ADDRESS

A role that binds prints its address first. All end with the line "done", and by themselves.
"""
import sys

import zmq
from zmq.utils.monitor import recv_monitor_message

LIMIT_MS = 20000
KEY = b"\x01" + bytes(14) + b"\x01"  # as foreign_key (1)
LARGE = bytes(i * 7 % 251 for i in range(251)) * 33420  # 8 MiB and some


def socket(context, kind):
    made = context.socket(kind)
    made.linger = 0
    made.rcvtimeo = made.sndtimeo = LIMIT_MS
    return made


def bind(made, address):
    made.bind(address)
    print(made.last_endpoint.decode(), flush=True)


def dealer(context, address):
    """An echo of short, empty and large messages; then a message of several parts, which ends the connection."""
    made = socket(context, zmq.DEALER)
    made.identity = b"python"
    ended = made.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    ended.rcvtimeo = LIMIT_MS
    made.connect(address)
    for message in (b"hello", b"", LARGE):
        made.send(message)
        assert made.recv_multipart() == [message]
    made.send_multipart([b"", b"several"])
    assert recv_monitor_message(ended)["event"] == zmq.EVENT_DISCONNECTED
    made.send(b"after")
    assert made.recv() == b"after"
    made.disable_monitor()


def router(context, address):
    """Sends back what comes, until that is "stop"."""
    made = socket(context, zmq.ROUTER)
    bind(made, address)
    while True:
        parts = made.recv_multipart()
        assert len(parts) == 2
        if parts[1] == b"stop":
            return
        made.send_multipart(parts)


def publisher(context, address):
    """Waits for the subscription of a port, and publishes."""
    made = socket(context, zmq.XPUB)
    made.connect(address)
    assert made.recv() == b"\x01" + KEY
    made.send(KEY + b"from python")
    assert made.recv() == b"\x00" + KEY


def subscriber(context, address):
    """Subscribes, and waits for a publication."""
    made = socket(context, zmq.SUB)
    made.subscribe(KEY)
    bind(made, address)
    assert made.recv() == KEY + b"for python"
    made.unsubscribe(KEY)
    # The socket sends it when it is used.
    made.rcvtimeo = 200
    try:
        made.recv()
    except zmq.Again:
        pass


def req(context, address):
    """Is refused, and finds out."""
    made = socket(context, zmq.REQ)
    ended = made.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    ended.rcvtimeo = LIMIT_MS
    made.connect(address)
    assert recv_monitor_message(ended)["event"] == zmq.EVENT_DISCONNECTED
    made.disable_monitor()


def main():
    """Plays the role that the arguments say."""
    roles = {role.__name__: role for role in (dealer, router, publisher, subscriber, req)}
    context = zmq.Context()
    roles[sys.argv[1]](context, sys.argv[2])
    context.destroy(linger=0)
    print("done", flush=True)


main()
