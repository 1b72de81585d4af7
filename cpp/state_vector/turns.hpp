// Rotations about Y of several qubits at once. Each is a real matrix, so that it does the same to real and imaginary
// parts; divided by its cosine it is ((1, -t), (t, 1)): one multiply-add per number.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "lanes.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// What one sweep over a piece does: up to `max_together` bits above the lanes, in registers together.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int max_together = 4;  // 16 of 32 registers
#else
inline constexpr int max_together = 3;  // 8 of 16 registers
#endif

// Lines that are whole pages apart share a set of the innermost cache, which has room for eight of them.
inline constexpr int max_across = 3;

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

// Sweeps, those over a block of the innermost cache first.
template <class T>
struct Sweeps {
    std::vector<Sweep<T>> within, across;
};

// Puts bits into as few sweeps as can be, as even as can be: nine bits are better done as 3 + 3 + 3 than as 4 + 4 + 1.
template <class T>
void add_sweeps(std::vector<Sweep<T>>& sweeps, const std::vector<std::pair<int, T>>& turns, int most) {
    const int n = static_cast<int>(turns.size()), n_sweeps = (n + most - 1) / most;
    for (int s = 0; s < n_sweeps; ++s) {
        if (s > 0 || sweeps.empty()) sweeps.emplace_back();
        Sweep<T>& sweep = sweeps.back();
        for (int k = s * n / n_sweeps; k < (s + 1) * n / n_sweeps; ++k) {
            sweep.bits[sweep.n_bits] = turns[static_cast<std::size_t>(k)].first;
            sweep.tangents[sweep.n_bits++] = turns[static_cast<std::size_t>(k)].second;
        }
    }
}

// The sweeps of some turns, whose bits ascend; a block has 2^block_bits amplitudes.
template <class T, class Turns, class Tangent>
Sweeps<T> plan_sweeps(const Turns& turns, int block_bits, Tangent&& tangent_of) {
    using L = Lanes<T>;
    Sweeps<T> sweeps;
    std::vector<std::pair<int, T>> within, across;
    for (const auto& turn : turns) {
        const T tangent = static_cast<T>(tangent_of(turn));
        if (turn.bit >= L::bits) {
            (turn.bit < block_bits ? within : across).emplace_back(turn.bit - L::bits, tangent);
            continue;
        }
        if (sweeps.within.empty()) sweeps.within.emplace_back();
        sweeps.within.front().turns_lanes = true;
        for (int k = 0; k < L::count; ++k)
            sweeps.within.front().lanes[turn.bit][k] = ((k >> turn.bit) & 1) ? tangent : -tangent;
    }
    add_sweeps(sweeps.within, within, max_together);
    add_sweeps(sweeps.across, across, max_across);
    return sweeps;
}

}  // namespace kakehashi::KAKEHASHI_ISA
