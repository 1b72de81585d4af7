// The statistical mode: slots in which something is detected are drawn as such, by the gaps between them.
#include <algorithm>
#include <cmath>

#include "channel.hpp"
#include "fire.hpp"

namespace kakehashi::photons {

namespace {

// Numbers are drawn anew for each stretch, so that the result does not depend on the number of threads.
constexpr std::int64_t stretch = std::int64_t{1} << 20;

std::uint8_t basis_of(std::uint32_t word, std::uint64_t key) { return word < key ? 0 : 1; }

void draw_stretch(const Channel& channel, std::uint64_t seed, std::int64_t first, std::int64_t end,
                  std::vector<Candidate>& found) {
    Sequence draws(seed, static_cast<std::uint64_t>(first), statistical_stream);
    const double log_quiet = std::log1p(-channel.detected_any);
    const auto begin = channel.cumulative.begin(), last = channel.cumulative.end() - 1;
    double slot = static_cast<double>(first) - 1;  // exact below 2^53
    while (true) {
        slot += 1 + std::floor(std::log(draws.uniform()) / log_quiet);
        if (!(slot < static_cast<double>(end))) return;
        const auto which = std::upper_bound(begin, last, draws.long_word());
        const Outcome& outcome = channel.outcomes[static_cast<std::size_t>(which - begin)];
        Setting setting{outcome.intensity, 0, 0, 0};
        setting.sender_basis = basis_of(draws.word(), channel.sender_key);
        setting.receiver_basis = basis_of(draws.word(), channel.receiver_key);
        setting.sender_bit = draws.word() & 1;
        found.push_back({static_cast<std::int64_t>(slot), setting, fire(channel, setting, outcome, draws)});
    }
}

}  // namespace

Setting idle_setting(const Channel& channel, std::uint64_t seed, std::int64_t slot) {
    Draws draws(seed, static_cast<std::uint64_t>(slot), idle_stream);
    const auto which = std::upper_bound(channel.idle.begin(), channel.idle.end() - 1, draws.long_word());
    Setting setting{static_cast<std::uint8_t>(which - channel.idle.begin()), 0, 0, 0};
    setting.sender_basis = basis_of(draws.word(), channel.sender_key);
    setting.receiver_basis = basis_of(draws.word(), channel.receiver_key);
    setting.sender_bit = draws.word() & 1;
    return setting;
}

std::vector<Candidate> draw_candidates(const Channel& channel, std::uint64_t seed, std::int64_t first, std::int64_t end,
                                       int n_threads) {
    std::vector<Candidate> all;
    if (channel.detected_any <= 0) return all;
    const std::int64_t first_stretch = first / stretch, n = (end + stretch - 1) / stretch - first_stretch;
    std::vector<std::vector<Candidate>> parts(static_cast<std::size_t>(n));
#pragma omp parallel for num_threads(n_threads) schedule(dynamic, 4)
    for (std::int64_t part = 0; part < n; ++part) {
        const std::int64_t begin = (first_stretch + part) * stretch;
        draw_stretch(channel, seed, std::max(first, begin), std::min(end, begin + stretch),
                     parts[static_cast<std::size_t>(part)]);
    }
    std::size_t total = 0;
    for (const auto& part : parts) total += part.size();
    all.reserve(total);
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

}  // namespace kakehashi::photons
