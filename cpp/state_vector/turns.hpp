// Rotations about Y of several qubits at once. Each is a real matrix, so that it does the same to real and imaginary
// parts; divided by its cosine it is ((1, -t), (t, 1)): one multiply-add per number.
#pragma once

#include <algorithm>

#include "lanes.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// What one sweep over a piece does: up to `max_together` bits above the lanes, in registers together.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int max_together = 4;  // 16 of 32 registers
#else
inline constexpr int max_together = 3;  // 8 of 16 registers
#endif

template <class T>
struct Sweep {
    int n_bits = 0;
    int bits[max_together] = {};  // counted in vectors, ascending
    T tangents[max_together] = {};
    typename Lanes<T>::Type lanes[Lanes<T>::bits] = {};  // tangents of the lanes' own bits, with sign
    bool turns_lanes = false;
};

template <class T, int step = 0>
inline typename Lanes<T>::Type turn_lanes(typename Lanes<T>::Type v, const Sweep<T>& sweep) {
    if constexpr (step < Lanes<T>::bits) {
        v += sweep.lanes[step] * Lanes<T>::template exchange<(1 << step)>(v);
        return turn_lanes<T, step + 1>(v, sweep);
    } else {
        return v;
    }
}

template <class T, int n_bits, bool turns_lanes>
inline void turn_together(T* plane, std::int64_t n_vectors, const Sweep<T>& sweep) {
    using L = Lanes<T>;
    constexpr int n = 1 << n_bits;
    std::int64_t offset[n];
    for (int i = 0; i < n; ++i) {
        offset[i] = 0;
        for (int k = 0; k < n_bits; ++k) offset[i] += ((i >> k) & 1) * ((L::count * std::int64_t{1}) << sweep.bits[k]);
    }
    typename L::Type tangent[n_bits + 1];
    for (int k = 0; k < n_bits; ++k) tangent[k] = L::broadcast(sweep.tangents[k]);
    for (std::int64_t group = 0; group < n_vectors >> n_bits; ++group) {
        std::int64_t base = group;
        for (int k = 0; k < n_bits; ++k) {
            const std::int64_t below = (std::int64_t{1} << sweep.bits[k]) - 1;
            base = ((base & ~below) << 1) | (base & below);
        }
        T* at = plane + base * L::count;
        typename L::Type v[n];
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) {
            v[i] = L::load(at + offset[i]);
            if constexpr (turns_lanes) v[i] = turn_lanes<T>(v[i], sweep);
        }
#pragma GCC unroll 4
        for (int k = 0; k < n_bits; ++k) {
#pragma GCC unroll 16
            for (int i = 0; i < n; ++i) {
                if ((i >> k) & 1) continue;
                const typename L::Type low = v[i], high = v[i | (1 << k)];
                v[i] = low - tangent[k] * high;
                v[i | (1 << k)] = high + tangent[k] * low;
            }
        }
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) L::store(at + offset[i], v[i]);
    }
}

template <class T, bool turns_lanes>
inline void apply_sweep(T* plane, std::int64_t n_vectors, const Sweep<T>& sweep) {
    switch (sweep.n_bits) {
    case 0: return turn_together<T, 0, turns_lanes>(plane, n_vectors, sweep);
    case 1: return turn_together<T, 1, turns_lanes>(plane, n_vectors, sweep);
    case 2: return turn_together<T, 2, turns_lanes>(plane, n_vectors, sweep);
    case 3: return turn_together<T, 3, turns_lanes>(plane, n_vectors, sweep);
    default: return turn_together<T, max_together, turns_lanes>(plane, n_vectors, sweep);
    }
}

template <class T>
inline void apply_sweep(T* plane, std::int64_t n_vectors, const Sweep<T>& sweep) {
    if (sweep.turns_lanes) {
        apply_sweep<T, true>(plane, n_vectors, sweep);
    } else {
        apply_sweep<T, false>(plane, n_vectors, sweep);
    }
}

// The sweeps of some turns, whose bits ascend; the lanes' own turns go with the first.
template <class T, class Turns, class Tangent>
std::vector<Sweep<T>> plan_sweeps(const Turns& turns, Tangent&& tangent_of) {
    using L = Lanes<T>;
    std::vector<Sweep<T>> sweeps(1);
    int n_above = 0;
    for (const auto& turn : turns) n_above += turn.bit >= L::bits;
    // As even as can be: five bits are better done as 3 + 2 than as 4 + 1.
    const int n_sweeps = std::max(1, (n_above + max_together - 1) / max_together);
    const int together = std::max(1, (n_above + n_sweeps - 1) / n_sweeps);
    for (const auto& turn : turns) {
        const T tangent = static_cast<T>(tangent_of(turn));
        if (turn.bit < L::bits) {
            sweeps.front().turns_lanes = true;
            for (int k = 0; k < L::count; ++k)
                sweeps.front().lanes[turn.bit][k] = ((k >> turn.bit) & 1) ? tangent : -tangent;
            continue;
        }
        if (sweeps.back().n_bits == together) sweeps.emplace_back();
        Sweep<T>& sweep = sweeps.back();
        sweep.bits[sweep.n_bits] = turn.bit - L::bits;
        sweep.tangents[sweep.n_bits++] = tangent;
    }
    return sweeps;
}

}  // namespace kakehashi::KAKEHASHI_ISA
