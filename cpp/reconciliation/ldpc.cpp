// The decoder's loops run over the checks of a row of circulants side by side, in 16-bit numbers.
#include "ldpc.hpp"

#include <algorithm>
#include <cstring>

#include "../simd.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

using Number = std::int16_t;

constexpr Number most = 4095;  // beliefs stay below twice this, far from overflow

// Every step is cut back to 16 bits, so that the compiler keeps 16-bit lanes.
constexpr Number lesser(Number a, Number b) { return a < b ? a : b; }
constexpr Number greater(Number a, Number b) { return a > b ? a : b; }
constexpr Number add(Number a, Number b) { return static_cast<Number>(a + b); }
constexpr Number subtract(Number a, Number b) { return static_cast<Number>(a - b); }
constexpr Number size_of(Number a) { return greater(a, static_cast<Number>(-a)); }
constexpr Number bend(Number x) { return greater(0, subtract(22, static_cast<Number>(x >> 2))); }

// What two checks' sizes make together: of magnitudes a and b in units of 1/32, log((1 + e^(a+b)) / (e^a + e^b)). That is
// the smaller one but for two terms of the form log(1 + e^-x), for which straight lines stand.
constexpr Number box_plus(Number a, Number b) {
    const Number corrected = subtract(add(lesser(a, b), bend(add(a, b))), bend(size_of(subtract(a, b))));
    return greater(0, corrected);
}

// What a row of circulants holds while it is visited: one number for each check, or for each check and entry.
struct Row {
    std::vector<Number> sign, wrong, after, rests, before;
    Row(int z, int widest)
        : sign(z), wrong(z), after(z), rests(static_cast<std::size_t>(widest * z)), before(rests.size()) {}
};

// rest[i] = belief[(i + shift) mod z] - message[i]; signs and the sum of magnitudes go on.
void gather(int n, const Number* __restrict belief, const Number* __restrict message,
            const Number* __restrict before, Number* __restrict rest, Number* __restrict next,
            Number* __restrict sign, Number* __restrict wrong) {
    for (int i = 0; i < n; ++i) {
        const Number x = lesser(greater(subtract(belief[i], message[i]), static_cast<Number>(-most)), most);
        rest[i] = x;
        next[i] = box_plus(before[i], size_of(x));
        sign[i] = static_cast<Number>(sign[i] ^ x);
        wrong[i] = static_cast<Number>(wrong[i] ^ belief[i]);
    }
}

// New messages and beliefs, from the last entry to the first; the result has its sign set where a bit changed.
Number scatter(int n, const Number* __restrict rest, const Number* __restrict before,
                     const Number* __restrict sign, Number* __restrict after,
                     Number* __restrict message, Number* __restrict belief) {
    Number changed = 0;
    for (int i = 0; i < n; ++i) {
        const Number x = rest[i];
        const Number size = box_plus(before[i], after[i]);
        after[i] = box_plus(after[i], size_of(x));
        const Number negative = static_cast<Number>((sign[i] ^ x) >> 15);
        const Number now = static_cast<Number>((size ^ negative) - negative);
        const Number sum = static_cast<Number>(x + now);
        changed = static_cast<Number>(changed | (sum ^ belief[i]));
        message[i] = now;
        belief[i] = sum;
    }
    return changed;
}

}  // namespace

void fill_syndrome(const LdpcCode& code, const std::uint8_t* bits, std::uint8_t* out) {
    const int z = code.z;
    std::memset(out, 0, static_cast<std::size_t>(code.n_rows()) * static_cast<std::size_t>(z));
    for (int row = 0; row < code.n_rows(); ++row) {
        std::uint8_t* const to = out + static_cast<std::ptrdiff_t>(row) * z;
        for (int e = code.row_start[row]; e < code.row_start[row + 1]; ++e) {
            const std::uint8_t* const from = bits + static_cast<std::ptrdiff_t>(code.entries[e].column) * z;
            const int shift = code.entries[e].shift;
            for (int i = 0; i < z - shift; ++i) to[i] ^= from[i + shift];
            for (int i = z - shift; i < z; ++i) to[i] ^= from[i + shift - z];
        }
    }
}

int decode_ldpc(const LdpcCode& code, const std::uint8_t* syndrome, std::int16_t* belief, int max_iterations) {
    const int z = code.z;
    const std::size_t size = static_cast<std::size_t>(z);
    std::vector<Number> messages(code.entries.size() * size, 0);
    int widest = 0;
    for (int row = 0; row < code.n_rows(); ++row) widest = std::max(widest, code.row_start[row + 1] - code.row_start[row]);
    Row all(z, widest + 1);
    for (int iteration = 1; iteration <= max_iterations; ++iteration) {
        Number changed = 0, wrong = 0;
        for (int row = 0; row < code.n_rows(); ++row) {
            const int first = code.row_start[row], last = code.row_start[row + 1];
            const std::uint8_t* const wanted = syndrome + static_cast<std::ptrdiff_t>(row) * z;
            Number* const sign = all.sign.data();
            Number* const unmet = all.wrong.data();
            for (int i = 0; i < z; ++i) sign[i] = unmet[i] = static_cast<Number>(-wanted[i]);
            std::fill_n(all.before.begin(), z, most);
            std::fill_n(all.after.begin(), z, most);
            for (int e = first; e < last; ++e) {
                const int shift = code.entries[e].shift, split = z - shift;
                const Number* const from = belief + static_cast<std::ptrdiff_t>(code.entries[e].column) * z;
                const Number* const message = messages.data() + static_cast<std::ptrdiff_t>(e) * z;
                Number* const rest = all.rests.data() + static_cast<std::ptrdiff_t>(e - first) * z;
                Number* const before = all.before.data() + static_cast<std::ptrdiff_t>(e - first) * z;
                gather(split, from + shift, message, before, rest, before + z, sign, unmet);
                gather(shift, from, message + split, before + split, rest + split, before + z + split, sign + split,
                       unmet + split);
            }
            for (int i = 0; i < z; ++i) wrong = static_cast<Number>(wrong | unmet[i]);
            for (int e = last - 1; e >= first; --e) {
                const int shift = code.entries[e].shift, split = z - shift;
                Number* const to = belief + static_cast<std::ptrdiff_t>(code.entries[e].column) * z;
                Number* const message = messages.data() + static_cast<std::ptrdiff_t>(e) * z;
                const Number* const rest = all.rests.data() + static_cast<std::ptrdiff_t>(e - first) * z;
                const Number* const before = all.before.data() + static_cast<std::ptrdiff_t>(e - first) * z;
                Number* const after = all.after.data();
                changed = static_cast<Number>(
                    changed | scatter(split, rest, before, sign, after, message, to + shift) |
                    scatter(shift, rest + split, before + split, sign + split, after + split, message + split, to));
            }
        }
        // All checks held when they were visited, and no bit has changed since.
        if (wrong >= 0 && changed >= 0) return iteration;
    }
    return -1;
}

}  // namespace kakehashi::KAKEHASHI_ISA
