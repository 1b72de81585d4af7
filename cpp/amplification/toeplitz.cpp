// The modified Toeplitz hash: word by word for short strings, by the additive transform for long ones.
//
// With u the key's tail in reverse, result bit i wants the sum over j of u_j seed_{i+j}. As a function of the seed that is
// the transpose of multiplying a polynomial of n_out coefficients by u. Transposing the whole algorithm - transform,
// multiply by u's values point by point, transform back - gives one for the sum, on transforms no longer than the seed,
// where a product of seed and tail would need twice that. A tail too long for the transform is cut into pieces, whose
// results are added before the last transform.
#include "basis.hpp"
#include "columns.hpp"
#include "kernels.hpp"
#include "levels.hpp"
#include "strings.hpp"
#include "workspace.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

// Word by word: for every 64 bits of the result, all 64 bits of the tail with the seed bits that they meet.
void hash_short(const ToeplitzTask& task) {
    const std::int64_t tail = task.n - task.n_out, n_words = (task.n_out + 63) / 64, n_tail = (tail + 63) / 64;
    const Piece key(task.key, task.n_out, task.n), seed(task.seed, 0, task.n - 1), head(task.key, 0, task.n_out);
    for (std::int64_t i = 0; i < n_words; ++i) {
        Product first{0, 0}, second{0, 0};
        for (std::int64_t j = 0; j < n_tail; ++j) {
            // Times 64 bits of the tail, counted from its end, the seed from bit 64 (i + j) on: coefficient 63 + k of the
            // product is what these bits add to bit 64 i + k of the result.
            const Word bits = key.at(tail - 64 * (j + 1));
            const Product x = product(bits, seed.at(64 * (i + j))), y = product(bits, seed.at(64 * (i + j + 1)));
            first.low ^= x.low;
            first.high ^= x.high;
            second.low ^= y.low;
        }
        put(task.out, i, task.n_out, head.at(64 * i) ^ first.high << 1 ^ first.low >> 63 ^ second.low << 1);
    }
}

class LongHash {
public:
    LongHash(const ToeplitzTask& task)
        : task_(task), tables_(additive_tables()), k_(task.log2_length), n_(std::int64_t{1} << (k_ - 6)),
          piece_((std::int64_t{1} << k_) - task.n_out + 1), tail_(task.n - task.n_out),
          memory_(n_ * n_arrays()) {}

    void run() {
        Word *const bits = array(0), *const key = array(1), *const seed = array(2);
        for (std::int64_t first = 0; first < tail_; first += piece_) {
            const std::int64_t size = std::min(piece_, tail_ - first), from = task_.n_out + first;
            copy_reversed(Piece(task_.key, from, from + size), bits, n_, task_.n_threads);
            transform<Mode::forward>(tables_.encode, bits, key);
            const std::int64_t window = tail_ - first - size;
            copy_bits(Piece(task_.seed, window, window + size + task_.n_out - 1), bits, n_, task_.n_threads);
            transform<Mode::dual>(tables_.encode_dual, bits, first == 0 ? seed : array(3));
            multiply(key, seed, first == 0 ? nullptr : array(3));
        }
        Levels<Mode::back>(tables_, k_ - 6).run(seed, task_.n_threads);
        decode(tables_.decode, seed, bits, n_ / 64, task_.n_threads);
        change_basis<Mode::back>(bits, k_, k_, task_.n_threads);
        const Piece head(task_.key, 0, task_.n_out);
        for (std::int64_t w = 0; 64 * w < task_.n_out; ++w) put(task_.out, w, task_.n_out, head.at(64 * w) ^ bits[w]);
    }

private:
    std::int64_t n_arrays() const { return tail_ > piece_ ? 4 : 3; }
    Word* array(int i) { return memory_.at(i * n_); }

    template <Mode mode>
    void transform(const Matrix64& matrix, Word* bits, Word* elements) {
        change_basis<mode>(bits, k_, k_, task_.n_threads);
        encode(matrix, bits, elements, n_ / 64, task_.n_threads);
        Levels<mode>(tables_, k_ - 6).run(elements, task_.n_threads);
    }

    // seed becomes key times seed, or, where there is a next one, seed + key times next.
    void multiply(const Word* key, Word* seed, const Word* next) {
#pragma omp parallel for num_threads(task_.n_threads) schedule(static)
        for (std::int64_t i = 0; i < n_; i += Lanes::count) {
            const Lanes x = Lanes::load(key + i), y = Lanes::load(seed + i);
            (next == nullptr ? x * y : y ^ x * Lanes::load(next + i)).store(seed + i);
        }
    }

    const ToeplitzTask& task_;
    const AdditiveTables& tables_;
    const int k_;
    const std::int64_t n_, piece_, tail_;
    Workspace memory_;
};

}  // namespace

void toeplitz(const ToeplitzTask& task) {
    if (task.log2_length == 0) hash_short(task);
    else LongHash(task).run();
}

}  // namespace kakehashi::KAKEHASHI_ISA
