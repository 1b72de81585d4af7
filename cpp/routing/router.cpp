// Routing by swaps that knows what merges: a swap beside a gate on the same two qubits costs what the two cost together.
//
// A search like SABRE (Li, Ding, Xie, arXiv:1809.02573; Zou et al., arXiv:2409.08368) with three differences. The order
// of the operations is that of commuting groups, not of the list. A swap is priced by the native gates that it adds to
// the block that it falls into. And a gate that was put out before, alone, and could as well come now, is moved to the
// swap.
#include <cmath>
#include <limits>

#include "blocks.hpp"
#include "chance.hpp"
#include "program.hpp"

namespace kakehashi::routing {
namespace {

struct Pull {
    std::int32_t other;  // qubit
    double weight;
};

class Router {
public:
    Router(const Program& program, const Order& order, const Order& freedom, const Machine& machine, const Setting& setting,
           const std::vector<std::int32_t>& start, std::uint64_t seed)
        : p_(program), order_(order), freedom_(freedom), m_(machine), s_(setting), chance_{seed}, place_(start), holds_(start.size()),
          now_(program.n_qubits, 0), left_(program.n_qubits), reached_(program.n_qubits, -1), missing_(program.size()),
          pulls_(start.size()), fronts_(start.size()),
          last_(start.size(), -1), clock_(start.size(), 0),
          alone_(static_cast<std::size_t>(program.n_qubits) * program.n_qubits, -1) {
        for (std::size_t v = 0; v < start.size(); ++v) holds_[start[v]] = static_cast<std::int32_t>(v);
        out_.start = start;
    }

    Routed run() {
        for (int op = 0; op < p_.size(); ++op) missing_[op] = p_.first[op + 1] - p_.first[op];
        for (int op = 0; op < p_.size(); ++op)
            if (missing_[op] == 0) ready_.push_back(op);
        for (int q = 0; q < p_.n_qubits; ++q) open_group(q, missing_, ready_);
        advance();
        const int patience = 10 + *std::max_element(m_.distance.begin(), m_.distance.end());
        int fruitless = 0;
        while (n_front_ > 0) {
            const auto [a, b] = fruitless < patience ? best_swap() : std::pair{-1, -1};
            if (a < 0) {
                walk_nearest();
                fruitless = 0;
                continue;
            }
            fruitless = swap(a, b) ? 0 : fruitless + 1;
        }
        finish();
        return std::move(out_);
    }

private:
    // The group that a qubit stands at is opened: its operations wait for one qubit less.
    void open_group(int q, std::vector<std::int32_t>& missing, std::vector<std::int32_t>& ready) {
        const auto& begin = order_.begin[q];
        if (now_[q] + 1 >= static_cast<std::int32_t>(begin.size())) return;
        left_[q] = begin[now_[q] + 1] - begin[now_[q]];
        for (int k = begin[now_[q]]; k < begin[now_[q] + 1]; ++k) {
            const int op = order_.members[q][k];
            if (--missing[op] == 0) ready.push_back(op);
        }
    }

    int physical(int op, int side) const { return place_[p_.qubits[p_.first[op] + side]]; }

    // Put out all that can be, from the operations that are ready.
    void advance() {
        bool changed = false;
        while (!ready_.empty()) {
            const int op = ready_.back();
            ready_.pop_back();
            changed = true;
            if (p_.is_pair(op)) {
                const int a = physical(op, 0), b = physical(op, 1);
                if (m_.hops(a, b) > 1) {
                    add_front(op);
                    continue;
                }
                put_gate(op, a, b);
            } else {
                const int n = p_.first[op + 1] - p_.first[op];
                out_.entries.push_back({op, n == 1 ? physical(op, 0) : -1, -1});
                block_of_.push_back(-1);
            }
            complete(op);
        }
        if (changed) look_ahead();
    }

    void complete(int op) {
        for (int slot = p_.first[op]; slot < p_.first[op + 1]; ++slot) {
            const int q = p_.qubits[slot];
            reached_[q] = std::max(reached_[q], freedom_.group[slot]);
            if (--left_[q] == 0) {
                ++now_[q];
                open_group(q, missing_, ready_);
            }
        }
    }

    void add_front(int op) {
        const int u = p_.qubits[p_.first[op]], v = p_.qubits[p_.first[op] + 1];
        fronts_[u].push_back(op);
        fronts_[v].push_back(op);
        ++n_front_;
    }

    void drop_front(int op) {
        for (int side = 0; side < 2; ++side) {
            auto& list = fronts_[p_.qubits[p_.first[op] + side]];
            list.erase(std::find(list.begin(), list.end(), op));
        }
        --n_front_;
    }

    void put_gate(int op, int a, int b) {
        const int slot = p_.first[op], u = p_.qubits[slot], v = p_.qubits[slot + 1];
        int at = last_[u] == last_[v] ? last_[u] : -1;
        if (at < 0) at = new_block(a, b, u, v);
        Block& block = blocks_[at];
        const int before = cost_of(p_, block, block.swapped);
        if (block.n_gates == 0) {
            block.gate = op;
            block.diagonal = p_.axis[slot] != kNoAxis && p_.axis[slot + 1] != kNoAxis;
        } else {
            const int s = p_.first[block.gate];
            const bool same = p_.qubits[s] == u;
            block.diagonal = block.diagonal && p_.axis[slot] == p_.axis[same ? s : s + 1] &&
                             p_.axis[slot + 1] == p_.axis[same ? s + 1 : s];
        }
        ++block.n_gates;
        block.sum += p_.cost[op];
        block.ends_with_swap = false;
        tick(u, v, cost_of(p_, block, block.swapped) - before);
        alone(u, v) = block.n_gates == 1 ? at : -1;
        out_.entries.push_back({op, a, b});
        block_of_.push_back(at);
    }

    std::int32_t& alone(int u, int v) { return alone_[static_cast<std::size_t>(std::min(u, v)) * p_.n_qubits + std::max(u, v)]; }

    int new_block(int a, int b, int u, int v) {
        const int at = static_cast<int>(blocks_.size());
        Block made{};
        made.a = a;
        made.b = b;
        blocks_.push_back(made);
        last_[u] = last_[v] = at;
        return at;
    }

    // The block of a lone gate on two qubits that was put out before and could as well come now; -1 where there is none.
    int movable(int u, int v) {
        if (u >= p_.n_qubits || v >= p_.n_qubits) return -1;
        const int at = alone(u, v);
        if (at < 0 || blocks_[at].swapped || blocks_[at].n_gates != 1) return -1;
        const int slot = p_.first[blocks_[at].gate];
        for (int side = 0; side < 2; ++side)
            if (reached_[p_.qubits[slot + side]] != freedom_.group[slot + side]) return -1;
        return at;
    }

    void tick(int u, int v, int n) { clock_[u] = clock_[v] = std::max(clock_[u], clock_[v]) + n; }

    // Native gates that a swap would add; a large number where it would undo the swap before.
    int added(int u, int v) {
        if (last_[u] == last_[v] && last_[u] >= 0) {
            const Block& block = blocks_[last_[u]];
            if (block.ends_with_swap) return kUndoes;
            return cost_of(p_, block, !block.swapped) - cost_of(p_, block, block.swapped);
        }
        const int at = movable(u, v);
        return at < 0 ? kSwapCost : p_.swapped[blocks_[at].gate] - p_.cost[blocks_[at].gate];
    }

    double pull_at(int hops) const {
        return s_.pull[std::min<std::size_t>(hops, s_.pull.size() - 1)];
    }

    double change(int v, int from, int to, int other) const {
        double sum = 0.0;
        for (const int op : fronts_[v]) {
            const int slot = p_.first[op], w = p_.qubits[slot] == v ? p_.qubits[slot + 1] : p_.qubits[slot];
            if (w != other) sum += pull_at(m_.hops(to, place_[w])) - pull_at(m_.hops(from, place_[w]));
        }
        for (const Pull& pull : pulls_[v])
            if (pull.other != other)
                sum += pull.weight * (pull_at(m_.hops(to, place_[pull.other])) - pull_at(m_.hops(from, place_[pull.other])));
        return sum;
    }

    std::pair<int, int> best_swap() {
        double best = std::numeric_limits<double>::infinity();
        std::pair<int, int> found{-1, -1};
        for (int u = 0; u < p_.n_qubits; ++u) {
            if (fronts_[u].empty()) continue;
            const int a = place_[u];
            for (const int b : m_.near[a]) {
                const int v = holds_[b];
                if (v < u && v < p_.n_qubits && !fronts_[v].empty()) continue;  // seen from the other side
                const int more = added(u, v);
                if (more >= kUndoes) continue;
                const double value = change(u, a, b, v) + change(v, b, a, u) + s_.price * more +
                                     s_.crowding * std::max(clock_[u], clock_[v]) + s_.chance * chance_();
                if (value < best) {
                    best = value;
                    found = {a, b};
                }
            }
        }
        return found;
    }

    void put_swap(int a, int b) {
        const int u = holds_[a], v = holds_[b];
        int at = last_[u] == last_[v] ? last_[u] : -1;
        const bool fresh = at < 0;
        if (fresh) {
            const int old = movable(u, v);
            at = new_block(a, b, u, v);
            if (old >= 0) bring(old, at, a, b);
        }
        Block& block = blocks_[at];
        const int before = fresh ? 0 : cost_of(p_, block, block.swapped);
        block.swapped = !block.swapped;
        tick(u, v, cost_of(p_, block, block.swapped) - before);
        block.ends_with_swap = true;
        out_.entries.push_back({-1, a, b});
        block_of_.push_back(at);
        place_[u] = b;
        place_[v] = a;
        holds_[a] = v;
        holds_[b] = u;
    }

    // Move a lone gate out of its old block into a new one.
    void bring(int old, int at, int a, int b) {
        const int op = blocks_[old].gate;
        for (std::size_t k = out_.entries.size(); k-- > 0;) {
            if (block_of_[k] == old && out_.entries[k].op == op) {
                out_.entries[k].op = kGone;
                break;
            }
        }
        blocks_[old].dropped = true;
        Block& block = blocks_[at];
        const int slot = p_.first[op];
        const bool first = holds_[a] == p_.qubits[slot];
        block.gate = op;
        block.n_gates = 1;
        block.sum = p_.cost[op];
        block.diagonal = p_.axis[slot] != kNoAxis && p_.axis[slot + 1] != kNoAxis;
        alone(p_.qubits[slot], p_.qubits[slot + 1]) = at;
        out_.entries.push_back({op, first ? a : b, first ? b : a});
        block_of_.push_back(at);
    }

    // Swap; whether it let anything through.
    bool swap(int a, int b) {
        put_swap(a, b);
        const int u = holds_[a], v = holds_[b];
        std::vector<std::int32_t> through;
        for (const int q : {u, v})
            for (const int op : fronts_[q])
                if (m_.hops(physical(op, 0), physical(op, 1)) == 1) through.push_back(op);
        if (through.empty()) return false;
        for (const int op : through) {
            drop_front(op);
            put_gate(op, physical(op, 0), physical(op, 1));
            complete(op);
        }
        if (ready_.empty()) look_ahead();
        advance();
        return true;
    }

    // Where no swap helps for long, the nearest pair is brought together.
    void walk_nearest() {
        int nearest = -1;
        for (const auto& list : fronts_)
            for (const int op : list)
                if (nearest < 0 || m_.hops(physical(op, 0), physical(op, 1)) < m_.hops(physical(nearest, 0), physical(nearest, 1)))
                    nearest = op;
        const int goal = p_.qubits[p_.first[nearest] + 1], mover = p_.qubits[p_.first[nearest]];
        for (;;) {
            const int here = place_[mover], there = place_[goal];
            int next = -1;
            for (const int b : m_.near[here])
                if (m_.hops(b, there) == m_.hops(here, there) - 1) next = b;
            const bool last = m_.hops(here, there) == 2;
            swap(here, next);
            if (last) return;
        }
    }

    // Gates of the layers behind the front, as if all in front of them were done.
    void look_ahead() {
        for (const int v : pulled_) pulls_[v].clear();
        pulled_.clear();
        if (n_front_ == 0 || s_.lookahead.empty()) return;
        ahead_.clear();
        for (int v = 0; v < p_.n_qubits; ++v)
            for (const int op : fronts_[v])
                if (p_.qubits[p_.first[op]] == v) ahead_.push_back(op);  // each stands in the lists of both its qubits
        undo_.clear();
        touched_.clear();
        std::vector<std::int32_t> next;
        std::vector<std::int32_t> passed;
        for (const double weight : s_.lookahead) {
            next.clear();
            for (const int op : ahead_) pretend(op, next);
            passed.clear();
            while (!next.empty()) {
                const int op = next.back();
                next.pop_back();
                if (p_.is_pair(op)) {
                    passed.push_back(op);
                    const int u = p_.qubits[p_.first[op]], v = p_.qubits[p_.first[op] + 1];
                    pulls_[u].push_back({v, weight});
                    pulls_[v].push_back({u, weight});
                    pulled_.push_back(u);
                    pulled_.push_back(v);
                } else {
                    pretend(op, next);
                }
            }
            if (passed.empty()) break;
            std::swap(ahead_, passed);
        }
        for (const int op : undo_) ++missing_[op];
        for (std::size_t k = touched_.size(); k-- > 0;) {
            now_[touched_[k].q] = touched_[k].now;
            left_[touched_[k].q] = touched_[k].left;
        }
    }

    void pretend(int op, std::vector<std::int32_t>& next) {
        for (int slot = p_.first[op]; slot < p_.first[op + 1]; ++slot) {
            const int q = p_.qubits[slot];
            touched_.push_back({q, now_[q], left_[q]});
            if (--left_[q] > 0) continue;
            ++now_[q];
            const auto& begin = order_.begin[q];
            if (now_[q] + 1 >= static_cast<std::int32_t>(begin.size())) continue;
            for (int k = begin[now_[q]]; k < begin[now_[q] + 1]; ++k) undo_.push_back(order_.members[q][k]);
            open_group(q, missing_, next);
        }
    }

    void finish() {
        weigh(out_, p_, m_, blocks_, block_of_);
        std::erase_if(out_.entries, [](const Entry& entry) { return entry.op == kGone; });
        out_.end = place_;
    }

    struct Touched {
        std::int32_t q, now, left;
    };
    static constexpr int kUndoes = 100;  // more than any swap adds

    const Program& p_;
    const Order& order_;
    const Order& freedom_;
    const Machine& m_;
    const Setting& s_;
    Chance chance_;
    std::vector<std::int32_t> place_, holds_;
    std::vector<std::int32_t> now_, left_, reached_, missing_;
    std::vector<std::vector<Pull>> pulls_;
    std::vector<std::vector<std::int32_t>> fronts_;
    std::vector<std::int32_t> last_, clock_, alone_;
    std::vector<std::int32_t> ready_, pulled_, ahead_, undo_, block_of_;
    std::vector<Touched> touched_;
    std::vector<Block> blocks_;
    int n_front_ = 0;
    Routed out_;
};

}  // namespace

Routed route(const Program& program, const Order& order, const Order& freedom, const Machine& machine, const Setting& setting,
             const std::vector<std::int32_t>& start, std::uint64_t seed) {
    return Router(program, order, freedom, machine, setting, start, seed).run();
}

}  // namespace kakehashi::routing
