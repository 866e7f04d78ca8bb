#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Words that this project has given up for the field's own: none of them comes back, in code, tests or documents.
#
#     words.sh BUILD SOURCE
#
# Each line of the list is a pattern (extended, without regard to case) and what to say instead. docs/architecture.md has the
# glossary.
set -euo pipefail
cd "$2"

words='
\bgodwit__rest(_|s\b)                   circuit breaker: closed, open, half open
\bunheard                               suspect
\bhearsay                               draining_unconfirmed
\bacquaintance                          resolution
\bgodwit__questions?(_|\b)              resolve query
\bgodwit__usual                         run time estimate
\bgodwit__origins?(_|\b)                routing id, or session
\bGODWIT__ORIGIN                        routing id
\broster                                server table
\bfarewell                              drain, GOODBYE
\bsurroundings                          environment
\b(un)?cork(ed|s)?\b                    batch: of replies, of requests
\bgodwit__burst                         publish batch
\bgodwit__watch_                        watchdog
\bpool->monitor\b                       call monitor
\boutstanding                           pending
_ending\b|\bending_                     outcome
\b(pre)?judge[ds]?\b|\bjudg(e|ing)_     finish, decide
\bverdict                               outcome, result
\berrand                                sync task
\b(port->)?attention\b                  tasks of the leader
\bserver_met\b|\blook_around\b          warn_duplicate, warn_duplicates
\bfall_silent\b                         server_unlisten
\bgodwit__(directory_)?one\b            member reference
\bpatience                              goodbye timeout; in tests: wait limit
pthread_mutex_unlock\s\(&.*\btransport->lock\) godwit__transport_unlock, which wakes who waits
\bfor\speople\b                         human-readable
\b(is|are)\shostile\b                   untrusted
\b(that|which)\s(is|are)\snone\b         malformed, unknown, missing
'

status=0
while read -r pattern instead; do
    if [[ -z $pattern ]]; then continue; fi
    lines=$(git grep -nIiP "$pattern" -- . ':!CHANGELOG.md' ':!LICENSE' ':!tests/rules/words.sh' ':!tests/fuzz/corpus' || true)
    if [[ $lines ]]; then
        printf 'instead of /%s/: %s\n%s\n\n' "$pattern" "$instead" "$lines"
        status=1
    fi
done <<<"$words"
if ((status == 0)); then echo "none of the words is there"; fi
exit $status
