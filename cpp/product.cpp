// Building a product space: the two sectors, the alpha links of each orbital pair, and the pair classes.
#include "product.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kakehashi {
namespace {

// Below this many determinants, waking threads costs more than they save.
constexpr std::int64_t least_threaded_size = 16384;

// Class of each off-diagonal pair: connected components of the graph whose edges are integrals that are not zero.
std::vector<std::int64_t> classify_pairs(const Integrals& v) {
    std::vector<std::int64_t> parent(v.n_pair());
    std::iota(parent.begin(), parent.end(), 0);
    const auto root = [&](std::int64_t i) {
        while (parent[i] != i) i = parent[i] = parent[parent[i]];
        return i;
    };
    std::vector<std::int64_t> off_diagonal;
    for (int p = 0; p < v.n_orb; ++p) {
        for (int q = 0; q < p; ++q) off_diagonal.push_back(pair_index(p, q));
    }
    for (const std::int64_t pq : off_diagonal) {
        const double* row = v.pairs + pq * v.n_pair();
        for (const std::int64_t rs : off_diagonal) {
            if (rs >= pq) break;
            if (std::abs(row[rs]) > v.screen) parent[root(pq)] = root(rs);
        }
    }
    std::vector<std::int64_t> classes(v.n_pair(), -1);
    for (const std::int64_t pq : off_diagonal) classes[pq] = root(pq);
    return classes;
}

void build_classes(ProductSpace& space) {
    const Integrals& v = space.integrals;
    const std::vector<std::int64_t> class_of = classify_pairs(v);
    std::vector<std::vector<std::int64_t>> members(v.n_pair());
    for (std::int64_t pair = 0; pair < v.n_pair(); ++pair) {
        if (class_of[pair] >= 0) members[class_of[pair]].push_back(pair);
    }
    const Sector& beta = space.beta();
    std::vector<std::int32_t> slots(v.n_pair());
    std::vector<std::int64_t> class_index(v.n_pair(), -1);
    std::vector<char> has_beta(v.n_pair(), 0);
    for (const Single& single : beta.singles) has_beta[pair_index(single.p, single.q)] = 1;
    for (std::int64_t root = 0; root < v.n_pair(); ++root) {
        const std::vector<std::int64_t>& pairs = members[root];
        if (pairs.empty()) continue;
        // A pair that couples to nothing, not even to itself, takes no part.
        if (pairs.size() == 1 && std::abs(v.pairs[root * v.n_pair() + root]) <= v.screen) continue;
        PairClass found;
        for (const std::int64_t pair : pairs) {
            if (!space.alpha_links[pair].rows.empty()) found.alpha_pairs.push_back(pair);
            if (has_beta[pair]) {
                slots[pair] = static_cast<std::int32_t>(found.beta_pairs.size());
                found.beta_pairs.push_back(pair);
            }
        }
        if (found.alpha_pairs.empty() || found.beta_pairs.empty()) continue;
        for (const std::int64_t pair : pairs) class_index[pair] = static_cast<std::int64_t>(space.classes.size());
        found.beta_offsets.reserve(beta.size() + 1);
        found.beta_offsets.push_back(0);
        space.classes.push_back(std::move(found));
    }
    for (std::int64_t row = 0; row < beta.size(); ++row) {
        for (std::int64_t i = beta.single_offsets[row]; i < beta.single_offsets[row + 1]; ++i) {
            const Single& single = beta.singles[i];
            const std::int64_t pair = pair_index(single.p, single.q);
            if (class_index[pair] < 0) continue;
            space.classes[class_index[pair]].beta_entries.push_back(
                {single.column, 2 * slots[pair] + (single.sign < 0 ? 1 : 0)});
        }
        for (PairClass& pairs : space.classes) {
            pairs.beta_offsets.push_back(static_cast<std::int64_t>(pairs.beta_entries.size()));
        }
    }
}

}  // namespace

std::vector<PairLinks> group_by_pair(const Sector& sector, std::int64_t n_pair) {
    std::vector<PairLinks> grouped(n_pair);
    for (const Single& single : sector.singles) {
        PairLinks& links = grouped[pair_index(single.p, single.q)];
        links.rows.push_back(single.row);
        links.columns.push_back(single.column);
        links.signs.push_back(static_cast<std::int8_t>(single.sign));
        links.raises.push_back(single.p > single.q);
    }
    return grouped;
}

std::unique_ptr<ProductSpace> build_product(int n_orb, const double* one_body, const double* pair_matrix,
                                            std::vector<String> alpha, std::vector<String> beta, double screen,
                                            int n_threads) {
    auto space = std::make_unique<ProductSpace>();
    const std::int64_t n_pair = std::int64_t{n_orb} * (n_orb + 1) / 2;
    space->one_body.assign(one_body, one_body + std::int64_t{n_orb} * n_orb);
    space->pair_matrix.assign(pair_matrix, pair_matrix + n_pair * n_pair);
    space->integrals = {n_orb, space->one_body.data(), space->pair_matrix.data(), screen};
    space->same_strings = alpha == beta;
    const auto size = static_cast<std::int64_t>(alpha.size()) * static_cast<std::int64_t>(beta.size());
    space->n_threads = size < least_threaded_size ? 1 : n_threads;
    space->alpha = build_sector(space->integrals, std::move(alpha), space->n_threads);
    if (!space->same_strings) space->beta_own = build_sector(space->integrals, std::move(beta), space->n_threads);
    space->alpha_links = group_by_pair(space->alpha, n_pair);
    build_classes(*space);
    return space;
}

ElementCount count_elements(const ProductSpace& space) {
    const auto n_alpha = static_cast<double>(space.n_alpha()), n_beta = static_cast<double>(space.n_beta());
    const Sector& alpha = space.alpha;
    const Sector& beta = space.beta();
    ElementCount count{};
    count.connected = n_alpha * n_beta + n_beta * static_cast<double>(alpha.n_connected) +
                      n_alpha * static_cast<double>(beta.n_connected) +
                      static_cast<double>(alpha.singles.size()) * static_cast<double>(beta.singles.size());
    count.nonzero = n_alpha * n_beta + n_beta * static_cast<double>(alpha.n_nonzero) +
                    n_alpha * static_cast<double>(beta.n_nonzero);
    std::vector<double> n_beta_links(space.integrals.n_pair(), 0.0);
    for (const Single& single : beta.singles) n_beta_links[pair_index(single.p, single.q)] += 1;
    for (const PairClass& pairs : space.classes) {
        for (const std::int64_t pq : pairs.alpha_pairs) {
            const double* row = space.integrals.pairs + pq * space.integrals.n_pair();
            double partners = 0;
            for (const std::int64_t rs : pairs.beta_pairs) {
                if (std::abs(row[rs]) > space.integrals.screen) partners += n_beta_links[rs];
            }
            count.nonzero += partners * static_cast<double>(space.alpha_links[pq].rows.size());
        }
    }
    return count;
}

}  // namespace kakehashi
