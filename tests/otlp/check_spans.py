#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what a collector has got of examples/tracing: check_spans.py FOLDER PROTO_FOLDER PROTO_FILE MESSAGE

The requests in the folder are decoded by protoc. Prints what was checked; fails at the first thing that is wrong."""
import glob
import re
import subprocess
import sys

TRACE = "0af7651916cd43dd8448eb211c80319c" # that of TRACEPARENT
ROOT = "b7ad6b7169203331"

# ---- protoc's text: fields are lists, because each may come several times ----

TOKEN = re.compile(r'\s*(?:(\w+)\s*\{|(\w+):\s*("(?:[^"\\]|\\.)*"|[^\s{}]+)|(\}))')
ESCAPES = {"n": 10, "r": 13, "t": 9, "\\": 92, '"': 34, "'": 39}


def unescape(text):
    data = bytearray()
    for octal, hexadecimal, letter, plain in re.findall(r"\\([0-7]{1,3})|\\x([0-9a-fA-F]{2})|\\(.)|([^\\]+)", text):
        if octal or hexadecimal:
            data.append(int(octal, 8) if octal else int(hexadecimal, 16))
        else:
            data += bytes([ESCAPES[letter]]) if letter else plain.encode()
    return bytes(data)


def parse(text):
    stack = [{}]
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        assert found, f"protoc says: {text[at:at + 80]}"
        at = found.end()
        message, name, value, close = found.groups()
        if message:
            inner = {}
            stack[-1].setdefault(message, []).append(inner)
            stack.append(inner)
        elif close:
            stack.pop()
        else:
            stack[-1].setdefault(name, []).append(unescape(value[1:-1]) if value[0] == '"' else value)
    return stack[0]


def decode(path, folder, file, message):
    with open(path, "rb") as body:
        done = subprocess.run(["protoc", "--decode", message, f"--proto_path={folder}", file], stdin=body,
                              capture_output=True, check=False)
    assert done.returncode == 0, f"protoc refuses {path}: {done.stderr.decode()}"
    return parse(done.stdout.decode())


# ---- spans ----


def attributes(messages):
    found = {}
    for message in messages:
        value = message["value"][0]
        found[message["key"][0].decode()] = (
            value["string_value"][0].decode() if "string_value" in value else int(value["int_value"][0]))
    return found


def spans_of(request):
    for process in request["resource_spans"]:
        resource = attributes(process["resource"][0]["attributes"])
        for scope in process["scope_spans"]:
            assert scope["scope"][0]["name"] == [b"godwit"], scope["scope"]
            for span in scope["spans"]:
                yield {
                    "resource": resource,
                    "trace": span["trace_id"][0].hex(),
                    "id": span["span_id"][0].hex(),
                    "parent": span.get("parent_span_id", [b""])[0].hex(),
                    "name": span["name"][0].decode(),
                    "kind": span["kind"][0],
                    "begin": int(span["start_time_unix_nano"][0]),
                    "end": int(span["end_time_unix_nano"][0]),
                    "status": span.get("status", [{}])[0].get("code", [""])[0],
                    "attributes": attributes(span["attributes"]),
                    "events": [attributes(event["attributes"]) for event in span.get("events", [])],
                }


def expect(span, **wanted):
    for key, value in wanted.items():
        name = key.replace("__", ".")
        found = span.get(key, span["attributes"].get(name))
        assert found == value, f"{span['resource']['service.name']} {span['kind']}: {name} is {found!r}, not {value!r}"


def child(spans, parent, kind, service):
    found = [span for span in spans if span["parent"] == parent["id"]]
    assert len(found) == 1, f"{len(found)} children of {parent['name']} {parent['id']}"
    expect(found[0], kind=kind, trace=parent["trace"])
    assert found[0]["resource"]["service.name"] == service, found[0]["resource"]
    return found[0]


def check_tree(spans, web, error):
    """web -> orders -> orders calls stock -> stock"""
    expect(web, kind="SPAN_KIND_CLIENT", trace=TRACE, parent=ROOT)
    orders = child(spans, web, "SPAN_KIND_SERVER", "orders")
    call = child(spans, orders, "SPAN_KIND_CLIENT", "orders")
    stock = child(spans, call, "SPAN_KIND_SERVER", "stock")
    assert not [span for span in spans if span["parent"] == stock["id"]]
    for span, method, group in ((web, "orders/order", "godwit/orders"), (orders, "orders/order", "godwit/orders"),
                                (call, "stock/take", "godwit/stock"), (stock, "stock/take", "godwit/stock")):
        expect(span, name=method, rpc__method=method, rpc__system__name="godwit", server__address=group,
               godwit__kind="call")
        assert bool(span["attributes"].get("error.type")) == error, span
        assert span["status"] == ("STATUS_CODE_ERROR" if error else ""), span
        assert span["begin"] > 10**18 and span["begin"] <= span["end"], span
    for span in (web, call):
        expect(span, network__transport="unix", godwit__attempts=1)
        assert span["attributes"]["network.peer.address"].startswith("/"), span
    for outer, inner in ((web, orders), (orders, call), (call, stock)): # to a millisecond: each process reads the clock itself
        assert outer["begin"] <= inner["begin"] + 10**6, (outer, inner)


def main():
    folder, protos, file, message = sys.argv[1:]
    paths = sorted(glob.glob(f"{folder}/*.body"))
    spans = [span for path in paths for span in spans_of(decode(path, protos, file, message))]
    spans = [span for span in spans if span["trace"] == TRACE]
    assert len(spans) == 8 and len({span["id"] for span in spans}) == 8, [span["id"] for span in spans]
    roots = sorted((span for span in spans if span["parent"] == ROOT), key=lambda span: span["begin"])
    assert len(roots) == 2, roots
    check_tree(spans, roots[0], error=False)
    check_tree(spans, roots[1], error=True)
    for span in spans:
        expect({"attributes": span["resource"], "resource": span["resource"], "kind": "resource"},
               telemetry__sdk__name="godwit", telemetry__sdk__language="c", deployment__environment="test")
    pids = {span["resource"]["service.name"]: span["resource"]["process.pid"] for span in spans}
    assert len(set(pids.values())) == 3, pids
    print(f"{len(spans)} spans of {len(pids)} processes in {len(paths)} requests make two trees")


main()
