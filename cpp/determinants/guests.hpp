// The determinants of another process, and how those of this one are connected with them.
#pragma once

#include "blocks.hpp"
#include "network.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// Two processes that both hold each other's determinants deal what lies between them out by this bit of the alpha strings
// of one of them. It is another one than those that say which process owns a string.
template <class S>
bool deal_bit(S alpha) {
    return (mix(alpha.hash()) >> 40) & 1;
}

// Another process's determinants, with only what a walk from here to there needs.
template <class S>
struct Guests {
    std::vector<S> alphas, betas;           // distinct strings
    std::vector<std::int32_t> alpha, beta;  // strings of each determinant
    Groups<S> by_alpha, by_beta;

    // With `half` the shard's determinants are one of each two mirror images, and both are guests: with twice the number
    // of the pair, and one more for the other. Of a share, the rest of the guests is not held.
    Guests(const Shard& shard, bool half, Share share) {
        const auto read = [](std::vector<S>& to, const std::uint64_t* words, std::int64_t n) {
            to.reserve(n);
            for (std::int64_t i = 0; i < n; ++i) to.push_back(S::read(words + 2 * i));
        };
        read(alphas, shard.alphas, shard.n_alphas);
        read(betas, shard.betas, shard.n_betas);
        const int step = half ? 2 : 1;
        alpha.assign(step * shard.n, none);
        beta.assign(step * shard.n, none);
        for (std::int64_t i = 0; i < shard.n; ++i) {
            if (share == Share::half_of_the_guests && !deal_bit(alphas[shard.alpha[i]])) continue;
            alpha[step * i] = shard.alpha[i], beta[step * i] = shard.beta[i];
            if (half && shard.alpha[i] != shard.beta[i])
                alpha[2 * i + 1] = shard.beta[i], beta[2 * i + 1] = shard.alpha[i];
        }
        by_alpha.build(alpha, static_cast<std::int32_t>(alphas.size()), beta, betas);
        by_beta.build(beta, static_cast<std::int32_t>(betas.size()), alpha, alphas);
    }
    static constexpr std::int32_t none = -1;  // there is no guest with this number
    std::int32_t size() const { return static_cast<std::int32_t>(alpha.size()); }
};

// The rows that meet the guests of another process.
template <class S>
Rows rows_of_share(const Network<S>& net, bool half, Share share) {
    Rows rows = net.rows(half, 0);
    if (share == Share::half_of_the_rows)
        std::erase_if(rows.pieces, [&](const Piece& piece) { return deal_bit(net.alphas.strings[piece.alpha]); });
    return rows;
}

// Where a walk from the rows of this process leads among the guests.
template <class S>
struct Crossing {
    std::vector<std::int64_t> link_offsets;  // by own alpha string
    std::vector<Link> links;                 // targets are the guests' alpha strings
    std::vector<std::int32_t> alphas, betas;  // the guests' number of each own string; -1: they have none

    Crossing(const Network<S>& net, const Guests<S>& guests, const Rows& rows) {
        std::vector<char> wanted(net.alphas.size(), 0), held(guests.alphas.size(), 0);
        for (const Piece& piece : rows.pieces) wanted[piece.alpha] = 1;
        for (std::size_t a = 0; a < held.size(); ++a)
            held[a] = guests.by_alpha.begin(std::int32_t(a)) < guests.by_alpha.end(std::int32_t(a));
        link_alphas(net, guests, wanted, held);
        alphas = numbers(net.alphas.strings, guests.alphas);
        betas = numbers(net.betas.strings, guests.betas);
    }

private:
    struct Hole {
        Word key;
        std::int32_t string;
        std::int16_t orbital;
    };
    static std::vector<Hole> holes(const std::vector<S>& strings, const std::vector<char>& wanted) {
        std::vector<Hole> result;
        if (strings.empty()) return result;
        result.reserve(strings.size() * strings[0].count());
        for (std::size_t i = 0; i < strings.size(); ++i) {
            if (!wanted[i]) continue;
            for (S rest = strings[i]; !rest.empty();) {
                const int p = rest.take_lowest();
                result.push_back({strings[i].flipped(p).hash(), static_cast<std::int32_t>(i), std::int16_t(p)});
            }
        }
        std::sort(result.begin(), result.end(), [](const Hole& x, const Hole& y) {
            return x.key != y.key ? x.key < y.key : x.string < y.string;
        });
        return result;
    }

    static std::vector<std::int32_t> numbers(const std::vector<S>& ours, const std::vector<S>& theirs) {
        StringIndex<S> index;
        for (std::size_t i = 0; i < theirs.size(); ++i) index.insert(theirs.data(), static_cast<std::int32_t>(i));
        std::vector<std::int32_t> result;
        result.reserve(ours.size());
        for (const S string : ours) result.push_back(index.find(theirs.data(), string));
        return result;
    }

    // As StringSet::link: strings are linked that become equal when one electron is taken away from each.
    void link_alphas(const Network<S>& net, const Guests<S>& guests, const std::vector<char>& wanted,
                     const std::vector<char>& held) {
        const std::vector<Hole> ours = holes(net.alphas.strings, wanted), theirs = holes(guests.alphas, held);
        const auto each = [&](auto&& call) {
            for (std::size_t i = 0, j = 0; i < ours.size() && j < theirs.size();) {
                if (ours[i].key != theirs[j].key) {
                    ours[i].key < theirs[j].key ? ++i : ++j;
                    continue;
                }
                const Word key = ours[i].key;
                std::size_t end = j;
                while (end < theirs.size() && theirs[end].key == key) ++end;
                for (; i < ours.size() && ours[i].key == key; ++i) {
                    for (std::size_t k = j; k < end; ++k) {
                        const Hole &from = ours[i], &to = theirs[k];
                        const S own = net.alphas.strings[from.string], other = guests.alphas[to.string];
                        if (from.orbital != to.orbital && own.flipped(from.orbital) == other.flipped(to.orbital))
                            call(from, to);
                    }
                }
                j = end;
            }
        };
        const std::int32_t n = net.alphas.size();
        link_offsets.assign(std::size_t(n) + 1, 0);
        each([&](const Hole& from, const Hole&) { ++link_offsets[from.string + 1]; });
        for (std::int32_t i = 0; i < n; ++i) link_offsets[i + 1] += link_offsets[i];
        std::vector<std::int64_t> next(link_offsets.begin(), link_offsets.end() - 1);
        links.resize(link_offsets[n]);
        each([&](const Hole& from, const Hole& to) {
            const bool odd = is_odd(net.alphas.parities[from.string], to.orbital, from.orbital);
            links[next[from.string]++] = {to.string, to.orbital, from.orbital, odd};
        });
    }
};

// How far a row's connections have been walked: rows below `rows` with the guests below `columns`.
struct Seen {
    std::int32_t rows = 0, columns = 0;
};

// Calls the visitor of network.hpp for every row of the piece and every connected guest that was not seen yet. Guests
// are numbered from `offset` on. Both processes may hold an alpha string, but no determinant.
template <class S, class Visitor>
void visit_guests(const Network<S>& net, const Guests<S>& guests, const Crossing<S>& crossing, const Rows& rows,
                  const Piece& piece, Seen seen, std::int32_t offset, Visitor& visitor) {
    const std::int32_t a = piece.alpha;
    const S own_alpha = net.alphas.strings[a];
    const auto first = [&](const Groups<S>& groups, std::int32_t string, std::int32_t i) {
        return i < seen.rows && seen.columns > 0 ? groups.lower_bound(string, seen.columns) : groups.begin(string);
    };
    const std::int32_t same = crossing.alphas[a];
    for (std::int64_t at = piece.begin; at < piece.end; ++at) {
        const std::int32_t i = rows.members[at], own_beta = net.beta[i], b = crossing.betas[own_beta];
        const S string = net.betas.strings[own_beta];
        if (same >= 0) {
            const std::int64_t end = guests.by_alpha.end(same);
            for (std::int64_t k = first(guests.by_alpha, same, i); k < end; ++k) {
                const S other = guests.by_alpha.others[k];
                const int n = (string ^ other).count();
                if (n == 2) visitor.beta_single(i, guests.by_alpha.members[k] + offset, own_beta, other);
                if (n == 4) visitor.beta_double(i, guests.by_alpha.members[k] + offset, own_beta, other);
            }
        }
        if (b < 0) continue;
        const std::int64_t end = guests.by_beta.end(b);
        for (std::int64_t k = first(guests.by_beta, b, i); k < end; ++k) {
            const S other = guests.by_beta.others[k];
            if ((own_alpha ^ other).count() == 4)
                visitor.alpha_double(i, guests.by_beta.members[k] + offset, a, other);
        }
    }
    const bool all_rows_seen = rows.members[piece.end - 1] < seen.rows;
    for (std::int64_t l = crossing.link_offsets[a]; l < crossing.link_offsets[a + 1]; ++l) {
        const Link& link = crossing.links[l];
        const std::int64_t end = guests.by_alpha.end(link.target);
        if (all_rows_seen && guests.by_alpha.members[end - 1] < seen.columns) continue;
        visitor.link(link);
        for (std::int64_t at = piece.begin; at < piece.end; ++at) {
            const std::int32_t i = rows.members[at], b = net.beta[i];
            const S own = net.betas.strings[b];
            for (std::int64_t k = first(guests.by_alpha, link.target, i); k < end; ++k) {
                const S change = own ^ guests.by_alpha.others[k];
                if (!change.at_most_two()) continue;
                if (change.empty()) {
                    visitor.alpha_single(i, guests.by_alpha.members[k] + offset, a);
                } else {
                    visitor.opposite(i, guests.by_alpha.members[k] + offset, b, guests.by_alpha.others[k]);
                }
            }
        }
    }
}

}  // namespace kakehashi::KAKEHASHI_ISA
