#!/usr/bin/env bash
# The layers of the tree, by what each folder includes: includes.sh BUILD SOURCE
#
#     include  <-  src  <-  drivers, matchmaker  <-  tools, examples
#
# An include of our own is written from the top of the tree ("src/x.h", <godwit/x.h>), or names a file of the same folder.
set -euo pipefail
cd "$2"

failures=0
refuse() { # REASON, and on stdin the lines FILE:LINE:#include that break it
    local lines
    lines=$(cat)
    if [[ -n $lines ]]; then
        printf '%s\n%s\n\n' "$1" "$lines"
        failures=$((failures + 1))
    fi
}
includes() { # PATTERN FOLDER...: the include lines in these folders whose file matches
    local pattern=$1
    shift
    grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($pattern)" "$@" || true
}
outside() { grep -vE "^$1" || true; } # drops the files below these paths

includes 'src/|drivers/|matchmaker/|tools/|tests/' include |
    refuse 'A public header includes only public headers:'
includes 'zmq|czmq|z[a-z]*\.h|sodium|msgpack|uv' include |
    refuse 'A public header includes no third-party library:'
includes 'drivers/|matchmaker/|tools/|tests/|examples/|bench/' src |
    refuse 'The core knows no driver and no matchmaker, only their interfaces in src/:'
includes 'matchmaker/|tools/|tests/|examples/|bench/' drivers |
    refuse 'A driver uses the core and nothing else:'
includes 'drivers/|tools/|tests/|examples/|bench/' matchmaker |
    refuse 'A matchmaker uses the core and nothing else:'
includes 'drivers/zmq/' drivers | outside 'drivers/zmq/' |
    refuse 'Drivers do not know each other:'
includes 'drivers/inproc/' drivers | outside 'drivers/inproc/' |
    refuse 'Drivers do not know each other:'
includes 'src/|drivers/|matchmaker/|tools/|tests/' examples |
    refuse 'An example uses the public headers only, as its readers will:'
includes 'tests/|examples/|bench/' tools |
    refuse 'A tool does not use the tests, examples or benchmarks:'
includes 'zmq\.h' include src drivers matchmaker | outside 'drivers/zmq/' |
    refuse 'zmq.h is included in drivers/zmq only:'
includes 'msgpack' include src drivers matchmaker tools examples | outside 'src/msgpack/' |
    refuse 'msgpack.h is included in src/msgpack only:'
includes '\.\./' include src drivers matchmaker tools examples tests bench |
    refuse 'An include is written from the top of the tree:'

if ((failures)); then exit 1; fi
echo "the includes of $(find include src drivers matchmaker tools examples -name '*.[ch]' | wc -l) files follow the rule"
