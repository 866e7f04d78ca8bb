#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the build into a temporary prefix, moves it, and builds programs against it: run.sh BUILD SOURCE
# By the CMake package and by pkg-config, in C and C++, with the shared and with the static library.
set -euo pipefail
build=$1
here=$2/tests/consumer

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cmake --install "$build" --prefix "$temporary/first" >"$temporary/log"
prefix=$temporary/moved # what was installed may be moved: nothing in it knows the first place
mv "$temporary/first" "$prefix"
library=$(dirname "$(find "$prefix" -name libgodwit.so)")

check() { # PROGRAM shared|static: it starts as it is, and needs libgodwit.so.0.1 (the series) only if it is shared
    "$1"
    local needs=static
    if readelf --dynamic "$1" | grep -qE 'NEEDED.*\[libgodwit\.so\.(0\.)?[0-9]+\]'; then needs=shared; fi
    if [[ $needs != "$2" ]]; then
        echo "$1 is linked with the $needs library, not with the $2 one" >&2
        exit 1
    fi
}

echo "--- find_package"
cmake -S "$here" -B "$temporary/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >>"$temporary/log"
cmake --build "$temporary/cmake"
for language in c cxx; do
    check "$temporary/cmake/${language}_shared" shared
    check "$temporary/cmake/${language}_static" static
done

echo "--- pkg-config"
export PKG_CONFIG_PATH=$library/pkgconfig
cd "$temporary"
# shellcheck disable=SC2046 # the flags are words
{
    "$CC" "$here/consumer.c" -o c_shared $(pkg-config --cflags --libs godwit)
    "$CXX" "$here/consumer.cpp" -o cxx_shared $(pkg-config --cflags --libs godwit)
    static() { pkg-config --static --cflags --libs godwit | sed 's/-lgodwit/-l:libgodwit.a/'; }
    "$CC" "$here/consumer.c" -o c_static $(static)
    "$CXX" "$here/consumer.cpp" -o cxx_static $(static)
}
for language in c cxx; do
    check "./${language}_shared" shared
    check "./${language}_static" static
done

component() { # NAME PROGRAM: the component is used by its .pc file and by its CMake target, shared and static
    local name=$1 static=-l:libgodwit-$1.a
    if [[ ! -e $build/libgodwit-$name.so ]]; then return; fi
    echo "--- the component $name"
    echo "$2" >"$name.c"
    # shellcheck disable=SC2046 # the flags are words
    {
        "$CC" "$name.c" -o "$name" $(pkg-config --cflags --libs "godwit-$name")
        "$CC" "$name.c" -o "${name}_static" \
            $(pkg-config --static --cflags --libs "godwit-$name" | sed "s/-lgodwit-$name/$static/; s/-lgodwit\b/-l:libgodwit.a/")
    }
    mkdir "cmake-$name"
    cat >"cmake-$name/CMakeLists.txt" <<END
cmake_minimum_required (VERSION 3.25)
project (consumer C)
find_package (godwit 0.1 REQUIRED COMPONENTS $name)
add_executable (shared ../$name.c)
target_link_libraries (shared PRIVATE godwit::$name)
add_executable (static ../$name.c)
target_link_libraries (static PRIVATE godwit::${name}_static)
END
    cmake -S "cmake-$name" -B "cmake-$name/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >>"$temporary/log"
    cmake --build "cmake-$name/build"
    check "./$name" shared
    check "./${name}_static" static
    check "cmake-$name/build/shared" shared
    check "cmake-$name/build/static" static
    (cd "$source/components/$name/include" && find . -name '*.h') >>"$temporary/wanted"
}
source=$2
component routing '#include <godwit/routing.h>
int main (void) { return (int) godwit_notify_use_routing (godwit_routing_yaml (), NULL); }'
component otlp '#include <godwit/otlp.h>
int main (void) { return !godwit_status_text (GODWIT_OK) || godwit_otlp_flush (NULL, NULL) == GODWIT_OK; }'
component http '#include <godwit/http.h>
int main (void) { return !godwit_status_text (GODWIT_OK) || godwit_http_port (NULL); }'
component spool '#include <godwit/sqlite_spool.h>
int main (void) { char owner[80]; return !godwit_status_text (GODWIT_OK) || godwit_sqlite_spool_owner ("x", owner, 80); }'

if [[ -e $build/libgodwit-spool.so ]]; then
    echo "--- the component spool"
    cmake -S "$here/spool" -B "$temporary/cmake-spool" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >>"$temporary/log"
    cmake --build "$temporary/cmake-spool"
    # shellcheck disable=SC2046 # the flags are words
    "$CC" "$here/spool/spool.c" -o spool_pc $(pkg-config --cflags --libs godwit-spool)
    for program in ./spool_pc "$temporary/cmake-spool/spool_shared" "$temporary/cmake-spool/spool_static"; do
        "$program" "$temporary/$(basename "$program").spool"
    done
    pkg-config --validate godwit-spool
    if readelf --dynamic "$library/libgodwit.so" | grep sqlite; then
        echo "libgodwit.so needs SQLite" >&2
        exit 1
    fi
    readelf --dynamic "$library/libgodwit-spool.so" | grep -q 'NEEDED.*libgodwit\.so\.0\.1'
    readelf --dynamic ./spool_pc | grep -q 'NEEDED.*libgodwit-spool\.so\.0\.1'
fi

echo "--- a prefix that the loader knows"
DESTDIR=$temporary/stage cmake --install "$build" --prefix /usr/local >"$temporary/log"
grep -q 'Run ldconfig once' "$temporary/log"
if grep rpath "$temporary/stage/usr/local/${library#"$prefix"/}/pkgconfig/godwit.pc"; then
    echo "godwit.pc sets a run path to a folder of the system" >&2
    exit 1
fi

echo "--- what the demo builds can be installed"
if [[ -e $build/build.ninja && -d $build/examples ]]; then
    ninja -C "$build" -t inputs examples >"$temporary/inputs"
    for input in libgodwit.a tool_godwit.dir/godwit/main.c.o scripts/man-pages scripts/install-docs; do
        if ! grep -qE "(^|/)$input$" "$temporary/inputs"; then
            echo "what is made of $input is installed, but not built with the examples" >&2
            exit 1
        fi
    done
fi

echo "--- installed files"
cd "$prefix"
(cd "$2/include" && find . -name '*.h') >>"$temporary/wanted"
(cd include && find . -name '*.h' | sort) >"$temporary/found"
sort "$temporary/wanted" | diff - "$temporary/found"
"$prefix/bin/godwit" --version
man -P cat -M "$prefix/share/man" 1 godwit-matchmaker >"$temporary/page"
grep -q 'refresh' "$temporary/page"
man -P cat -M "$prefix/share/man" 3 godwit_client_call >"$temporary/page"
grep -q 'MessagingTimeout' "$temporary/page"
documents=$prefix/share/doc/godwit
for document in README.md LICENSE CHANGELOG.md SECURITY.md $(cd "$2" && echo docs/*.md); do
    if [[ ! -s $documents/$document ]]; then
        echo "the document $document is not installed" >&2
        exit 1
    fi
done
cmp "$2/LICENSE" "$documents/LICENSE"
while IFS=: read -r document link; do # a link to a file leads to an installed one
    link=${link#](}
    link=${link%%[#)]*}
    if [[ $link && $link != [a-z]*:* && ! -e $(dirname "$document")/$link ]]; then
        echo "$document has a link to $link, which is not installed" >&2
        exit 1
    fi
done < <(grep -roE '\]\([^()[:space:]]+\)' "$documents" --include='*.md')
pkg-config --validate godwit
grep -qx 'License: Apache-2.0' "$library/pkgconfig/godwit.pc"
if grep -rlI -e "$temporary/first" -e "$build" -e "$2/include" .; then
    echo "these files name the place where they were built or first installed" >&2
    exit 1
fi
