// The state of a front, for as many shots at once as a vector has lanes: every shot has signs and outcomes of its own,
// and all do the same steps, so that each number of the kernels below is one vector.
#include "front.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "lanes.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

template <class T>
class Front {
    using Real = typename Lanes<T>::Type;
    struct Number {
        Real re, im;
        friend Number operator*(const Number& x, const Number& y) {
            return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
        }
        friend Number operator+(const Number& x, const Number& y) { return {x.re + y.re, x.im + y.im}; }
        Real weight() const { return re * re + im * im; }
        void set(int lane, std::complex<double> x) {
            re[lane] = static_cast<T>(x.real());
            im[lane] = static_cast<T>(x.imag());
        }
    };
    // Gates on one qubit wait here until the state must know them.
    struct Waiting {
        enum Form { identity, diagonal, general };
        int slot = -1;  // bit of the state's index; -1 where the qubit is in 0 and not in the state
        Form form = identity;
        Number matrix[4];  // by rows
    };

public:
    static constexpr int n_lanes = Lanes<T>::count;

    explicit Front(const FrontProgram& program)
        : program_(program),
          state_(std::size_t{1} << program.width),
          waiting_(static_cast<std::size_t>(program.n_qubits)) {}

    // The shots [first, first + n_lanes); lanes past the last shot repeat it.
    void run(const FrontShots& shots, std::int64_t first) {
        for (int k = 0; k < n_lanes; ++k) shot_[k] = std::min(first + k, shots.n_shots - 1);
        n_ = 0;
        slots_.clear();
        state_[0] = one();
        for (Waiting& w : waiting_) reset(w);
        for (std::size_t k = 0; k < program_.steps.size(); ++k) {
            const FrontStep& step = program_.steps[k];
            const std::uint8_t* const signs = shots.signs + static_cast<std::int64_t>(k) * shots.n_shots;
            switch (step.kind) {
                case FrontStep::single:
                    apply_single(step, signs);
                    break;
                case FrontStep::parity:
                    turn_parity(step, signs);
                    break;
                case FrontStep::known:
                    turn_known(step, signs, shots.bits + step.second * shots.n_shots);
                    break;
                default:
                    measure(step.first, shots);
            }
        }
    }

private:
    Waiting& at(int q) { return waiting_[static_cast<std::size_t>(q)]; }
    std::int64_t size() const { return std::int64_t{1} << n_; }
    static Number one() { return {Lanes<T>::broadcast(1), Real{}}; }
    static void clear(Waiting& w) {
        w.form = Waiting::identity;
        w.matrix[0] = w.matrix[3] = one();
        w.matrix[1] = w.matrix[2] = {Real{}, Real{}};
    }
    static void reset(Waiting& w) {
        w.slot = -1;
        clear(w);
    }

    void multiply(int q, const Number (&m)[4], bool diagonal) {
        Waiting& w = at(q);
        for (int j = 0; j < 2; ++j) {
            const Number a = w.matrix[j], b = w.matrix[2 + j];
            w.matrix[j] = m[0] * a + m[1] * b;
            w.matrix[2 + j] = m[2] * a + m[3] * b;
        }
        w.form = std::max(w.form, diagonal ? Waiting::diagonal : Waiting::general);
    }

    void apply_single(const FrontStep& step, const std::uint8_t* signs) {
        const std::complex<double>* const u = program_.matrices.data() + 4 * step.matrix;
        Number m[4] = {one(), {Real{}, Real{}}, {Real{}, Real{}}, one()};
        for (int k = 0; k < n_lanes; ++k) {
            const bool inverse = signs[shot_[k]];
            m[0].set(k, inverse ? std::conj(u[0]) : u[0]);
            m[1].set(k, inverse ? std::conj(u[2]) : u[1]);
            m[2].set(k, inverse ? std::conj(u[1]) : u[2]);
            m[3].set(k, inverse ? std::conj(u[3]) : u[3]);
        }
        multiply(step.first, m, u[1] == 0.0 && u[2] == 0.0);
    }

    Number phase(const FrontStep& step, const std::uint8_t* signs) const {
        const std::complex<double> u = program_.matrices[static_cast<std::size_t>(4 * step.matrix)];
        Number e{Real{}, Real{}};
        for (int k = 0; k < n_lanes; ++k) e.set(k, signs[shot_[k]] ? std::conj(u) : u);
        return e;
    }

    void turn_known(const FrontStep& step, const std::uint8_t* signs, const std::uint8_t* bits) {
        const Number e = phase(step, signs);
        Number m[4] = {one(), {Real{}, Real{}}, {Real{}, Real{}}, one()};
        for (int k = 0; k < n_lanes; ++k) {
            Number& odd = m[bits[shot_[k]] ? 0 : 3];
            odd.re[k] = e.re[k];
            odd.im[k] = e.im[k];
        }
        multiply(step.first, m, true);
    }

    void turn_parity(const FrontStep& step, const std::uint8_t* signs) {
        for (const int q : {step.first, step.second}) {
            if (at(q).slot < 0) {
                join(q);
            } else if (at(q).form == Waiting::general) {
                flush(at(q));
            }
        }
        const Number e = phase(step, signs);
        const int a = std::min(at(step.first).slot, at(step.second).slot);
        const int b = std::max(at(step.first).slot, at(step.second).slot);
        const std::int64_t low = std::int64_t{1} << a, high = std::int64_t{1} << b, n = size();
        for (std::int64_t i = 0; i < n; i += 2 * high) {
            for (std::int64_t j = i; j < i + high; j += 2 * low) {
                Number* const first = state_.data() + j + low;
                Number* const second = state_.data() + j + high;
                for (std::int64_t k = 0; k < low; ++k) {
                    first[k] = e * first[k];
                    second[k] = e * second[k];
                }
            }
        }
    }

    void join(int q) {
        Waiting& w = at(q);
        const std::int64_t n = size();
        Number* const low = state_.data();
        for (std::int64_t i = 0; i < n; ++i) {
            const Number a = low[i];
            low[i] = a * w.matrix[0];
            low[i + n] = a * w.matrix[2];
        }
        clear(w);
        w.slot = n_++;
        slots_.push_back(q);
    }

    void flush(Waiting& w) {
        const std::int64_t stride = std::int64_t{1} << w.slot, n = size();
        const Number m0 = w.matrix[0], m1 = w.matrix[1], m2 = w.matrix[2], m3 = w.matrix[3];
        for (std::int64_t begin = 0; begin < n; begin += 2 * stride) {
            Number* const low = state_.data() + begin;
            Number* const high = low + stride;
            for (std::int64_t i = 0; i < stride; ++i) {
                const Number a = low[i], b = high[i];
                low[i] = m0 * a + m1 * b;
                high[i] = m2 * a + m3 * b;
            }
        }
        clear(w);
    }

    void measure(int q, const FrontShots& shots) {
        Waiting& w = at(q);
        Real weights[2];
        find_weights(w, weights);
        Number row[2];
        for (int k = 0; k < n_lanes; ++k) {
            const double p0 = static_cast<double>(weights[0][k]), p1 = static_cast<double>(weights[1][k]);
            const std::int64_t place = q * shots.n_shots + shot_[k];
            const bool found = shots.uniforms[place] * (p0 + p1) < p1;
            shots.bits[place] = found;
            const T scale = static_cast<T>(1 / std::sqrt(found ? p1 : p0));
            for (int j = 0; j < 2; ++j) {
                const Number& from = w.matrix[2 * found + j];
                row[j].re[k] = scale * from.re[k];
                row[j].im[k] = scale * from.im[k];
            }
        }
        if (w.slot >= 0) {
            const std::int64_t stride = std::int64_t{1} << w.slot, n = size();
            Number* to = state_.data();
            for (std::int64_t begin = 0; begin < n; begin += 2 * stride) {
                const Number* const from = state_.data() + begin;
                for (std::int64_t i = 0; i < stride; ++i) *to++ = row[0] * from[i] + row[1] * from[i + stride];
            }
            slots_.erase(slots_.begin() + w.slot);
            for (std::size_t k = static_cast<std::size_t>(w.slot); k < slots_.size(); ++k) --at(slots_[k]).slot;
            --n_;
        }
        reset(w);
    }

    // Weights of 0 and 1 after what waits, from the qubit's density matrix.
    void find_weights(const Waiting& w, Real (&weights)[2]) const {
        Real zero = Lanes<T>::broadcast(1), one{};
        Number cross{Real{}, Real{}};
        if (w.slot >= 0) {
            zero = Real{};
            const std::int64_t stride = std::int64_t{1} << w.slot, n = size();
            for (std::int64_t begin = 0; begin < n; begin += 2 * stride) {
                const Number* const low = state_.data() + begin;
                for (std::int64_t i = 0; i < stride; ++i) {
                    const Number a = low[i], b = low[i + stride];
                    zero += a.weight();
                    one += b.weight();
                    cross.re += a.re * b.re + a.im * b.im;  // a times the conjugate of b
                    cross.im += a.im * b.re - a.re * b.im;
                }
            }
        }
        for (int x = 0; x < 2; ++x) {
            const Number a = w.matrix[2 * x], b = w.matrix[2 * x + 1];
            const Number both{a.re * b.re + a.im * b.im, a.im * b.re - a.re * b.im};
            weights[x] = a.weight() * zero + b.weight() * one +
                         Lanes<T>::broadcast(2) * (both.re * cross.re - both.im * cross.im);
        }
    }

    const FrontProgram& program_;
    std::vector<Number> state_;
    std::vector<Waiting> waiting_;
    std::vector<int> slots_;  // qubit of each bit of the state's index
    int n_ = 0;
    std::int64_t shot_[n_lanes] = {};
};

template <class T>
void run_all(const FrontProgram& program, const FrontShots& shots, int n_threads) {
    constexpr int step = Front<T>::n_lanes;
    std::vector<Front<T>> fronts;
    fronts.reserve(static_cast<std::size_t>(n_threads));
    for (int k = 0; k < n_threads; ++k) fronts.emplace_back(program);
#pragma omp parallel for num_threads(n_threads) schedule(dynamic)
    for (std::int64_t first = 0; first < shots.n_shots; first += step) {
        fronts[static_cast<std::size_t>(omp_get_thread_num())].run(shots, first);
    }
}

}  // namespace

void sample_front(const FrontProgram& program, const FrontShots& shots, int n_threads, bool single) {
    single ? run_all<float>(program, shots, n_threads) : run_all<double>(program, shots, n_threads);
}

}  // namespace kakehashi::KAKEHASHI_ISA
