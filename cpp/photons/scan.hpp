// The hot loop of the pulse mode, as the choice among instruction sets sees it.
#pragma once

#include <cstdint>

namespace kakehashi::photons {

// What the vectorised scan needs. Thresholds are wider than 32 bits, so that 2^32 can be one.
inline constexpr int block_slots = 4096;
struct ScanTable {
    const std::int64_t* ends;   // of the cells but the last
    const std::int64_t* steps;  // what `below` grows by when a cell ends
    int n_ends;
    std::int64_t below;         // second words below this are candidates, in the first cell
};

// Fills offsets and both words of the candidates of block number `block`; gives their number.
using Scan = int (*)(const ScanTable& table, std::uint64_t seed, std::uint64_t block, std::uint32_t* offset,
                     std::uint32_t* first_word, std::uint32_t* second_word);

}  // namespace kakehashi::photons
