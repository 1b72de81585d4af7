// The pulse mode: every slot has its photons, and the few in which something is detected are looked at closely.
#include <algorithm>
#include <array>

#include "channel.hpp"
#include "fire.hpp"

namespace kakehashi::photons {

namespace {

std::size_t cell_of(const Channel& channel, std::uint32_t word) {
    return static_cast<std::size_t>(std::upper_bound(channel.joint.begin(), channel.joint.end() - 1, word) -
                                    channel.joint.begin());
}

// Cells as the scan sees them: those of the same chance joined, so that it has few to compare with.
struct Cells {
    std::vector<std::int64_t> ends, steps;
    std::int64_t below = 0;

    explicit Cells(const Channel& channel) {
        std::int64_t last = -1;
        for (std::size_t i = 0; i < channel.detected.size(); ++i) {
            const std::uint64_t begin = i ? channel.joint[i - 1] : 0;
            if (begin >= channel.joint[i]) continue;  // too rare for 32 bits
            const std::int64_t above = static_cast<std::int64_t>(channel.detected[i] >> 32) + 1;
            if (last < 0) {
                below = above;
            } else {
                ends.push_back(static_cast<std::int64_t>(begin));
                steps.push_back(above - last);
            }
            last = above;
        }
    }
    ScanTable table() const { return {ends.data(), steps.data(), static_cast<int>(ends.size()), below}; }
};

Setting draw_setting(const Channel& channel, std::uint64_t seed, std::int64_t slot, const Block& words,
                     std::uint8_t intensity) {
    std::uint32_t bit = words[2] & 1;
    if (channel.differential) bit ^= philox(seed, static_cast<std::uint64_t>(slot - 1), setting_stream)[2] & 1;
    return {intensity, static_cast<std::uint8_t>(words[0] >= channel.sender_key), static_cast<std::uint8_t>(bit),
            static_cast<std::uint8_t>(words[1] >= channel.receiver_key)};
}

void examine(const Channel& channel, std::uint64_t seed, std::int64_t slot, std::uint32_t first_word,
             std::uint32_t second_word, std::vector<Candidate>& found) {
    const std::size_t cell = cell_of(channel, first_word);
    const Block words = philox(seed, static_cast<std::uint64_t>(slot), setting_stream);
    if ((std::uint64_t{second_word} << 32 | words[3]) >= channel.detected[cell]) return;
    Draws draws(seed, static_cast<std::uint64_t>(slot), fate_stream);
    const auto begin = channel.cumulative.begin() + channel.first_outcome[cell];
    const auto end = channel.cumulative.begin() + channel.first_outcome[cell + 1];
    const auto which = std::upper_bound(begin, end - 1, draws.long_word()) - channel.cumulative.begin();
    const Outcome& outcome = channel.outcomes[static_cast<std::size_t>(which)];
    const Setting setting = draw_setting(channel, seed, slot, words, channel.intensity_of_cell[cell]);
    found.push_back({slot, setting, fire(channel, setting, outcome, draws)});
}

}  // namespace

Setting setting_of(const Channel& channel, std::uint64_t seed, std::int64_t slot) {
    const Block pair = philox(seed, static_cast<std::uint64_t>(slot) >> 1, scan_stream);
    const std::size_t cell = cell_of(channel, pair[slot & 1 ? 2 : 0]);
    const Block words = philox(seed, static_cast<std::uint64_t>(slot), setting_stream);
    return draw_setting(channel, seed, slot, words, channel.intensity_of_cell[cell]);
}

std::vector<Candidate> scan_pulses(const Channel& channel, Scan scan, std::uint64_t seed, std::int64_t first,
                                   std::int64_t end, int n_threads) {
    const Cells cells(channel);
    const ScanTable table = cells.table();
    const std::int64_t first_block = first / block_slots, n_blocks = (end + block_slots - 1) / block_slots - first_block;
    constexpr std::int64_t run = 64;  // blocks that a thread takes at a time
    const std::int64_t n_runs = (n_blocks + run - 1) / run;
    std::vector<std::vector<Candidate>> parts(static_cast<std::size_t>(n_runs));
#pragma omp parallel num_threads(n_threads)
    {
        std::vector<std::uint32_t> offset(block_slots), first_word(block_slots), second_word(block_slots);
#pragma omp for schedule(dynamic)
        for (std::int64_t part = 0; part < n_runs; ++part) {
            for (std::int64_t b = part * run; b < std::min(n_blocks, (part + 1) * run); ++b) {
                const std::int64_t block = first_block + b;
                const int n = scan(table, seed, static_cast<std::uint64_t>(block), offset.data(), first_word.data(),
                                   second_word.data());
                for (int i = 0; i < n; ++i) {
                    const std::size_t k = static_cast<std::size_t>(i);
                    const std::int64_t slot = block * block_slots + offset[k];
                    if (slot >= first && slot < end)
                        examine(channel, seed, slot, first_word[k], second_word[k], parts[static_cast<std::size_t>(part)]);
                }
            }
        }
    }
    std::vector<Candidate> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

}  // namespace kakehashi::photons
