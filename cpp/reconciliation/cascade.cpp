// All frames of a block in lock step: one message carries what every frame asks, and groups of frames are checked
// together when no frame has anything left to ask.
#include <bit>

#include "frame.hpp"

namespace kakehashi::KAKEHASHI_ISA {
namespace {

enum class Stage { frames, checks, search, done };

// Frames that are checked together: parities of the left halves of all of them.
struct Group {
    std::uint32_t first, last;
    std::vector<std::uint8_t> odd;  // by check
    int check = -1;                 // which one led to the search, -1 for none
    std::uint32_t low = 0, high = 0;
};

template <bool corrects>
class Cascade final : public CascadeEnd {
public:
    Cascade(const CascadePlan& plan, const std::uint64_t* words) : passes_(plan), frames_(plan.n_frames), scratch_(n_bytes()) {
        const std::int64_t n_words = (plan.n_bits + 63) / 64, n_frames = plan.n_frames;
        for (std::int64_t f = 0; f < n_frames; ++f) {
            const std::size_t size = static_cast<std::size_t>(passes_.n_words);
            frames_[f].bits = scratch_.arena.take<std::uint64_t>(size);
            frames_[f].settled = scratch_.arena.take<std::uint64_t>(size);
            std::fill_n(frames_[f].bits, size, 0);
            std::fill_n(frames_[f].settled, size, ~std::uint64_t{0});
        }
        // Word by word in turn, so that a burst of errors is shared by all frames.
        for (std::int64_t w = 0; w < n_words; ++w) {
            auto& frame = frames_[w % n_frames];
            frame.bits[w / n_frames] = words[w];
            frame.settled[w / n_frames] = 0;
        }
        if (plan.n_bits % 64) {
            frames_[(n_words - 1) % n_frames].settled[(n_words - 1) / n_frames] = ~std::uint64_t{0} << (plan.n_bits % 64);
        }
        for (std::int64_t f = 0; f < n_frames; ++f) {
            frames_[f].begin_pass(passes_, scratch_);
            busy_.push_back(static_cast<std::uint32_t>(f));
        }
        const std::uint32_t size = static_cast<std::uint32_t>(plan.group_frames);
        for (std::uint32_t f = 0; f < n_frames; f += size) {
            groups_.push_back({f, std::min(f + size, static_cast<std::uint32_t>(n_frames)), {}, -1, 0, 0});
        }
        if (!n_frames) stage_ = Stage::done;
        count();
    }

    std::int64_t n_pending() const override { return n_pending_; }

    void begin(Packed& parities) const override {
        BitWriter out(parities);
        write_asked(out);
    }

    void take(const std::uint8_t* parities, Packed& differ) override {
        BitReader in(parities);
        BitWriter out(differ);
        const auto differs = [&](bool own) {
            const bool odd = own != in.get();
            out.put(odd);
            return odd;
        };
        step(differs, [](const auto&) {});
    }

    void answer(const std::uint8_t* differ, Packed& parities) override {
        BitReader in(differ);
        BitWriter out(parities);
        const bool in_frames = stage_ == Stage::frames;
        step([&](bool) { return in.get(); }, [&](const auto& frame) { frame.ask(passes_, out); });
        // Frames were asked while they were at hand, unless all of them are quiet and something else comes next.
        if (!(in_frames && is_in_step_)) write_asked(out);
    }

    std::int64_t n_bits() const override { return passes_.plan.n_bits; }

    void copy_bits(std::uint64_t* words) const override {
        const std::int64_t n_words = (passes_.plan.n_bits + 63) / 64, n_frames = passes_.plan.n_frames;
        for (std::int64_t w = 0; w < n_words; ++w) words[w] = frames_[w % n_frames].bits[w / n_frames];
    }

    std::int64_t n_flips() const override {
        std::int64_t n = 0;
        for (const auto& frame : frames_) n += frame.n_flips;
        return n;
    }
    std::int64_t n_resumed() const override { return n_resumed_; }

private:
    // Bits, what is settled of them, and a tree for each pass of blocks.
    std::size_t n_bytes() const {
        const std::size_t a_frame = 2 * sizeof(std::uint64_t) + passes_.plan.log_blocks.size() * sizeof(Nodes);
        return frames_.size() * static_cast<std::size_t>(passes_.n_words) * a_frame;
    }

    // In each check every frame of a group has another half: two frames in which the same errors are left would go unseen
    // if theirs were the same.
    int pass_of_check(std::uint32_t frame, int check) const {
        const int place = static_cast<int>(frame % static_cast<std::uint32_t>(passes_.plan.group_frames));
        return passes_.first_check() + (check + place) % passes_.plan.n_checks;
    }

    bool half_parity(std::uint32_t first, std::uint32_t last, int check) const {
        bool sum = false;
        for (std::uint32_t f = first; f < last; ++f) {
            sum ^= masked_parity(frames_[f].bits, passes_.mask(pass_of_check(f, check)), passes_.n_words);
        }
        return sum;
    }

    static std::uint32_t middle(const Group& group) { return group.low + (group.high - group.low) / 2; }

    void write_asked(BitWriter& out) const {
        if (stage_ == Stage::frames) {
            for (const std::uint32_t f : busy_) frames_[f].ask(passes_, out);
        } else if (stage_ == Stage::checks) {
            for (const Group& group : groups_) {
                for (int c = 0; c < passes_.plan.n_checks; ++c) out.put(half_parity(group.first, group.last, c));
            }
        } else if (stage_ == Stage::search) {
            for (const Group& group : groups_) {
                if (group.high > group.low + 1) out.put(half_parity(group.low, middle(group), group.check));
            }
        }
    }

    // Own parities go into `differs`, verdicts come out; the reference has no use for its own here.
    template <class Differs, class Use>
    void step(Differs&& differs, Use&& use) {
        if (stage_ == Stage::frames) {
            std::size_t n_busy = 0;
            const std::size_t n = busy_.size();
            for (std::size_t k = 0; k < n; ++k) {
                if (k + 4 < n) {
                    const char* const frame = reinterpret_cast<const char*>(&frames_[busy_[k + 4]]);
                    for (std::size_t at = 0; at < sizeof(frames_[0]); at += 64) __builtin_prefetch(frame + at);
                }
                if (k + 3 < n) frames_[busy_[k + 3]].call_lists();
                if (k + 2 < n) frames_[busy_[k + 2]].call_nodes();
                const std::uint32_t f = busy_[k];
                frames_[f].take(passes_, scratch_, differs, [&](std::uint32_t x) { note_flip(f, x); });
                if (frames_[f].is_quiet()) continue;
                busy_[n_busy++] = f;
                use(frames_[f]);
            }
            busy_.resize(n_busy);
            is_in_step_ = n_busy > 0;
        } else if (stage_ == Stage::checks) {
            for (Group& group : groups_) {
                for (int c = 0; c < passes_.plan.n_checks; ++c) {
                    group.odd.push_back(differs(corrects && half_parity(group.first, group.last, c)));
                }
            }
            stage_ = Stage::frames;
        } else if (stage_ == Stage::search) {
            for (Group& group : groups_) {
                if (group.high <= group.low + 1) continue;
                const bool odd = differs(corrects && half_parity(group.low, middle(group), group.check));
                (odd ? group.high : group.low) = middle(group);
            }
        }
        move_on();
        count();
    }

    void move_on() {
        while (true) {
            if (stage_ == Stage::search) {
                for (const Group& group : groups_) {
                    if (group.high > group.low + 1) return;
                }
                resume();
                stage_ = Stage::frames;
            }
            if (stage_ != Stage::frames || !busy_.empty()) return;
            if (passes_.plan.n_checks && groups_[0].odd.empty()) {
                stage_ = Stage::checks;
                return;
            }
            bool any = false;
            for (Group& group : groups_) {
                group.low = group.high = 0;
                group.check = -1;
                for (int c = 0; c < static_cast<int>(group.odd.size()) && group.check < 0; ++c) {
                    if (group.odd[c]) group.check = c;
                }
                if (group.check < 0) continue;
                group.low = group.first;
                group.high = group.last;
                any = true;
            }
            stage_ = any ? Stage::search : Stage::done;
        }
    }

    void resume() {
        for (Group& group : groups_) {
            if (group.check < 0) continue;
            const std::uint32_t f = group.low;
            frames_[f].resume(passes_, scratch_, pass_of_check(f, group.check),
                              [&](std::uint32_t x) { note_flip(f, x); });
            ++n_resumed_;
            if (!frames_[f].is_quiet()) busy_.push_back(f);
        }
    }

    void note_flip(std::uint32_t frame, std::uint32_t x) {
        Group& group = groups_[frame / static_cast<std::uint32_t>(passes_.plan.group_frames)];
        for (std::size_t c = 0; c < group.odd.size(); ++c) {
            group.odd[c] ^= passes_.in_left_half(pass_of_check(frame, static_cast<int>(c)), x);
        }
    }

    void count() {
        n_pending_ = 0;
        if (stage_ == Stage::frames) {
            for (const std::uint32_t f : busy_) n_pending_ += frames_[f].n_asked(passes_);
        } else if (stage_ == Stage::checks) {
            n_pending_ = static_cast<std::int64_t>(groups_.size()) * passes_.plan.n_checks;
        } else if (stage_ == Stage::search) {
            for (const Group& group : groups_) n_pending_ += group.high > group.low + 1;
        }
    }

    Passes passes_;
    std::vector<Frame<corrects>> frames_;
    std::vector<std::uint32_t> busy_;  // frames with something to ask, ascending
    std::vector<Group> groups_;
    Stage stage_ = Stage::frames;
    bool is_in_step_ = false;  // whether frames were busy after the last step
    std::int64_t n_pending_ = 0, n_resumed_ = 0;
    Scratch scratch_;
};

}  // namespace

std::unique_ptr<CascadeEnd> make_cascade(const CascadePlan& plan, const std::uint64_t* words, bool corrects) {
    if (corrects) return std::make_unique<Cascade<true>>(plan, words);
    return std::make_unique<Cascade<false>>(plan, words);
}

}  // namespace kakehashi::KAKEHASHI_ISA
