// One frame of a Cascade: which blocks are known to hold an odd number of errors, and what to ask next. Nothing here
// depends on whose end it is, but for parities of one's own bits.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "bit_stream.hpp"
#include "cascade.hpp"
#include "tree.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// The permutations that all frames share.
struct Passes {
    explicit Passes(const CascadePlan& p) : plan(p), n(1U << p.log_frame), n_words(static_cast<int>(n / 64)) {
        const int n_passes = plan.n_passes(), n_blocks = static_cast<int>(plan.log_blocks.size());
        permutations.resize(static_cast<std::size_t>(n_passes) * n);
        inverses.resize(permutations.size());
        masks.resize(static_cast<std::size_t>(n_passes - n_blocks) * static_cast<std::size_t>(n_words));
        for (int pass = 0; pass < n_passes; ++pass) {
            std::uint16_t* const to = permutations.data() + static_cast<std::size_t>(pass) * n;
            std::uint16_t* const back = inverses.data() + static_cast<std::size_t>(pass) * n;
            fill_permutation(plan.seed, pass, plan.log_frame, to);
            for (std::uint32_t i = 0; i < n; ++i) back[to[i]] = static_cast<std::uint16_t>(i);
            if (pass < n_blocks) continue;
            std::uint64_t* const half = masks.data() + static_cast<std::size_t>((pass - n_blocks) * n_words);
            for (std::uint32_t i = 0; i < n / 2; ++i) half[to[i] >> 6] |= std::uint64_t{1} << (to[i] & 63);
        }
    }
    const std::uint16_t* permutation(int pass) const { return permutations.data() + static_cast<std::size_t>(pass) * n; }
    const std::uint16_t* inverse(int pass) const { return inverses.data() + static_cast<std::size_t>(pass) * n; }
    const std::uint64_t* mask(int pass) const {
        return masks.data() + static_cast<std::size_t>((pass - static_cast<int>(plan.log_blocks.size())) * n_words);
    }
    bool in_left_half(int pass, std::uint32_t x) const { return inverse(pass)[x] < n / 2; }
    int first_check() const { return static_cast<int>(plan.log_blocks.size()) + plan.n_halves; }

    CascadePlan plan;
    std::uint32_t n;
    int n_words;
    std::vector<std::uint16_t> permutations, inverses;
    std::vector<std::uint64_t> masks;
};

// A pass that a frame has begun. One that only compares halves has no tree before it finds an error.
struct Begun {
    std::uint16_t pass;
    std::uint8_t level;     // its blocks are nodes n >> level to 2 (n >> level) - 1
    std::uint8_t odd_halves = 0;  // without a tree: which of nodes 2 and 3 hold an odd number of errors
    Nodes* tree = nullptr;
};

template <bool corrects>
class Frame {
public:
    std::uint64_t* bits = nullptr;     // one's own; those of the end that corrects change
    std::uint64_t* settled = nullptr;  // bits that both ends know to agree: disclosed one by one, or not of the block
    std::int64_t n_flips = 0;

    bool is_quiet() const { return !asks_blocks_ && n_active_ == 0; }

    std::int64_t n_asked(const Passes& passes) const {
        if (!asks_blocks_) return static_cast<std::int64_t>(n_active_);
        std::int64_t n = 0;
        for (std::size_t b = first_asked_; b < begun_.size(); ++b) n += n_blocks_asked(passes, begun_[b]);
        return n;
    }

    // Every round visits every frame, and together they do not fit into a cache: what the next frames will need is called
    // in while one is worked on, first its lists, then the nodes that these name.
    void call_lists() const {
        __builtin_prefetch(odd_.data());
        __builtin_prefetch(begun_.data());
    }
    void call_nodes() const {
        if (asks_blocks_) return;
        for (std::size_t i = 0; i < std::min<std::size_t>(odd_.size(), 48); ++i) {
            const Nodes* const tree = begun_[odd_[i].begun].tree;
            __builtin_prefetch(tree + (odd_[i].node >> 6), 1);
            if (i < n_active_) __builtin_prefetch(tree + (odd_[i].node >> 5), 1);  // a hint: it may lie outside
        }
    }

    // Own parities of what is asked.
    void ask(const Passes& passes, BitWriter& out) const {
        if (!asks_blocks_) {
            for (std::size_t i = 0; i < n_active_; ++i) out.put(own_parity(passes, odd_[i].begun, 2 * odd_[i].node));
            return;
        }
        for (std::size_t b = first_asked_; b < begun_.size(); ++b) {
            const std::uint32_t first = passes.n >> begun_[b].level, n_asked = n_blocks_asked(passes, begun_[b]);
            for (std::uint32_t h = first; h < first + n_asked; ++h) out.put(own_parity(passes, b, h));
        }
    }

    // Begins the next pass. All that compare halves begin together: fewer round trips, the same parities.
    void begin_pass(const Passes& passes, Scratch& scratch) {
        const int n_blocks = static_cast<int>(passes.plan.log_blocks.size());
        first_asked_ = begun_.size();
        asks_blocks_ = true;
        if (next_pass_ < n_blocks) {
            add_pass(next_pass_, passes.plan.log_blocks[static_cast<std::size_t>(next_pass_)]);
            begun_.back().tree = make_tree(passes, scratch, next_pass_++);
            return;
        }
        while (next_pass_ < passes.first_check()) add_pass(next_pass_++, passes.plan.log_frame - 1);
    }

    // A check found an odd left half; all that was known of the frame is even, so the right one is odd too.
    template <class OnFlip>
    void resume(const Passes& passes, Scratch& scratch, int pass, OnFlip&& on_flip) {
        for (const Begun& begun : begun_) {
            if (begun.pass == pass) throw Contradiction();
        }
        add_pass(pass, passes.plan.log_frame - 1);
        begun_.back().odd_halves = 3;
        select(passes, scratch, on_flip);
    }

    // Takes verdicts on everything asked, from `differs(own)`, and moves on to the next questions.
    template <class Differs, class OnFlip>
    void take(const Passes& passes, Scratch& scratch, Differs&& differs, OnFlip&& on_flip) {
        if (asks_blocks_) {
            take_blocks(passes, differs, on_flip);
        } else {
            take_halves(passes, differs, on_flip);
        }
        select(passes, scratch, on_flip);
        if (is_quiet() && next_pass_ < passes.first_check()) begin_pass(passes, scratch);
    }

private:
    struct OddNode {
        std::uint16_t node;
        std::uint8_t begun;
        bool is_sought;
    };

    static std::uint32_t n_blocks_asked(const Passes& passes, const Begun& begun) {
        const std::uint32_t n_blocks = passes.n >> begun.level;
        return begun.pass == 0 ? n_blocks : n_blocks - 1;  // the frame's parity is known after the first pass
    }

    bool own_parity(const Passes& passes, std::size_t b, std::uint32_t h) const {
        const Begun& begun = begun_[b];
        if (h >= passes.n) return bit_of(bits, passes.permutation(begun.pass)[h - passes.n]);
        if (!begun.tree) return masked_parity(bits, passes.mask(begun.pass), passes.n_words);
        return begun.tree[h >> 6].own >> (h & 63) & 1;
    }

    void add_pass(int pass, int level) {
        begun_.push_back({static_cast<std::uint16_t>(pass), static_cast<std::uint8_t>(level)});
    }

    Nodes* make_tree(const Passes& passes, Scratch& scratch, int pass) const {
        Nodes* const tree = scratch.arena.take<Nodes>(static_cast<std::size_t>(passes.n_words));
        build_tree(bits, passes.permutation(pass), passes.n_words, scratch, tree);
        return tree;
    }

    template <class Differs, class OnFlip>
    void take_blocks(const Passes& passes, Differs&& differs, OnFlip&& on_flip) {
        asks_blocks_ = false;
        for (std::size_t b = first_asked_; b < begun_.size(); ++b) {
            const std::uint32_t first = passes.n >> begun_[b].level, n_asked = n_blocks_asked(passes, begun_[b]);
            bool sum = false;
            for (std::uint32_t h = first; h < first + n_asked; ++h) {
                const bool odd = differs(own_parity(passes, b, h));
                sum ^= odd;
                if (begun_[b].tree) {
                    open(passes, b, h, odd, false, on_flip);
                } else {
                    begun_[b].odd_halves = odd ? 3 : 0;
                }
            }
            // All that was known before the pass is even, the whole frame included.
            if (begun_[b].tree && n_asked < first) open(passes, b, first + n_asked, sum, false, on_flip);
        }
    }

    template <class Differs, class OnFlip>
    void take_halves(const Passes& passes, Differs&& differs, OnFlip&& on_flip) {
        const std::size_t n_taken = n_active_;
        for (std::size_t i = 0; i < n_taken; ++i) {
            const OddNode asked = odd_[i];
            const std::uint32_t left = 2U * asked.node;
            const bool odd_left = differs(own_parity(passes, asked.begun, left));
            // By now another search may have found the error that this one was after, and made the node even.
            const bool odd_right = odd_left != close(asked.begun, asked.node);
            split(passes, asked.begun, left, odd_left, odd_right, true, on_flip);
        }
    }

    // Both halves of a node that was closed just before are known now.
    template <class OnFlip>
    void split(const Passes& passes, std::size_t b, std::uint32_t left, bool odd_left, bool odd_right, bool is_sought,
               OnFlip&& on_flip) {
        if (left < passes.n) {
            open(passes, b, left, odd_left, is_sought, on_flip);
            open(passes, b, left + 1, odd_right, is_sought, on_flip);
            return;
        }
        const std::uint16_t* const leaf = passes.permutation(begun_[b].pass) - passes.n;
        const std::uint32_t x = leaf[left], y = leaf[left + 1];
        settle(x);
        settle(y);
        if (odd_left) flip(passes, x, on_flip);
        if (odd_right) flip(passes, y, on_flip);
    }

    template <class OnFlip>
    void open(const Passes& passes, std::size_t b, std::uint32_t h, bool odd, bool is_sought, OnFlip&& on_flip) {
        // Where one half is settled bit by bit, no question is needed.
        const std::uint16_t* const leaf = passes.permutation(begun_[b].pass) - passes.n;
        const std::uint32_t left = 2 * h;
        if (odd && 2 * left >= passes.n) {
            bool first, second;
            if (left >= passes.n) {
                first = is_settled(leaf[left]);
                second = is_settled(leaf[left + 1]);
            } else {
                first = is_settled(leaf[2 * left]) && is_settled(leaf[2 * left + 1]);
                second = is_settled(leaf[2 * left + 2]) && is_settled(leaf[2 * left + 3]);
            }
            if (first && second) throw Contradiction();
            if (first || second) {
                split(passes, b, left, second, first, is_sought, on_flip);
                return;
            }
        }
        Nodes& nodes = begun_[b].tree[h >> 6];
        const std::uint64_t bit = std::uint64_t{1} << (h & 63);
        nodes.open |= bit;
        if (!odd) return;
        nodes.odd |= bit;
        list(b, h, is_sought);
    }

    void list(std::size_t b, std::uint32_t h, bool is_sought) {
        Nodes& nodes = begun_[b].tree[h >> 6];
        const std::uint64_t bit = std::uint64_t{1} << (h & 63);
        if (nodes.listed & bit) return;
        nodes.listed |= bit;
        odd_.push_back({static_cast<std::uint16_t>(h), static_cast<std::uint8_t>(b), is_sought});
    }

    // Gives whether the node was odd.
    bool close(std::size_t b, std::uint32_t h) {
        Nodes& nodes = begun_[b].tree[h >> 6];
        const std::uint64_t bit = std::uint64_t{1} << (h & 63);
        const bool odd = nodes.odd & bit;
        nodes.open &= ~bit;
        nodes.odd &= ~bit;
        return odd;
    }

    // What is asked next. New searches begin where they cost least: in the smallest odd nodes and in all odd nodes of the
    // same pass, which share no error. Searches that have begun go on; one whose error was found by another is dropped.
    template <class OnFlip>
    void select(const Passes& passes, Scratch& scratch, OnFlip&& on_flip) {
        n_active_ = 0;
        if (asks_blocks_) return;
        do {
            drop_even();
        } while (odd_.empty() && grow(passes, scratch, on_flip));
        int deepest = 0, pass = 0;
        for (const OddNode& node : odd_) {
            const int depth = std::bit_width(node.node);
            if (depth > deepest || (depth == deepest && node.begun < pass)) {
                deepest = depth;
                pass = node.begun;
            }
        }
        for (std::size_t i = 0; i < odd_.size(); ++i) {
            if (!odd_[i].is_sought && odd_[i].begun != pass) continue;
            odd_[i].is_sought = true;
            std::swap(odd_[i], odd_[n_active_++]);
        }
    }

    void drop_even() {
        std::size_t n_left = 0;
        for (const OddNode node : odd_) {
            Nodes& nodes = begun_[node.begun].tree[node.node >> 6];
            const std::uint64_t bit = std::uint64_t{1} << (node.node & 63);
            if (nodes.odd & bit) {
                odd_[n_left++] = node;
            } else {
                nodes.listed &= ~bit;
            }
        }
        odd_.resize(n_left);
    }

    // Gives a tree to the first pass of odd halves, if there is one.
    template <class OnFlip>
    bool grow(const Passes& passes, Scratch& scratch, OnFlip&& on_flip) {
        for (std::size_t b = 0; b < begun_.size(); ++b) {
            if (begun_[b].tree || !begun_[b].odd_halves) continue;
            const int odd = begun_[b].odd_halves;
            begun_[b].tree = make_tree(passes, scratch, begun_[b].pass);
            open(passes, b, 2, odd & 1, false, on_flip);
            open(passes, b, 3, odd & 2, false, on_flip);
            return true;
        }
        return false;
    }

    bool is_settled(std::uint32_t x) const { return bit_of(settled, x); }
    void settle(std::uint32_t x) { settled[x >> 6] |= std::uint64_t{1} << (x & 63); }

    template <class OnFlip>
    void flip(const Passes& passes, std::uint32_t x, OnFlip&& on_flip) {
        ++n_flips;
        on_flip(x);
        if constexpr (corrects) bits[x >> 6] ^= std::uint64_t{1} << (x & 63);
        for (std::size_t b = 0; b < begun_.size(); ++b) {
            Begun& begun = begun_[b];
            if (!begun.tree) {
                begun.odd_halves ^= passes.in_left_half(begun.pass, x) ? 1 : 2;
                continue;
            }
            const std::uint32_t leaf = passes.n + passes.inverse(begun.pass)[x];
            for (int level = 1; level <= begun.level; ++level) {
                const std::uint32_t h = leaf >> level;
                Nodes& nodes = begun.tree[h >> 6];
                const std::uint64_t bit = std::uint64_t{1} << (h & 63);
                if constexpr (corrects) nodes.own ^= bit;
                if (!(nodes.open & bit)) continue;
                nodes.odd ^= bit;
                if (nodes.odd & bit) list(b, h, false);
                break;  // above an open node all are closed, and nobody asks for them again
            }
        }
    }

    std::vector<Begun> begun_;
    std::vector<OddNode> odd_;     // every odd open node, those that are asked first, and some that have become even
    std::size_t n_active_ = 0;     // how many are asked
    std::size_t first_asked_ = 0;  // from which pass on blocks are asked for
    int next_pass_ = 0;
    bool asks_blocks_ = false;
};

}  // namespace kakehashi::KAKEHASHI_ISA
