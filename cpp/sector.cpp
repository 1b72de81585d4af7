// Building a sector: every string is compared with every other by XOR and popcount. That is N^2 steps of about a
// nanosecond, less than the lookups of all double excitations for the set sizes that a product space allows.
#include "sector.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

namespace kakehashi {

double same_spin_diagonal(const Integrals& v, String string) {
    double energy = 0;
    for (String outer = string; !outer.empty();) {
        const int k = outer.take_lowest();
        energy += v.h(k, k);
        for (String inner = outer; !inner.empty();) {
            const int l = inner.take_lowest();
            energy += v.g(k, k, l, l) - v.g(k, l, l, k);
        }
    }
    return energy;
}

double single_element(const Integrals& v, String ket, int p, int q) {
    double element = v.h(p, q);
    for (String occupied = ket; !occupied.empty();) {
        const int k = occupied.take_lowest();
        element += v.g(p, q, k, k) - v.g(p, k, k, q);
    }
    return element;
}

double double_element(const Integrals& v, const Double& d) {
    return d.sign * (v.g(d.p1, d.q1, d.p2, d.q2) - v.g(d.p1, d.q2, d.p2, d.q1));
}

namespace {

// Slot of every pair (p, q), p != q, for which some (pq|rr) is not zero; -1 for the others.
std::vector<std::int32_t> number_coulomb_pairs(const Integrals& v, std::vector<std::int64_t>& pairs) {
    std::vector<std::int32_t> slots(v.n_pair(), -1);
    for (int p = 0; p < v.n_orb; ++p) {
        for (int q = 0; q < p; ++q) {
            bool used = false;
            for (int r = 0; r < v.n_orb && !used; ++r) used = std::abs(v.g(p, q, r, r)) > v.screen;
            if (!used) continue;
            slots[pair_index(p, q)] = static_cast<std::int32_t>(pairs.size());
            pairs.push_back(pair_index(p, q));
        }
    }
    return slots;
}

// What one thread finds in its contiguous range of rows, in row order.
struct Part {
    std::vector<Single> singles;
    std::vector<std::int32_t> columns;
    std::vector<double> values;
    std::vector<std::int64_t> n_singles, n_entries;  // per row
    std::int64_t n_connected = 0;
    std::int64_t n_nonzero = 0;
};

void scan_row(const Integrals& v, const std::vector<String>& strings, const std::vector<std::int32_t>& slots,
              std::int64_t row, Part& part) {
    const std::size_t singles_before = part.singles.size();
    const std::size_t entries_before = part.columns.size();
    const String bra = strings[row];
    const bool narrow = v.n_orb <= 64;
    const auto n = static_cast<std::int64_t>(strings.size());
    for (std::int64_t column = 0; column < n; ++column) {
        const String ket = strings[column];
        const int distance =
            narrow ? std::popcount(bra.low ^ ket.low) : (bra ^ ket).count();
        if (distance > 4 || distance == 0) continue;
        ++part.n_connected;
        double element = 0;
        bool depends_on_other_spin = false;
        if (distance == 2) {
            const String changed = bra ^ ket;
            const int p = (bra & changed).lowest(), q = (ket & changed).lowest();
            const int sign = excitation_sign(ket, p, q);
            part.singles.push_back({static_cast<std::int32_t>(row), static_cast<std::int32_t>(column),
                                    static_cast<std::int16_t>(p), static_cast<std::int16_t>(q), sign});
            element = sign * single_element(v, ket, p, q);
            depends_on_other_spin = slots[pair_index(p, q)] >= 0;
        } else {
            element = double_element(v, find_double(bra, ket));
        }
        const bool kept = std::abs(element) > v.screen;
        part.n_nonzero += kept || depends_on_other_spin;
        if (kept) {
            part.columns.push_back(static_cast<std::int32_t>(column));
            part.values.push_back(element);
        }
    }
    part.n_singles.push_back(static_cast<std::int64_t>(part.singles.size() - singles_before));
    part.n_entries.push_back(static_cast<std::int64_t>(part.columns.size() - entries_before));
}

void append_offsets(std::vector<std::int64_t>& offsets, const std::vector<std::int64_t>& counts) {
    for (const std::int64_t count : counts) offsets.push_back(offsets.back() + count);
}

void collect_coulomb_links(const std::vector<std::int32_t>& slots, Sector& sector) {
    CoulombLinks& links = sector.coulomb;
    links.offsets.assign(1, 0);
    for (std::int64_t row = 0; row < sector.size(); ++row) {
        for (std::int64_t i = sector.single_offsets[row]; i < sector.single_offsets[row + 1]; ++i) {
            const Single& single = sector.singles[i];
            const std::int32_t slot = slots[pair_index(single.p, single.q)];
            if (slot < 0) continue;
            links.columns.push_back(single.column);
            links.slots.push_back(slot);
            links.signs.push_back(single.sign);
        }
        links.offsets.push_back(static_cast<std::int64_t>(links.columns.size()));
    }
}

}  // namespace

Sector build_sector(const Integrals& v, std::vector<String> strings, int n_threads) {
    Sector sector;
    sector.strings = std::move(strings);
    const std::int64_t n = sector.size();
    sector.diagonal.resize(n);
    const std::vector<std::int32_t> slots = number_coulomb_pairs(v, sector.coulomb.pairs);
    const int n_parts = static_cast<int>(std::clamp<std::int64_t>(n, 1, n_threads));
    std::vector<Part> parts(n_parts);
#pragma omp parallel for num_threads(n_parts) schedule(static, 1)
    for (int i = 0; i < n_parts; ++i) {
        for (std::int64_t row = n * i / n_parts; row < n * (i + 1) / n_parts; ++row) {
            sector.diagonal[row] = same_spin_diagonal(v, sector.strings[row]);
            scan_row(v, sector.strings, slots, row, parts[i]);
        }
    }
    sector.single_offsets.assign(1, 0);
    sector.same_spin.offsets.assign(1, 0);
    for (Part& part : parts) {
        append_offsets(sector.single_offsets, part.n_singles);
        append_offsets(sector.same_spin.offsets, part.n_entries);
        sector.singles.insert(sector.singles.end(), part.singles.begin(), part.singles.end());
        auto& rows = sector.same_spin;
        rows.columns.insert(rows.columns.end(), part.columns.begin(), part.columns.end());
        rows.values.insert(rows.values.end(), part.values.begin(), part.values.end());
        sector.n_connected += part.n_connected;
        sector.n_nonzero += part.n_nonzero;
        part = {};
    }
    collect_coulomb_links(slots, sector);
    return sector;
}

}  // namespace kakehashi
