// The kernels over GF(2) of each instruction set that was compiled in, and the choice among them at run time.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "kernels.hpp"

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define KAKEHASHI_DECLARE_CARRYLESS(isa)                                              \
    namespace kakehashi::isa {                                                        \
    void toeplitz(const ToeplitzTask&);                                               \
    void start_polynomial(Polynomial&, const std::uint8_t*);                          \
    void extend_polynomial(Polynomial&, const std::uint8_t*, std::size_t);            \
    }                                                                                 \
    namespace kakehashi {                                                             \
    namespace {                                                                       \
    constexpr CarrylessKernels isa##_carryless(int rank, double product_cost) {       \
        return {#isa, rank, product_cost, isa::toeplitz, isa::start_polynomial, isa::extend_polynomial}; \
    }                                                                                 \
    }                                                                                 \
    }

KAKEHASHI_DECLARE_CARRYLESS(portable)
#ifdef KAKEHASHI_X86
KAKEHASHI_DECLARE_CARRYLESS(pclmul)
KAKEHASHI_DECLARE_CARRYLESS(vpclmul)
KAKEHASHI_DECLARE_CARRYLESS(vpclmul512)
#endif
#ifdef KAKEHASHI_PMULL
KAKEHASHI_DECLARE_CARRYLESS(pmull)
#endif

namespace kakehashi {
namespace {

constexpr CarrylessKernels all_kernels[] = {
    portable_carryless(0, 2.8),
#ifdef KAKEHASHI_X86
    pclmul_carryless(1, 1.9),
    vpclmul_carryless(2, 2.5),
    vpclmul512_carryless(3, 2.9),
#endif
#ifdef KAKEHASHI_PMULL
    pmull_carryless(1, 1.9),
#endif
};

int best_rank() {
#ifdef KAKEHASHI_X86
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("pclmul")) return 0;
    if (!__builtin_cpu_supports("vpclmulqdq")) return 1;
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return wide ? 3 : 2;
#elif defined(KAKEHASHI_PMULL) && defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_PMULL) != 0 ? 1 : 0;
#elif defined(KAKEHASHI_PMULL) && defined(__APPLE__)
    return 1;  // every one of Apple's has it
#else
    return 0;
#endif
}

const CarrylessKernels* widest() {
    const int rank = best_rank();
    const CarrylessKernels* best = all_kernels;
    for (const CarrylessKernels& candidate : all_kernels) {
        if (candidate.rank <= rank && candidate.rank >= best->rank) best = &candidate;
    }
    return best;
}

const CarrylessKernels* chosen = widest();

constexpr int shortest = 13, longest = 37;  // logarithms of lengths that the transform is made for

std::int64_t n_pieces(std::int64_t n, std::int64_t n_out, int k) {
    const std::int64_t piece = (std::int64_t{1} << k) - n_out + 1;
    return (n - n_out + piece - 1) / piece;
}

}  // namespace

const CarrylessKernels& carryless_kernels() { return *chosen; }

bool select_carryless_kernels(const char* name) {
    if (std::strcmp(name, "widest") == 0) {
        chosen = widest();
        return true;
    }
    for (const CarrylessKernels& candidate : all_kernels) {
        if (std::strcmp(name, candidate.name) == 0 && candidate.rank <= widest()->rank) {
            chosen = &candidate;
            return true;
        }
    }
    return false;
}

// The unit is what a transform does to a word at one level, as measured; starting one costs some thousand.
int plan_toeplitz(std::int64_t n, std::int64_t n_out) {
    if (n_out == 0 || n_out == n) return 0;
    const double n_products = 2.0 * static_cast<double>((n - n_out + 63) / 64) * static_cast<double>((n_out + 63) / 64);
    double best = carryless_kernels().product_cost * n_products;
    int plan = 0;
    for (int k = shortest; k <= longest; ++k) {
        if (std::int64_t{1} << k < n_out) continue;
        const std::int64_t pieces = n_pieces(n, n_out, k);
        const double words = static_cast<double>(std::int64_t{1} << (k - 6));
        const double cost = static_cast<double>(2 * pieces + 1) * (4000 + words * (k + 4));
        if (cost < best) {
            best = cost;
            plan = k;
        }
        if (pieces == 1) break;
    }
    return plan;
}

std::int64_t toeplitz_bytes(std::int64_t n, std::int64_t n_out, int log2_length, int n_threads) {
    if (log2_length == 0) return 0;
    const std::int64_t array = std::int64_t{1} << (log2_length - 3);
    return array * (n_pieces(n, n_out, log2_length) > 1 ? 4 : 3) + n_threads * std::min<std::int64_t>(array, 1 << 22);
}

}  // namespace kakehashi
