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
    std::unique_ptr<CascadeEnd> make_cascade(const CascadePlan&, const std::uint64_t*, bool);                    \
    int scan_block(const photons::ScanTable&, std::uint64_t, std::uint64_t, std::uint32_t*, std::uint32_t*,      \
                   std::uint32_t*);                                                                              \
    void fill_syndrome(const LdpcCode&, const std::uint8_t*, std::uint8_t*);                                     \
    int decode_ldpc(const LdpcCode&, const std::uint8_t*, std::int16_t*, int);                                   \
    std::int64_t pick_bits(const std::uint8_t*, const std::uint8_t*, std::int64_t, std::uint8_t*);               \
    int gap_width(const std::int64_t*, std::int64_t, std::int64_t);                                              \
    void fill_gaps(const std::int64_t*, std::int64_t, std::int64_t, int, std::uint8_t*);                         \
    void look_up_clicks(const sifting::Prepared&, const std::uint8_t*, int, std::int64_t, std::uint8_t*);        \
    void sample_front(const FrontProgram&, const FrontShots&, int, bool);                                        \
    }

KAKEHASHI_DECLARE(portable)
#ifdef KAKEHASHI_X86
KAKEHASHI_DECLARE(avx2)
KAKEHASHI_DECLARE(avx512)
#endif

namespace kakehashi {
namespace {

#define KAKEHASHI_KERNELS(isa, width)                                                                                \
    constexpr Kernels isa##_kernels{#isa,                                                                            \
                                    width,                                                                           \
                                    isa::same_spin,                                                                  \
                                    isa::opposite_spin,                                                              \
                                    isa::transpose_matrix,                                                           \
                                    isa::make_space,                                                                 \
                                    isa::make_sampler,                                                               \
                                    isa::sample_front,                                                               \
                                    isa::scan_block,                                                                 \
                                    isa::make_cascade,                                                               \
                                    isa::fill_syndrome,                                                              \
                                    isa::decode_ldpc,                                                                \
                                    isa::pick_bits,                                                                  \
                                    isa::gap_width,                                                                  \
                                    isa::fill_gaps,                                                                  \
                                    isa::look_up_clicks};

KAKEHASHI_KERNELS(portable, 2)
#ifdef KAKEHASHI_X86
KAKEHASHI_KERNELS(avx2, 4)
KAKEHASHI_KERNELS(avx512, 8)
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

std::unique_ptr<CascadeEnd> make_cascade(const CascadePlan& plan, const std::uint64_t* words, bool corrects) {
    return kernels().make_cascade(plan, words, corrects);
}

void fill_syndrome(const LdpcCode& code, const std::uint8_t* bits, std::uint8_t* out) {
    kernels().fill_syndrome(code, bits, out);
}

int decode_ldpc(const LdpcCode& code, const std::uint8_t* syndrome, std::int16_t* belief, int max_iterations) {
    return kernels().decode_ldpc(code, syndrome, belief, max_iterations);
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
