// Which detectors fire, from any source of numbers: the pulse mode looks them up by slot, the statistical mode draws them on.
#pragma once

#include "channel.hpp"

namespace kakehashi::photons {

// Dark counts of all detectors, at least one of which must fire.
template <class Numbers>
std::uint8_t fire_darkly(const Channel& channel, Numbers& draws) {
    std::uint8_t mask = 0;
    for (int d = 0; d < channel.n_detectors; ++d) {
        const std::uint64_t chance = mask ? channel.dark_one : channel.dark_next[static_cast<std::size_t>(d)];
        if (draws.word() < chance) mask |= static_cast<std::uint8_t>(1 << d);
    }
    return mask;
}

// Detectors that fire in a slot in which something is detected.
template <class Numbers>
std::uint8_t fire(const Channel& channel, const Setting& setting, const Outcome& outcome, Numbers& draws) {
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

}  // namespace kakehashi::photons
