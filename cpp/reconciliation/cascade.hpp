// One end of a Cascade over many frames in lock step: the state that both ends mirror, and the parities of its own bits.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

namespace kakehashi {

// What both ends know of the protocol before its first parity. Pass p cuts permuted frames of 2^log_frame bits into
// blocks of 2^log_blocks[p]; passes that only compare halves of a frame follow, first those of every frame, then those
// of a group of frames together.
struct CascadePlan {
    int log_frame = 14;
    std::vector<int> log_blocks;
    int n_halves = 0;
    int n_checks = 0;
    int group_frames = 64;
    std::int64_t n_frames = 0;
    std::int64_t n_bits = 0;
    std::uint64_t seed = 0;

    int n_passes() const { return static_cast<int>(log_blocks.size()) + n_halves + n_checks; }
};

// Answers that contradict each other: no string has these parities.
struct Contradiction : std::runtime_error {
    Contradiction() : std::runtime_error("parities contradict each other") {}
};

// Packed bits, first bit lowest.
using Packed = std::vector<std::uint64_t>;

class CascadeEnd {
public:
    virtual ~CascadeEnd() = default;
    // Parities that wait for an answer, or for the verdict on it.
    virtual std::int64_t n_pending() const = 0;
    // Own parities of what is pending at the start.
    virtual void begin(Packed& parities) const = 0;
    // The end that corrects: the other's parities in, whether each differs out; state moves on to what is asked next.
    virtual void take(const std::uint8_t* parities, Packed& differ) = 0;
    // The reference: whether each parity differed in, its parities of what is asked next out.
    virtual void answer(const std::uint8_t* differ, Packed& parities) = 0;
    virtual std::int64_t n_bits() const = 0;
    virtual void copy_bits(std::uint64_t* words) const = 0;
    virtual std::int64_t n_flips() const = 0;
    // Frames in which a check found what the passes of every frame had left.
    virtual std::int64_t n_resumed() const = 0;
};

// Permutation of a pass, so that both ends and the Python twin agree.
void fill_permutation(std::uint64_t seed, int pass, int log_frame, std::uint16_t* out);

std::unique_ptr<CascadeEnd> make_cascade(const CascadePlan& plan, const std::uint64_t* words, bool corrects);

}  // namespace kakehashi
