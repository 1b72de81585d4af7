// S^2 on a product space: S^2 = S_z (S_z + 1) + N_beta - sum_pq E^alpha_pq E^beta_qp.
#include <omp.h>

#include <algorithm>

#include "product.hpp"

namespace kakehashi {
namespace {

void apply_diagonal(const ProductSpace& space, std::int64_t a, const double* c, double* out) {
    const std::int64_t n_beta = space.n_beta();
    const Sector& beta = space.beta();
    const String alpha = space.alpha.strings[a];
    for (std::int64_t b = 0; b < n_beta; ++b) {
        const String string = beta.strings[b];
        const double s_z = 0.5 * (alpha.count() - string.count());
        const double value = s_z * (s_z + 1) + string.count() - (alpha & string).count();
        out[a * n_beta + b] = value * c[a * n_beta + b];
    }
}

}  // namespace

void apply_spin_squared(const ProductSpace& space, const double* c, double* out) {
    const std::int64_t n_alpha = space.n_alpha(), n_beta = space.n_beta();
    const std::vector<PairLinks>* beta_links = &space.alpha_links;
    std::vector<PairLinks> own;
    if (!space.same_strings) {
        own = group_by_pair(space.beta(), space.integrals.n_pair());
        beta_links = &own;
    }
    const int n_ranges = space.n_threads;
#pragma omp parallel for num_threads(space.n_threads) schedule(static, 1)
    for (int range = 0; range < n_ranges; ++range) {
        const auto first = static_cast<std::int32_t>(n_alpha * range / n_ranges);
        const auto last = static_cast<std::int32_t>(n_alpha * (range + 1) / n_ranges);
        for (std::int64_t a = first; a < last; ++a) apply_diagonal(space, a, c, out);
        for (std::size_t pair = 0; pair < space.alpha_links.size(); ++pair) {
            const PairLinks& alpha = space.alpha_links[pair];
            const PairLinks& beta = (*beta_links)[pair];
            const auto begin = std::lower_bound(alpha.rows.begin(), alpha.rows.end(), first) - alpha.rows.begin();
            for (std::size_t i = begin; i < alpha.rows.size() && alpha.rows[i] < last; ++i) {
                const double* source = c + std::int64_t{alpha.columns[i]} * n_beta;
                double* target = out + std::int64_t{alpha.rows[i]} * n_beta;
                for (std::size_t j = 0; j < beta.rows.size(); ++j) {
                    if (alpha.raises[i] == beta.raises[j]) continue;
                    target[beta.rows[j]] -= alpha.signs[i] * beta.signs[j] * source[beta.columns[j]];
                }
            }
        }
    }
}

}  // namespace kakehashi
