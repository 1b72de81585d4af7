// Sums over outside determinants that come in parts: from one share of the space after the other.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "blocks.hpp"
#include "words.hpp"

namespace kakehashi::KAKEHASHI_ISA {

template <class S>
class Partials final : public PartialSums {
public:
    struct Part {
        S alpha, beta;
        double sum, energy, coarse, largest;  // as in Amplitudes
    };
    static constexpr std::size_t n_buckets = 256;

    explicit Partials(int n_threads) : by_thread_(n_threads, std::vector<std::vector<Part>>(n_buckets)) {}

    void add(int thread, const Part& part) { by_thread_[thread][mix(part.alpha.hash()) >> 56].push_back(part); }
    std::int64_t size() const override {
        std::int64_t n = 0;
        for (const auto& buckets : by_thread_) {
            for (const auto& bucket : buckets) n += static_cast<std::int64_t>(bucket.size());
        }
        return n;
    }
    // Calls for each outside determinant with its whole sums, and forgets them.
    template <class Call>
    void finish(std::size_t bucket, Call&& call) {
        std::vector<Part> all;
        for (auto& buckets : by_thread_) {
            all.insert(all.end(), buckets[bucket].begin(), buckets[bucket].end());
            std::vector<Part>().swap(buckets[bucket]);
        }
        std::sort(all.begin(), all.end(), [](const Part& x, const Part& y) {
            return x.alpha == y.alpha ? x.beta < y.beta : x.alpha < y.alpha;
        });
        for (std::size_t i = 0, end; i < all.size(); i = end) {
            Part whole = all[i];
            for (end = i + 1; end < all.size() && all[end].alpha == whole.alpha && all[end].beta == whole.beta; ++end) {
                whole.sum += all[end].sum;
                whole.coarse += all[end].coarse;
                whole.largest = std::max(whole.largest, all[end].largest);
                whole.energy = std::max(whole.energy, all[end].energy);  // infinite: it is in the space
            }
            call(whole);
        }
    }

private:
    std::vector<std::vector<std::vector<Part>>> by_thread_;
};

}  // namespace kakehashi::KAKEHASHI_ISA
