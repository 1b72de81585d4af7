// What detectors do with what reaches them: photons, dark counts, dead time, afterpulses, and several clicks at once.
#include <algorithm>
#include <bit>
#include <cmath>

#include "channel.hpp"

namespace kakehashi::photons {

Detection resolve(const Channel& channel, std::uint64_t seed, std::int64_t slot, Setting setting, std::uint8_t mask) {
    std::uint32_t ties = 0;
    if (std::popcount(mask) > 1) ties = philox(seed, static_cast<std::uint64_t>(slot), tie_stream)[0];
    if (channel.passive) {
        const bool key = mask & 3, test = mask & 12;
        setting.receiver_basis = static_cast<std::uint8_t>(key && test ? ties >> 1 & 1 : test);
        mask = setting.receiver_basis ? mask >> 2 : mask & 3;
    }
    return {slot, setting, static_cast<std::uint8_t>(mask == 3 ? ties & 1 : mask >> 1)};
}

void Receiver::remember(const Channel& channel, std::int64_t slot, std::uint8_t mask) {
    if (!channel.afterpulse) return;
    for (int d = 0; d < channel.n_detectors; ++d) {
        if (!(mask >> d & 1)) continue;
        Draws draws(seed_, static_cast<std::uint64_t>(slot), trap_stream + static_cast<std::uint32_t>(d));
        if (draws.word() >= channel.afterpulse) continue;
        const Release release{slot + 1 + static_cast<std::int64_t>(std::log(draws.uniform()) / channel.log_decay), d};
        const auto later = [](const Release& x, const Release& y) { return x.slot > y.slot; };
        pending_.insert(std::upper_bound(pending_.begin(), pending_.end(), release, later), release);
    }
}

void Receiver::accept(const Channel& channel, const Candidate* candidates, std::int64_t n, std::int64_t end,
                      std::vector<Click>& clicks) {
    std::int64_t next = 0;
    while (true) {
        std::int64_t slot = next < n ? candidates[next].slot : end;
        if (!pending_.empty()) slot = std::min(slot, pending_.back().slot);
        if (slot >= end) return;
        std::uint8_t mask = 0;
        std::int64_t candidate = -1;
        if (next < n && candidates[next].slot == slot) {
            mask = candidates[next].mask;
            candidate = next++;
        }
        while (!pending_.empty() && pending_.back().slot == slot) {
            mask |= static_cast<std::uint8_t>(1 << pending_.back().detector);
            pending_.pop_back();
        }
        if (slot < alive_from_) continue;
        clicks.push_back({slot, candidate, mask});
        alive_from_ = slot + 1 + channel.dead_slots;
        remember(channel, slot, mask);
    }
}

}  // namespace kakehashi::photons
