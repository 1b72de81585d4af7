#!/bin/sh
# Compile the kernels for every instruction set that we promise, with all warnings as errors, and look into the object
# files: a kernel that compiles but was not vectorised fails, and so does one that would bring wide instructions to a
# machine that lacks them.
set -eu
# sources_of LIST: the files of a list in CMakeLists.txt, which may go over several lines
sources_of() {
    sed -n "/^set($1 /,/)/p" CMakeLists.txt | tr '\n' ' ' | sed "s/^set($1 *//; s/).*//"
}

hot=$(sources_of HOT_SOURCES)
carryless=$(sources_of CARRYLESS_SOURCES)
[ -n "$hot" ] && [ -n "$carryless" ] || { echo "check-simd: CMakeLists.txt names no sources" >&2; exit 1; }
# All others, but for two names that need the target's Python headers.
cold=$(find cpp -name '*.cpp' ! -name bindings.cpp ! -name blocks.cpp | grep -vxF "$(printf '%s\n' $hot $carryless)")
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
options="-std=c++20 -O3 -fPIC -fopenmp -Wall -Wextra -Werror -Icpp -c"

# flags_of NAMESPACE: the compiler options of the build
flags_of() {
    sed -n "s/^ *add_[a-z]*_objects($1 \(.*\))/\1/p" CMakeLists.txt
}

# object_of SET FILE: where the object of a file lies; a set is what is compiled for one kind of processor
object_of() {
    echo "$objects/$1-$(echo "$2" | tr / -).o"
}

# plan SET COMPILER FLAGS FILE...: have compile_all compile files
plan() {
    name=$1 command="$2 $options $3"
    shift 3
    for file; do echo "$command $file -o $(object_of "$name" "$file")"; done >>"$objects/plan"
}

# Compile what was planned, on all processors.
compile_all() {
    xargs -P "$(getconf _NPROCESSORS_ONLN)" -L 1 env <"$objects/plan"
}

# check LABEL SET OBJDUMP PATTERN COUNT PRODUCT SUM LESSER UNION: hot files must hold instructions that match PATTERN. Those of
# determinants live on counting bits, and must hold instructions that match COUNT; those of photons on products of 32-bit
# words, PRODUCT; of reconciliation, Cascade sums bits under masks, SUM, and the decoder of LDPC codes compares 16-bit
# numbers, LESSER. Sifting puts bits together, UNION.
check() {
    label=$1 name=$2 objdump=$3
    for file in $hot; do
        case $file in
        cpp/determinants/*) pattern=$5 what="bit counts" ;;
        cpp/photons/*) pattern=$6 what="wide products of words" ;;
        cpp/reconciliation/cascade.cpp) pattern=$7 what="vector sums of bits" ;;
        cpp/reconciliation/ldpc.cpp) pattern=$8 what="vector minima of 16-bit numbers" ;;
        cpp/sifting/*) pattern=$9 what="vector unions of bits" ;;
        *) pattern=$4 what="vector multiply-adds" ;;
        esac
        found=$("$objdump" -d --no-show-raw-insn "$(object_of "$name" "$file")" | grep -cE "$pattern" || true)
        echo "$label: $file has $found $what"
        [ "$found" -gt 0 ] || { echo "check-simd: $file has no $what for $label" >&2; exit 1; }
    done
}

# check_carryless LABEL SET OBJDUMP PATTERN: files of products over GF(2) must hold instructions that match.
check_carryless() {
    for file in $carryless; do
        found=$("$3" -d --no-show-raw-insn "$(object_of "$2" "$file")" | grep -cE "$4" || true)
        echo "$1: $file has $found carry-less products"
        # Polynomials take pairs of words on every machine.
        case $file in *toeplitz*) [ "$found" -gt 0 ] || { echo "check-simd: $file has none" >&2; exit 1; } ;; esac
    done
}

# Functions that several objects may define, of which the linker keeps the first: inline ones and templates. To nm, W.
shared_functions() {
    nm -P --defined-only "$objects/$1-"*.o | awk '$2 == "W" { print $1 }' | sort -u
}

# check_shared LABEL SET: every shared function outside the namespace must be in the portable objects too, which
# CMakeLists.txt puts first. The other files do not count: they are linked after the wide ones.
check_shared() {
    label=$1 name=$2
    shared_functions "$name" | comm -23 - "$objects/portable.txt" | c++filt >"$objects/foreign.txt"
    if grep -v "kakehashi::$name::" "$objects/foreign.txt" >&2; then
        echo "check-simd: the linker may give these functions of the $label objects to every processor" >&2
        exit 1
    fi
    echo "$label: no function of its objects can take the place of a portable one"
}

wide=no
case $(uname -m) in
x86_64 | amd64)
    wide=yes
    for set in portable avx2 avx512; do
        # shellcheck disable=SC2086
        plan $set "${CXX:-c++}" "-DKAKEHASHI_ISA=$set $(flags_of $set)" $hot
    done
    for set in portable pclmul vpclmul vpclmul512; do
        # shellcheck disable=SC2086
        plan $set "${CXX:-c++}" "-DKAKEHASHI_ISA=$set $(flags_of $set)" $carryless
    done
    arm=${CXX_ARM64:-aarch64-linux-gnu-g++}
    arm_objdump=$(dirname "$(command -v "$arm" || echo .)")/aarch64-linux-gnu-objdump
    ;;
*)
    arm=${CXX:-c++}
    arm_objdump=objdump
    ;;
esac
if command -v "$arm" >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    plan neon "$arm" -DKAKEHASHI_ISA=portable $hot $carryless
    # shellcheck disable=SC2086
    plan pmull "$arm" "-DKAKEHASHI_ISA=pmull $(flags_of pmull)" $carryless
    # shellcheck disable=SC2086
    plan neon "$arm" -DKAKEHASHI_PMULL $cold
elif [ "${REQUIRE_ARM64:-0}" = 1 ]; then
    echo "check-simd: there is no $arm to compile for NEON" >&2
    exit 1
else
    echo "NEON: left out, there is no $arm (Debian and Ubuntu: install g++-aarch64-linux-gnu)"
    arm=
fi
compile_all

if [ $wide = yes ]; then
    check AVX2 avx2 objdump 'vfn?m(add|sub)[0-9]+pd.*%ymm' popcnt 'vpmuludq.*%ymm' 'vp?xor[dq]?.*%ymm' 'vpminsw.*%ymm' \
        'vpor.*%ymm'
    check AVX-512 avx512 objdump 'vfn?m(add|sub)[0-9]+pd.*%zmm' popcnt 'vpmuludq.*%zmm' 'vp?xor[dq]?.*%[yz]mm' \
        'vpminsw.*%ymm' 'vp(or[dq]?|ternlog[dq]).*%zmm'
    check_carryless PCLMUL pclmul objdump 'vpclmul.*%xmm'
    check_carryless "VPCLMUL on AVX2" vpclmul objdump 'vpclmul.*%ymm'
    check_carryless "VPCLMUL on AVX-512" vpclmul512 objdump 'vpclmul.*%zmm'
    shared_functions portable >"$objects/portable.txt"
    check_shared AVX2 avx2
    check_shared AVX-512 avx512
    check_shared PCLMUL pclmul
    check_shared "VPCLMUL on AVX2" vpclmul
    check_shared "VPCLMUL on AVX-512" vpclmul512
fi
if [ -n "$arm" ]; then
    check NEON neon "$arm_objdump" 'fml[as][[:space:]]+v[0-9]+\.2d' '[[:space:]]cnt[[:space:]]+v[0-9]+\.' \
        '[[:space:]]umull2?[[:space:]]+v[0-9]+\.2d' '[[:space:]]eor[[:space:]]+v[0-9]+\.' \
        '[[:space:]]smin[[:space:]]+v[0-9]+\.8h' '[[:space:]]orr[[:space:]]+v[0-9]+\.'
    check_carryless PMULL pmull "$arm_objdump" 'pmull2?[[:space:]]'
    echo "NEON: all kernels compile"
fi
