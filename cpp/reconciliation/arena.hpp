// Memory for the frames of a Cascade, which visits all of it at random: in huge pages, where the system has them, a visit
// does not wait for the table of pages. A block of 10^7 bits takes 20 MB, its pages of 4 KB more than a processor keeps
// at hand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace kakehashi::KAKEHASHI_ISA {

class Arena {
public:
    // How much will be asked for at least.
    explicit Arena(std::size_t n_bytes) : next_size_(n_bytes) {}

    // Memory for n values that need no destructor, on a line of the cache of its own; it lives as long as the arena.
    template <class T>
    T* take(std::size_t n) {
        const std::size_t size = (n * sizeof(T) + line - 1) / line * line;
        if (size > left_) add(size);
        left_ -= size;
        return reinterpret_cast<T*>(std::exchange(at_, at_ + size));
    }

private:
    static constexpr std::size_t line = 64, huge = std::size_t{1} << 21;

    struct Free {
        void operator()(std::byte* memory) const { std::free(memory); }
    };

    void add(std::size_t least) {
        const std::size_t wanted = std::max(least, next_size_);
        const std::size_t unit = wanted >= huge ? huge : line;
        const std::size_t size = (wanted + unit - 1) / unit * unit;
        chunks_.emplace_back(static_cast<std::byte*>(std::aligned_alloc(unit, size)));
        at_ = chunks_.back().get();
        if (!at_) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
        if (unit == huge) madvise(at_, size, MADV_HUGEPAGE);  // a wish: without it all is slower, and right
#endif
        left_ = size;
        next_size_ = size / 8 + line;
    }

    std::vector<std::unique_ptr<std::byte, Free>> chunks_;
    std::byte* at_ = nullptr;
    std::size_t left_ = 0, next_size_;
};

}  // namespace kakehashi::KAKEHASHI_ISA
