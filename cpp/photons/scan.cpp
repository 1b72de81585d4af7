// The hot loop of the pulse mode: every slot's photon number, and whether anything is detected. Compiled once per
// instruction set.
#include "scan.hpp"

#include "philox.hpp"
#include "../simd.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace kakehashi::KAKEHASHI_ISA {

namespace {

typedef std::uint64_t Words __attribute__((vector_size(width * sizeof(std::uint64_t))));
typedef std::int64_t Signed __attribute__((vector_size(width * sizeof(std::int64_t))));

// Product of the lower halves. Compilers do not see it in the portable notation.
inline Words multiply(Words a, Words b) {
#if defined(__AVX512F__)
    return (Words)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b);  // the plain one makes GCC 12 warn
#elif defined(__AVX2__)
    return (Words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (Words)_mm_mul_epu32((__m128i)a, (__m128i)b);
#elif defined(__aarch64__)
    return (Words)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
    return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu);
#endif
}

inline unsigned lanes_of(Signed mask) {
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask);
#elif defined(__AVX2__)
    return static_cast<unsigned>(_mm256_movemask_pd((__m256d)mask));
#elif defined(__SSE2__)
    return static_cast<unsigned>(_mm_movemask_pd((__m128d)mask));
#else
    unsigned lanes = 0;
    for (int i = 0; i < width; ++i) lanes |= static_cast<unsigned>(mask[i] & 1) << i;
    return lanes;
#endif
}

struct Four {
    Words w0, w1, w2, w3;  // the upper halves may hold anything
};

inline Four philox(Words low, Words high, std::uint64_t seed) {
    Words c0 = low, c1 = high, c2 = Words{}, c3 = Words{};
    std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    const Words m0 = Words{} + photons::multiplier_0, m1 = Words{} + photons::multiplier_1;
    for (int round = 0; round < photons::n_rounds; ++round) {
        const Words p0 = multiply(m0, c0), p1 = multiply(m1, c2);
        c0 = (p1 >> 32) ^ c1 ^ (Words{} + std::uint64_t{k0});
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ (Words{} + std::uint64_t{k1});
        c3 = p0;
        k0 += photons::weyl_0;
        k1 += photons::weyl_1;
    }
    return {c0, c1, c2, c3};
}

inline Signed candidates(const photons::ScanTable& table, Words first, Words second) {
    const Signed u = (Signed)(first & 0xFFFFFFFFu), v = (Signed)(second & 0xFFFFFFFFu);
    Signed below = Signed{} + table.below;
    for (int i = 0; i < table.n_ends; ++i) below += (u >= Signed{} + table.ends[i]) & (Signed{} + table.steps[i]);
    return v < below;
}

}  // namespace

int scan_block(const photons::ScanTable& table, std::uint64_t seed, std::uint64_t block, std::uint32_t* offset,
               std::uint32_t* first_word, std::uint32_t* second_word) {
    constexpr int half = photons::block_slots / 2;
    int n = 0;
    const std::uint64_t begin = block * half;  // one block of Philox serves two slots
    Words lane;
    for (int i = 0; i < width; ++i) lane[i] = static_cast<std::uint64_t>(i);
    for (int at = 0; at < half; at += width) {
        const Words index = Words{} + (begin + static_cast<std::uint64_t>(at)) + lane;
        const Four w = philox(index, index >> 32, seed);
        const unsigned even = lanes_of(candidates(table, w.w0, w.w1)), odd = lanes_of(candidates(table, w.w2, w.w3));
        for (unsigned any = even | odd; any; any &= any - 1) {
            const int i = __builtin_ctz(any);
            if (even >> i & 1) {
                offset[n] = static_cast<std::uint32_t>(2 * (at + i));
                first_word[n] = static_cast<std::uint32_t>(w.w0[i]);
                second_word[n++] = static_cast<std::uint32_t>(w.w1[i]);
            }
            if (odd >> i & 1) {
                offset[n] = static_cast<std::uint32_t>(2 * (at + i) + 1);
                first_word[n] = static_cast<std::uint32_t>(w.w2[i]);
                second_word[n++] = static_cast<std::uint32_t>(w.w3[i]);
            }
        }
    }
    return n;
}

}  // namespace kakehashi::KAKEHASHI_ISA
