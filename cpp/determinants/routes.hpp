// The ways from the alpha strings of a space to the alpha strings of the determinants outside it, dealt into buckets by
// where they lead. They can be many more than the determinants of the space, so that a range of buckets is held at a
// time, as long as the memory allows: each string is walked once to count and once for every range.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "network.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// The determinants that a pass starts from: those of each alpha string by descending |c|.
template <class S>
struct Sources {
    const Network<S>& net;
    const PerturbationPass& pass;
    std::vector<std::int32_t> members = {};
    std::vector<double> largest = {};  // |c| for each alpha string

    void sort() {
        members = net.by_alpha.members;
        largest.resize(net.alphas.size());
#pragma omp parallel for num_threads(net.v.options.n_threads) schedule(dynamic, 64)
        for (std::int32_t a = 0; a < net.alphas.size(); ++a) {
            const auto begin = members.begin() + net.by_alpha.begin(a), end = members.begin() + net.by_alpha.end(a);
            std::sort(begin, end, [&](std::int32_t i, std::int32_t j) {
                const double x = std::abs(pass.c[i]), y = std::abs(pass.c[j]);
                return x != y ? x > y : i < j;
            });
            largest[a] = std::abs(pass.c[*begin]);
        }
    }
    std::int64_t bytes() const { return std::int64_t{4} * net.size() + std::int64_t{8} * net.alphas.size(); }
};

// How an alpha string of the space reaches the alpha string of outside determinants.
template <class S>
struct Route {
    S target;
    std::int32_t source;
    std::int16_t to, from;   // of a single excitation
    double element;          // of a double excitation, sign included
    enum Kind : std::int8_t { same = 0, single = 1, twice = 2 } kind;
};

template <class S>
class Routes {
public:
    explicit Routes(const Sources<S>& sources)
        : src(sources),
          net(sources.net),
          v(sources.net.v),
          threads(sources.net.v.options.n_threads),
          n_buckets(std::clamp<Word>(Word(sources.net.alphas.size()), 64, 1 << 16)) {}

    void count() {
        places_.assign(threads, std::vector<std::int64_t>(n_buckets, 0));
        each_share(0, n_buckets, [](std::int64_t& place, auto&&) { ++place; });
        counts_.assign(n_buckets, 0);
        for (const auto& places : places_) {
            for (Word bucket = 0; bucket < n_buckets; ++bucket) counts_[bucket] += places[bucket];
        }
        offsets_.reserve(n_buckets + 1);
    }
    // Memory beside the routes, and of the routes of the largest bucket and of all.
    std::int64_t own_bytes() const { return 8 * (static_cast<std::int64_t>(n_buckets) * (threads + 2) + 1); }
    std::int64_t least_bytes() const { return size_of(*std::max_element(counts_.begin(), counts_.end())); }
    std::int64_t all_bytes() const {
        std::int64_t n = 0;
        for (const std::int64_t count : counts_) n += count;
        return size_of(n);
    }

    // Calls `visit` for every range of buckets, whose routes then lie there; none takes more than a budget that is at
    // least `least_bytes`.
    template <class Visit>
    void each_range(std::int64_t budget_bytes, Visit&& visit) {
        const std::int64_t most = budget_bytes / std::int64_t{sizeof(Route<S>)};
        std::int64_t n_held = 0;
        for (Word first = 0; first < n_buckets; first = last_) {
            std::int64_t n = 0;
            for (last_ = first; last_ < n_buckets && n + counts_[last_] <= most; ++last_) n += counts_[last_];
            if (n > n_held) {
                held_.reset();
                held_ = std::make_unique_for_overwrite<Route<S>[]>(n);
                n_held = n;
            }
            fill(first);
            visit();
        }
        held_.reset();
    }
    // The range that is held.
    Word size() const { return offsets_.size() - 1; }
    Route<S>* begin(Word bucket) const { return held_.get() + offsets_[bucket]; }
    Route<S>* end(Word bucket) const { return held_.get() + offsets_[bucket + 1]; }

private:
    static std::int64_t size_of(std::int64_t n) { return n * std::int64_t{sizeof(Route<S>)}; }

    // Calls for the routes from an alpha string to the buckets of a range, with a function that makes the route.
    template <class Call>
    void each_route(std::int32_t a, Word first, Word last, Call&& call) const {
        const S string = net.alphas.strings[a], parities = net.alphas.parities[a];
        const double c = src.largest[a];
        const std::uint32_t own_code = codes_.of(string);
        const Word lowest = first_code(first), n_codes = first_code(last) - lowest;
        const auto is_near = [&](std::uint32_t code) { return code - lowest < n_codes; };
        const auto offer = [&](std::uint32_t code, S target, auto&& make) {
            const Word n_batches = Word(src.pass.n_batches);
            if (n_batches > 1 && mix(target.hash()) % n_batches != Word(src.pass.batch)) return;
            call(code * n_buckets >> 32, make);
        };
        if (is_near(own_code)) offer(own_code, string, [&] { return Route<S>{string, a, 0, 0, 0, Route<S>::same}; });
        for (S rest = string; !rest.empty();) {
            const int q = rest.take_lowest();
            for (int p = 0; p < v.n_orb; ++p) {
                const std::uint32_t code = own_code ^ codes_.of(p) ^ codes_.of(q);
                if (string.test(p) || !is_near(code)) continue;
                const float bound = v.alpha_bound[Tables::pair(p, q)];
                if (bound <= v.options.screen || bound * c < src.pass.threshold) continue;
                const S target = string.flipped(p).flipped(q);
                offer(code, target, [&] {
                    return Route<S>{target, a, std::int16_t(p), std::int16_t(q), 0, Route<S>::single};
                });
            }
            for (S more = rest; !more.empty();) {
                const int q2 = more.take_lowest();
                const std::uint32_t code_without = own_code ^ codes_.of(q) ^ codes_.of(q2);
                const std::int64_t from = Tables::pair(q, q2);
                for (std::int64_t k = v.same_spin.offsets[from]; k < v.same_spin.offsets[from + 1]; ++k) {
                    const Strength& strength = v.same_spin.entries[k];
                    if (strength.size * c < src.pass.threshold) break;
                    const int p1 = strength.first, p2 = strength.second;
                    const std::uint32_t code = code_without ^ codes_.of(p1) ^ codes_.of(p2);
                    if (!is_near(code) || string.test(p1) || string.test(p2)) continue;
                    const S target = string.flipped(q).flipped(q2).flipped(p1).flipped(p2);
                    offer(code, target, [&] {
                        const double element = v.double_element(p1, q, p2, q2);
                        const bool odd = is_odd(parities, p1, q, p2, q2);
                        return Route<S>{target, a, 0, 0, odd ? -element : element, Route<S>::twice};
                    });
                }
            }
        }
    }
    // Of the codes whose bucket is this one or a later one, the lowest.
    Word first_code(Word bucket) const { return ((bucket << 32) + n_buckets - 1) / n_buckets; }

    // Each thread walks a share of the alpha strings, always the same, with a place of its own in every bucket.
    template <class Take>
    void each_share(Word first, Word last, Take&& take) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
        for (int share = 0; share < threads; ++share) {
            std::int64_t* places = places_[share].data();
            for (std::int32_t a = share; a < net.alphas.size(); a += threads)
                each_route(a, first, last, [&](Word bucket, auto&& make) { take(places[bucket], make); });
        }
    }

    void fill(Word first) {
        offsets_.assign(1, 0);
        std::int64_t total = 0;
        for (Word bucket = first; bucket < last_; ++bucket) {
            for (std::vector<std::int64_t>& places : places_) {
                const std::int64_t count = places[bucket];
                places[bucket] = total;
                total += count;
            }
            offsets_.push_back(total);
        }
        Route<S>* held = held_.get();
        each_share(first, last_, [held](std::int64_t& place, auto&& make) { held[place++] = make(); });
    }

    const Sources<S>& src;
    const Network<S>& net;
    const Tables& v;
    const int threads;
    const Word n_buckets;
    const Codes codes_;
    std::vector<std::vector<std::int64_t>> places_;  // by share and bucket: counts, then places
    std::vector<std::int64_t> counts_, offsets_;
    std::unique_ptr<Route<S>[]> held_;
    Word last_ = 0;
};

}  // namespace kakehashi::KAKEHASHI_ISA
