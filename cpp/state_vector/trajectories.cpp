// Trajectories of one circuit, which differ in the signs of some rotations. They are ordered as a tree: what several have
// in common from the beginning is done once, and a state is copied where they part.
#include <omp.h>

#include <algorithm>
#include <deque>
#include <exception>

#include "pieces.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

template <class T>
class Branch {
public:
    // `finish` is called with the last pass, the state before it, and the number of the trajectory.
    using Finish = void (*)(void* context, Branch& branch, const Planes<T>& state, std::int64_t trajectory);

    Branch(const Program& program, const std::uint64_t* signs, int max_states, int n_threads, Finish finish,
           void* context)
        : program_(program), signs_(signs), max_states_(max_states), n_threads_(n_threads), finish_(finish),
          context_(context) {
        std::int64_t piece = 0;
        for (const Pass& pass : program.passes) piece = std::max(piece, pass.piece());
        for (int k = 0; k < n_threads; ++k) buffers_.emplace_back(piece);
        states_.emplace_back(program.size());
    }

    void run(std::int64_t first, std::int64_t last) {
        if (max_states_ == 1) {
            for (std::int64_t k = first; k < last; ++k) {
                states_[0].reset();
                go_on(k, k + 1, 0, 0);
            }
        } else {
            states_[0].reset();
            go_on(first, last, 0, 0);
        }
    }

    const Program& program() const { return program_; }
    const std::uint64_t* signs(std::int64_t trajectory) const { return signs_ + trajectory * program_.n_words; }
    Planes<T>& buffer(int thread) { return buffers_[static_cast<std::size_t>(thread)]; }
    int n_threads() const { return n_threads_; }
    std::int64_t n_pieces(const Pass& pass) const { return program_.size() / pass.piece(); }

    void apply(const Pass& pass, std::int64_t trajectory, const Planes<T>& from, Planes<T>& to) {
        const PreparedPass<T> prepared(program_, pass, signs(trajectory));
        const std::int64_t n = n_pieces(pass);
        if (n_threads_ == 1) {  // entering a parallel region costs as much as a small piece
            for (std::int64_t number = 0; number < n; ++number) prepared.apply(from, to, number, buffer(0));
            return;
        }
#pragma omp parallel for num_threads(n_threads_) schedule(static)
        for (std::int64_t number = 0; number < n; ++number) {
            prepared.apply(from, to, number, buffer(omp_get_thread_num()));
        }
    }

private:
    bool alike(const Pass& pass, std::int64_t a, std::int64_t b) const {
        const std::uint64_t* const x = signs(a) + pass.first_word;
        const std::uint64_t* const y = signs(b) + pass.first_word;
        return std::equal(x, x + pass.n_words, y);
    }

    // Trajectories that are alike in this pass, as ranges. Rows ascend, and were alike so far.
    std::vector<std::int64_t> part(const Pass& pass, std::int64_t first, std::int64_t last, bool singly) const {
        std::vector<std::int64_t> bounds{first};
        for (std::int64_t k = first + 1; k < last; ++k) {
            if (singly || !alike(pass, k - 1, k)) bounds.push_back(k);
        }
        bounds.push_back(last);
        return bounds;
    }

    Planes<T>& state(int depth) {
        while (static_cast<int>(states_.size()) <= depth) states_.emplace_back(program_.size());
        return states_[static_cast<std::size_t>(depth)];
    }

    // Takes the trajectories [first, last), whose common state before pass `p` lies at `depth`, to their ends.
    void go_on(std::int64_t first, std::int64_t last, std::size_t p, int depth) {
        for (; p + 1 < program_.passes.size(); ++p) {
            const Pass& pass = program_.passes[p];
            std::vector<std::int64_t> bounds = part(pass, first, last, false);
            // Where only one more state may live, it has to serve one trajectory after the other.
            if (bounds.size() > 2 && depth + 2 == max_states_) bounds = part(pass, first, last, true);
            // The largest part goes on in place: no more states are alive than log2 of the trajectories.
            std::size_t largest = 0;
            for (std::size_t k = 1; k + 1 < bounds.size(); ++k) {
                if (bounds[k + 1] - bounds[k] > bounds[largest + 1] - bounds[largest]) largest = k;
            }
            for (std::size_t k = 0; k + 1 < bounds.size(); ++k) {
                if (k == largest) continue;
                Planes<T>& to = state(depth + 1);
                apply(pass, bounds[k], state(depth), to);
                go_on(bounds[k], bounds[k + 1], p + 1, depth + 1);
            }
            first = bounds[largest], last = bounds[largest + 1];
            apply(pass, first, state(depth), state(depth));
        }
        for (std::int64_t k = first; k < last; ++k) finish_(context_, *this, state(depth), k);
    }

    const Program& program_;
    const std::uint64_t* signs_;
    int max_states_, n_threads_;
    Finish finish_;
    void* context_;
    std::deque<Planes<T>> states_;
    std::vector<Planes<T>> buffers_;
};

// Sums over the pieces, each by the thread that has it, in an array: their order does not depend on the threads.
template <class T, class Work>
void for_each_piece(Branch<T>& branch, const PreparedPass<T>& last, const Planes<T>& state, Work work) {
    const std::int64_t n = branch.n_pieces(last.pass());
    if (branch.n_threads() == 1) {
        for (std::int64_t number = 0; number < n; ++number) {
            last.look(state, number, branch.buffer(0));
            work(number, branch.buffer(0));
        }
        return;
    }
#pragma omp parallel for num_threads(branch.n_threads()) schedule(static)
    for (std::int64_t number = 0; number < n; ++number) {
        Planes<T>& buffer = branch.buffer(omp_get_thread_num());
        last.look(state, number, buffer);
        work(number, buffer);
    }
}

struct Draws {
    const std::int64_t* first;
    const double* uniforms;
    std::int64_t* out;
};

// Draws [from, to) lie in this piece, whose probabilities begin at `before` of `total`.
template <class T>
void draw_in_piece(const PreparedPass<T>& last, const Planes<T>& buffer, std::int64_t number, double before,
                   double total, const Draws& draws, std::int64_t from, std::int64_t to) {
    const std::int64_t piece = last.pass().piece(), block = std::min(max_block, piece), n_blocks = last.n_blocks();
    std::vector<double> sums(static_cast<std::size_t>(n_blocks));
    last.fill_block_sums(buffer, sums.data());
    std::int64_t b = 0;
    double sum = before;
    for (std::int64_t k = from; k < to; ++k) {
        const double target = draws.uniforms[k] * total;
        while (b + 1 < n_blocks && sum + sums[static_cast<std::size_t>(b)] <= target) {
            sum += sums[static_cast<std::size_t>(b++)];
        }
        double reached = sum;
        std::int64_t found = b * block;
        // Rounding may leave the target beyond the block; then its last outcome that can be is taken.
        for (std::int64_t x = b * block; x < (b + 1) * block; ++x) {
            const double r = static_cast<double>(buffer.re()[x]), i = static_cast<double>(buffer.im()[x]);
            const double probability = r * r + i * i;
            if (probability > 0) found = x;
            reached += probability;
            if (reached > target) break;
        }
        draws.out[k] = last.index(number, found);
    }
}

template <class T>
void draw(void* context, Branch<T>& branch, const Planes<T>& state, std::int64_t trajectory) {
    const Draws& draws = *static_cast<const Draws*>(context);
    const std::int64_t end = draws.first[trajectory + 1];
    std::int64_t k = draws.first[trajectory];
    if (k == end) return;
    const PreparedPass<T> last(branch.program(), branch.program().passes.back(), branch.signs(trajectory));
    const std::int64_t n = branch.n_pieces(last.pass());
    std::vector<double> sums(static_cast<std::size_t>(n));
    for_each_piece(branch, last, state, [&](std::int64_t number, const Planes<T>& buffer) {
        std::vector<double> blocks(static_cast<std::size_t>(last.n_blocks()));
        sums[static_cast<std::size_t>(number)] = last.fill_block_sums(buffer, blocks.data());
    });
    double total = 0;
    std::int64_t n_used = 1;
    for (std::int64_t number = 0; number < n; ++number) {
        total += sums[static_cast<std::size_t>(number)];
        if (sums[static_cast<std::size_t>(number)] > 0) n_used = number + 1;
    }
    double before = 0;
    for (std::int64_t number = 0; k < end; ++number) {
        const double upto = before + sums[static_cast<std::size_t>(number)];
        const std::int64_t from = k;
        while (k < end && (number + 1 >= n_used || draws.uniforms[k] * total < upto)) ++k;
        if (k > from) {
            if (n > 1) last.look(state, number, branch.buffer(0));  // otherwise it still lies there
            draw_in_piece(last, branch.buffer(0), number, before, total, draws, from, k);
        }
        before = upto;
    }
}

struct Parity {
    std::int64_t mask;
    double* out;
};

template <class T>
void find_parity(void* context, Branch<T>& branch, const Planes<T>& state, std::int64_t trajectory) {
    const Parity& parity = *static_cast<const Parity*>(context);
    const PreparedPass<T> last(branch.program(), branch.program().passes.back(), branch.signs(trajectory));
    const std::int64_t n = branch.n_pieces(last.pass());
    std::vector<double> sums(static_cast<std::size_t>(n)), norms(static_cast<std::size_t>(n));
    for_each_piece(branch, last, state, [&](std::int64_t number, const Planes<T>& buffer) {
        std::vector<double> blocks(static_cast<std::size_t>(last.n_blocks()));
        norms[static_cast<std::size_t>(number)] = last.fill_block_sums(buffer, blocks.data());
        sums[static_cast<std::size_t>(number)] = last.parity_sum(buffer, number, parity.mask);
    });
    double sum = 0, norm = 0;
    for (std::int64_t number = 0; number < n; ++number) {
        sum += sums[static_cast<std::size_t>(number)];
        norm += norms[static_cast<std::size_t>(number)];
    }
    parity.out[trajectory] = sum / norm;
}

struct Amplitudes {
    double* re;
    double* im;
};

template <class T>
void copy_amplitudes(void* context, Branch<T>& branch, const Planes<T>& state, std::int64_t trajectory) {
    const Amplitudes& out = *static_cast<const Amplitudes*>(context);
    const PreparedPass<T> last(branch.program(), branch.program().passes.back(), branch.signs(trajectory));
    for_each_piece(branch, last, state, [&](std::int64_t number, const Planes<T>& buffer) {
        for (std::int64_t x = 0; x < last.pass().piece(); ++x) {
            const std::int64_t at = last.index(number, x);
            out.re[at] = static_cast<double>(buffer.re()[x]);
            out.im[at] = static_cast<double>(buffer.im()[x]);
        }
    });
}

template <class T>
class Sampler final : public TrajectorySampler {
public:
    explicit Sampler(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

    std::int64_t n_words() const override { return program_->n_words; }
    std::int64_t size() const override { return program_->size(); }

    void sample(const std::uint64_t* signs, std::int64_t n, const std::int64_t* first_draw, const double* uniforms,
                std::int64_t* out, const Threads& threads) const override {
        Draws draws{first_draw, uniforms, out};
        run(signs, n, threads, draw<T>, &draws);
    }
    void parities(const std::uint64_t* signs, std::int64_t n, std::int64_t mask, double* out,
                  const Threads& threads) const override {
        Parity parity{mask, out};
        run(signs, n, threads, find_parity<T>, &parity);
    }
    void amplitudes(const std::uint64_t* signs, double* real, double* imaginary, int n_threads) const override {
        Amplitudes out{real, imaginary};
        run(signs, 1, {1, n_threads, 1}, copy_amplitudes<T>, &out);
    }

private:
    // Bounds of the ranges of trajectories that the threads take, about equal in passes. Which trajectories share a
    // range changes what is done again, and no result.
    std::vector<std::int64_t> split(const std::uint64_t* signs, std::int64_t n, int n_branches) const {
        const std::int64_t n_passes = static_cast<std::int64_t>(program_->passes.size());
        std::vector<std::int64_t> work{0};
        for (std::int64_t k = 0; k < n; ++k) {
            std::int64_t shared = 0;
            if (k > 0) {
                const std::uint64_t* const x = signs + (k - 1) * program_->n_words;
                const std::uint64_t* const y = x + program_->n_words;
                for (const Pass& pass : program_->passes) {
                    const std::int64_t w = pass.first_word;
                    if (!std::equal(x + w, x + w + pass.n_words, y + w)) break;
                    ++shared;
                }
            }
            work.push_back(work.back() + n_passes - std::min(shared, n_passes - 1));
        }
        std::vector<std::int64_t> bounds;
        for (int b = 0; b <= n_branches; ++b) {
            const std::int64_t target = work.back() * b / n_branches;
            bounds.push_back(std::lower_bound(work.begin(), work.end(), target) - work.begin());
        }
        return bounds;
    }

    void run(const std::uint64_t* signs, std::int64_t n, const Threads& threads, typename Branch<T>::Finish finish,
             void* context) const {
        if (n == 0) return;
        const int n_branches = static_cast<int>(std::min<std::int64_t>(std::max(threads.branches, 1), n));
        if (n_branches == 1) {
            Branch<T>(*program_, signs, threads.max_states, threads.amplitudes, finish, context).run(0, n);
            return;
        }
        const std::vector<std::int64_t> bounds = split(signs, n, n_branches);
        std::exception_ptr failure;
#pragma omp parallel for num_threads(n_branches) schedule(static, 1)
        for (int b = 0; b < n_branches; ++b) {
            const std::size_t k = static_cast<std::size_t>(b);
            if (bounds[k] == bounds[k + 1]) continue;
            try {
                Branch<T>(*program_, signs, threads.max_states, 1, finish, context).run(bounds[k], bounds[k + 1]);
            } catch (...) {
#pragma omp critical(kakehashi_branches)
                failure = std::current_exception();
            }
        }
        if (failure) std::rethrow_exception(failure);
    }

    std::shared_ptr<const Program> program_;
};

}  // namespace

std::unique_ptr<TrajectorySampler> make_sampler(std::shared_ptr<const Program> program, bool single) {
    if (single) return std::make_unique<Sampler<float>>(std::move(program));
    return std::make_unique<Sampler<double>>(std::move(program));
}

}  // namespace kakehashi::KAKEHASHI_ISA
