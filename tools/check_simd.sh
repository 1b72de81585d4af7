#!/bin/sh
# Compile the kernels for every instruction set that we promise, with all warnings as errors, and look into the object
# files for the wide registers: a kernel that compiles but was not vectorised fails.
set -eu
hot=$(sed -n 's/^set(HOT_SOURCES \(.*\))/\1/p' CMakeLists.txt)
cold=$(find cpp -name '*.cpp' ! -name bindings.cpp) # bindings.cpp needs the target's Python headers
[ -n "$hot" ] || { echo "check-simd: CMakeLists.txt names no HOT_SOURCES" >&2; exit 1; }
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
options="-std=c++20 -O3 -fopenmp -Wall -Wextra -Werror -Icpp -c"

# check LABEL NAMESPACE COMPILER OBJDUMP FLAGS PATTERN: hot files must hold instructions that match PATTERN
check() {
    label=$1 name=$2 compiler=$3 objdump=$4 flags=$5 pattern=$6
    for file in $hot; do
        # shellcheck disable=SC2086
        "$compiler" $options -DKAKEHASHI_ISA="$name" $flags "$file" -o "$objects/hot.o"
        found=$("$objdump" -d --no-show-raw-insn "$objects/hot.o" | grep -cE "$pattern" || true)
        echo "$label: $file has $found vector multiply-adds"
        [ "$found" -gt 0 ] || { echo "check-simd: $file was not vectorised for $label" >&2; exit 1; }
    done
}

case $(uname -m) in
x86_64 | amd64)
    check AVX2 avx2 "${CXX:-c++}" objdump "-mavx2 -mfma -mpopcnt" 'vfn?m(add|sub)[0-9]+pd.*%ymm'
    check AVX-512 avx512 "${CXX:-c++}" objdump \
        "-mavx512f -mavx512dq -mavx512vl -mavx2 -mfma -mpopcnt -mprefer-vector-width=512" 'vfn?m(add|sub)[0-9]+pd.*%zmm'
    arm=${CXX_ARM64:-aarch64-linux-gnu-g++}
    arm_objdump=$(dirname "$(command -v "$arm" || echo .)")/aarch64-linux-gnu-objdump
    ;;
*)
    arm=${CXX:-c++}
    arm_objdump=objdump
    ;;
esac
if command -v "$arm" >/dev/null 2>&1; then
    check NEON portable "$arm" "$arm_objdump" "" 'fml[as][[:space:]]+v[0-9]+\.2d'
    for file in $cold; do
        # shellcheck disable=SC2086
        "$arm" $options "$file" -o "$objects/cold.o"
    done
    echo "NEON: all kernels compile"
elif [ "${REQUIRE_ARM64:-0}" = 1 ]; then
    echo "check-simd: there is no $arm to compile for NEON" >&2
    exit 1
else
    echo "NEON: left out, there is no $arm (Debian and Ubuntu: install g++-aarch64-linux-gnu)"
fi
