// The Hamiltonian between the determinants of a space: rows stored while they fit, computed anew past that.
//
// Rows hold the columns below their own, so that determinants added later only add rows. Elements are kept in single
// precision, which takes a third off the memory that bounds the size of the space. With the diagonal in double, the
// energy changes by at most 2^-24 of the sum of |c_i H_ij c_j|. Full spaces differed from FCI by 1e-9 to 4e-9 hartree for
// molecules with one leading determinant, by 2e-8 for N2 at twice its bond length, and by 4e-8 for a Hubbard chain, whose
// many equal integrals are all rounded alike. Rows that are not stored are exact.
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

// Adds H c of the rows it visits: for rows that are not stored.
struct DirectProduct {
    const double* c;
    double* out;
    void add(std::int32_t i, std::int32_t j, double element) {
        out[i] += element * c[j];
        out[j] += element * c[i];
    }
};

template <class S>
class Matrix {
public:
    MatrixSize build(const Network<S>& net, std::int64_t budget_bytes) {
        const std::vector<Piece> pieces = net.pieces(n_seen_);
        std::vector<StoredPiece> fresh(pieces.size());
        std::int64_t n_bytes = size_.n_bytes;
        std::vector<RowBuffers> all_buffers(net.v.options.n_threads);
        for (RowBuffers& buffers : all_buffers) buffers.place.resize(net.size());
        Failure failure;
#pragma omp parallel num_threads(net.v.options.n_threads)
        {
            RowBuffers& buffers = all_buffers[omp_get_thread_num()];
            Elements<S, RowBuffers> elements{net, buffers};
#pragma omp for schedule(dynamic, 4)
            for (std::size_t k = 0; k < pieces.size(); ++k) {
                std::int64_t so_far;
#pragma omp atomic read
                so_far = n_bytes;
                if (so_far >= budget_bytes) continue;
                failure.guard([&] {
                    const Piece& piece = pieces[k];
                    for (std::int64_t at = piece.begin; at < piece.end; ++at) {
                        buffers.place[net.by_alpha.members[at]] = static_cast<std::int32_t>(at - piece.begin);
                        buffers.rows[at - piece.begin].clear();
                    }
                    net.visit(piece, elements);
                    const std::int64_t taken = keep(net, piece, buffers, fresh[k]);
#pragma omp atomic
                    n_bytes += taken;
                });
            }
        }
        failure.rethrow();
        for (std::size_t k = 0; k < pieces.size(); ++k) {
            if (fresh[k].rows.empty()) {
                direct_rows_.insert(direct_rows_.end(), net.by_alpha.members.begin() + pieces[k].begin,
                                    net.by_alpha.members.begin() + pieces[k].end);
                continue;
            }
            size_.n_elements += fresh[k].n_entries();
            size_.n_rows += static_cast<std::int64_t>(fresh[k].rows.size());
            stored_.push_back(std::move(fresh[k]));
        }
        size_.n_bytes = n_bytes;
        n_seen_ = net.size();
        std::sort(direct_rows_.begin(), direct_rows_.end());
        return size_;
    }

    void apply(const Network<S>& net, const double* c, double* out) const {
        const std::int64_t n = net.size();
        const int n_threads = net.v.options.n_threads;
        std::vector<std::unique_ptr<double[]>> sums(n_threads);
        for (auto& part : sums) part = std::make_unique_for_overwrite<double[]>(n);
        const std::vector<Piece> direct = direct_pieces(net);
#pragma omp parallel num_threads(n_threads)
        {
            const int n_here = omp_get_num_threads();  // may be fewer than asked for
            double* y = sums[omp_get_thread_num()].get();
            std::fill(y, y + n, 0.0);
// Who takes which piece is the same every time: sums in another order would differ in their last digits, and a state
// that lies close to another one would follow either of them.
#pragma omp for schedule(static, 16) nowait
            for (std::size_t k = 0; k < stored_.size(); ++k) multiply(stored_[k], c, y);
            DirectProduct product{c, y};
            Elements<S, DirectProduct> elements{net, product};
#pragma omp for schedule(static, 1)
            for (std::size_t k = 0; k < direct.size(); ++k) net.visit(direct[k], elements);
#pragma omp for schedule(static)
            for (std::int64_t i = 0; i < n; ++i) {
                double sum = net.diagonal[i] * c[i];
                for (int part = 0; part < n_here; ++part) sum += sums[part][i];
                out[i] = sum;
            }
        }
    }

private:
    static std::int64_t keep(const Network<S>& net, const Piece& piece, const RowBuffers& buffers, StoredPiece& to) {
        std::int64_t n = 0;
        for (std::int64_t at = piece.begin; at < piece.end; ++at) {
            n += static_cast<std::int64_t>(buffers.rows[at - piece.begin].size());
            to.rows.push_back(net.by_alpha.members[at]);
            to.ends.push_back(n);
        }
        to.entries = std::make_unique_for_overwrite<Entry[]>(n);
        Entry* entry = to.entries.get();
        for (std::int64_t at = piece.begin; at < piece.end; ++at)
            entry = std::copy(buffers.rows[at - piece.begin].begin(), buffers.rows[at - piece.begin].end(), entry);
        return n * std::int64_t{sizeof(Entry)} + 12 * (piece.end - piece.begin) + std::int64_t{sizeof(StoredPiece)};
    }

    static void multiply(const StoredPiece& piece, const double* c, double* y) {
        const Entry* entry = piece.entries.get();
        for (std::size_t k = 0; k < piece.rows.size(); ++k) {
            const Entry* end = piece.entries.get() + piece.ends[k];
            const std::int32_t i = piece.rows[k];
            const double ci = c[i];
            double sum = 0;
            for (; entry != end; ++entry) {
                const double value = entry->value;
                sum += value * c[entry->column];
                y[entry->column] += value * ci;
            }
            y[i] += sum;
        }
    }

    // The rows that are not stored as pieces of the present groups, which may have grown since.
    std::vector<Piece> direct_pieces(const Network<S>& net) const {
        std::vector<Piece> pieces;
        if (direct_rows_.empty()) return pieces;
        std::vector<char> direct(net.size(), 0);
        for (const std::int32_t i : direct_rows_) direct[i] = 1;
        for (std::int32_t a = 0; a < net.alphas.size(); ++a) {
            for (std::int64_t at = net.by_alpha.begin(a); at < net.by_alpha.end(a); ++at) {
                if (!direct[net.by_alpha.members[at]]) continue;
                if (!pieces.empty() && pieces.back().alpha == a && pieces.back().end == at &&
                    at - pieces.back().begin < 64) {
                    ++pieces.back().end;
                } else {
                    pieces.push_back({a, at, at + 1});
                }
            }
        }
        return pieces;
    }

    std::vector<StoredPiece> stored_;
    std::vector<std::int32_t> direct_rows_;
    std::int32_t n_seen_ = 0;
    MatrixSize size_;
};

}  // namespace kakehashi::KAKEHASHI_ISA
