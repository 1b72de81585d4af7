// The Hamiltonian between the determinants of a space: rows stored while they fit, computed anew past that.
//
// Rows hold the columns below their own, so that determinants added later only add rows. Elements are kept in single
// precision, which takes a third off the memory that bounds the size of the space. With the diagonal in double, the
// energy changes by at most 2^-24 of the sum of |c_i H_ij c_j|. Full spaces differed from FCI by 1e-9 to 4e-9 hartree for
// molecules with one leading determinant, by 2e-8 for N2 at twice its bond length, and by 4e-8 for a Hubbard chain, whose
// many equal integrals are all rounded alike. Rows that are not stored are exact.
//
// Where every determinant has its mirror image in the space (spins exchanged: P), one of each two can have a row, as
// H_ij = H_Pi,Pj: up to the columns whose own pair came before. A vector is multiplied in its even and in its odd part,
// x_Pi = p x_i; mostly it has but one of them, and is then half as long: one number for each pair. With y the sums of the
// rows, forwards and backwards as for a whole triangle, the product is y_i + p y_Pi. This meets an element twice whose
// row is its own mirror image, and one between two mirror images: those are kept halved.
#pragma once

#include <omp.h>

#include <cmath>
#include <memory>

#include "elements.hpp"
#include "failure.hpp"

namespace kakehashi::KAKEHASHI_ISA {

struct Entry {
    std::int32_t column;
    float value;
};

// Rows of one piece, one after the other.
struct StoredPiece {
    std::vector<std::int32_t> rows;
    std::vector<std::int64_t> ends;
    std::unique_ptr<Entry[]> entries;
    std::int64_t n_entries() const { return ends.empty() ? 0 : ends.back(); }
};

struct RowBuffers {
    std::vector<std::vector<Entry>> rows = std::vector<std::vector<Entry>>(64);
    std::vector<std::int32_t> place;  // by determinant, valid for those of the present piece
    void add(std::int32_t i, std::int32_t j, double element) {
        rows[place[i]].push_back({j, static_cast<float>(element)});
    }
};

// Where an element goes whose column is a determinant, or a pair and whether it is the one without a row.
template <Vectors kind>
struct Column {
    std::int32_t place;
    double value;
    Column(std::int32_t code, double element) : place(code), value(element) {
        if constexpr (kind != Vectors::whole) place >>= 1;
        if constexpr (kind == Vectors::odd) value = code & 1 ? -value : value;
    }
};

// Adds H x of the rows it visits: for rows that are not stored.
template <Vectors kind>
struct DirectProduct {
    const std::int32_t* codes;
    const double* x;
    double* y;
    void add(std::int32_t i, std::int32_t j, double element) {
        const bool whole = kind == Vectors::whole;
        const std::int32_t row = whole ? i : codes[i] >> 1;
        const Column<kind> column(whole ? j : codes[j], element);
        y[row] += column.value * x[column.place];
        y[column.place] += column.value * x[row];
    }
};

// The part of a vector that the rows multiply.
template <class S>
void fold(const Network<S>& net, Vectors kind, const double* c, double* x) {
    const std::int64_t n = net.n_rows(kind != Vectors::whole);
#pragma omp parallel for num_threads(net.v.options.n_threads) schedule(static)
    for (std::int64_t k = 0; k < n; ++k) {
        if (kind == Vectors::whole) {
            x[k] = c[k];
        } else {
            const double own = c[net.pairs[k]], other = c[net.mirror[net.pairs[k]]];
            x[k] = 0.5 * (kind == Vectors::even ? own + other : own - other);
        }
    }
}

// Adds what the rows make of it: y_i + p y_Pi.
template <class S>
void unfold(const Network<S>& net, Vectors kind, const double* y, double* out) {
    const std::int64_t n = net.n_rows(kind != Vectors::whole);
    const double parity = kind == Vectors::even ? 1 : -1;
#pragma omp parallel for num_threads(net.v.options.n_threads) schedule(static)
    for (std::int64_t k = 0; k < n; ++k) {
        if (kind == Vectors::whole) {
            out[k] += y[k];
        } else {
            out[net.pairs[k]] += y[k];
            out[net.mirror[net.pairs[k]]] += parity * y[k];
        }
    }
}

template <class S>
class Matrix {
public:
    template <bool half>
    MatrixSize build(const Network<S>& net, std::int64_t budget_bytes) {
        const Rows all_rows = net.rows(half, n_seen_);
        const std::vector<Piece>& pieces = all_rows.pieces;
        const std::vector<std::int32_t>& rows = all_rows.members;
        std::vector<StoredPiece> fresh(pieces.size());
        std::int64_t n_bytes = size_.n_bytes;
        std::vector<RowBuffers> all_buffers(net.v.options.n_threads);
        for (RowBuffers& buffers : all_buffers) buffers.place.resize(net.size());
        Failure failure;
#pragma omp parallel num_threads(net.v.options.n_threads)
        {
            RowBuffers& buffers = all_buffers[omp_get_thread_num()];
            Elements<S, RowBuffers, half> elements{net, buffers};
#pragma omp for schedule(dynamic, 4)
            for (std::size_t k = 0; k < pieces.size(); ++k) {
                std::int64_t so_far;
#pragma omp atomic read
                so_far = n_bytes;
                if (so_far >= budget_bytes) continue;
                failure.guard([&] {
                    const Piece& piece = pieces[k];
                    for (std::int64_t at = piece.begin; at < piece.end; ++at) {
                        buffers.place[rows[at]] = static_cast<std::int32_t>(at - piece.begin);
                        buffers.rows[at - piece.begin].clear();
                    }
                    net.template visit<half>(piece, rows, elements);
                    const std::int64_t taken = keep<half>(net, rows, piece, buffers, fresh[k]);
#pragma omp atomic
                    n_bytes += taken;
                });
            }
        }
        failure.rethrow();
        for (std::size_t k = 0; k < pieces.size(); ++k) {
            if (fresh[k].rows.empty()) {
                direct_rows_.insert(direct_rows_.end(), rows.begin() + pieces[k].begin, rows.begin() + pieces[k].end);
                continue;
            }
            size_.n_elements += fresh[k].n_entries();
            for (std::int64_t at = pieces[k].begin; at < pieces[k].end; ++at)
                size_.n_rows += half && net.mirror[rows[at]] != rows[at] ? 2 : 1;
            stored_.push_back(std::move(fresh[k]));
        }
        size_.n_bytes = n_bytes;
        n_seen_ = net.n_rows(half);
        return size_;
    }

    // y = the rows' elements times x, forwards and backwards.
    void multiply(const Network<S>& net, Vectors kind, const double* x, double* y) const {
        const std::int64_t n = net.n_rows(kind != Vectors::whole);
        if (kind == Vectors::whole) multiply<Vectors::whole>(net, n, x, y);
        if (kind == Vectors::even) multiply<Vectors::even>(net, n, x, y);
        if (kind == Vectors::odd) multiply<Vectors::odd>(net, n, x, y);
    }

private:
    template <Vectors kind>
    void multiply(const Network<S>& net, std::int64_t n, const double* x, double* y) const {
        constexpr bool half = kind != Vectors::whole;
        const int n_threads = net.v.options.n_threads;
        std::vector<std::unique_ptr<double[]>> sums(n_threads);
        for (int part = 1; part < n_threads; ++part) sums[part] = std::make_unique_for_overwrite<double[]>(n);
        const Rows direct = direct_rows(net);
#pragma omp parallel num_threads(n_threads)
        {
            const int n_here = omp_get_num_threads();  // may be fewer than asked for
            double* own = omp_get_thread_num() == 0 ? y : sums[omp_get_thread_num()].get();
            std::fill(own, own + n, 0.0);
// Who takes which piece is the same every time: sums in another order would differ in their last digits, and a state
// that lies close to another one would follow either of them.
#pragma omp for schedule(static, 16) nowait
            for (std::size_t k = 0; k < stored_.size(); ++k) multiply<kind>(stored_[k], x, own);
            DirectProduct<kind> product{net.codes.data(), x, own};
            Elements<S, DirectProduct<kind>, half> elements{net, product};
#pragma omp for schedule(static, 1)
            for (std::size_t k = 0; k < direct.pieces.size(); ++k)
                net.template visit<half>(direct.pieces[k], direct.members, elements);
#pragma omp for schedule(static)
            for (std::int64_t i = 0; i < n; ++i) {
                for (int part = 1; part < n_here; ++part) y[i] += sums[part][i];
            }
        }
    }

    template <bool half>
    std::int64_t keep(const Network<S>& net, const std::vector<std::int32_t>& rows, const Piece& piece,
                      const RowBuffers& buffers, StoredPiece& to) const {
        std::int64_t n = 0;
        for (std::int64_t at = piece.begin; at < piece.end; ++at) {
            n += static_cast<std::int64_t>(buffers.rows[at - piece.begin].size());
            to.rows.push_back(half ? net.codes[rows[at]] >> 1 : rows[at]);
            to.ends.push_back(n);
        }
        to.entries = std::make_unique_for_overwrite<Entry[]>(n);
        Entry* entry = to.entries.get();
        for (std::int64_t at = piece.begin; at < piece.end; ++at) {
            for (const Entry& e : buffers.rows[at - piece.begin]) *entry++ = {half ? net.codes[e.column] : e.column, e.value};
        }
        return n * std::int64_t{sizeof(Entry)} + 12 * (piece.end - piece.begin) + std::int64_t{sizeof(StoredPiece)};
    }

    // Four sums at a time: each addition to one waits for the one before.
    template <Vectors kind>
    static void multiply(const StoredPiece& piece, const double* x, double* y) {
        const Entry* entry = piece.entries.get();
        for (std::size_t k = 0; k < piece.rows.size(); ++k) {
            const Entry* end = piece.entries.get() + piece.ends[k];
            const double xi = x[piece.rows[k]];
            double sums[4] = {0, 0, 0, 0};
            const auto take = [&](const Entry& e, double& sum) {
                const Column<kind> column(e.column, e.value);
                sum += column.value * x[column.place];
                y[column.place] += column.value * xi;
            };
            for (; end - entry >= 4; entry += 4) {
                for (int lane = 0; lane < 4; ++lane) take(entry[lane], sums[lane]);
            }
            for (; entry != end; ++entry) take(*entry, sums[0]);
            y[piece.rows[k]] += (sums[0] + sums[1]) + (sums[2] + sums[3]);
        }
    }

    // The rows that are not stored.
    Rows direct_rows(const Network<S>& net) const {
        Rows rows;
        if (direct_rows_.empty()) return rows;
        std::vector<char> direct(net.size(), 0);
        for (const std::int32_t i : direct_rows_) direct[i] = 1;
        for (std::int32_t a = 0; a < net.alphas.size(); ++a) {
            for (std::int64_t at = net.by_alpha.begin(a); at < net.by_alpha.end(a); ++at) {
                if (direct[net.by_alpha.members[at]]) rows.add(a, net.by_alpha.members[at]);
            }
        }
        return rows;
    }

    std::vector<StoredPiece> stored_;
    std::vector<std::int32_t> direct_rows_;
    std::int32_t n_seen_ = 0;
    MatrixSize size_;
};

}  // namespace kakehashi::KAKEHASHI_ISA
