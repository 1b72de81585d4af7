// What detectors do with what reaches them: photons, dark counts, dead time, afterpulses, and several clicks at once.
#include <algorithm>
#include <bit>
#include <cmath>

#include "channel.hpp"

namespace kakehashi::photons {

namespace {

// Dark counts of all detectors, at least one of which must fire.
std::uint8_t fire_darkly(const Channel& channel, Draws& draws) {
    std::uint8_t mask = 0;
    for (int d = 0; d < channel.n_detectors; ++d) {
        const std::uint64_t chance = mask ? channel.dark_one : channel.dark_next[static_cast<std::size_t>(d)];
        if (draws.word() < chance) mask |= static_cast<std::uint8_t>(1 << d);
    }
    return mask;
}

}  // namespace

std::uint8_t fire(const Channel& channel, const Setting& setting, const Outcome& outcome, Draws& draws) {
    std::uint8_t mask = 0;
    const bool scrambled = outcome.scramble && draws.word() < outcome.scramble;
    for (int photon = 0; photon < outcome.n_detected; ++photon) {
        int basis = setting.receiver_basis;
        if (channel.passive) basis = draws.word() < channel.receiver_key ? 0 : 1;
        const std::uint32_t word = draws.word();
        const bool faithful = basis == setting.sender_basis && !scrambled;
        const int bit = faithful ? setting.sender_bit ^ static_cast<int>(word < channel.flip) : static_cast<int>(word & 1);
        mask |= static_cast<std::uint8_t>(1 << (channel.passive ? 2 * basis + bit : bit));
    }
    if (channel.dark_any && (outcome.n_detected == 0 || draws.long_word() < channel.dark_any))
        mask |= fire_darkly(channel, draws);
    return mask;
}

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
