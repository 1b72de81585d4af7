// Same-spin part of sigma: a sparse matrix over strings times blocks of columns that stay in the L2 cache.
#include <omp.h>

#include <algorithm>

#include "product.hpp"
#include "simd.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

constexpr int n_groups = 8;
constexpr int block = n_groups * width;

struct Workspace {
    std::vector<double> columns;  // (n_strings, block): the block of c, packed
    std::vector<double> coulomb;  // (n_slots, block): sum over the other spin's electrons r of (pq|rr)
};

void pack(const double* c, std::int64_t n_rows, std::int64_t stride, std::int64_t n_used, double* packed) {
    for (std::int64_t row = 0; row < n_rows; ++row) {
        double* to = packed + row * block;
        std::copy_n(c + row * stride, n_used, to);
        std::fill(to + n_used, to + block, 0.0);
    }
}

void sum_coulomb(const Integrals& v, const CoulombLinks& links, const Sector& other, std::int64_t first,
                 std::int64_t n_used, double* coulomb) {
    std::fill_n(coulomb, links.pairs.size() * block, 0.0);
    for (std::int64_t x = 0; x < n_used; ++x) {
        for (String occupied = other.strings[first + x]; !occupied.empty();) {
            const int r = occupied.take_lowest();
            const double* row = v.pairs + pair_index(r, r) * v.n_pair();
            for (std::size_t slot = 0; slot < links.pairs.size(); ++slot) {
                coulomb[slot * block + x] += row[links.pairs[slot]];
            }
        }
    }
}

void apply_row(const Sector& sector, std::int64_t row, const Workspace& work, double* result) {
    Vector sum[n_groups] = {};
    const SparseRows& same = sector.same_spin;
    for (std::int64_t i = same.offsets[row]; i < same.offsets[row + 1]; ++i) {
        const double* x = work.columns.data() + std::int64_t{same.columns[i]} * block;
        const Vector value = broadcast(same.values[i]);
        for (int g = 0; g < n_groups; ++g) sum[g] += value * load(x + g * width);
    }
    const CoulombLinks& links = sector.coulomb;
    for (std::int64_t i = links.offsets[row]; i < links.offsets[row + 1]; ++i) {
        const double* x = work.columns.data() + std::int64_t{links.columns[i]} * block;
        const double* j = work.coulomb.data() + std::int64_t{links.slots[i]} * block;
        const Vector sign = broadcast(links.signs[i]);
        for (int g = 0; g < n_groups; ++g) sum[g] += sign * load(j + g * width) * load(x + g * width);
    }
    for (int g = 0; g < n_groups; ++g) store(result + g * width, sum[g]);
}

}  // namespace

void same_spin(const Integrals& v, const Sector& sector, const Sector& other, const double* c, double* out,
               int n_threads) {
    const std::int64_t n = sector.size(), n_columns = other.size();
    const std::int64_t n_blocks = (n_columns + block - 1) / block;
#pragma omp parallel num_threads(n_threads)
    {
        Workspace work;
        work.columns.resize(n * block);
        work.coulomb.resize(sector.coulomb.pairs.size() * block);
        alignas(64) double result[block];
#pragma omp for schedule(dynamic)
        for (std::int64_t b = 0; b < n_blocks; ++b) {
            const std::int64_t first = b * block;
            const std::int64_t n_used = std::min<std::int64_t>(block, n_columns - first);
            pack(c + first, n, n_columns, n_used, work.columns.data());
            sum_coulomb(v, sector.coulomb, other, first, n_used, work.coulomb.data());
            for (std::int64_t row = 0; row < n; ++row) {
                apply_row(sector, row, work, result);
                std::copy_n(result, n_used, out + row * n_columns + first);
            }
        }
    }
}

void transpose_matrix(const double* from, double* to, std::int64_t n_rows, std::int64_t n_columns, int n_threads) {
    constexpr std::int64_t tile = 32;
#pragma omp parallel for num_threads(n_threads) schedule(static)
    for (std::int64_t j0 = 0; j0 < n_columns; j0 += tile) {
        const std::int64_t j1 = std::min(j0 + tile, n_columns);
        for (std::int64_t i0 = 0; i0 < n_rows; i0 += tile) {
            const std::int64_t i1 = std::min(i0 + tile, n_rows);
            for (std::int64_t j = j0; j < j1; ++j) {
                for (std::int64_t i = i0; i < i1; ++i) to[j * n_rows + i] = from[i * n_columns + j];
            }
        }
    }
}

}  // namespace kakehashi::KAKEHASHI_ISA
