// Puts the parts of a determinant space together for strings of one and of two words.
#include <vector>

#ifdef __GLIBC__  // which any header of the standard library has told
#include <malloc.h>
#endif

#include "cross.hpp"
#include "density.hpp"
#include "matrix.hpp"
#include "perturbation.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

template <class S>
class Space final : public DeterminantSpace {
public:
    explicit Space(std::shared_ptr<const Tables> tables) : net_(std::move(tables)), blocks_(net_) {}

    std::int64_t size() const override { return net_.size(); }
    std::int64_t append(const std::uint64_t* alpha, const std::uint64_t* beta, std::int64_t n) override {
        return net_.append(alpha, beta, n);
    }
    void copy_strings(std::uint64_t* alpha, std::uint64_t* beta) const override {
        for (std::int64_t i = 0; i < size(); ++i) {
            net_.alphas.strings[net_.alpha[i]].write(alpha + 2 * i);
            net_.betas.strings[net_.beta[i]].write(beta + 2 * i);
        }
    }
    void find(const std::uint64_t* alpha, const std::uint64_t* beta, std::int64_t n,
              std::int64_t* positions) const override {
        for (std::int64_t i = 0; i < n; ++i) positions[i] = net_.find(S::read(alpha + 2 * i), S::read(beta + 2 * i));
    }
    bool is_mirrored() const override { return net_.is_mirrored(); }
    std::int64_t n_pairs() const override { return net_.n_rows(true); }
    MatrixSize build(bool half, std::int64_t budget_bytes) override {
        if (half != blocks_.half) forget_matrix();
        blocks_.half = half;
        return half ? matrix_.template build<true>(net_, budget_bytes) : matrix_.template build<false>(net_, budget_bytes);
    }
    bool is_half() const override { return blocks_.half; }
    void forget_matrix() override {
        matrix_ = Matrix<S>();
        blocks_.forget();
#ifdef __GLIBC__
        malloc_trim(0);  // many pieces of middle size, which would stay with the process
#endif
    }
    void fill_diagonal(double* out) const override { std::copy(net_.diagonal.begin(), net_.diagonal.end(), out); }
    void parity_sums(const double* c, double* sums) const override {
        const ParitySums found = net_.parity_sums(c);
        sums[0] = found.even, sums[1] = found.odd;
    }
    void apply_diagonal(const double* c, double* out) const override {
        for (std::int64_t i = 0; i < size(); ++i) out[i] = net_.diagonal[i] * c[i];
    }
    void fold(Vectors kind, const double* c, double* x) const override { KAKEHASHI_ISA::fold(net_, kind, c, x); }
    void multiply(Vectors kind, const double* x, double* y) const override { matrix_.multiply(net_, kind, x, y); }
    void unfold(Vectors kind, const double* y, double* out) const override { KAKEHASHI_ISA::unfold(net_, kind, y, out); }
    void apply_spin_squared(Vectors kind, const double* c, double* out) const override {
        KAKEHASHI_ISA::apply_spin_squared(net_, kind, c, out);
    }
    void fill_densities(const double* bra, const double* ket, double* one_body, double* pairs) const override {
        KAKEHASHI_ISA::fill_densities(net_, bra, ket, one_body, pairs);
    }
    PerturbationSums perturb(const PerturbationPass& pass) const override { return Perturber<S>(net_, pass).run(); }
    Blocks& blocks() override { return blocks_; }
    std::unique_ptr<DeterminantSpace> another() const override { return std::make_unique<Space>(net_.tables); }

private:
    Network<S> net_;
    Matrix<S> matrix_;
    CrossMatrix<S> blocks_;
};

}  // namespace

std::unique_ptr<DeterminantSpace> make_space(const DeterminantOptions& options, const double* one_body,
                                             const double* two_body) {
    auto tables = std::make_shared<const Tables>(options, one_body, two_body);
    if (options.n_orb <= 64) return std::make_unique<Space<Narrow>>(std::move(tables));
    return std::make_unique<Space<Wide>>(std::move(tables));
}

}  // namespace kakehashi::KAKEHASHI_ISA
