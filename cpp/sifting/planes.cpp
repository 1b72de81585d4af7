#include "planes.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__BMI2__)
#include <immintrin.h>
#endif

#include "../simd.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

using sifting::n_planes;
using sifting::Prepared;

// The bits of x under the mask, close together.
inline std::uint64_t extract(std::uint64_t x, std::uint64_t mask) {
#if defined(__BMI2__)
    return _pext_u64(x, mask);
#else
    // Hacker's Delight, 7-4: bits move right by as many places as the mask has zeros below them, in powers of two.
    x &= mask;
    std::uint64_t zeros = ~mask << 1;
    for (int step = 0; step < 6; ++step) {
        std::uint64_t odd = zeros;
        for (int shift = 1; shift < 64; shift *= 2) odd ^= odd << shift;
        const std::uint64_t moving = odd & mask;
        mask = (mask ^ moving) | moving >> (1 << step);
        const std::uint64_t bits = x & moving;
        x = (x ^ bits) | bits >> (1 << step);
        zeros &= ~odd;
    }
    return x;
#endif
}

template <class Gap>
void write_gaps(const std::int64_t* slot, std::int64_t n, std::int64_t first, std::uint8_t* out) {
    std::int64_t before = first - 1;
    for (std::int64_t i = 0; i < n; ++i) {
        const Gap gap = static_cast<Gap>(slot[i] - before);
        before = slot[i];
        std::memcpy(out + i * static_cast<std::int64_t>(sizeof gap), &gap, sizeof gap);
    }
}

// Bit `which` of 64 bytes.
std::uint64_t gather(const std::uint8_t* bytes, int which) {
    std::uint64_t word = 0;
    for (int b = 0; b < 8; ++b) {
        std::uint64_t eight;
        std::memcpy(&eight, bytes + 8 * b, 8);
        word |= ((eight >> which & 0x0101010101010101ULL) * 0x0102040810204080ULL >> 56) << (8 * b);
    }
    return word;
}

// Whether 64 clicks are the next 64 slots that were prepared, as in a simulation that prepares no others.
template <class Gap>
bool are_next(const std::int64_t* prepared, std::int64_t before, const std::uint8_t* gaps) {
    std::int64_t differ = 0;
    for (int i = 0; i < 64; ++i) {
        Gap gap;
        std::memcpy(&gap, gaps + i * static_cast<int>(sizeof gap), sizeof gap);
        differ |= (prepared[i] - (i ? prepared[i - 1] : before)) ^ static_cast<std::int64_t>(gap);
    }
    return differ == 0;
}

template <class Gap>
void look_up_gaps(const Prepared& prepared, const std::uint8_t* gaps, std::int64_t n, std::uint8_t* planes) {
    const std::int64_t n_bytes = (n + 7) / 8;
    std::int64_t slot = prepared.first - 1, at = 0;  // slots before `at` are behind
    const auto click = [&](std::int64_t k) {
        return static_cast<std::uint8_t>(1 | (prepared.bit[k] & 1) << 1 | (prepared.basis[k] & 1) << 2 |
                                         (prepared.intensity[k] & 3) << 3);
    };
    for (std::int64_t begin = 0; begin < n; begin += 64, gaps += 64 * sizeof(Gap)) {
        std::uint8_t clicks[64] = {};
        const std::int64_t size = std::min<std::int64_t>(64, n - begin);
        if (size == 64 && at + 64 <= prepared.n && !prepared.is_dense && are_next<Gap>(prepared.slot + at, slot, gaps)) {
            for (int i = 0; i < 64; ++i) clicks[i] = click(at + i);
            at += 64;
            slot = prepared.slot[at - 1];
        } else {
            for (std::int64_t i = 0; i < size; ++i) {
                Gap gap;
                std::memcpy(&gap, gaps + i * static_cast<std::int64_t>(sizeof gap), sizeof gap);
                slot += static_cast<std::int64_t>(gap);
                if (prepared.is_dense) at = slot - prepared.first;
                while (!prepared.is_dense && at < prepared.n && prepared.slot[at] < slot) ++at;
                if (at < 0 || at >= prepared.n || prepared.slot[at] != slot) continue;
                clicks[i] = click(at++);
            }
        }
        for (int plane = 0; plane < n_planes; ++plane) {
            const std::uint64_t word = gather(clicks, plane);
            std::memcpy(planes + plane * n_bytes + begin / 8, &word, static_cast<std::size_t>((size + 7) / 8));
        }
    }
}

}  // namespace

std::int64_t pick_bits(const std::uint8_t* values, const std::uint8_t* mask, std::int64_t n_bytes, std::uint8_t* out) {
    std::int64_t n = 0;
    std::uint64_t rest = 0;
    for (std::int64_t at = 0; at < n_bytes; at += 8) {
        const std::size_t size = static_cast<std::size_t>(std::min<std::int64_t>(n_bytes - at, 8));
        std::uint64_t value = 0, wanted = 0;
        std::memcpy(&value, values + at, size);
        std::memcpy(&wanted, mask + at, size);
        const std::uint64_t found = extract(value, wanted);
        const int have = static_cast<int>(n & 63), more = std::popcount(wanted);
        // No branch: whether a word is full cannot be foreseen, and one that is not is written again.
        rest |= found << have;
        std::memcpy(out + n / 64 * 8, &rest, 8);
        n += more;
        rest = have + more < 64 ? rest : found >> 1 >> (63 - have);
    }
    std::memcpy(out + n / 64 * 8, &rest, 8);
    return n;
}

int gap_width(const std::int64_t* slot, std::int64_t n, std::int64_t first) {
    // Bits of any gap: as many as the largest has, and sooner found.
    std::uint64_t bits = n ? static_cast<std::uint64_t>(slot[0] - first + 1) : 0;
    for (std::int64_t i = 1; i < n; ++i) bits |= static_cast<std::uint64_t>(slot[i] - slot[i - 1]);
    return bits < 1U << 8 ? 1 : bits < 1U << 16 ? 2 : bits < std::uint64_t{1} << 32 ? 4 : 8;
}

void fill_gaps(const std::int64_t* slot, std::int64_t n, std::int64_t first, int width, std::uint8_t* out) {
    switch (width) {
    case 1: return write_gaps<std::uint8_t>(slot, n, first, out);
    case 2: return write_gaps<std::uint16_t>(slot, n, first, out);
    case 4: return write_gaps<std::uint32_t>(slot, n, first, out);
    default: return write_gaps<std::uint64_t>(slot, n, first, out);
    }
}

void look_up_clicks(const Prepared& prepared, const std::uint8_t* gaps, int width, std::int64_t n, std::uint8_t* planes) {
    switch (width) {
    case 1: return look_up_gaps<std::uint8_t>(prepared, gaps, n, planes);
    case 2: return look_up_gaps<std::uint16_t>(prepared, gaps, n, planes);
    case 4: return look_up_gaps<std::uint32_t>(prepared, gaps, n, planes);
    default: return look_up_gaps<std::uint64_t>(prepared, gaps, n, planes);
    }
}

}  // namespace kakehashi::KAKEHASHI_ISA
