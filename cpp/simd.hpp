// Vectors of doubles in the compiler's own portable notation, as wide as the target's registers.
//
// Each hot file is compiled once per instruction set with KAKEHASHI_ISA naming the namespace; dispatch.cpp picks
// at run time. The width follows from the compiler's target, so the same source serves SSE2, AVX2, AVX-512 and NEON.
#pragma once

#include <cstdint>
#include <cstring>

#ifndef KAKEHASHI_ISA
#define KAKEHASHI_ISA portable
#endif

namespace kakehashi::KAKEHASHI_ISA {

#if defined(__AVX512F__)
inline constexpr int width = 8;
#elif defined(__AVX__)
inline constexpr int width = 4;
#else
inline constexpr int width = 2;
#endif

typedef double Vector __attribute__((vector_size(width * sizeof(double))));

inline Vector load(const double* from) {
    Vector v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

inline void store(double* to, Vector v) { std::memcpy(to, &v, sizeof v); }

inline Vector load_part(const double* from, int n) {
    Vector v = {};
    std::memcpy(&v, from, static_cast<std::size_t>(n) * sizeof(double));
    return v;
}

inline Vector broadcast(double x) { return x - Vector{}; }

#if defined(__clang__) || __GNUC__ >= 12
#define KAKEHASHI_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef std::int64_t Mask __attribute__((vector_size(width * sizeof(std::int64_t))));
#define KAKEHASHI_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Mask{__VA_ARGS__})
#endif

// Transposes a square tile of `width` vectors in registers.
inline void transpose(Vector (&t)[width]) {
#if defined(__AVX512F__)
    Vector s[8];
    for (int i = 0; i < 8; i += 2) {
        s[i] = KAKEHASHI_SHUFFLE(t[i], t[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        s[i + 1] = KAKEHASHI_SHUFFLE(t[i], t[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; ++j) {
            t[i + j] = KAKEHASHI_SHUFFLE(s[i + j], s[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            t[i + j + 2] = KAKEHASHI_SHUFFLE(s[i + j], s[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int j = 0; j < 4; ++j) {
        s[j] = KAKEHASHI_SHUFFLE(t[j], t[j + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        s[j + 4] = KAKEHASHI_SHUFFLE(t[j], t[j + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int i = 0; i < 8; ++i) t[i] = s[i];
#elif defined(__AVX__)
    Vector s[4];
    for (int i = 0; i < 4; i += 2) {
        s[i] = KAKEHASHI_SHUFFLE(t[i], t[i + 1], 0, 4, 2, 6);
        s[i + 1] = KAKEHASHI_SHUFFLE(t[i], t[i + 1], 1, 5, 3, 7);
    }
    for (int j = 0; j < 2; ++j) {
        t[j] = KAKEHASHI_SHUFFLE(s[j], s[j + 2], 0, 1, 4, 5);
        t[j + 2] = KAKEHASHI_SHUFFLE(s[j], s[j + 2], 2, 3, 6, 7);
    }
#else
    const Vector first = KAKEHASHI_SHUFFLE(t[0], t[1], 0, 2);
    t[1] = KAKEHASHI_SHUFFLE(t[0], t[1], 1, 3);
    t[0] = first;
#endif
}

}  // namespace kakehashi::KAKEHASHI_ISA
