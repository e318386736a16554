#!/usr/bin/env bash
# What it does, on this machine alone: one call explained; then a thousand calls accepted, sent to a pretended
# destination, the sender killed half-way and started again, and the destination's own list as the proof that nothing
# was lost and nothing sent twice. `make demo` runs it. EVENTS and RATE (a second) may be set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v mapper >/dev/null || PATH="$PWD/.venv/bin:$PATH"
python=python3
[ ! -x .venv/bin/python ] || python=.venv/bin/python
events=${EVENTS:-1000} rate=${RATE:-50}
here=out/demo sandbox="" worker=""

# Whatever happens, what was started in the background ends with this script.
end() { for one in $worker $sandbox; do kill "$one" 2>/dev/null || true; done; }
trap end EXIT

say() { printf '\n'; printf '%s\n' "$@"; }

# Show a command as it could be typed, in lines that fit.
typed() { printf '\n'; printf '$ %s' "$*" | fold -s -w 72 | sed -e '$!s/ *$/ \\/' -e '2,$s/^/    /'; printf '\n'; }

# Show a command and run it. Exit code 1 means that some events are invalid, which they are on purpose.
show() {
  typed "$@"
  "$@" || { local code=$?; [ $code -eq 1 ] || exit $code; }
}

# Wait until a file holds some words.
until_says() {
  local tries=0
  until grep -q "$2" "$1" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || { cat "$1" >&2; exit 1; }
    sleep 0.1
  done
}

# Wait until nothing is waiting, ready or under way any more.
until_sent() {
  local tries=0
  while [ -n "$(mapper queue list --state waiting --state ready --state sending --limit 1 --format json)" ]; do
    tries=$((tries + 1))
    [ $tries -lt 60 ] || { echo "it does not end" >&2; exit 1; }
    sleep 0.5
  done
}

start_worker() {
  typed mapper worker --to "$url" --yes "&"
  mapper worker --to "$url" --yes 2>"$here/worker.log" &
  worker=$!
  until_says "$here/worker.log" "sending to"
}

rm -rf "$here"
mkdir -p "$here"

say "1. One Identify call, with other names than the destination's: what becomes of" \
    "   it, and why."
show mapper preview -m inkit examples/nested.json

say "2. $events calls of the last hour. Some are invalid on purpose, some order" \
    "   nothing; whoever made them wrote down what should become of each. A sandbox" \
    "   plays Inkit, and takes a fifth of a second for each. A worker sends to it" \
    "   what is accepted: $rate a second, set for this demo (inkit.yaml says 300 a" \
    "   minute)."
"$python" examples/make_orders.py "$events" "$here/orders.ndjson" "$here/expected.json"
sed "s|^  rate: .*|  rate: $rate/second|" mappings/inkit.yaml >"$here/inkit.yaml"
typed export MAPPER_MAPPING=$here/inkit.yaml MAPPER_STORE=$here/mapper.db INKIT_API_KEY=sandbox
export MAPPER_MAPPING=$here/inkit.yaml MAPPER_STORE=$here/mapper.db INKIT_API_KEY=sandbox
typed mapper sandbox --port 0 --slow 0.2 "&"
mapper sandbox --port 0 --slow 0.2 >"$here/sandbox.out" 2>"$here/sandbox.log" &
sandbox=$!
until_says "$here/sandbox.log" "what arrived"
url=$(sed -n 's|.*is at \(http://[0-9.:]*\).*|\1|p' "$here/sandbox.log")
start_worker
show mapper send "$here/orders.ndjson" --to "$url" --yes --results "$here/results.ndjson"

ready=$(grep -c '"ready"' "$here/expected.json")
say "3. Half-way the worker is killed, with SIGKILL: it cannot tidy up."
"$python" examples/arrivals.py wait "$url" $((ready / 2))
typed kill -KILL "$worker"
kill -KILL "$worker"
wait "$worker" 2>/dev/null || true
worker=""
show mapper queue status

say "4. A new worker goes on where that one was. What was under way at that moment" \
    "   may have been taken or not: nobody can know from here. So it is held as" \
    "   unknown, and not sent a second time."
start_worker
until_sent
fold -s -w 80 "$here/worker.log"
show mapper queue list --state unknown

say "5. Somebody has to ask the destination. Its list says which of them it has; the" \
    "   others, if there are any, are sent again. Of those that are unknown are"
printf '\n'
mapper queue list --state unknown --format json |
  "$python" examples/arrivals.py settle "$url" "$here/results.ndjson" "$here/settle"
while read -r options; do
  # shellcheck disable=SC2086 # they are several words
  show mapper queue resolve $options --yes
done <"$here/settle"
"$python" examples/arrivals.py wait "$url" "$ready"
until_sent
typed kill -TERM "$worker"
kill -TERM "$worker"
wait "$worker"
worker=""

say "6. The same file once more: every call is known, and nothing is sent. The" \
    "   counts add up to $events."
show mapper send "$here/orders.ndjson" --to "$url" --yes

say "7. The proof is the sandbox's own list, compared with what the maker of the" \
    "   calls wrote down:"
printf '\n'
"$python" examples/arrivals.py prove "$url" "$here/expected.json"

say "Every call is accounted for. Next: edit mappings/inkit.yaml and run this again," \
    "or see README.md."
