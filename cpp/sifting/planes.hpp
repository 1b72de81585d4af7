// Clicks as planes of bits: what both ends do to a million clicks without a byte for each.
#pragma once

#include <cstdint>

namespace kakehashi::sifting {

// What a sender has noted: its slots ascend, and all of them are there where `is_dense`.
struct Prepared {
    const std::int64_t* slot;
    const std::uint8_t *bit, *basis, *intensity;
    std::int64_t n, first;
    bool is_dense;
};

inline constexpr int n_planes = 5;  // known, bit, basis, low and high bit of the intensity

// The bits of `values` at which `mask` is set, close together: both have n_bytes, `out` has room for as many and 8 more.
// Gives their number.
using PickBits = std::int64_t (*)(const std::uint8_t* values, const std::uint8_t* mask, std::int64_t n_bytes,
                                  std::uint8_t* out);

// Bytes that hold every distance between ascending slots, from the slot before `first` on: 1, 2, 4 or 8.
using GapWidth = int (*)(const std::int64_t* slot, std::int64_t n, std::int64_t first);

// The distances, in `width` bytes each; `out` has n * width.
using FillGaps = void (*)(const std::int64_t* slot, std::int64_t n, std::int64_t first, int width, std::uint8_t* out);

// Planes of n clicks, each of (n + 7) / 8 bytes; a click whose slot was not prepared has zeros everywhere.
using LookUpClicks = void (*)(const Prepared& prepared, const std::uint8_t* gaps, int width, std::int64_t n,
                              std::uint8_t* planes);

}  // namespace kakehashi::sifting
