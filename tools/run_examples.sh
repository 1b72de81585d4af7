#!/bin/sh
# Run every example through the command line, as a user does. An example that takes long says so in its first line
# ("# slow: why") and is left out unless ALL=1.
set -eu
venv=${VENV:-.venv}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
n=0
for example in examples/*.toml; do
    if head -n 1 "$example" | grep -q '^# slow:' && [ "${ALL:-0}" != 1 ]; then
        echo "left out: $example ($(head -n 1 "$example" | sed 's/^# slow: *//'))"
        continue
    fi
    echo "run: $example"
    if grep -q '^\[\[node\]\]' "$example"; then # a network of keys, which is no run: what its links will give
        "$venv/bin/kakehashi" qkd network table "$example"
        n=$((n + 1))
        continue
    fi
    command=run key=energy_hartree
    if grep -q '^\[scan\]' "$example"; then command=scan key=points; fi
    "$venv/bin/kakehashi" $command "$example" --out "$out/$(basename "$example" .toml)" --json >"$out/result.json"
    "$venv/bin/python" -c 'import json, sys; json.load(open(sys.argv[1]))[sys.argv[2]]' "$out/result.json" $key
    n=$((n + 1))
done
[ "$n" -gt 0 ] || { echo "there is no example to run" >&2; exit 1; }
echo "examples: $n ran"
