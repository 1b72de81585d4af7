// The kernels of each instruction set that was compiled in, and the choice among them at run time.
#include <cstdlib>
#include <cstring>

#include "product.hpp"

#define KAKEHASHI_DECLARE(isa)                                                                                   \
    namespace kakehashi::isa {                                                                                   \
    void same_spin(const Integrals&, const Sector&, const Sector&, const double*, double*, int);                 \
    void opposite_spin(const ProductSpace&, const double*, double*, bool);                                       \
    void transpose_matrix(const double*, double*, std::int64_t, std::int64_t, int);                              \
    }

KAKEHASHI_DECLARE(portable)
#ifdef KAKEHASHI_X86
KAKEHASHI_DECLARE(avx2)
KAKEHASHI_DECLARE(avx512)
#endif

namespace kakehashi {
namespace {

constexpr Kernels portable_kernels{"portable", 2, portable::same_spin, portable::opposite_spin,
                                   portable::transpose_matrix};
#ifdef KAKEHASHI_X86
constexpr Kernels avx2_kernels{"avx2", 4, avx2::same_spin, avx2::opposite_spin, avx2::transpose_matrix};
constexpr Kernels avx512_kernels{"avx512", 8, avx512::same_spin, avx512::opposite_spin, avx512::transpose_matrix};
#endif

const Kernels* widest() {
#ifdef KAKEHASHI_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        return &avx512_kernels;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2_kernels;
#endif
    return &portable_kernels;
}

const Kernels* chosen = widest();

}  // namespace

const Kernels& kernels() { return *chosen; }

bool select_kernels(const char* name) {
    const Kernels* best = widest();
    if (std::strcmp(name, portable_kernels.name) == 0) {
        chosen = &portable_kernels;
        return true;
    }
#ifdef KAKEHASHI_X86
    for (const Kernels* candidate : {&avx2_kernels, &avx512_kernels}) {
        if (std::strcmp(name, candidate->name) == 0 && candidate->width <= best->width) {
            chosen = candidate;
            return true;
        }
    }
#endif
    if (std::strcmp(name, "widest") == 0) {
        chosen = best;
        return true;
    }
    return false;
}

}  // namespace kakehashi
