// One pass for one trajectory: its tables, and what it does to a piece of the state.
#pragma once

#include <bit>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "phases.hpp"
#include "turns.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// Real parts, then imaginary parts.
template <class T>
class Planes {
public:
    explicit Planes(std::int64_t size) : size_(size) {
        constexpr std::size_t page = std::size_t{1} << 21;
        const std::size_t n_bytes = 2 * static_cast<std::size_t>(size) * sizeof(T);
        const std::size_t alignment = n_bytes >= page ? page : 4096;
        data_.reset(static_cast<T*>(std::aligned_alloc(alignment, (n_bytes + alignment - 1) / alignment * alignment)));
        if (!data_) throw std::bad_alloc();
#ifdef __linux__
        // A pass strides over the state, and small pages would cost a look-up for every run of it.
        if (n_bytes >= page) madvise(data_.get(), n_bytes, MADV_HUGEPAGE);
#endif
    }
    T* re() { return data_.get(); }
    T* im() { return data_.get() + size_; }
    const T* re() const { return data_.get(); }
    const T* im() const { return data_.get() + size_; }
    void reset() {
        std::memset(static_cast<void*>(data_.get()), 0, 2 * static_cast<std::size_t>(size_) * sizeof(T));
        data_[0] = 1;
    }

private:
    struct Free {
        void operator()(T* data) const { std::free(data); }
    };
    std::int64_t size_;
    std::unique_ptr<T[], Free> data_;
};

inline constexpr std::int64_t max_block = 64;

// Amplitudes whose real and imaginary parts, 32 KiB, stay in the innermost cache.
template <class T>
inline constexpr int block_bits = sizeof(T) == 8 ? 11 : 12;

template <class T>
class PreparedPass {
public:
    PreparedPass(const Program& program, const Pass& pass, const std::uint64_t* signs) : pass_(pass) {
        const HalfTurns turns(program, signs);
        for (const Step& step : pass.steps) {
            if (step.turns.empty()) {
                parts_.push_back({std::make_unique<Phases<T>>(step, turns), {}, &step});
                continue;
            }
            const auto tangent = [&](const Turn& turn) { return turns.tangent(turn.rotation); };
            // Turns go with the phases before them: a block gets both while it is in the innermost cache.
            if (parts_.empty() || !parts_.back().sweeps.within.empty() || !parts_.back().sweeps.across.empty())
                parts_.emplace_back();
            parts_.back().sweeps = plan_sweeps<T>(step.turns, block_bits<T>, tangent);
        }
    }

    const Pass& pass() const { return pass_; }

    // From one state to another, or in place.
    void apply(const Planes<T>& from, Planes<T>& to, std::int64_t number, Planes<T>& buffer) const {
        const std::int64_t begin = pass_.begin(number);
        if (pass_.in_place) {
            if (&from != &to) {
                std::copy_n(from.re() + begin, pass_.piece(), to.re() + begin);
                std::copy_n(from.im() + begin, pass_.piece(), to.im() + begin);
            }
            work(number, to.re() + begin, to.im() + begin);
            return;
        }
        take(from, begin, buffer);
        work(number, buffer.re(), buffer.im());
        const std::int64_t run = std::int64_t{1} << pass_.n_run;
        for (std::size_t row = 0; row < pass_.rows.size(); ++row) {
            const std::int64_t at = begin + pass_.rows[row], in = static_cast<std::int64_t>(row) * run;
            std::copy_n(buffer.re() + in, run, to.re() + at);
            std::copy_n(buffer.im() + in, run, to.im() + at);
        }
    }

    // The piece after the pass, in the buffer; the state stays as it is.
    void look(const Planes<T>& from, std::int64_t number, Planes<T>& buffer) const {
        take(from, pass_.begin(number), buffer);
        work(number, buffer.re(), buffer.im());
    }

    std::int64_t index(std::int64_t number, std::int64_t local) const {
        const std::int64_t run = std::int64_t{1} << pass_.n_run;
        return pass_.begin(number) + pass_.rows[static_cast<std::size_t>(local >> pass_.n_run)] + (local & (run - 1));
    }

    std::int64_t n_blocks() const { return (pass_.piece() + max_block - 1) / max_block; }

    // Probability of each block of a looked-at piece; the sum.
    double fill_block_sums(const Planes<T>& buffer, double* sums) const {
        using L = Lanes<T>;
        const std::int64_t block = std::min(max_block, pass_.piece());
        double total = 0;
        for (std::int64_t b = 0; b < n_blocks(); ++b) {
            typename L::Type sum = {};
            for (std::int64_t x = b * block; x < (b + 1) * block; x += L::count) {
                const typename L::Type r = L::load(buffer.re() + x), i = L::load(buffer.im() + x);
                sum += r * r + i * i;
            }
            sums[b] = L::sum(sum);
            total += sums[b];
        }
        return total;
    }

    // Probability of an even number of ones in `mask` less that of an odd one.
    double parity_sum(const Planes<T>& buffer, std::int64_t number, std::int64_t mask) const {
        using L = Lanes<T>;
        const std::int64_t block = std::min(max_block, pass_.piece());
        T signs[max_block];
        for (std::int64_t x = 0; x < block; ++x) signs[x] = sign(index(0, x) & mask);
        double total = 0;
        for (std::int64_t b = 0; b < n_blocks(); ++b) {
            typename L::Type sum = {};
            for (std::int64_t x = 0; x < block; x += L::count) {
                const typename L::Type r = L::load(buffer.re() + b * block + x), i = L::load(buffer.im() + b * block + x);
                sum += L::load(signs + x) * (r * r + i * i);
            }
            total += sign(index(number, b * block) & mask) * L::sum(sum);
        }
        return total;
    }

private:
    struct Part {
        std::unique_ptr<Phases<T>> phases;
        Sweeps<T> sweeps;
        const Step* step = nullptr;  // of the phases
    };

    static T sign(std::int64_t bits) {
        return static_cast<T>(1 - 2 * (std::popcount(static_cast<std::uint64_t>(bits)) & 1));
    }

    void take(const Planes<T>& from, std::int64_t begin, Planes<T>& buffer) const {
        const std::int64_t run = std::int64_t{1} << pass_.n_run;
        for (std::size_t row = 0; row < pass_.rows.size(); ++row) {
            const std::int64_t at = begin + pass_.rows[row], in = static_cast<std::int64_t>(row) * run;
            std::copy_n(from.re() + at, run, buffer.re() + in);
            std::copy_n(from.im() + at, run, buffer.im() + in);
        }
    }

    void work(std::int64_t number, T* re, T* im) const {
        const std::int64_t piece = pass_.piece(), block = std::min(piece, std::int64_t{1} << block_bits<T>);
        for (const Part& part : parts_) {
            if (part.phases || !part.sweeps.within.empty()) {
                for (std::int64_t x = 0; x < piece; x += block) {
                    if (part.phases) apply_phases<T>(pass_, *part.step, *part.phases, number, x, x + block, re, im);
                    for (T* plane : {re, im}) {
                        for (const Sweep<T>& sweep : part.sweeps.within)
                            apply_sweep<T>(plane + x, block / Lanes<T>::count, sweep);
                    }
                }
            }
            for (T* plane : {re, im}) {
                for (const Sweep<T>& sweep : part.sweeps.across)
                    apply_sweep<T>(plane, piece / Lanes<T>::count, sweep);
            }
        }
    }

    const Pass& pass_;
    std::vector<Part> parts_;
};

}  // namespace kakehashi::KAKEHASHI_ISA
