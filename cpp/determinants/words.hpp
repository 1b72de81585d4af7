// Occupation strings of one word (up to 64 orbitals) or two (up to 128), with what the hot loops ask of them.
// Bit order: docs/formats/bits.md.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "../simd.hpp"

namespace kakehashi::KAKEHASHI_ISA {

using Word = std::uint64_t;

inline Word mix(Word x) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ (x >> 32);
}

// The upper bits are well mixed, the lower ones are not.
inline Word scramble(Word x) {
    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 32;
    return x * 0x9e3779b97f4a7c15u;
}

// Bit k is the parity of the bits below k.
inline Word parities_below(Word s) {
    for (int shift = 1; shift < 64; shift *= 2) s ^= s << shift;
    return s << 1;
}

struct Narrow {
    Word low = 0;

    static Narrow read(const Word* words) { return {words[0]}; }
    void write(Word* words) const { words[0] = low, words[1] = 0; }
    friend Narrow operator^(Narrow a, Narrow b) { return {a.low ^ b.low}; }
    friend Narrow operator&(Narrow a, Narrow b) { return {a.low & b.low}; }
    friend bool operator==(Narrow a, Narrow b) { return a.low == b.low; }
    friend bool operator<(Narrow a, Narrow b) { return a.low < b.low; }
    Narrow operator~() const { return {~low}; }
    bool empty() const { return low == 0; }
    int count() const { return std::popcount(low); }
    bool test(int p) const { return (low >> p) & 1; }
    Narrow flipped(int p) const { return {low ^ (Word{1} << p)}; }
    int take_lowest() {
        const int p = std::countr_zero(low);
        low &= low - 1;
        return p;
    }
    bool at_most_two() const {
        const Word x = low & (low - 1);
        return (x & (x - 1)) == 0;
    }
    Word hash() const { return scramble(low); }
    Narrow parities() const { return {parities_below(low)}; }
};

struct Wide {
    Word low = 0, high = 0;

    static Wide read(const Word* words) { return {words[0], words[1]}; }
    void write(Word* words) const { words[0] = low, words[1] = high; }
    friend Wide operator^(Wide a, Wide b) { return {a.low ^ b.low, a.high ^ b.high}; }
    friend Wide operator&(Wide a, Wide b) { return {a.low & b.low, a.high & b.high}; }
    friend bool operator==(Wide a, Wide b) { return ((a.low ^ b.low) | (a.high ^ b.high)) == 0; }
    friend bool operator<(Wide a, Wide b) { return a.high != b.high ? a.high < b.high : a.low < b.low; }
    Wide operator~() const { return {~low, ~high}; }
    bool empty() const { return (low | high) == 0; }
    int count() const { return std::popcount(low) + std::popcount(high); }
    bool test(int p) const { return ((p < 64 ? low >> p : high >> (p - 64)) & 1) != 0; }
    Wide flipped(int p) const {
        Wide s = *this;
        (p < 64 ? s.low : s.high) ^= Word{1} << (p & 63);
        return s;
    }
    int take_lowest() {
        if (low) {
            const int p = std::countr_zero(low);
            low &= low - 1;
            return p;
        }
        const int p = 64 + std::countr_zero(high);
        high &= high - 1;
        return p;
    }
    bool at_most_two() const { return count() <= 2; }
    Word hash() const { return scramble(low ^ scramble(high)); }
    Wide parities() const {
        const Word carried = std::popcount(low) & 1 ? ~Word{0} : 0;
        return {parities_below(low), parities_below(high) ^ carried};
    }
};

// Codes of strings that exchanging orbitals changes by the codes of these: where an excitation leads is known before it
// is made.
class Codes {
public:
    Codes() {
        for (Word p = 0; p < 128; ++p) of_orbital_[p] = static_cast<std::uint32_t>(mix(p + 1));
    }
    std::uint32_t of(int orbital) const { return of_orbital_[orbital]; }
    template <class S>
    std::uint32_t of(S string) const {
        std::uint32_t code = 0;
        while (!string.empty()) code ^= of_orbital_[string.take_lowest()];
        return code;
    }

private:
    std::uint32_t of_orbital_[128];
};

// Whether a+_to a_from on a string with these parities changes the sign.
template <class S>
bool is_odd(S parities, int to, int from) {
    return parities.test(to) ^ parities.test(from) ^ (from < to);
}

// The same for a+_to2 a_from2 a+_to1 a_from1: the first excitation moves the parities above its two orbitals.
template <class S>
bool is_odd(S parities, int to1, int from1, int to2, int from2) {
    const bool moved = (to2 > to1) ^ (to2 > from1) ^ (from2 > to1) ^ (from2 > from1);
    return is_odd(parities, to1, from1) ^ is_odd(parities, to2, from2) ^ moved;
}

// The orbitals in which two strings differ: held by `bra` and by `ket`, ascending.
template <class S>
struct Change {
    int to[2], from[2];
    Change(S bra, S ket, int n) {
        S created = bra & (bra ^ ket), annihilated = ket & (bra ^ ket);
        for (int i = 0; i < n; ++i) to[i] = created.take_lowest(), from[i] = annihilated.take_lowest();
    }
};

// Open addressing from strings to their numbers.
template <class S>
class StringIndex {
public:
    std::int32_t find(const S* strings, S key) const {
        if (slots_.empty()) return -1;
        for (Word i = mix(key.hash()) & mask_;; i = (i + 1) & mask_) {
            if (slots_[i] < 0 || strings[slots_[i]] == key) return slots_[i];
        }
    }
    void insert(const S* strings, std::int32_t number) {
        if (2 * (count_ + 1) > slots_.size()) grow(strings);
        place(strings[number], number);
        ++count_;
    }

private:
    void place(S key, std::int32_t number) {
        Word i = mix(key.hash()) & mask_;
        while (slots_[i] >= 0) i = (i + 1) & mask_;
        slots_[i] = number;
    }
    void grow(const S* strings) {
        std::vector<std::int32_t> old(slots_.size() < 8 ? 16 : 2 * slots_.size(), -1);
        old.swap(slots_);
        mask_ = slots_.size() - 1;
        for (const std::int32_t number : old) {
            if (number >= 0) place(strings[number], number);
        }
    }
    std::vector<std::int32_t> slots_;
    Word mask_ = 0;
    std::size_t count_ = 0;
};

}  // namespace kakehashi::KAKEHASHI_ISA
