#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The layers of the tree, by what each folder includes: includes.sh BUILD SOURCE
#
#     include  <-  src, drivers, matchmaker  <-  tools, examples
#              <-  components                <-  tools, examples
#
# What the rooms of src, the drivers and the matchmaker may use of each other, layers.sh looks at.
#
# An include of our own is written from the top of the tree ("src/x.h", <godwit/x.h>), or names a file of the same folder.
set -euo pipefail
cd "$2"

failures=0
refuse() { # REASON FOLDERS FILES [EXCEPT]: no file in FOLDERS, but for those below EXCEPT, includes one of FILES (a pattern)
    local reason=$1 files=$3 except=${4:-} lines folders=()
    for folder in $2; do
        if [[ -d $folder ]]; then folders+=("$folder"); fi
    done
    if ((${#folders[@]} == 0)); then return; fi
    lines=$(grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($files)" "${folders[@]}" || true)
    if [[ $except ]]; then lines=$(grep -v "^$except" <<<"$lines" || true); fi
    if [[ $lines ]]; then
        printf '%s\n%s\n\n' "$reason" "$lines"
        failures=$((failures + 1))
    fi
}

programs='tools/|tests/|examples/|bench/'
refuse 'A public header includes only public headers:' include "src/|drivers/|matchmaker/|$programs"
refuse 'A public header includes no third-party library:' include 'zmq|czmq|z[a-z]+\.h|sodium|msgpack|jansson|uv|ini\.h'
refuse 'The library uses no program:' 'src drivers matchmaker' "$programs"
refuse 'An example uses the public headers only, as its readers will:' examples 'src/|drivers/|matchmaker/|tools/|tests/'
refuse 'A tool does not use the tests, examples or benchmarks:' tools 'tests/|examples/|bench/'
refuse 'Only the realm commands use the rooms realm and runtime, which make and watch certificates:' tools 'src/(realm|runtime)/' tools/godwit/realm_
refuse 'The library knows no component:' 'include src drivers matchmaker' 'components/|godwit/(sqlite_spool|otlp|http)\.h'
refuse 'A component uses the public headers of the library, and files of its own:' components "src/|drivers/|matchmaker/|$programs"
refuse 'sqlite3.h is included in components/spool only:' 'include src drivers matchmaker tools examples' 'sqlite3'
refuse 'A public header of a component includes public headers only:' 'components/spool/include components/otlp/include components/http/include' 'components/|sqlite3|sodium|curl|protobuf|microhttpd'
refuse 'curl.h and protobuf-c are included in components/otlp only:' 'include src drivers matchmaker tools examples components' '(curl/|protobuf-c|[a-z]*\.pb-c\.h)' components/otlp/
refuse 'libcurl is included in http.c, endpoint.c and exporter.c of components/otlp only:' components/otlp curl/ 'components/otlp/\(http\|endpoint\|exporter\)\.c'
refuse 'microhttpd.h is included in components/http only:' 'include src drivers matchmaker tools examples components' 'microhttpd' components/http/
refuse 'zmq.h is included in drivers/zmq only:' 'include src drivers matchmaker' 'zmq\.h' drivers/zmq/
refuse 'msgpack.h is included in src/value/msgpack only:' 'include src drivers matchmaker tools examples' msgpack src/value/msgpack/
refuse 'ini.h is included in src/config/config_ini.c only:' 'include src drivers matchmaker tools examples' 'ini\.h' src/config/config_ini.c
refuse 'jansson.h is included in src/value/json.c only:' 'include src drivers matchmaker tools' 'jansson\.h' src/value/json.c
refuse 'yaml.h of libyaml is included in components/routing/yaml.c only:' 'include src drivers matchmaker tools examples components' '(yaml\.h)' components/routing/yaml.c
refuse 'The component routing uses public headers only:' components/routing "src/|drivers/|matchmaker/|$programs"
refuse 'An include is written from the top of the tree:' 'include src drivers matchmaker components tools examples tests bench' '\.\./'

if ((failures)); then exit 1; fi
echo "the includes follow the rule"
