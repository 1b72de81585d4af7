// The Hamiltonian between the determinants of this process and those of others, one block for each other process.
#pragma once

#include <map>

#include "density.hpp"
#include "failure.hpp"
#include "guests.hpp"
#include "matrix.hpp"
#include "perturbation.hpp"

namespace kakehashi::KAKEHASHI_ISA {

template <class S, class Sink>
struct CrossElements : Elements<S, Sink> {
    const Guests<S>& guests;

    CrossElements(const Network<S>& net, Sink& sink, const Guests<S>& the_guests)
        : Elements<S, Sink>{net, sink}, guests(the_guests) {}
    void link(const Link& link) {
        this->to = link.to, this->from = link.from;
        this->row = this->net.v.row(Tables::pair(link.to, link.from));
        this->sign = link.odd ? -1 : 1;
        this->common = guests.alphas[link.target].flipped(link.to);
        this->has_own = false;
    }
};

template <class S>
struct CrossDerivatives : Derivatives<S> {
    const Guests<S>& guests;

    CrossDerivatives(const Network<S>& net, const double* bra, const double* ket, const Guests<S>& the_guests)
        : Derivatives<S>(net, bra, ket), guests(the_guests) {}
    void link(const Link& link) {
        this->to_ = link.to, this->from_ = link.from;
        this->pair_ = Tables::pair(link.to, link.from);
        this->sign_ = link.odd ? -1 : 1;
        this->common_ = guests.alphas[link.target].flipped(link.to);
    }
};

// What pairs of an own determinant and a guest add to <c|S^2|c>.
template <class S>
double cross_spin_squared(const Network<S>& net, const Shard& shard, Share share, const double* c,
                          const double* guests_c) {
    const Guests<S> guests(shard, false, share);
    const Rows rows = rows_of_share(net, false, share);
    const Crossing<S> crossing(net, guests, rows);
    Word mask = 1023;
    while (mask < Word(guests.size()) * 2) mask = 2 * mask + 1;
    std::vector<std::int32_t> slots(mask + 1, -1);
    const auto start = [](std::int32_t a, std::int32_t b) { return mix((Word(a) << 32) | Word(b)); };
    for (std::int32_t j = 0; j < guests.size(); ++j) {
        if (guests.alpha[j] < 0) continue;
        Word at = start(guests.alpha[j], guests.beta[j]) & mask;
        while (slots[at] >= 0) at = (at + 1) & mask;
        slots[at] = j;
    }
    StringIndex<S> betas;
    for (std::size_t b = 0; b < guests.betas.size(); ++b)
        betas.insert(guests.betas.data(), static_cast<std::int32_t>(b));
    double sum = 0;
#pragma omp parallel for num_threads(net.v.options.n_threads) schedule(dynamic, 256) reduction(+ : sum)
    for (std::int32_t i = 0; i < net.size(); ++i) {
        if (share == Share::half_of_the_rows && deal_bit(net.alphas.strings[net.alpha[i]])) continue;
        const S b = net.betas.strings[net.beta[i]];
        const S parities = net.betas.parities[net.beta[i]];
        for (std::int64_t l = crossing.link_offsets[net.alpha[i]]; l < crossing.link_offsets[net.alpha[i] + 1]; ++l) {
            const Link& link = crossing.links[l];
            if (!b.test(link.to) || b.test(link.from)) continue;
            const std::int32_t other = betas.find(guests.betas.data(), b.flipped(link.to).flipped(link.from));
            if (other < 0) continue;
            for (Word at = start(link.target, other) & mask; slots[at] >= 0; at = (at + 1) & mask) {
                const std::int32_t j = slots[at];
                if (guests.alpha[j] != link.target || guests.beta[j] != other) continue;
                const bool odd = (link.odd != 0) ^ is_odd(parities, link.from, link.to);
                sum += 2 * (odd ? c[i] * guests_c[j] : -c[i] * guests_c[j]);
                break;
            }
        }
    }
    return sum;
}

// Adds what pairs of an own determinant and a guest give to the densities of density.hpp; `bra` and `ket` hold own
// coefficients and then the guests'.
template <class S>
void add_cross_densities(const Network<S>& net, const Shard& shard, Share share, const double* bra, const double* ket,
                         double* one_body, double* pairs) {
    const Guests<S> guests(shard, false, share);
    const Rows rows = rows_of_share(net, false, share);
    const Crossing<S> crossing(net, guests, rows);
    const std::int64_t n_one = 2 * std::int64_t{net.v.n_orb} * net.v.n_orb, n_pair = net.v.n_pair;
    const std::vector<Piece>& pieces = rows.pieces;
    Failure failure;
    std::vector<std::optional<CrossDerivatives<S>>> parts(net.v.options.n_threads);
#pragma omp parallel num_threads(net.v.options.n_threads)
    {
        std::optional<CrossDerivatives<S>>& part = parts[omp_get_thread_num()];
        failure.guard([&] { part.emplace(net, bra, ket, guests); });
#pragma omp for schedule(static, 4)
        for (std::size_t k = 0; k < pieces.size(); ++k) {
            if (part) visit_guests(net, guests, crossing, rows, pieces[k], {}, net.size(), *part);
        }
    }
    for (const std::optional<CrossDerivatives<S>>& part : parts) {
        if (!part) continue;
        for (std::int64_t i = 0; i < n_one; ++i) one_body[i] += part->one_body[i];
        for (std::int64_t p = 0; p < n_pair; ++p) {
            for (std::int64_t r = 0; r < n_pair; ++r)
                pairs[p * n_pair + r] += 0.5 * (part->pairs[p * n_pair + r] + part->pairs[r * n_pair + p]);
        }
    }
    failure.rethrow();
}

// Rows of many short pieces packed together: with many processes each block has few elements in a row, most none.
class Bag {
public:
    static constexpr std::size_t full = 1 << 16;

    // The next row, with the weight that its elements have.
    void add(std::int32_t number, float weight, const std::vector<Entry>& row) {
        if (row.empty()) return;
        for (const Entry& entry : row) entries_.push_back({entry.column, weight * entry.value});
        open_.rows.push_back(number);
        open_.ends.push_back(static_cast<std::int64_t>(entries_.size()));
    }
    void close_if_full() {
        if (entries_.size() >= full) close();
    }
    void close() {
        if (entries_.empty()) return;
        open_.entries = std::make_unique_for_overwrite<Entry[]>(entries_.size());
        std::copy(entries_.begin(), entries_.end(), open_.entries.get());
        open_.rows.shrink_to_fit();
        open_.ends.shrink_to_fit();
        closed.push_back(std::move(open_));
        open_ = {};
        entries_.clear();
    }
    std::vector<StoredPiece> closed;

private:
    StoredPiece open_;
    std::vector<Entry> entries_;
};

template <class S>
class CrossMatrix final : public Blocks {
public:
    explicit CrossMatrix(const Network<S>& network) : net(network) {}

    bool half = false;  // rows are one of each two mirror images, as in matrix.hpp

    std::int64_t size() const override { return net.size(); }
    std::int64_t n_alphas() const override { return net.alphas.size(); }
    std::int64_t n_betas() const override { return net.betas.size(); }
    std::int64_t n_bytes() const override { return n_bytes_; }
    void forget() {
        blocks_.clear();
        n_elements_ = n_bytes_ = 0;
    }
    void copy_shard(std::uint64_t* alphas, std::uint64_t* betas, std::int32_t* alpha,
                    std::int32_t* beta) const override {
        for (std::int64_t i = 0; i < n_alphas(); ++i) net.alphas.strings[i].write(alphas + 2 * i);
        for (std::int64_t i = 0; i < n_betas(); ++i) net.betas.strings[i].write(betas + 2 * i);
        std::copy(net.alpha.begin(), net.alpha.end(), alpha);
        std::copy(net.beta.begin(), net.beta.end(), beta);
    }

    void copy_pairs(std::uint64_t* strings, std::int32_t* alpha, std::int32_t* beta) const override {
        for (std::int64_t i = 0; i < n_alphas(); ++i) net.alphas.strings[i].write(strings + 2 * i);
        for (std::size_t k = 0; k < net.pairs.size(); ++k) {
            alpha[k] = net.alpha[net.pairs[k]];
            beta[k] = net.alpha[net.mirror[net.pairs[k]]];
        }
    }

    BlockSize build(std::int64_t process, const Shard& shard, Share share, std::int64_t budget_bytes) override {
        const Guests<S> guests(shard, half, share);
        const Rows rows = rows_of_share(net, half, share);
        const Crossing<S> crossing(net, guests, rows);
        Block& block = blocks_[process];
        block.seen.resize(net.alphas.size());
        const std::vector<Piece>& pieces = rows.pieces;
        std::vector<char> decisions(net.alphas.size(), undecided);
        std::int64_t n_bytes = n_bytes_;
        Failure failure;
        std::vector<Bag> bags(net.v.options.n_threads);
        std::vector<RowBuffers> all_buffers(net.v.options.n_threads);
        for (RowBuffers& buffers : all_buffers) buffers.place.resize(net.size());
#pragma omp parallel num_threads(net.v.options.n_threads)
        {
            Bag& bag = bags[omp_get_thread_num()];
            RowBuffers& buffers = all_buffers[omp_get_thread_num()];
            CrossElements<S, RowBuffers> elements(net, buffers, guests);
#pragma omp for schedule(static, 4)
            for (std::size_t k = 0; k < pieces.size(); ++k) {
                const Piece& piece = pieces[k];
                bool stored = false;
                std::int64_t so_far;
#pragma omp atomic read
                so_far = n_bytes;
#pragma omp critical(kakehashi_decide)
                {
                    // all pieces of an alpha string fare alike, for `seen` is kept by alpha string
                    char& decision = decisions[piece.alpha];
                    if (decision == undecided) decision = so_far < budget_bytes ? store : leave;
                    stored = decision == store;
                }
                if (!stored) continue;
                failure.guard([&] {
                    for (std::int64_t at = piece.begin; at < piece.end; ++at) {
                        buffers.place[rows.members[at]] = static_cast<std::int32_t>(at - piece.begin);
                        buffers.rows[at - piece.begin].clear();
                    }
                    visit_guests(net, guests, crossing, rows, piece, block.seen[piece.alpha], 0, elements);
                    std::int64_t taken = 0;
                    for (std::int64_t at = piece.begin; at < piece.end; ++at) {
                        const std::vector<Entry>& row = buffers.rows[at - piece.begin];
                        if (!row.empty()) taken += static_cast<std::int64_t>(row.size() * sizeof(Entry) + 12);
                        bag.add(row_of(rows.members[at]), static_cast<float>(weight(rows.members[at])), row);
                    }
                    bag.close_if_full();
#pragma omp atomic
                    n_bytes += taken;
                });
            }
            failure.guard([&] { bag.close(); });
        }
        failure.rethrow();
        for (Bag& bag : bags) {
            for (StoredPiece& piece : bag.closed) {
                n_elements_ += piece.n_entries();
                block.stored.push_back(std::move(piece));
            }
        }
        n_bytes_ = n_bytes;
        block.complete = true;
        for (std::int32_t a = 0; a < net.alphas.size(); ++a) {
            if (decisions[a] == store) {
                block.seen[a] = {net.size(), guests.size()};
            } else if (decisions[a] == leave) {
                block.complete = false;
            }
        }
        return {n_elements_, n_bytes_, block.complete};
    }

    void apply(std::int64_t process, const Shard* shard, Share share, Vectors kind, std::int64_t n_guests,
               const double* x, const double* guests_x, double* y, double* guests_y) const override {
        const auto run = [&]<Vectors k>() { apply<k>(process, shard, share, n_guests, x, guests_x, y, guests_y); };
        if (kind == Vectors::whole) run.template operator()<Vectors::whole>();
        if (kind == Vectors::even) run.template operator()<Vectors::even>();
        if (kind == Vectors::odd) run.template operator()<Vectors::odd>();
    }
    std::int64_t n_pairs() const override { return net.n_rows(true); }
    bool is_half() const override { return half; }
    std::int64_t n_rows() const override { return net.n_rows(half); }

    double spin_squared(const Shard& shard, Share share, const double* c, const double* guests_c) const override {
        return cross_spin_squared(net, shard, share, c, guests_c);
    }
    void add_densities(const Shard& shard, Share share, const double* bra, const double* ket, double* one_body,
                       double* pairs) const override {
        add_cross_densities(net, shard, share, bra, ket, one_body, pairs);
    }
    std::unique_ptr<PartialSums> make_partial_sums(std::int64_t budget_bytes) const override {
        return std::make_unique<Partials<S>>(net.v.options.n_threads, budget_bytes);
    }
    PerturbationSums perturb_in_part(const PerturbationPass& pass, PartialSums& sums) const override {
        Perturber<S> perturber(net, pass);
        perturber.partials = &static_cast<Partials<S>&>(sums);
        return perturber.run();
    }
    PerturbationSums finish_parts(const PerturbationPass& pass, PartialSums& sums) const override {
        return Perturber<S>(net, pass).finish(static_cast<Partials<S>&>(sums));
    }

private:
    static constexpr char undecided = 0, store = 1, leave = 2;

    struct Block {
        std::vector<Seen> seen;  // by own alpha string: what is stored
        std::vector<StoredPiece> stored;
        bool complete = false;
    };

    // The number of a determinant's row, and the weight of its elements: a row that is its own mirror image meets every
    // element twice (matrix.hpp).
    std::int32_t row_of(std::int32_t i) const { return half ? net.codes[i] >> 1 : i; }
    double weight(std::int32_t i) const { return half && net.mirror[i] == i ? 0.5 : 1; }

    template <Vectors kind>
    struct DirectBlock {
        const CrossMatrix& matrix;
        const double *x, *guests_x;
        double *y, *guests_y;
        void add(std::int32_t i, std::int32_t j, double element) {
            const std::int32_t row = matrix.row_of(i);
            const Column<kind> column(j, matrix.weight(i) * element);
            y[row] += column.value * guests_x[column.place];
            guests_y[column.place] += column.value * x[row];
        }
    };

    template <Vectors kind>
    void apply(std::int64_t process, const Shard* shard, Share share, std::int64_t n_guests, const double* x,
               const double* guests_x, double* y, double* guests_y) const {
        const auto found = blocks_.find(process);
        const Block empty;
        const Block& block = found == blocks_.end() ? empty : found->second;
        const int n_threads = net.v.options.n_threads;
        if (n_threads == 1) {
            for (const StoredPiece& piece : block.stored) multiply<kind>(piece, x, guests_x, y, guests_y);
        } else {
            in_parts(n_threads, n_rows(), n_guests, y, guests_y, [&](double* own_y, double* other_y) {
#pragma omp for schedule(static, 1)
                for (std::size_t k = 0; k < block.stored.size(); ++k)
                    multiply<kind>(block.stored[k], x, guests_x, own_y, other_y);
            });
        }
        if (shard != nullptr && !block.complete) apply_direct<kind>(block, *shard, share, n_guests, x, guests_x, y, guests_y);
    }

    // Runs a loop on every thread with arrays of its own, and adds them up.
    template <class Loop>
    static void in_parts(int n_threads, std::int64_t n, std::int64_t n_guests, double* out, double* guests_out,
                         Loop&& loop) {
        std::vector<std::vector<double>> sums(n_threads), guests_sums(n_threads);
        for (std::vector<double>& part : sums) part.assign(n, 0);
        for (std::vector<double>& part : guests_sums) part.assign(n_guests, 0);
#pragma omp parallel num_threads(n_threads)
        {
            loop(sums[omp_get_thread_num()].data(), guests_sums[omp_get_thread_num()].data());
#pragma omp barrier
            const auto add = [](const auto& parts, std::int64_t i, double* to) {
                for (const auto& part : parts) to[i] += part[i];
            };
#pragma omp for schedule(static)
            for (std::int64_t i = 0; i < n; ++i) add(sums, i, out);
#pragma omp for schedule(static)
            for (std::int64_t j = 0; j < n_guests; ++j) add(guests_sums, j, guests_out);
        }
    }

    template <Vectors kind>
    static void multiply(const StoredPiece& piece, const double* x, const double* guests_x, double* y,
                         double* guests_y) {
        const Entry* entry = piece.entries.get();
        for (std::size_t k = 0; k < piece.rows.size(); ++k) {
            const Entry* end = piece.entries.get() + piece.ends[k];
            const double xi = x[piece.rows[k]];
            double sum = 0;
            for (; entry != end; ++entry) {
                const Column<kind> column(entry->column, entry->value);
                sum += column.value * guests_x[column.place];
                guests_y[column.place] += column.value * xi;
            }
            y[piece.rows[k]] += sum;
        }
    }

    template <Vectors kind>
    void apply_direct(const Block& block, const Shard& shard, Share share, std::int64_t n_guests, const double* x,
                      const double* guests_x, double* y, double* guests_y) const {
        const Guests<S> guests(shard, half, share);
        Rows rows = rows_of_share(net, half, share);
        const auto seen = [&](std::int32_t a) {
            return a < static_cast<std::int32_t>(block.seen.size()) ? block.seen[a] : Seen{};
        };
        std::erase_if(rows.pieces, [&](const Piece& piece) {
            const Seen s = seen(piece.alpha);
            return s.columns >= guests.size() && rows.members[piece.end - 1] < s.rows;
        });
        const Crossing<S> crossing(net, guests, rows);
        in_parts(net.v.options.n_threads, n_rows(), n_guests, y, guests_y, [&](double* own, double* other) {
            DirectBlock<kind> product{*this, x, guests_x, own, other};
            CrossElements<S, DirectBlock<kind>> elements(net, product, guests);
#pragma omp for schedule(static, 1)
            for (std::size_t k = 0; k < rows.pieces.size(); ++k)
                visit_guests(net, guests, crossing, rows, rows.pieces[k], seen(rows.pieces[k].alpha), 0, elements);
        });
    }

    const Network<S>& net;
    std::map<std::int64_t, Block> blocks_;
    std::int64_t n_elements_ = 0, n_bytes_ = 0;
};

}  // namespace kakehashi::KAKEHASHI_ISA
