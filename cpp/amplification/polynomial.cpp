// POLYVAL of RFC 8452: sums of blocks times powers of a key in GF(2)[x] / (x^128 + x^127 + x^126 + x^121 + 1), with
// Montgomery's product a b x^-128. Eight blocks are multiplied before the sum is reduced once.
#include "kernels.hpp"
#include "lanes.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

constexpr Word reduction = 0xc200000000000000;  // x^63 + x^62 + x^57: the modulus without x^128 and 1, shifted down

#if defined(__PCLMUL__)

using Element = __m128i;

inline Element load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
inline void store(void* to, Element x) { _mm_storeu_si128(static_cast<__m128i*>(to), x); }
inline Element sum(Element a, Element b) { return _mm_xor_si128(a, b); }

// A product of 256 bits that has not been put together: low + middle x^64 + high x^128.
struct Unreduced {
    Element low = _mm_setzero_si128(), middle = _mm_setzero_si128(), high = _mm_setzero_si128();

    void add(Element a, Element b) {
        low = sum(low, _mm_clmulepi64_si128(a, b, 0x00));
        high = sum(high, _mm_clmulepi64_si128(a, b, 0x11));
        middle = sum(middle, sum(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10)));
    }

    Element reduce() const {
        const Element factor = _mm_set1_epi64x(static_cast<long long>(reduction));
        Element x = sum(low, _mm_slli_si128(middle, 8));
        for (int i = 0; i < 2; ++i) x = sum(_mm_shuffle_epi32(x, 0x4e), _mm_clmulepi64_si128(x, factor, 0x00));
        return sum(x, sum(high, _mm_srli_si128(middle, 8)));
    }
};

#else

struct Element {
    Word low, high;
};

inline Element load(const void* from) {
    Element x;
    std::memcpy(&x, from, sizeof x);
    return x;
}
inline void store(void* to, Element x) { std::memcpy(to, &x, sizeof x); }
inline Element sum(Element a, Element b) { return {a.low ^ b.low, a.high ^ b.high}; }

struct Unreduced {
    Product low{0, 0}, middle{0, 0}, high{0, 0};

    static void add(Product& to, Product x) {
        to.low ^= x.low;
        to.high ^= x.high;
    }

    void add(Element a, Element b) {
        const Product bottom = product(a.low, b.low), top = product(a.high, b.high);
        const Product mixed = product(a.low ^ a.high, b.low ^ b.high);
        add(low, bottom);
        add(high, top);
        add(middle, {mixed.low ^ bottom.low ^ top.low, mixed.high ^ bottom.high ^ top.high});
    }

    Element reduce() const {
        Element x{low.low, low.high ^ middle.low};
        for (int i = 0; i < 2; ++i) {
            const Product fold = product(x.low, reduction);
            x = {x.high ^ fold.low, x.low ^ fold.high};
        }
        return {x.low ^ high.low ^ middle.high, x.high ^ high.high};
    }
};

#endif

inline Element multiply(Element a, Element b) {
    Unreduced x;
    x.add(a, b);
    return x.reduce();
}

}  // namespace

void start_polynomial(Polynomial& p, const std::uint8_t* key) {
    const Element h = load(key);
    Element power = h;
    for (int i = 7; i >= 0; --i, power = multiply(power, h)) store(p.powers[i], power);
    p.sum[0] = p.sum[1] = 0;
}

void extend_polynomial(Polynomial& p, const std::uint8_t* blocks, std::size_t n_blocks) {
    Element total = load(p.sum), powers[8];
    for (int i = 0; i < 8; ++i) powers[i] = load(p.powers[i]);
    for (; n_blocks >= 8; n_blocks -= 8, blocks += 128) {
        Unreduced x;
        x.add(sum(total, load(blocks)), powers[0]);
        for (int i = 1; i < 8; ++i) x.add(load(blocks + 16 * i), powers[i]);
        total = x.reduce();
    }
    for (; n_blocks > 0; --n_blocks, blocks += 16) total = multiply(sum(total, load(blocks)), powers[7]);
    store(p.sum, total);
}

}  // namespace kakehashi::KAKEHASHI_ISA
