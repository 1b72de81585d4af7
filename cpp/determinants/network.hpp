// The determinants of a space as pairs of strings: who shares a string with whom, and which strings are one
// excitation apart. Everything that walks between determinants of the space stands on this.
#pragma once

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "space.hpp"
#include "tables.hpp"
#include "words.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// A single excitation to another string of the set.
struct Link {
    std::int32_t target;
    std::int16_t to, from;  // orbitals of the excitation that leads to the target
    std::int8_t odd;
};

// All strings of one spin, in the order in which they came.
template <class S>
struct StringSet {
    std::vector<S> strings;
    std::vector<S> parities;
    std::vector<double> energies;  // of one spin's electrons among themselves
    std::vector<double> fields;    // (n, n_orb): h_pp + sum_k (J - K)_pk, what an electron added at p would feel
    StringIndex<S> index;
    std::vector<std::int64_t> link_offsets;
    std::vector<Link> links;

    std::int32_t size() const { return static_cast<std::int32_t>(strings.size()); }
    const double* field(std::int32_t i, int n_orb) const { return fields.data() + std::int64_t{i} * n_orb; }

    std::int32_t add(S s, const Tables& v) {
        const std::int32_t known = index.find(strings.data(), s);
        if (known >= 0) return known;
        strings.push_back(s);
        parities.push_back(s.parities());
        fields.resize(fields.size() + v.n_orb);
        double* field = fields.data() + fields.size() - v.n_orb;
        for (int p = 0; p < v.n_orb; ++p) field[p] = v.h(p, p);
        double energy = 0;
        for (S rest = s; !rest.empty();) {
            const int k = rest.take_lowest();
            energy += field[k];
            for (int p = 0; p < v.n_orb; ++p) field[p] += v.anti[std::int64_t{k} * v.n_orb + p];
        }
        energies.push_back(energy);
        index.insert(strings.data(), size() - 1);
        return size() - 1;
    }

    // Links come from the strings that become equal when one electron is taken away.
    void link(int n_threads);
};

// The determinants that hold each string of one spin, ascending. A negative string holds the place of none.
template <class S>
struct Groups {
    std::vector<std::int64_t> offsets;
    std::vector<std::int32_t> members;
    std::vector<S> others;  // the other spin's string of each member

    void build(const std::vector<std::int32_t>& own, std::int32_t n_strings, const std::vector<std::int32_t>& other,
               const std::vector<S>& other_strings) {
        offsets.assign(std::size_t(n_strings) + 1, 0);
        for (const std::int32_t s : own) {
            if (s >= 0) ++offsets[s + 1];
        }
        for (std::int32_t s = 0; s < n_strings; ++s) offsets[s + 1] += offsets[s];
        std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
        members.resize(offsets.back());
        others.resize(offsets.back());
        for (std::size_t i = 0; i < own.size(); ++i) {
            if (own[i] < 0) continue;
            const std::int64_t at = next[own[i]]++;
            members[at] = static_cast<std::int32_t>(i);
            others[at] = other_strings[other[i]];
        }
    }
    std::int64_t begin(std::int32_t s) const { return offsets[s]; }
    std::int64_t end(std::int32_t s) const { return offsets[s + 1]; }
    // First member of a string that is not below a determinant.
    std::int64_t lower_bound(std::int32_t s, std::int32_t determinant) const {
        return std::lower_bound(members.begin() + begin(s), members.begin() + end(s), determinant) - members.begin();
    }
};

// A run of determinants with the same alpha string: what one thread works on at a time.
struct Piece {
    std::int32_t alpha;
    std::int64_t begin, end;  // positions among the members of its rows
};

// Determinants whose rows are worked on, by alpha string.
struct Rows {
    std::vector<std::int32_t> members;
    std::vector<Piece> pieces;

    void add(std::int32_t alpha, std::int32_t member) {
        constexpr std::int64_t longest = 64;
        if (pieces.empty() || pieces.back().alpha != alpha || pieces.back().end - pieces.back().begin == longest) {
            const auto at = static_cast<std::int64_t>(members.size());
            pieces.push_back({alpha, at, at});
        }
        members.push_back(member);
        ++pieces.back().end;
    }
};

// Squared norms of twice the even and twice the odd part of a vector, under exchange of the spins.
struct ParitySums {
    double even = 0, odd = 0;
};

template <class S>
struct Network {
    explicit Network(std::shared_ptr<const Tables> the_tables) : tables(std::move(the_tables)), v(*tables) {}

    std::shared_ptr<const Tables> tables;  // large with many orbitals, and the same in every space of a Hamiltonian
    const Tables& v;
    StringSet<S> alphas, betas;
    std::vector<std::int32_t> alpha, beta;  // strings of each determinant
    Groups<S> by_alpha, by_beta;
    std::vector<double> diagonal;           // penalty included
    std::vector<std::int32_t> mirror;       // the determinant with the spins exchanged, -1 where it is not there
    // Pairs of mirror images, by the one that has a row in a matrix of pairs: its alpha string is not the lower one.
    std::vector<std::int32_t> pairs;
    std::vector<std::int32_t> codes;  // by determinant: twice the number of its pair, and one more for that without a row

    // Whether every determinant has its mirror image here.
    bool is_mirrored() const { return n_single_ == 0; }
    std::int32_t size() const { return static_cast<std::int32_t>(alpha.size()); }
    std::int32_t find(std::int32_t a, std::int32_t b) const {
        if (slots_.empty() || a < 0 || b < 0) return -1;
        for (Word i = mix((Word(a) << 32) | Word(b)) & mask_;; i = (i + 1) & mask_) {
            const std::int32_t number = slots_[i];
            if (number < 0 || (alpha[number] == a && beta[number] == b)) return number;
        }
    }
    std::int32_t find(S a, S b) const {
        return find(alphas.index.find(alphas.strings.data(), a), betas.index.find(betas.strings.data(), b));
    }
    std::int64_t append(const std::uint64_t* alpha_words, const std::uint64_t* beta_words, std::int64_t n);
    double spin_diagonal(S a, S b) const;  // <S^2>
    ParitySums parity_sums(const double* c) const;  // where the space is mirrored
    // Rows of a matrix of determinants, or of pairs of mirror images: how many, and those from a number on.
    std::int32_t n_rows(bool half) const { return half ? static_cast<std::int32_t>(pairs.size()) : size(); }
    Rows rows(bool half, std::int32_t first) const;

    // Calls the visitor for every row of the piece and every connected determinant of lower number. With `half` rows are
    // one of each two mirror images, and it is called for those that are not above the row and its mirror image.
    template <bool half, class Visitor>
    void visit(const Piece& piece, const std::vector<std::int32_t>& rows, Visitor& visitor) const;

private:
    void pair_with_mirror(std::int32_t number) {
        mirror.push_back(-1);
        ++n_single_;
        const std::int32_t a = alphas.index.find(alphas.strings.data(), betas.strings[beta[number]]);
        if (a < 0) return;
        const std::int32_t other = find(a, betas.index.find(betas.strings.data(), alphas.strings[alpha[number]]));
        if (other < 0) return;
        mirror[number] = other;
        mirror[other] = number;
        n_single_ -= other == number ? 1 : 2;
        pairs.push_back(alphas.strings[alpha[number]] < betas.strings[beta[number]] ? other : number);
    }
    // The numbers of the pairs from `first` on, next to each other where their rows have the same alpha string.
    void number_pairs(std::int32_t first) {
        std::sort(pairs.begin() + first, pairs.end(), [this](std::int32_t i, std::int32_t j) {
            return alpha[i] != alpha[j] ? alpha[i] < alpha[j] : i < j;
        });
        codes.resize(alpha.size(), -1);
        for (std::int32_t k = first; k < n_rows(true); ++k) {
            codes[mirror[pairs[k]]] = 2 * k + 1;
            codes[pairs[k]] = 2 * k;
        }
    }
    std::int64_t n_single_ = 0;  // determinants without a mirror image
    void place(std::int32_t number) {
        Word i = mix((Word(alpha[number]) << 32) | Word(beta[number])) & mask_;
        while (slots_[i] >= 0) i = (i + 1) & mask_;
        slots_[i] = number;
    }
    std::vector<std::int32_t> slots_;
    Word mask_ = 0;
};

template <class S>
void StringSet<S>::link(int n_threads) {
    struct Hole {
        Word key;
        std::int32_t string;
        std::int16_t orbital;
    };
    std::vector<Hole> holes;
    const std::int32_t n = size();
    if (n == 0) return;
    const int n_elec = strings[0].count();
    holes.resize(std::size_t(n) * n_elec);
#pragma omp parallel for num_threads(n_threads) schedule(static)
    for (std::int32_t i = 0; i < n; ++i) {
        std::size_t at = std::size_t(i) * n_elec;
        for (S rest = strings[i]; !rest.empty();) {
            const int p = rest.take_lowest();
            holes[at++] = {strings[i].flipped(p).hash(), i, std::int16_t(p)};
        }
    }
    std::sort(holes.begin(), holes.end(), [](const Hole& a, const Hole& b) {
        return a.key != b.key ? a.key < b.key : a.string < b.string;
    });
    link_offsets.assign(std::size_t(n) + 1, 0);
    const auto each = [&](auto&& call) {
        for (std::size_t begin = 0, end; begin < holes.size(); begin = end) {
            for (end = begin + 1; end < holes.size() && holes[end].key == holes[begin].key; ++end) {
            }
            for (std::size_t i = begin; i < end; ++i) {
                for (std::size_t j = begin; j < end; ++j) {
                    if (i == j) continue;
                    const Hole &from = holes[i], &to = holes[j];  // keys are hashes: the strings decide
                    if (strings[from.string].flipped(from.orbital) == strings[to.string].flipped(to.orbital))
                        call(from, to);
                }
            }
        }
    };
    each([&](const Hole& from, const Hole&) { ++link_offsets[from.string + 1]; });
    for (std::int32_t i = 0; i < n; ++i) link_offsets[i + 1] += link_offsets[i];
    std::vector<std::int64_t> next(link_offsets.begin(), link_offsets.end() - 1);
    links.resize(link_offsets[n]);
    each([&](const Hole& from, const Hole& to) {
        const bool odd = is_odd(parities[from.string], to.orbital, from.orbital);
        links[next[from.string]++] = {to.string, to.orbital, from.orbital, odd};
    });
#pragma omp parallel for num_threads(n_threads) schedule(dynamic, 64)
    for (std::int32_t i = 0; i < n; ++i) {
        std::sort(links.begin() + link_offsets[i], links.begin() + link_offsets[i + 1],
                  [](const Link& a, const Link& b) { return a.target < b.target; });
    }
}

template <class S>
double Network<S>::spin_diagonal(S a, S b) const {
    const double sz = 0.5 * (a.count() - b.count());
    return sz * (sz + 1) + (b & ~a).count();
}

template <class S>
std::int64_t Network<S>::append(const std::uint64_t* alpha_words, const std::uint64_t* beta_words, std::int64_t n) {
    const std::int32_t before = size(), pairs_before = n_rows(true);
    for (std::int64_t i = 0; i < n; ++i) {
        const S sa = S::read(alpha_words + 2 * i), sb = S::read(beta_words + 2 * i);
        const std::int32_t a = alphas.add(sa, v), b = betas.add(sb, v);
        if (find(a, b) >= 0) continue;
        if (size() == std::numeric_limits<std::int32_t>::max())
            throw std::length_error("a space holds at most 2147483647 determinants");
        alpha.push_back(a);
        beta.push_back(b);
        if (2 * alpha.size() > slots_.size()) {
            slots_.assign(std::max<std::size_t>(1024, 2 * slots_.size()), -1);
            mask_ = slots_.size() - 1;
            for (std::int32_t k = 0; k < size(); ++k) place(k);
        } else {
            place(size() - 1);
        }
        double energy = alphas.energies[a] + betas.energies[b];
        for (S p = sa; !p.empty();) {
            const double* coulomb = v.coulomb.data() + std::int64_t{p.take_lowest()} * v.n_orb;
            for (S r = sb; !r.empty();) energy += coulomb[r.take_lowest()];
        }
        if (v.options.spin_penalty != 0) energy += v.options.spin_penalty * spin_diagonal(sa, sb);
        diagonal.push_back(energy);
        pair_with_mirror(size() - 1);
    }
    if (size() > before) {
        alphas.link(v.options.n_threads);
        by_alpha.build(alpha, alphas.size(), beta, betas.strings);
        by_beta.build(beta, betas.size(), alpha, alphas.strings);
        number_pairs(pairs_before);
    }
    return size() - before;
}

template <class S>
ParitySums Network<S>::parity_sums(const double* c) const {
    constexpr std::int64_t length = 4096;  // sums of fixed parts, so that threads change nothing
    const std::int64_t n_parts = (size() + length - 1) / length;
    std::vector<double> even(n_parts), odd(n_parts);
#pragma omp parallel for num_threads(v.options.n_threads) schedule(static)
    for (std::int64_t part = 0; part < n_parts; ++part) {
        double sum = 0, difference = 0;
        for (std::int64_t i = part * length; i < std::min<std::int64_t>(size(), (part + 1) * length); ++i) {
            const double other = c[mirror[i]];
            sum += (c[i] + other) * (c[i] + other);
            difference += (c[i] - other) * (c[i] - other);
        }
        even[part] = sum, odd[part] = difference;
    }
    return {std::accumulate(even.begin(), even.end(), 0.0), std::accumulate(odd.begin(), odd.end(), 0.0)};
}

template <class S>
Rows Network<S>::rows(bool half, std::int32_t first) const {
    Rows result;
    for (std::int32_t a = 0; a < alphas.size(); ++a) {
        for (std::int64_t at = by_alpha.begin(a); at < by_alpha.end(a); ++at) {
            const std::int32_t i = by_alpha.members[at], number = half ? codes[i] : i;
            if (half ? (number & 1) == 0 && number >= 2 * first : number >= first) result.add(a, i);
        }
    }
    return result;
}

// The visitor has
//   link(alpha_link)                    what follows is reached through this alpha excitation
//   opposite(i, j, beta, other)         alpha link and a beta single, from beta string `beta` of i to `other` of j
//   alpha_single(i, j, a)               the alpha link alone
//   beta_single(i, j, beta, other), beta_double(...), alpha_double(i, j, alpha, other)
// with beta and alpha the string numbers of row i.
template <class S>
template <bool half, class Visitor>
void Network<S>::visit(const Piece& piece, const std::vector<std::int32_t>& rows, Visitor& visitor) const {
    const std::int32_t a = piece.alpha;
    // Up to which number the columns of a row go.
    const auto end_of = [this](std::int32_t i) { return half ? std::max(i, mirror[i]) + 1 : i; };
    for (std::int64_t at = piece.begin; at < piece.end; ++at) {
        const std::int32_t i = rows[at], b = beta[i], columns = end_of(i);
        const S own = betas.strings[b];
        const std::int64_t same_end = by_alpha.lower_bound(a, columns);
        for (std::int64_t k = by_alpha.begin(a); k < same_end; ++k) {
            const S change = own ^ by_alpha.others[k];
            const int n = change.count();
            if (n > 4 || (half && n == 0)) continue;
            if (n == 2) {
                visitor.beta_single(i, by_alpha.members[k], b, by_alpha.others[k]);
            } else {
                visitor.beta_double(i, by_alpha.members[k], b, by_alpha.others[k]);
            }
        }
        const S own_alpha = alphas.strings[a];
        const std::int64_t end = by_beta.lower_bound(b, columns);
        for (std::int64_t k = by_beta.begin(b); k < end; ++k) {
            if ((own_alpha ^ by_beta.others[k]).count() == 4)
                visitor.alpha_double(i, by_beta.members[k], a, by_beta.others[k]);
        }
    }
    std::int32_t last = 0;
    for (std::int64_t at = piece.begin; at < piece.end; ++at) last = std::max(last, end_of(rows[at]));
    for (std::int64_t l = alphas.link_offsets[a]; l < alphas.link_offsets[a + 1]; ++l) {
        const Link& link = alphas.links[l];
        const std::int64_t begin = by_alpha.begin(link.target);
        if (by_alpha.members[begin] >= last) continue;
        visitor.link(link);
        for (std::int64_t at = piece.begin; at < piece.end; ++at) {
            const std::int32_t i = rows[at], b = beta[i];
            const S own = betas.strings[b];
            const std::int64_t end = by_alpha.lower_bound(link.target, end_of(i));
            for (std::int64_t k = begin; k < end; ++k) {
                const S change = own ^ by_alpha.others[k];
                if (!change.at_most_two()) continue;
                if (change.empty()) {
                    visitor.alpha_single(i, by_alpha.members[k], a);
                } else {
                    visitor.opposite(i, by_alpha.members[k], b, by_alpha.others[k]);
                }
            }
        }
    }
}

}  // namespace kakehashi::KAKEHASHI_ISA
