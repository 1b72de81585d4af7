// Layouts that a circuit wants: its own end, run backward, is a good start.
#include <algorithm>
#include <numeric>
#include <tuple>

#include "program.hpp"

namespace kakehashi::routing {
namespace {

struct End {
    double loss;
    std::int64_t n_native;
    std::vector<std::int32_t> end;
};

// By the estimate; where nothing is known of errors, by the number of gates.
template <class A, class B>
bool better(const A& x, const B& y) {
    return std::tie(x.loss, x.n_native) < std::tie(y.loss, y.n_native);
}

}  // namespace

Routed search(const Program& program, const Machine& machine, const Setting& setting,
              const std::vector<std::vector<std::int32_t>>& starts, const Effort& effort, std::uint64_t seed) {
    const Order forward(program, false, setting.as_listed), backward(program, true, setting.as_listed);
    const Order free(program, false, false), free_backward(program, true, false);
    Routed best;
    bool any = false;
    std::uint64_t count = seed << 20;
    const auto pass = [&](const std::vector<std::int32_t>& start) {
        Routed made = route(program, forward, free, machine, setting, start, ++count);
        End result{made.loss, made.n_native, made.end};
        if (!any || better(made, best)) best = std::move(made);
        any = true;
        return result;
    };
    auto alive = starts;
    for (int round = 0; round < effort.rounds; ++round) {
        std::vector<End> after;
        for (const auto& start : alive) after.push_back(pass(start));
        std::vector<std::size_t> rank(after.size());
        std::iota(rank.begin(), rank.end(), 0);
        std::stable_sort(rank.begin(), rank.end(), [&](auto x, auto y) { return better(after[x], after[y]); });
        rank.resize(std::max<std::size_t>((rank.size() + 1) / 2, 1));
        std::vector<std::vector<std::int32_t>> next;
        for (const auto k : rank)
            next.push_back(route(program, backward, free_backward, machine, setting, after[k].end, ++count).end);
        alive = std::move(next);
    }
    for (const auto& start : alive) pass(start);
    const auto start = best.start;
    for (int k = 0; k < effort.tries; ++k) pass(start);
    return best;
}

}  // namespace kakehashi::routing
