// Sums over outside determinants that come in parts: from one share of the space after the other.
#pragma once

#include <algorithm>
#include <atomic>
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

    Partials(int n_threads, std::int64_t budget_bytes)
        : by_thread_(n_threads, std::vector<std::vector<Part>>(n_buckets)), left_(budget_bytes) {}

    // Takes what one alpha string has, unless there is no room left.
    template <class Each>
    void add(int thread, S alpha, std::size_t n, Each&& each) {
        std::vector<Part>& parts = by_thread_[thread][mix(alpha.hash()) >> 56];
        if (full()) return;
        if (parts.size() + n > parts.capacity()) {
            const std::size_t more = std::max(parts.size() + n, parts.capacity() + parts.capacity() / 2);
            const auto taken = static_cast<std::int64_t>((more - parts.capacity()) * sizeof(Part));
            if (left_.fetch_sub(taken, std::memory_order_relaxed) < taken) return;
            parts.reserve(more);
        }
        each([&](const Part& part) { parts.push_back(part); });
    }
    bool full() const override { return left_.load(std::memory_order_relaxed) < 0; }
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
    std::atomic<std::int64_t> left_;  // bytes; negative once some were asked for in vain
};

}  // namespace kakehashi::KAKEHASHI_ISA
