// Philox4x32-10 (Salmon et al., SC '11, doi:10.1145/2063384.2063405): random words as a function of a counter, so that a
// slot's numbers do not depend on who draws them, or when.
#pragma once

#include <array>
#include <cstdint>

namespace kakehashi::photons {

using Block = std::array<std::uint32_t, 4>;

inline constexpr std::uint32_t multiplier_0 = 0xD2511F53u, multiplier_1 = 0xCD9E8D57u;
inline constexpr std::uint32_t weyl_0 = 0x9E3779B9u, weyl_1 = 0xBB67AE85u;
inline constexpr int n_rounds = 10;

// What a block of numbers is for: the third word of the counter. The slow twin has the same list.
enum Stream : std::uint32_t {
    scan_stream = 0,         // photon number, and whether anything is detected: one block for two slots
    setting_stream = 1,      // bases and bits of a slot
    trap_stream = 16,        // afterpulses; one stream per detector
    tie_stream = 32,         // which of several detectors counts
    idle_stream = 48,        // setting of a slot in which nothing but an afterpulse was seen
    fate_stream = 64,        // fates of the photons of a slot: as many streams as it takes
    statistical_stream = 1u << 20,  // numbers of a stretch of slots, one after the other
};

inline Block philox(std::uint64_t seed, std::uint64_t index, std::uint32_t stream, std::uint32_t number = 0) {
    std::uint32_t c0 = static_cast<std::uint32_t>(index), c1 = static_cast<std::uint32_t>(index >> 32);
    std::uint32_t c2 = stream, c3 = number;
    std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < n_rounds; ++round) {
        const std::uint64_t p0 = std::uint64_t{multiplier_0} * c0, p1 = std::uint64_t{multiplier_1} * c2;
        c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
        c1 = static_cast<std::uint32_t>(p1);
        c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
        c3 = static_cast<std::uint32_t>(p0);
        k0 += weyl_0;
        k1 += weyl_1;
    }
    return {c0, c1, c2, c3};
}

// Words one after the other from the blocks of one index. Either the stream counts up, or the number within it.
class Draws {
public:
    Draws(std::uint64_t seed, std::uint64_t index, std::uint32_t stream) : seed_(seed), index_(index), stream_(stream) {}

    std::uint32_t word() {
        if (used_ == 4) {
            block_ = philox(seed_, index_, stream_, number_++);
            used_ = 0;
        }
        return block_[used_++];
    }
    std::uint64_t long_word() {
        const std::uint64_t high = word();
        return high << 32 | word();
    }
    // Between 0 and 1, neither included.
    double uniform() { return (static_cast<double>(long_word() >> 11) + 0.5) * 0x1p-53; }

private:
    std::uint64_t seed_, index_;
    std::uint32_t stream_, number_ = 0;
    int used_ = 4;
    Block block_{};
};

// xoshiro256++ (Blackman and Vigna, doi:10.1145/3460772), begun from two blocks of Philox: where many numbers are drawn one
// after the other, and none is looked up by its counter.
class Sequence {
public:
    Sequence(std::uint64_t seed, std::uint64_t index, std::uint32_t stream) {
        Draws draws(seed, index, stream);
        for (std::uint64_t& word : state_) word = draws.long_word();
    }

    std::uint64_t long_word() {
        const std::uint64_t result = turn(state_[0] + state_[3], 23) + state_[0];
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = turn(state_[3], 45);
        return result;
    }
    std::uint32_t word() { return static_cast<std::uint32_t>(long_word() >> 32); }
    double uniform() { return (static_cast<double>(long_word() >> 11) + 0.5) * 0x1p-53; }

private:
    static std::uint64_t turn(std::uint64_t x, int by) { return x << by | x >> (64 - by); }
    std::array<std::uint64_t, 4> state_;
};

}  // namespace kakehashi::photons
