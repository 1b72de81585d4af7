// Occupation strings of up to 128 orbitals as two 64-bit words, and the signs of excitations.
// Bit order: docs/formats/bits.md.
#pragma once

#include <bit>
#include <cstdint>

namespace kakehashi {

struct String {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    friend String operator^(String a, String b) { return {a.low ^ b.low, a.high ^ b.high}; }
    friend String operator&(String a, String b) { return {a.low & b.low, a.high & b.high}; }
    friend bool operator==(String a, String b) = default;

    int count() const { return std::popcount(low) + std::popcount(high); }
    bool empty() const { return (low | high) == 0; }
    bool test(int p) const { return ((p < 64 ? low >> p : high >> (p - 64)) & 1) != 0; }
    int lowest() const { return low ? std::countr_zero(low) : 64 + std::countr_zero(high); }
    void flip(int p) { (p < 64 ? low : high) ^= std::uint64_t{1} << (p & 63); }
    int take_lowest() {
        const int p = lowest();
        flip(p);
        return p;
    }
};

// All bits below p.
inline String below(int p) {
    if (p >= 64) return {~std::uint64_t{0}, p == 64 ? 0 : (std::uint64_t{1} << (p - 64)) - 1};
    return {(std::uint64_t{1} << p) - 1, 0};
}

// Sign of a+_p a_q on a string that holds q and not p: electrons strictly between the two.
inline int excitation_sign(String from, int p, int q) {
    const int high = p > q ? p : q;
    const int low = p > q ? q : p;
    String between = below(high) ^ below(low + 1);
    if (high == low + 1) between = {};
    return (from & between).count() % 2 ? -1 : 1;
}

// Index of the unordered pair p >= q; matches the lower triangle in row-major order.
inline std::int64_t pair_index(int p, int q) {
    return p >= q ? std::int64_t{p} * (p + 1) / 2 + q : std::int64_t{q} * (q + 1) / 2 + p;
}

}  // namespace kakehashi
