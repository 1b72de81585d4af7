// The kernels of each instruction set that was compiled in, and the choice among them at run time.
#include <cstdlib>
#include <cstring>

#include "determinants/space.hpp"
#include "product.hpp"
#include "state_vector/front.hpp"
#include "state_vector/program.hpp"

#define KAKEHASHI_DECLARE(isa)                                                                                   \
    namespace kakehashi::isa {                                                                                   \
    void same_spin(const Integrals&, const Sector&, const Sector&, const double*, double*, int);                 \
    void opposite_spin(const ProductSpace&, const double*, double*, bool);                                       \
    void transpose_matrix(const double*, double*, std::int64_t, std::int64_t, int);                              \
    std::unique_ptr<DeterminantSpace> make_space(const DeterminantOptions&, const double*, const double*);       \
    std::unique_ptr<TrajectorySampler> make_sampler(std::shared_ptr<const Program>, bool);                       \
    void sample_front(const FrontProgram&, const FrontShots&, int, bool);                                        \
    }

KAKEHASHI_DECLARE(portable)
#ifdef KAKEHASHI_X86
KAKEHASHI_DECLARE(avx2)
KAKEHASHI_DECLARE(avx512)
#endif

namespace kakehashi {
namespace {

constexpr Kernels portable_kernels{"portable", 2, portable::same_spin, portable::opposite_spin,
                                   portable::transpose_matrix, portable::make_space, portable::make_sampler,
                                   portable::sample_front};
#ifdef KAKEHASHI_X86
constexpr Kernels avx2_kernels{"avx2",           4,
                              avx2::same_spin,  avx2::opposite_spin,
                              avx2::transpose_matrix, avx2::make_space, avx2::make_sampler,
                              avx2::sample_front};
constexpr Kernels avx512_kernels{"avx512",           8,
                                avx512::same_spin,  avx512::opposite_spin,
                                avx512::transpose_matrix, avx512::make_space, avx512::make_sampler,
                                avx512::sample_front};
#endif

const Kernels* widest() {
#ifdef KAKEHASHI_X86
    __builtin_cpu_init();
    const bool bits = __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (bits && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        return &avx512_kernels;
    }
    if (bits && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2_kernels;
#endif
    return &portable_kernels;
}

const Kernels* chosen = widest();

}  // namespace

const Kernels& kernels() { return *chosen; }

std::unique_ptr<DeterminantSpace> make_determinants(const DeterminantOptions& options, const double* one_body,
                                                    const double* two_body) {
    return kernels().make_space(options, one_body, two_body);
}

std::unique_ptr<TrajectorySampler> make_sampler(std::shared_ptr<const Program> program, bool single) {
    return kernels().make_sampler(std::move(program), single);
}

void sample_front(const FrontProgram& program, const FrontShots& shots, int n_threads, bool single) {
    kernels().sample_front(program, shots, n_threads, single);
}

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
