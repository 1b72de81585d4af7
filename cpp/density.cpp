// Reduced density matrices of a state on a product space.
#include <omp.h>

#include <algorithm>
#include <vector>

#include "product.hpp"

namespace kakehashi {
namespace {

std::int64_t index4(int n, int p, int q, int r, int s) {
    return ((std::int64_t{p} * n + q) * n + r) * n + s;
}

// Adds value * <a+_p a+_r a_s a_q> for a determinant pair that differs in (p q)(r s): all four index orders.
void add_antisymmetric(int n, double* two_body, int p, int q, int r, int s, double value) {
    two_body[index4(n, p, q, r, s)] += value;
    two_body[index4(n, r, s, p, q)] += value;
    two_body[index4(n, p, s, r, q)] -= value;
    two_body[index4(n, r, q, p, s)] -= value;
}

}  // namespace

void fill_same_spin_density(const Sector& sector, int n_orb, const double* string_density, double* one_body,
                            double* two_body) {
    const std::int64_t n = sector.size();
    for (std::int64_t row = 0; row < n; ++row) {
        const double weight = string_density[row * n + row];
        for (String outer = sector.strings[row]; !outer.empty();) {
            const int k = outer.take_lowest();
            one_body[std::int64_t{k} * n_orb + k] += weight;
            for (String inner = outer; !inner.empty();) {
                const int l = inner.take_lowest();
                add_antisymmetric(n_orb, two_body, k, k, l, l, weight);
            }
        }
        for (std::int64_t i = sector.single_offsets[row]; i < sector.single_offsets[row + 1]; ++i) {
            const Single& single = sector.singles[i];
            const double value = single.sign * string_density[row * n + single.column];
            one_body[std::int64_t{single.p} * n_orb + single.q] += value;
            for (String spectators = sector.strings[row] & sector.strings[single.column]; !spectators.empty();) {
                const int k = spectators.take_lowest();
                add_antisymmetric(n_orb, two_body, single.p, single.q, k, k, value);
            }
        }
        visit_doubles(sector, row, [&](std::int64_t column, String bra, String ket) {
            const Double d = find_double(bra, ket);
            add_antisymmetric(n_orb, two_body, d.p1, d.q1, d.p2, d.q2,
                              d.sign * string_density[row * n + column]);
        });
    }
}

void fill_opposite_density(const ProductSpace& space, const double* c, double* density) {
    const int n_orb = space.integrals.n_orb;
    const std::int64_t n_beta = space.n_beta();
    const Sector& alpha = space.alpha;
    const Sector& beta = space.beta();
    // Alpha excitations by (p, q), diagonal ones included: each thread owns whole (p, q).
    struct Link {
        std::int32_t row, column;
        double sign;
    };
    std::vector<std::vector<Link>> links(std::size_t(n_orb) * n_orb);
    for (const Single& single : alpha.singles) {
        links[single.p * n_orb + single.q].push_back({single.row, single.column, double(single.sign)});
    }
    for (std::int64_t row = 0; row < alpha.size(); ++row) {
        for (String occupied = alpha.strings[row]; !occupied.empty();) {
            const int p = occupied.take_lowest();
            links[p * n_orb + p].push_back({static_cast<std::int32_t>(row), static_cast<std::int32_t>(row), 1.0});
        }
    }
#pragma omp parallel for num_threads(space.n_threads) schedule(dynamic)
    for (int pq = 0; pq < n_orb * n_orb; ++pq) {
        double* out = density + std::int64_t{pq} * n_orb * n_orb;
        for (const Link& link : links[pq]) {
            const double* bra = c + std::int64_t{link.row} * n_beta;
            const double* ket = c + std::int64_t{link.column} * n_beta;
            for (const Single& single : beta.singles) {
                out[single.p * n_orb + single.q] += link.sign * single.sign * bra[single.row] * ket[single.column];
            }
            for (std::int64_t b = 0; b < n_beta; ++b) {
                const double weight = link.sign * bra[b] * ket[b];
                for (String occupied = beta.strings[b]; !occupied.empty();) {
                    const int r = occupied.take_lowest();
                    out[r * n_orb + r] += weight;
                }
            }
        }
    }
}

}  // namespace kakehashi
