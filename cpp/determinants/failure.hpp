// An exception must not leave a parallel region by itself: the first one is kept and thrown again behind it.
#pragma once

#include <atomic>
#include <exception>

#include "../simd.hpp"

namespace kakehashi::KAKEHASHI_ISA {

class Failure {
public:
    // Calls, unless something has failed before.
    template <class Call>
    void guard(Call&& call) noexcept {
        if (failed_.load(std::memory_order_relaxed)) return;
        try {
            call();
        } catch (...) {
            if (!failed_.exchange(true)) error_ = std::current_exception();
        }
    }
    // Behind the region.
    void rethrow() const {
        if (error_) std::rethrow_exception(error_);
    }

private:
    std::atomic<bool> failed_ = false;
    std::exception_ptr error_;
};

}  // namespace kakehashi::KAKEHASHI_ISA
