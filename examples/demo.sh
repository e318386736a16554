#!/usr/bin/env bash
# What it does, in three commands and on this machine alone: one call explained, many calls mapped, and those that are
# ready sent over real HTTP to a destination that is only pretended. `make demo` runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v mapper >/dev/null || PATH="$PWD/.venv/bin:$PATH"

say() { printf '\n'; printf '%s\n' "$@"; }

# Show a command and run it. Exit code 1 means that some events are invalid, which the examples are on purpose.
show() {
  printf '\n$ %s\n' "$*"
  "$@" || { local code=$?; [ $code -eq 1 ] || exit $code; }
}

# An account of what was sent is never overwritten, so the last demo's has to go.
mkdir -p out
rm -f out/requests.ndjson out/rejects.ndjson out/results.ndjson

say "1. One Identify call, with other names than the destination's: what becomes of it, and why."
show mapper preview -m inkit examples/nested.json

say "2. Some 400 calls, with what is known of 21 people from earlier ones. Some are wrong on purpose: the exit code is" \
    "   then 1, and out/rejects.ndjson has each of them with the reasons."
show mapper transform -m inkit examples/events.ndjson --identity examples/people.ndjson \
  -o out/requests.ndjson --rejects out/rejects.ndjson

say "3. The same calls, sent: to a sandbox that checks them as the mapping says. Nothing leaves this machine."
show mapper send -m inkit examples/events.ndjson --identity examples/people.ndjson \
  --to sandbox --rate none --results out/results.ndjson

say "Every call is accounted for above. Next: edit mappings/inkit.yaml and run this again, or see README.md."
