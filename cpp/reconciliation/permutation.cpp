// Permutations of a frame from a public seed.
#include <numeric>
#include <utility>

#include "cascade.hpp"

namespace kakehashi {
namespace {

constexpr std::uint64_t golden = 0x9E3779B97F4A7C15ULL;

// SplitMix64 (Steele, Lea and Flood 2014, DOI 10.1145/2660193.2660195).
std::uint64_t next_word(std::uint64_t& state) {
    std::uint64_t z = (state += golden);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

}  // namespace

void fill_permutation(std::uint64_t seed, int pass, int log_frame, std::uint16_t* out) {
    // Each pass has a stream of its own: the start is the seed's word number `pass`.
    std::uint64_t start = seed + golden * static_cast<std::uint64_t>(pass);
    std::uint64_t state = next_word(start);
    const std::uint32_t n = 1U << log_frame;
    std::iota(out, out + n, std::uint16_t{0});
    for (std::uint32_t i = n - 1; i > 0; --i) {
        const std::uint64_t j = ((next_word(state) >> 32) * (i + 1)) >> 32;
        std::swap(out[i], out[j]);
    }
}

}  // namespace kakehashi
