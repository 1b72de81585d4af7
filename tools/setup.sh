#!/bin/sh
# Set up the virtual environment for the named groups of packages. `make` calls this before everything else.
#
#   tools/setup.sh GROUP...      GROUP: run test lint docs bench
#   tools/setup.sh extras        an environment of its own, for packages that need a newer Python or hold others back
#
# Needs Python >= 3.11 with venv and its C headers, and a C++ compiler; everything else comes from the Python package
# index into the environment, in the versions of requirements/*.txt. A step is done again only when what it was made
# from has changed. VENV names the environment (default .venv), PYTHON the interpreter, CXX the compiler.
set -eu

venv=${VENV:-.venv}
log=$venv/setup.log
base=run
kernels="pip install --no-deps --no-build-isolation --editable ."
pythons="python3.13 python3.12 python3.11 python3 python"
if [ "${1:-}" = extras ]; then
    base=extras
    # Only one of the sets of kernels, in a folder of its own: what is tested there needs no speed.
    kernels="$kernels --config-settings=cmake.define.KAKEHASHI_PORTABLE=ON --config-settings=build-dir=build/extras"
    # clifft needs 3.12 or later and mitiq 3.12 or earlier; pyenv may hold one that is not on the path.
    pythons="python3.12 $(echo "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3) $pythons"
fi
began=$(date +%s)
worked=no

fail() {
    echo "set-up: $*" >&2
    exit 1
}

# Says why an interpreter cannot be used; says nothing if it can.
objection() {
    "$1" -c '
import sys
if sys.version_info < (3, 11):
    sys.exit("it is Python %d.%d, and 3.11 or later is needed" % sys.version_info[:2])
import os, sysconfig
try:
    import ensurepip, venv
except ImportError:
    sys.exit("it has no venv module (Debian and Ubuntu: install python3-venv)")
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    sys.exit("it has no C headers (Debian and Ubuntu: install python3-dev)")
' 2>&1 | tail -n 1
}

find_python() {
    objections=
    for candidate in ${PYTHON:-$pythons}; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        # A shim that stands for no interpreter is as good as none.
        "$candidate" -c '' >/dev/null 2>&1 || continue
        problem=$(objection "$candidate")
        if [ -z "$problem" ]; then
            python=$candidate
            return
        fi
        objections="$objections
  $(command -v "$candidate"): $problem"
    done
    if [ -n "${PYTHON:-}" ] && [ -z "$objections" ]; then
        fail "PYTHON=$PYTHON is no Python interpreter."
    fi
    fail "no Python >= 3.11 with venv and C headers was found; install one, or name it: make PYTHON=/path/to/python3.$objections"
}

find_compiler() {
    for candidate in ${CXX:-c++ g++ clang++}; do
        command -v "$candidate" >/dev/null 2>&1 && return
    done
    fail "no C++ compiler was found; install one (Debian and Ubuntu: install g++), or name it: make CXX=/path/to/c++."
}

# Counts the seconds of a step on a terminal, until it is killed or the script is gone.
count_seconds() {
    seconds=0
    while sleep 1 && kill -0 $$ 2>/dev/null; do
        seconds=$((seconds + 1))
        printf '\rset-up: %s ... %s s' "$words" "$seconds"
    done
}

# step STAMP WORDS FILES -- COMMAND: do COMMAND unless it was done with FILES as they are.
step() {
    stamp=$venv/stamps/$1
    words=$2
    shift 2
    sum=$(
        while [ "$1" != -- ]; do
            echo "$1"
            cat "$1"
            shift
        done | cksum
    )
    while [ "$1" != -- ]; do shift; done
    shift
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
    worked=yes
    step_began=$(date +%s)
    printf 'set-up: %s ... ' "$words"
    counter=
    if [ -t 1 ]; then
        count_seconds &
        counter=$!
    fi
    outcome=done
    "$@" >>"$log" 2>&1 || outcome=failed
    if [ -n "$counter" ]; then
        kill "$counter" 2>/dev/null
        wait "$counter" 2>/dev/null || :
        printf '\rset-up: %s ... ' "$words"
    fi
    if [ "$outcome" = failed ]; then
        echo failed
        tail -n 40 "$log" >&2
        fail "$words failed; the full log is in $log."
    fi
    mkdir -p "$venv/stamps"
    echo "$sum" >"$stamp"
    echo "$(($(date +%s) - step_began)) s"
}

pip() {
    PATH="$PWD/$venv/bin:$PATH" PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip "$@"
}

[ -e "$venv/stamps/kernels" ] || find_compiler # said before anything is downloaded

# An environment whose interpreter is gone, for instance after an update of the system, is of no use.
if ! "$venv/bin/python" -c '' >/dev/null 2>&1; then
    find_python
    rm -rf "$venv"
    mkdir -p "$venv"
    printf 'set-up: virtual environment %s with %s\n' "$venv" "$("$python" --version)"
    "$python" -m venv "$venv" >"$log" 2>&1 || { cat "$log" >&2; rm -rf "$venv"; fail "$python -m venv failed."; }
    worked=yes
fi
case $venv in /*) PWD= ;; esac # for PATH in pip(): an absolute path stays one

step run "packages that kakehashi needs" requirements/build.txt "requirements/$base.txt" -- \
    pip install --requirement requirements/build.txt --requirement "requirements/$base.txt"
# Editable: changes of Python files count at once; changes of the kernels are seen here.
# shellcheck disable=SC2046,SC2086
step kernels "kernels from C++" pyproject.toml CMakeLists.txt $(find cpp -type f | LC_ALL=C sort) -- \
    $kernels
for group; do
    [ "$group" = "$base" ] && continue
    step "$group" "packages for $group" "requirements/$group.txt" -- \
        pip install --requirement "requirements/$group.txt"
done
if [ "$worked" = yes ]; then echo "set-up: done in $(($(date +%s) - began)) s"; fi
