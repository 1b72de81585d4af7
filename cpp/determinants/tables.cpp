#include "tables.hpp"

#include <algorithm>
#include <cmath>

namespace kakehashi {
namespace {

void sort_lists(StrengthLists& lists) {
    for (std::size_t i = 0; i + 1 < lists.offsets.size(); ++i) {
        std::stable_sort(lists.entries.begin() + lists.offsets[i], lists.entries.begin() + lists.offsets[i + 1],
                         [](const Strength& a, const Strength& b) { return a.size > b.size; });
    }
}

float rounded_up(double x) { return std::nextafter(static_cast<float>(x), 3e38f); }

}  // namespace

Tables::Tables(const DeterminantOptions& given, const double* h_in, const double* two_body)
    : options(given),
      n_orb(given.n_orb),
      n_pair(std::int64_t{n_orb} * (n_orb + 1) / 2),
      one_body(h_in, h_in + std::int64_t{n_orb} * n_orb),
      pairs(n_pair * n_pair),
      coulomb(std::size_t(n_orb) * n_orb),
      anti(std::size_t(n_orb) * n_orb),
      single_bound(n_pair),
      alpha_bound(n_pair) {
    double* to = pairs.data();
    for (std::int64_t p = 0; p < n_orb; ++p) {
        for (std::int64_t q = 0; q <= p; ++q) {
            const double* from = two_body + (p * n_orb + q) * n_orb * n_orb;
            for (std::int64_t r = 0; r < n_orb; ++r) to = std::copy_n(from + r * n_orb, r + 1, to);
        }
    }
    for (int p = 0; p < n_orb; ++p) {
        for (int q = 0; q < n_orb; ++q) {
            coulomb[p * n_orb + q] = g(p, p, q, q);
            anti[p * n_orb + q] = g(p, p, q, q) - g(p, q, p, q);
        }
    }
    // Room for all that can come: lists that grow would hold their entries twice while they move.
    const std::size_t n_mixed = std::size_t(n_orb) * (n_orb - 1) / 2;
    const std::size_t n_left = n_orb > 3 ? std::size_t(n_orb - 2) * (n_orb - 3) / 2 : 0;
    same_spin.entries.reserve(n_mixed * n_left);
    opposite_spin.entries.reserve(n_mixed * n_mixed);
    same_spin.offsets.assign(n_pair + 1, 0);
    opposite_spin.offsets.assign(n_pair + 1, 0);
    for (int q1 = 0; q1 < n_orb; ++q1) {
        for (int q2 = 0; q2 <= q1; ++q2) {
            const std::int64_t from = pair(q1, q2);
            // the diagonal pair (q, q) empties no two orbitals of one spin
            for (int p1 = 0; q1 != q2 && p1 < n_orb; ++p1) {
                if (p1 == q1 || p1 == q2) continue;
                for (int p2 = p1 + 1; p2 < n_orb; ++p2) {
                    if (p2 == q1 || p2 == q2) continue;
                    const double size = std::abs(double_element(p1, q2, p2, q1));
                    if (size > options.screen)
                        same_spin.entries.push_back({rounded_up(size), std::int16_t(p1), std::int16_t(p2)});
                }
            }
            same_spin.offsets[from + 1] = static_cast<std::int64_t>(same_spin.entries.size());
            double coulomb_bound = 0, exchange_bound = 0, opposite_bound = 0;
            for (int k = 0; k < n_orb; ++k) {
                coulomb_bound += std::abs(g(q1, q2, k, k));
                exchange_bound += std::abs(g(q1, k, q2, k));
            }
            single_bound[from] = rounded_up(std::abs(h(q1, q2)) + 2 * coulomb_bound + exchange_bound);
            for (int r = 0; q1 != q2 && r < n_orb; ++r) {
                for (int s = 0; s < r; ++s) {
                    double size = std::abs(row(from)[pair(r, s)]);
                    if (from == pair(r, s)) size = std::max(size, std::abs(row(from)[from] - options.spin_penalty));
                    opposite_bound = std::max(opposite_bound, size);
                    if (size > options.screen)
                        opposite_spin.entries.push_back({rounded_up(size), std::int16_t(r), std::int16_t(s)});
                }
            }
            opposite_spin.offsets[from + 1] = static_cast<std::int64_t>(opposite_spin.entries.size());
            alpha_bound[from] = std::max(single_bound[from], rounded_up(opposite_bound));
        }
    }
    sort_lists(same_spin);
    sort_lists(opposite_spin);
}

}  // namespace kakehashi
