// Memory for key on its way: in large pages where the system gives them, and overwritten before it is given back.
#pragma once

#include <cstring>
#include <new>

#include "lanes.hpp"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace kakehashi::KAKEHASHI_ISA {

class Workspace {
public:
    explicit Workspace(std::int64_t n_words)
        : n_bytes_(static_cast<std::size_t>(n_words) * sizeof(Word)),
          alignment_{n_bytes_ >= large_page ? large_page : 64},
          words_(static_cast<Word*>(::operator new(n_bytes_, alignment_))) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        // A page fault for every 4 KiB would take a tenth of the time of a large hash. It is a wish: failure is fine.
        if (n_bytes_ >= large_page) madvise(words_, n_bytes_, MADV_HUGEPAGE);
#endif
    }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    ~Workspace() {
        std::memset(words_, 0, n_bytes_);
        asm volatile("" : : "r"(words_) : "memory");  // or the compiler would leave out what nobody reads
        ::operator delete(words_, alignment_);
    }

    Word* at(std::int64_t word) { return words_ + word; }

private:
    static constexpr std::size_t large_page = std::size_t{1} << 21;

    std::size_t n_bytes_;
    std::align_val_t alignment_;
    Word* words_;
};

}  // namespace kakehashi::KAKEHASHI_ISA
