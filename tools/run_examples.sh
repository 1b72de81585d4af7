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
    "$venv/bin/kakehashi" run "$example" --out "$out/$(basename "$example" .toml)" --json >"$out/result.json"
    "$venv/bin/python" -c 'import json, sys; json.load(open(sys.argv[1]))["energy_hartree"]' "$out/result.json"
    n=$((n + 1))
done
[ "$n" -gt 0 ] || { echo "there is no example to run" >&2; exit 1; }
echo "examples: $n ran"
