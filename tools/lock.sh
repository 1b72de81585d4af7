#!/bin/sh
# Write requirements/*.txt anew: one version of everything that suits Python 3.11 to 3.13 on every platform.
# Needs uv in the virtual environment (`make lock` puts it there). Users need only pip.
set -eu
uv=${1:?usage: tools/lock.sh PATH_OF_UV}
options="--quiet --universal --python-version 3.11 --fork-strategy fewest
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links"
# mitiq holds numpy back, which only those who install it should have to bear: see the end.
extras="--extra hpc --extra ibm --extra near-clifford --extra qrmi --extra sqd --extra dmrg"
everything=$(mktemp)
trap 'rm -f "$everything" "$everything.one"' EXIT

# All groups are resolved together first, so that the files agree with each other.
# shellcheck disable=SC2086
"$uv" pip compile $options --upgrade pyproject.toml $extras \
    --group build --group test --group lint --group docs --group bench --output-file "$everything" >/dev/null
compile() {
    name=$1
    shift
    # shellcheck disable=SC2086
    "$uv" pip compile $options "$@" --output-file "$everything.one" >/dev/null
    mv "$everything.one" "requirements/$name.txt"
    chmod 644 "requirements/$name.txt"
    echo "requirements/$name.txt: $(wc -l <"requirements/$name.txt" | tr -d ' ') packages"
}
compile run --constraints "$everything" pyproject.toml
for group in build test lint docs bench; do
    compile "$group" --constraints "$everything" --group "$group"
done
# Versions that stand in the output file are kept where they can be, so this one differs where it must.
cp "$everything" "$everything.one"
compile extras pyproject.toml --extra near-clifford --extra mitiq --group runner
