// sigma = H c on a product space, put together from the kernels of the machine's instruction set.
#include <omp.h>

#include <algorithm>
#include <vector>

#include "product.hpp"

namespace kakehashi {
namespace {

// sigma(i, j) = w(i, j) + sign * w(j, i) + d(i, j) c(i, j), in place; `own` is the diagonal of the same-spin part.
void fold(std::int64_t n, double sign, const double* diagonal, const double* c, const std::vector<double>& own,
          double* w, int n_threads) {
    constexpr std::int64_t tile = 32;
    const std::int64_t n_tiles = (n + tile - 1) / tile;
#pragma omp parallel for num_threads(n_threads) schedule(dynamic)
    for (std::int64_t a = 0; a < n_tiles; ++a) {
        for (std::int64_t b = 0; b <= a; ++b) {
            for (std::int64_t i = a * tile; i < std::min(n, (a + 1) * tile); ++i) {
                for (std::int64_t j = b * tile; j < std::min(i, (b + 1) * tile); ++j) {
                    const std::int64_t ij = i * n + j, ji = j * n + i;
                    const double sum = w[ij] + sign * w[ji];
                    w[ij] = sum + diagonal[ij] * c[ij];
                    w[ji] = sign * sum + diagonal[ji] * c[ji];
                }
            }
        }
        for (std::int64_t i = a * tile; i < std::min(n, (a + 1) * tile); ++i) {
            const std::int64_t ii = i * n + i;
            w[ii] = sign < 0 ? 0.0 : w[ii] + own[i] + diagonal[ii] * c[ii];
        }
    }
}

void apply_folded(const ProductSpace& space, const double* diagonal, const double* c, double* sigma, double sign) {
    const std::int64_t n = space.n_alpha();
    kernels().same_spin(space.integrals, space.alpha, space.alpha, c, sigma, space.n_threads);
    std::vector<double> own(n);
    for (std::int64_t i = 0; i < n; ++i) own[i] = sigma[i * n + i];
    kernels().opposite_spin(space, c, sigma, true);
    fold(n, sign, diagonal, c, own, sigma, space.n_threads);
}

void apply_full(const ProductSpace& space, const double* diagonal, const double* c, double* sigma) {
    const std::int64_t n_alpha = space.n_alpha(), n_beta = space.n_beta(), size = space.size();
    const Kernels& kernel = kernels();
    std::vector<double> c_transposed(size), work(size);
    kernel.transpose(c, c_transposed.data(), n_alpha, n_beta, space.n_threads);
    kernel.same_spin(space.integrals, space.beta(), space.alpha, c_transposed.data(), work.data(), space.n_threads);
    kernel.transpose(work.data(), c_transposed.data(), n_beta, n_alpha, space.n_threads);
    kernel.same_spin(space.integrals, space.alpha, space.beta(), c, sigma, space.n_threads);
    const double* beta_part = c_transposed.data();
#pragma omp parallel for num_threads(space.n_threads) schedule(static)
    for (std::int64_t i = 0; i < size; ++i) sigma[i] += beta_part[i] + diagonal[i] * c[i];
    kernel.opposite_spin(space, c, sigma, false);
}

}  // namespace

void fill_diagonal(const ProductSpace& space, double* diagonal) {
    const Integrals& v = space.integrals;
    const Sector& beta = space.beta();
    const std::int64_t n_beta = space.n_beta();
#pragma omp parallel for num_threads(space.n_threads) schedule(static)
    for (std::int64_t a = 0; a < space.n_alpha(); ++a) {
        std::vector<double> coulomb(v.n_orb, 0.0);
        for (String occupied = space.alpha.strings[a]; !occupied.empty();) {
            const int p = occupied.take_lowest();
            for (int r = 0; r < v.n_orb; ++r) coulomb[r] += v.g(p, p, r, r);
        }
        for (std::int64_t b = 0; b < n_beta; ++b) {
            double energy = space.alpha.diagonal[a] + beta.diagonal[b];
            for (String occupied = beta.strings[b]; !occupied.empty();) energy += coulomb[occupied.take_lowest()];
            diagonal[a * n_beta + b] = energy;
        }
    }
}

void apply_hamiltonian(const ProductSpace& space, const double* diagonal, const double* c, double* sigma,
                       Symmetry symmetry) {
    if (symmetry == Symmetry::none) {
        apply_full(space, diagonal, c, sigma);
    } else {
        apply_folded(space, diagonal, c, sigma, symmetry == Symmetry::even ? 1.0 : -1.0);
    }
}

}  // namespace kakehashi
