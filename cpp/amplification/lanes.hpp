// Vectors of elements of GF(2^64), and the carry-less product that each instruction set offers.
//
// Nothing here looks up a table at a place that depends on its arguments: keys pass through.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__PCLMUL__)
// GCC 12 takes the undefined operands of its own intrinsics for variables that somebody forgot to set.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#elif defined(__ARM_FEATURE_AES)
#include <arm_neon.h>
#endif

#ifndef KAKEHASHI_ISA
#define KAKEHASHI_ISA portable
#endif

namespace kakehashi::KAKEHASHI_ISA {

using Word = std::uint64_t;

struct Product {
    Word low, high;
};

#if defined(__PCLMUL__)

inline Product product(Word a, Word b) {
    const __m128i p = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(a)),
                                           _mm_cvtsi64_si128(static_cast<long long>(b)), 0);
    return {static_cast<Word>(_mm_cvtsi128_si64(p)), static_cast<Word>(_mm_extract_epi64(p, 1))};
}

#elif defined(__ARM_FEATURE_AES)

inline Product product(Word a, Word b) {
    const uint64x2_t p = vreinterpretq_u64_p128(vmull_p64(a, b));
    return {vgetq_lane_u64(p, 0), vgetq_lane_u64(p, 1)};
}

#else

// Integer products of numbers in which only every fifth bit may be set: at most 13 ones meet in one place, and their
// sum stays below the next place, so its lowest bit is the sum modulo 2.
inline Product product(Word a, Word b) {
    using Wide = unsigned __int128;
    constexpr Word fifths[5] = {0x1084210842108421, 0x2108421084210842, 0x4210842108421084, 0x8421084210842108,
                                0x0842108421084210};
    Wide sums[5] = {};
    for (int i = 0; i < 5; ++i) {
        const Word x = a & fifths[i];
        for (int j = 0; j < 5; ++j) sums[(i + j) % 5] ^= static_cast<Wide>(x) * (b & fifths[j]);
    }
    Product out{0, 0};
    for (int k = 0; k < 5; ++k) {
        out.low ^= static_cast<Word>(sums[k]) & fifths[k];
        out.high ^= static_cast<Word>(sums[k] >> 64) & fifths[(k + 1) % 5];  // 64 is 4 modulo 5
    }
    return out;
}

#endif

// The remainder modulo x^64 + x^4 + x^3 + x + 1 is what two folds leave: the first moves 64 bits down and leaves 4.

#if defined(__VPCLMULQDQ__) && defined(__AVX512BW__)

struct Lanes {
    static constexpr int count = 8, bits = 3;
    __m512i v;

    static Lanes load(const Word* from) { return {_mm512_loadu_si512(from)}; }
    void store(Word* to) const { _mm512_storeu_si512(to, v); }
    static Lanes broadcast(Word x) { return {_mm512_set1_epi64(static_cast<long long>(x))}; }
    friend Lanes operator^(Lanes a, Lanes b) { return {_mm512_xor_si512(a.v, b.v)}; }
    friend Lanes operator&(Lanes a, Lanes b) { return {_mm512_and_si512(a.v, b.v)}; }
    friend Lanes operator<<(Lanes a, int n) { return {_mm512_sll_epi64(a.v, _mm_cvtsi32_si128(n))}; }
    friend Lanes operator>>(Lanes a, int n) { return {_mm512_srl_epi64(a.v, _mm_cvtsi32_si128(n))}; }
    friend Lanes operator*(Lanes a, Lanes b) {
        const __m512i low_terms = _mm512_set1_epi64(0x1b);
        const __m512i folds = _mm512_broadcast_i32x4(
            _mm_setr_epi8(0, 27, 54, 45, 108, 119, 90, 65, -40, -61, -18, -11, -76, -81, -126, -103));
        const __m512i even = _mm512_clmulepi64_epi128(a.v, b.v, 0x00), odd = _mm512_clmulepi64_epi128(a.v, b.v, 0x11);
        const __m512i x = _mm512_clmulepi64_epi128(even, low_terms, 0x01);
        const __m512i y = _mm512_clmulepi64_epi128(odd, low_terms, 0x01);
        const __m512i low = _mm512_unpacklo_epi64(_mm512_xor_si512(even, x), _mm512_xor_si512(odd, y));
        return {_mm512_xor_si512(low, _mm512_shuffle_epi8(folds, _mm512_unpackhi_epi64(x, y)))};
    }
    static void transpose(Lanes* r) {
        __m512i a[8], b[8];
        for (int i = 0; i < 8; i += 2) {
            a[i] = _mm512_unpacklo_epi64(r[i].v, r[i + 1].v);
            a[i + 1] = _mm512_unpackhi_epi64(r[i].v, r[i + 1].v);
        }
        for (int i = 0; i < 8; i += 4) {
            for (int j = 0; j < 2; ++j) {
                b[i + j] = _mm512_shuffle_i64x2(a[i + j], a[i + j + 2], 0x88);
                b[i + j + 2] = _mm512_shuffle_i64x2(a[i + j], a[i + j + 2], 0xdd);
            }
        }
        // b[0]: of rows 0-3, columns 0 and 4; b[1]: 1 and 5; b[2]: 2 and 6; b[3]: 3 and 7; b[4..7]: of rows 4-7.
        for (int j = 0; j < 4; ++j) {
            r[j].v = _mm512_shuffle_i64x2(b[j], b[j + 4], 0x88);
            r[j + 4].v = _mm512_shuffle_i64x2(b[j], b[j + 4], 0xdd);
        }
    }
};

#elif defined(__PCLMUL__)

inline __m128i multiply_pair(__m128i a, __m128i b) {
    const __m128i low_terms = _mm_set1_epi64x(0x1b);
    const __m128i folds = _mm_setr_epi8(0, 27, 54, 45, 108, 119, 90, 65, -40, -61, -18, -11, -76, -81, -126, -103);
    const __m128i even = _mm_clmulepi64_si128(a, b, 0x00), odd = _mm_clmulepi64_si128(a, b, 0x11);
    const __m128i x = _mm_clmulepi64_si128(even, low_terms, 0x01), y = _mm_clmulepi64_si128(odd, low_terms, 0x01);
    const __m128i low = _mm_unpacklo_epi64(_mm_xor_si128(even, x), _mm_xor_si128(odd, y));
    return _mm_xor_si128(low, _mm_shuffle_epi8(folds, _mm_unpackhi_epi64(x, y)));
}

struct Lanes {
    static constexpr int count = 4, bits = 2;
    __m256i v;

    static Lanes load(const Word* from) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))}; }
    void store(Word* to) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v); }
    static Lanes broadcast(Word x) { return {_mm256_set1_epi64x(static_cast<long long>(x))}; }
    friend Lanes operator^(Lanes a, Lanes b) { return {_mm256_xor_si256(a.v, b.v)}; }
    friend Lanes operator&(Lanes a, Lanes b) { return {_mm256_and_si256(a.v, b.v)}; }
    friend Lanes operator<<(Lanes a, int n) { return {_mm256_sll_epi64(a.v, _mm_cvtsi32_si128(n))}; }
    friend Lanes operator>>(Lanes a, int n) { return {_mm256_srl_epi64(a.v, _mm_cvtsi32_si128(n))}; }
    friend Lanes operator*(Lanes a, Lanes b) {
#if defined(__VPCLMULQDQ__)
        const __m256i low_terms = _mm256_set1_epi64x(0x1b);
        const __m256i folds = _mm256_broadcastsi128_si256(
            _mm_setr_epi8(0, 27, 54, 45, 108, 119, 90, 65, -40, -61, -18, -11, -76, -81, -126, -103));
        const __m256i even = _mm256_clmulepi64_epi128(a.v, b.v, 0x00), odd = _mm256_clmulepi64_epi128(a.v, b.v, 0x11);
        const __m256i x = _mm256_clmulepi64_epi128(even, low_terms, 0x01);
        const __m256i y = _mm256_clmulepi64_epi128(odd, low_terms, 0x01);
        const __m256i low = _mm256_unpacklo_epi64(_mm256_xor_si256(even, x), _mm256_xor_si256(odd, y));
        return {_mm256_xor_si256(low, _mm256_shuffle_epi8(folds, _mm256_unpackhi_epi64(x, y)))};
#else
        return {_mm256_set_m128i(multiply_pair(_mm256_extracti128_si256(a.v, 1), _mm256_extracti128_si256(b.v, 1)),
                                 multiply_pair(_mm256_castsi256_si128(a.v), _mm256_castsi256_si128(b.v)))};
#endif
    }
    static void transpose(Lanes* r) {
        const __m256i a = _mm256_unpacklo_epi64(r[0].v, r[1].v), b = _mm256_unpackhi_epi64(r[0].v, r[1].v);
        const __m256i c = _mm256_unpacklo_epi64(r[2].v, r[3].v), d = _mm256_unpackhi_epi64(r[2].v, r[3].v);
        r[0].v = _mm256_permute2x128_si256(a, c, 0x20);
        r[1].v = _mm256_permute2x128_si256(b, d, 0x20);
        r[2].v = _mm256_permute2x128_si256(a, c, 0x31);
        r[3].v = _mm256_permute2x128_si256(b, d, 0x31);
    }
};

#elif defined(__ARM_FEATURE_AES)

struct Lanes {
    static constexpr int count = 2, bits = 1;
    uint64x2_t v;

    static Lanes load(const Word* from) { return {vld1q_u64(from)}; }
    void store(Word* to) const { vst1q_u64(to, v); }
    static Lanes broadcast(Word x) { return {vdupq_n_u64(x)}; }
    friend Lanes operator^(Lanes a, Lanes b) { return {veorq_u64(a.v, b.v)}; }
    friend Lanes operator&(Lanes a, Lanes b) { return {vandq_u64(a.v, b.v)}; }
    friend Lanes operator<<(Lanes a, int n) { return {vshlq_u64(a.v, vdupq_n_s64(n))}; }
    friend Lanes operator>>(Lanes a, int n) { return {vshlq_u64(a.v, vdupq_n_s64(-n))}; }
    friend Lanes operator*(Lanes a, Lanes b) {
        constexpr std::uint8_t folds[16] = {0, 27, 54, 45, 108, 119, 90, 65, 216, 195, 238, 245, 180, 175, 130, 153};
        const uint64x2_t even = vreinterpretq_u64_p128(vmull_p64(vgetq_lane_u64(a.v, 0), vgetq_lane_u64(b.v, 0)));
        const uint64x2_t odd = vreinterpretq_u64_p128(
            vmull_high_p64(vreinterpretq_p64_u64(a.v), vreinterpretq_p64_u64(b.v)));
        const poly64x2_t low_terms = vreinterpretq_p64_u64(vdupq_n_u64(0x1b));
        const uint64x2_t x = vreinterpretq_u64_p128(vmull_high_p64(vreinterpretq_p64_u64(even), low_terms));
        const uint64x2_t y = vreinterpretq_u64_p128(vmull_high_p64(vreinterpretq_p64_u64(odd), low_terms));
        const uint64x2_t low = vzip1q_u64(veorq_u64(even, x), veorq_u64(odd, y));
        const uint8x16_t rest = vqtbl1q_u8(vld1q_u8(folds), vreinterpretq_u8_u64(vzip2q_u64(x, y)));
        return {veorq_u64(low, vreinterpretq_u64_u8(rest))};
    }
    static void transpose(Lanes* r) {
        const uint64x2_t a = vzip1q_u64(r[0].v, r[1].v);
        r[1].v = vzip2q_u64(r[0].v, r[1].v);
        r[0].v = a;
    }
};

#else

struct Lanes {
    static constexpr int count = 1, bits = 0;
    Word v;

    static Lanes load(const Word* from) { return {*from}; }
    void store(Word* to) const { *to = v; }
    static Lanes broadcast(Word x) { return {x}; }
    friend Lanes operator^(Lanes a, Lanes b) { return {a.v ^ b.v}; }
    friend Lanes operator&(Lanes a, Lanes b) { return {a.v & b.v}; }
    friend Lanes operator<<(Lanes a, int n) { return {a.v << n}; }
    friend Lanes operator>>(Lanes a, int n) { return {a.v >> n}; }
    friend Lanes operator*(Lanes a, Lanes b) {
        const auto fold = [](Word x) { return x ^ x << 1 ^ x << 3 ^ x << 4; };  // times x^4 + x^3 + x + 1, below x^64
        const Product p = product(a.v, b.v);
        const Word rest = p.high >> 63 ^ p.high >> 61 ^ p.high >> 60;  // what the first fold leaves above
        return {p.low ^ fold(p.high) ^ fold(rest)};
    }
    static void transpose(Lanes*) {}
};

#endif

}  // namespace kakehashi::KAKEHASHI_ISA
