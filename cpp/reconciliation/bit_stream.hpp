// Bits one after the other, into packed words and out of packed bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "../simd.hpp"

namespace kakehashi::KAKEHASHI_ISA {

class BitWriter {
public:
    explicit BitWriter(std::vector<std::uint64_t>& words) : words_(words) { words_.clear(); }
    ~BitWriter() {
        if (used_) words_.push_back(word_);
    }
    BitWriter(const BitWriter&) = delete;
    BitWriter& operator=(const BitWriter&) = delete;
    void put(bool bit) {
        word_ |= static_cast<std::uint64_t>(bit) << used_;
        if (++used_ == 64) {
            words_.push_back(word_);
            word_ = 0;
            used_ = 0;
        }
    }

private:
    std::vector<std::uint64_t>& words_;
    std::uint64_t word_ = 0;
    int used_ = 0;
};

class BitReader {
public:
    explicit BitReader(const std::uint8_t* bytes) : bytes_(bytes) {}
    bool get() {
        const bool bit = bytes_[at_ >> 3] >> (at_ & 7) & 1;
        ++at_;
        return bit;
    }

private:
    const std::uint8_t* bytes_;
    std::int64_t at_ = 0;
};

}  // namespace kakehashi::KAKEHASHI_ISA
