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
    MatrixSize build(std::int64_t budget_bytes) override { return matrix_.build(net_, budget_bytes); }
    void forget_matrix() override {
        matrix_ = Matrix<S>();
        blocks_.forget();
#ifdef __GLIBC__
        malloc_trim(0);  // many pieces of middle size, which would stay with the process
#endif
    }
    void fill_diagonal(double* out) const override { std::copy(net_.diagonal.begin(), net_.diagonal.end(), out); }
    void apply(const double* c, double* out) const override { matrix_.apply(net_, c, out); }
    void apply_spin_squared(const double* c, double* out) const override {
        KAKEHASHI_ISA::apply_spin_squared(net_, c, out);
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
