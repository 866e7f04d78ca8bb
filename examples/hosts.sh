# SPDX-License-Identifier: Apache-2.0
# For scripts that need several hosts, which source it. A host is a process with a network, a name and an /etc/godwit of its own:
#
#     hosts_are_possible || echo "$why_no_hosts"
#     hosts_make 3 FOLDER           host-1 to host-3, 10.0.0.1 to 10.0.0.3, with a cable from each to each
#     on host-2 COMMAND...          runs it there
#     file_of host-2 PATH           the path by which we reach a file of that host
#     enter host-2                  the words that start a program there, and do not wait for it: `entrance`
#     hosts_have_ssh FOLDER         what is run on a host finds there an ssh and an scp that reach the others
#     hosts_end
#
# Nothing of this machine's own network or files is touched. Hosts, and what was started on them with `on` in this shell, end with
# this shell, also when that is killed.
# shellcheck shell=bash

declare -A host_pids

hosts_are_possible() { # false: why_no_hosts says what is missing
    local program
    why_no_hosts=''
    for program in ip unshare nsenter setpriv; do
        if ! command -v $program >/dev/null; then
            why_no_hosts="there is no program \"$program\" (Debian: iproute2, util-linux)"
            return 1
        fi
    done
    if ! unshare --net --mount --uts sh -c 'ip link add name v0 type veth peer name v1 && mount -t tmpfs none /mnt' 2>/dev/null; then
        why_no_hosts='no network namespaces with veth interfaces can be made here: that needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN)'
        return 1
    fi
}

# What the process of a host does: it gives itself a name, and an /etc that has the machine's entries and a folder godwit of its own.
# Programs would look there, and in no folder of a user's home.
# shellcheck disable=SC2016 # the host's shell expands it
host_program='
set -e
name=$1 folder=$2
hostname "$name"
mkdir -p "$folder/etc" "$folder/home" "$folder/run"
chmod 700 "$folder/home" "$folder/run"
mount --bind /etc "$folder/etc"
mount -t tmpfs -o mode=755 none /etc
for entry in "$folder"/etc/*; do ln -s "$entry" /etc/; done
rm -f /etc/godwit
mkdir /etc/godwit
ip link set lo up
echo up
exec sleep infinity'

host_make() { # NUMBER FOLDER
    local name=host-$1 said='' output
    exec {output}< <(exec unshare --net --mount --uts setpriv --pdeathsig KILL \
        sh -c "$host_program" "$name" "$name" "$2/$name" 2>&1)
    host_pids[$name]=$!
    IFS= read -r -t 10 -u "$output" said || true
    exec {output}<&-
    if [[ $said != up ]]; then
        echo "cannot make $name: $said" >&2
        return 1
    fi
}

# Each cable is a way to one other host, so that no switch is needed between them.
hosts_connect() { # NUMBER NUMBER
    on "host-$1" ip link add name "to-$2" type veth peer name "to-$1" netns "${host_pids[host-$2]}"
    host_plug "$1" "$2"
    host_plug "$2" "$1"
}

host_plug() { # NUMBER OTHER
    on "host-$1" ip address add "10.0.0.$1/32" dev "to-$2"
    on "host-$1" ip link set "to-$2" up
    on "host-$1" ip route add "10.0.0.$2/32" dev "to-$2" src "10.0.0.$1"
}

hosts_make() { # COUNT FOLDER: the folder is for what is the hosts' own, and belongs to the caller
    local number other
    hosts_folder=$2
    for ((number = 1; number <= $1; number++)); do
        host_make "$number" "$2"
        for ((other = 1; other < number; other++)); do hosts_connect "$other" "$number"; done
    done
}

on() { # HOST COMMAND...: in the folder of the host's user
    enter "$1"
    "${entrance[@]}" "${@:2}"
}

# shellcheck disable=SC2034 # for on, and for who starts something that stays
enter() { # HOST: the words that start a command there are in `entrance`
    entrance=(nsenter "--target=${host_pids[$1]}" --net --mount --uts "--wdns=$hosts_folder/$1/home"
        env -u GODWIT_REALM -u GODWIT_URL "HOME=$hosts_folder/$1/home" "GODWIT_DIR=$hosts_folder/$1/run" setpriv --pdeathsig KILL)
}

# They do what this needs of the real ones, no more: ssh HOST COMMAND..., scp FILE HOST:PATH.
hosts_have_ssh() { # FOLDER: to write them to, for the PATH
    local host words
    {
        # shellcheck disable=SC2016 # the script expands it
        printf '#!/bin/sh\nhost=$1; shift\ncase $host in\n'
        for host in "${!host_pids[@]}"; do
            enter "$host"
            printf -v words '%q ' "${entrance[@]}"
            # shellcheck disable=SC2016
            printf '%s) exec %s sh -c "$*" ;;\n' "$host" "$words"
        done
        # shellcheck disable=SC2016
        printf 'esac\necho "ssh: there is no host $host" >&2\nexit 255\n'
    } >"$1/ssh"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nexec ssh "${2%%%%:*}" "umask 077; cat >${2#*:}" <"$1"\n' >"$1/scp"
    chmod +x "$1/ssh" "$1/scp"
}

file_of() { # HOST PATH
    echo "/proc/${host_pids[$1]}/root$2"
}

hosts_end() {
    local pid
    for pid in "${host_pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    host_pids=()
}
