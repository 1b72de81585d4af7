// Opposite-spin part of sigma: for each orbital pair (pq), the alpha links of that pair are gathered as the columns
// of a dense block, multiplied by the sparse beta operator sum_rs (pq|rs) E_rs, and added back.
//
// A pair links each row to at most one column (a string holds p or q, not both), so ranges of alpha rows can be
// worked on by different threads without conflict, and each element of sigma is summed in the same order whatever
// the number of threads.
#include <omp.h>

#include <algorithm>

#include "product.hpp"
#include "simd.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

using Entry = PairClass::Entry;

constexpr int max_groups = 8;
constexpr std::int64_t cache_bytes = 512 * 1024;  // what a gathered block may take of the L2 cache
constexpr std::int64_t ahead = 4 * width;  // elements: dozens of rows are walked at once, too many for the hardware

struct Workspace {
    std::vector<double> gathered;  // (n_beta rounded up, n_lanes)
    std::vector<double> table;     // +-(pq|rs) for each slot of the class
    std::vector<double> zeros;     // the source of lanes without a link
    alignas(64) double result[width * max_groups * width];
};

// Lanes of a block: links of one pair in descending order of their row.
struct Block {
    const double* sources[max_groups * width];
    double* targets[max_groups * width];
    std::int64_t rows[max_groups * width];
    double signs[max_groups * width];
    int n_links = 0;
    int n_groups = 0;
    int stride() const { return n_groups * width; }
};

void gather(const Block& lanes, std::int64_t first, int n_rows, double* gathered) {
    for (int g = 0; g < lanes.n_groups; ++g) {
        Vector tile[width];
        const double* const* sources = lanes.sources + g * width;
        const double* signs = lanes.signs + g * width;
        if (n_rows == width) {
            for (int k = 0; k < width; ++k) {
                __builtin_prefetch(sources[k] + first + ahead);
                tile[k] = load(sources[k] + first) * signs[k];
            }
        } else {
            for (int k = 0; k < width; ++k) tile[k] = load_part(sources[k] + first, n_rows) * signs[k];
        }
        transpose(tile);
        for (int k = 0; k < n_rows; ++k) store(gathered + (first + k) * lanes.stride() + g * width, tile[k]);
    }
}

void scatter(const Block& lanes, std::int64_t first, int n_rows, int n_active, bool lower, const double* result) {
    for (int g = 0; g < n_active; ++g) {
        Vector tile[width];
        for (int k = 0; k < width; ++k) tile[k] = load(result + k * lanes.stride() + g * width);
        transpose(tile);
        for (int k = 0; k < width; ++k) {
            const int lane = g * width + k;
            if (lane >= lanes.n_links) return;
            double* target = lanes.targets[lane] + first;
            const std::int64_t n_below = lower ? lanes.rows[lane] - first + 1 : n_rows;
            if (n_below >= width && n_rows == width) {
                __builtin_prefetch(target + ahead, 1);
                store(target, load(target) + tile[k]);
            } else {
                const int n = static_cast<int>(std::min<std::int64_t>(n_below, n_rows));
                for (int i = 0; i < n; ++i) target[i] += tile[k][i];
            }
        }
    }
}

template <int Groups>
void multiply_row(const Entry* entry, const Entry* end, const double* table, const double* gathered, int stride,
                  double* result) {
    Vector sum[Groups] = {};
    for (; entry != end; ++entry) {
        const Vector value = broadcast(table[entry->slot]);
        const double* x = gathered + std::int64_t{entry->column} * stride;
        for (int g = 0; g < Groups; ++g) sum[g] += value * load(x + g * width);
    }
    for (int g = 0; g < Groups; ++g) store(result + g * width, sum[g]);
}

using MultiplyRow = void (*)(const Entry*, const Entry*, const double*, const double*, int, double*);
constexpr MultiplyRow multiply_row_by_groups[max_groups + 1] = {
    nullptr,           multiply_row<1>, multiply_row<2>, multiply_row<3>, multiply_row<4>,
    multiply_row<5>, multiply_row<6>, multiply_row<7>, multiply_row<8>};

void apply_block(const PairClass& pairs, const Block& lanes, std::int64_t n_beta, bool lower, Workspace& work) {
    double* gathered = work.gathered.data();
    const std::int64_t* offsets = pairs.beta_offsets.data();
    for (std::int64_t first = 0; first < n_beta; first += width) {
        const int n_rows = static_cast<int>(std::min<std::int64_t>(width, n_beta - first));
        if (offsets[first] != offsets[first + n_rows]) gather(lanes, first, n_rows, gathered);
    }
    int n_active = lanes.n_groups;
    for (std::int64_t first = 0; first < n_beta; first += width) {
        const int n_rows = static_cast<int>(std::min<std::int64_t>(width, n_beta - first));
        if (lower) {
            while (n_active > 0 && lanes.rows[(n_active - 1) * width] < first) --n_active;
            if (n_active == 0) return;
        }
        if (offsets[first] == offsets[first + n_rows]) continue;
        const MultiplyRow multiply = multiply_row_by_groups[n_active];
        for (int k = 0; k < n_rows; ++k) {
            multiply(pairs.beta_entries.data() + offsets[first + k],
                     pairs.beta_entries.data() + offsets[first + k + 1], work.table.data(), gathered, lanes.stride(),
                     work.result + k * lanes.stride());
        }
        scatter(lanes, first, n_rows, n_active, lower, work.result);
    }
}

void fill_table(const Integrals& v, const PairClass& pairs, std::int64_t pair, std::vector<double>& table) {
    const double* row = v.pairs + pair * v.n_pair();
    for (std::size_t slot = 0; slot < pairs.beta_pairs.size(); ++slot) {
        table[2 * slot] = row[pairs.beta_pairs[slot]];
        table[2 * slot + 1] = -row[pairs.beta_pairs[slot]];
    }
}

void apply_pair(const ProductSpace& space, const PairClass& pairs, const PairLinks& links, std::int64_t begin,
                std::int64_t end, const double* c, double* sigma, bool lower, Workspace& work) {
    const std::int64_t n_beta = space.n_beta();
    const std::int64_t fitting = cache_bytes / (n_beta * width * static_cast<std::int64_t>(sizeof(double)));
    const std::int64_t lanes_limit = width * std::clamp<std::int64_t>(fitting, 1, max_groups);
    const std::int64_t n_blocks = (end - begin + lanes_limit - 1) / lanes_limit;
    for (std::int64_t b = 0; b < n_blocks; ++b) {
        const std::int64_t from = begin + (end - begin) * b / n_blocks;
        const std::int64_t to = begin + (end - begin) * (b + 1) / n_blocks;
        Block lanes;
        lanes.n_links = static_cast<int>(to - from);
        lanes.n_groups = (lanes.n_links + width - 1) / width;
        for (int k = 0; k < lanes.n_links; ++k) {
            const std::int64_t i = to - 1 - k;
            lanes.rows[k] = links.rows[i];
            lanes.sources[k] = c + std::int64_t{links.columns[i]} * n_beta;
            lanes.targets[k] = sigma + std::int64_t{links.rows[i]} * n_beta;
            lanes.signs[k] = links.signs[i];
        }
        for (int k = lanes.n_links; k < lanes.stride(); ++k) {
            lanes.sources[k] = work.zeros.data();
            lanes.signs[k] = 0;
        }
        apply_block(pairs, lanes, n_beta, lower, work);
    }
}

// Cuts the alpha rows into ranges of about equal work.
std::vector<std::int32_t> cut_rows(const ProductSpace& space, int n_ranges, bool lower) {
    const std::int64_t n = space.n_alpha();
    std::vector<double> work(n + 1, 0.0);
    for (std::int64_t row = 0; row < n; ++row) {
        const double links = static_cast<double>(space.alpha.single_offsets[row + 1] - space.alpha.single_offsets[row]);
        work[row + 1] = work[row] + links * (lower ? 0.5 * static_cast<double>(n) + static_cast<double>(row) : 1.0);
    }
    std::vector<std::int32_t> cuts(n_ranges + 1, 0);
    for (int i = 1; i < n_ranges; ++i) {
        const double target = work[n] * i / n_ranges;
        cuts[i] = static_cast<std::int32_t>(std::lower_bound(work.begin(), work.end(), target) - work.begin());
    }
    cuts[n_ranges] = static_cast<std::int32_t>(n);
    return cuts;
}

}  // namespace

void opposite_spin(const ProductSpace& space, const double* c, double* sigma, bool lower) {
    const std::int64_t n_beta_padded = (space.n_beta() + width - 1) / width * width;
    std::size_t n_slots = 0;
    for (const PairClass& pairs : space.classes) n_slots = std::max(n_slots, pairs.beta_pairs.size());
    const int n_ranges = space.n_threads;
    const std::vector<std::int32_t> cuts = cut_rows(space, n_ranges, lower);
#pragma omp parallel num_threads(space.n_threads)
    {
        Workspace work;
        const std::int64_t fitting = cache_bytes / (space.n_beta() * width * static_cast<std::int64_t>(sizeof(double)));
        work.gathered.resize(n_beta_padded * width * std::clamp<std::int64_t>(fitting, 1, max_groups));
        work.table.resize(2 * n_slots);
        work.zeros.assign(space.n_beta(), 0.0);
#pragma omp for schedule(static, 1)
        for (int range = 0; range < n_ranges; ++range) {
            for (const PairClass& pairs : space.classes) {
                for (const std::int64_t pair : pairs.alpha_pairs) {
                    const PairLinks& links = space.alpha_links[pair];
                    const auto begin = std::lower_bound(links.rows.begin(), links.rows.end(), cuts[range]);
                    const auto end = std::lower_bound(begin, links.rows.end(), cuts[range + 1]);
                    if (begin == end) continue;
                    fill_table(space.integrals, pairs, pair, work.table);
                    apply_pair(space, pairs, links, begin - links.rows.begin(), end - links.rows.begin(), c, sigma,
                               lower, work);
                }
            }
        }
    }
}

}  // namespace kakehashi::KAKEHASHI_ISA
