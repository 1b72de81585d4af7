// Vectors of one real type, as wide as the target's registers, and the exchange of their lanes.
#pragma once

#include <utility>

#include "../simd.hpp"

namespace kakehashi::KAKEHASHI_ISA {

constexpr int log2_of(int n) { return n <= 1 ? 0 : 1 + log2_of(n / 2); }

template <class T>
struct Lanes {
    static constexpr int n_bytes = width * static_cast<int>(sizeof(double));
    static constexpr int count = n_bytes / static_cast<int>(sizeof(T));
    static constexpr int bits = log2_of(count);
    typedef T Type __attribute__((vector_size(n_bytes)));

    static Type load(const T* from) {
        Type v;
        std::memcpy(&v, from, sizeof v);
        return v;
    }
    static void store(T* to, Type v) { std::memcpy(to, &v, sizeof v); }
    static Type broadcast(T x) { return x - Type{}; }

    // Lane k gets what lane k ^ distance has.
    template <int distance>
    static Type exchange(Type v) {
        return [&]<int... k>(std::integer_sequence<int, k...>) {
#if defined(__clang__) || __GNUC__ >= 12
            return __builtin_shufflevector(v, v, (k ^ distance)...);
#else
            typedef std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t> Index;
            typedef Index Indices __attribute__((vector_size(n_bytes)));
            return __builtin_shuffle(v, Indices{(k ^ distance)...});
#endif
        }(std::make_integer_sequence<int, count>{});
    }

    static double sum(Type v) {
        double total = 0;
        for (int k = 0; k < count; ++k) total += static_cast<double>(v[k]);
        return total;
    }
};

}  // namespace kakehashi::KAKEHASHI_ISA
