#include "place.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace kakehashi::routing {
namespace {

struct Join {
    std::int32_t other;  // vertex
    double weight;
    bool forward;        // whether the gate goes from the vertex to the other
};

// Vertices such that each is joined to many before it; of equals the one that has waited longest, so that all sides of a
// pattern grow in step and a part that cannot be closed is seen early; then the one with the fewest joins, so that chains
// begin at an end.
std::vector<std::int32_t> order_of(const std::vector<std::vector<Join>>& joins) {
    const int n = static_cast<int>(joins.size());
    std::vector<std::int32_t> order;
    std::vector<int> placed(n, 0), since(n, n);
    std::vector<char> done(n, 0);
    while (static_cast<int>(order.size()) < n) {
        const auto rank = [&](int v) { return std::tuple(-placed[v], since[v], joins[v].size()); };
        int best = -1;
        for (int v = 0; v < n; ++v)
            if (!done[v] && (best < 0 || rank(v) < rank(best))) best = v;
        done[best] = 1;
        for (const Join& join : joins[best]) {
            ++placed[join.other];
            since[join.other] = std::min(since[join.other], static_cast<int>(order.size()));
        }
        order.push_back(best);
    }
    return order;
}

// Hops between all vertices of a graph; a large number where there is no way.
std::vector<std::int16_t> hops_of(const std::vector<std::vector<std::int32_t>>& near) {
    const std::size_t n = near.size();
    std::vector<std::int16_t> hops(n * n, std::numeric_limits<std::int16_t>::max());
    std::vector<std::int32_t> queue;
    for (std::size_t a = 0; a < n; ++a) {
        std::int16_t* const row = hops.data() + a * n;
        row[a] = 0;
        queue.assign(1, static_cast<std::int32_t>(a));
        for (std::size_t k = 0; k < queue.size(); ++k)
            for (const std::int32_t b : near[queue[k]])
                if (row[b] > row[queue[k]] + 1) {
                    row[b] = static_cast<std::int16_t>(row[queue[k]] + 1);
                    queue.push_back(b);
                }
    }
    return hops;
}

constexpr int kShares = 24;

struct Step {
    double loss;
    std::int32_t from;  // partial place that it goes on from
    std::int32_t host;
};

}  // namespace

std::vector<Place> find_places(const Pattern& pattern, int n_hosts, const double* edge_log, int width) {
    const auto n = static_cast<std::size_t>(n_hosts);
    std::vector<std::vector<Join>> joins(pattern.n_vertices);
    for (std::size_t k = 0; k < pattern.weights.size(); ++k) {
        const std::int32_t a = pattern.ends[2 * k], b = pattern.ends[2 * k + 1];
        joins[a].push_back({b, pattern.weights[k], true});
        joins[b].push_back({a, pattern.weights[k], false});
    }
    std::vector<std::vector<std::int32_t>> near(n);
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b)
            if (std::isfinite(edge_log[a * n + b]) || std::isfinite(edge_log[b * n + a]))
                near[a].push_back(static_cast<std::int32_t>(b));
    std::vector<std::int32_t> everywhere(n);
    for (std::size_t h = 0; h < n; ++h) everywhere[h] = static_cast<std::int32_t>(h);

    // Where the pattern has cycles, two vertices must not be farther apart than the pattern's own way between them.
    std::vector<std::int16_t> host_hops, hops;
    if (static_cast<int>(pattern.weights.size()) >= pattern.n_vertices) {
        std::vector<std::vector<std::int32_t>> beside(joins.size());
        for (std::size_t v = 0; v < joins.size(); ++v)
            for (const Join& join : joins[v]) beside[v].push_back(join.other);
        host_hops = hops_of(near);
        hops = hops_of(beside);
    }
    const auto closes = [&](const Place& place, std::int32_t v, std::int32_t h) {
        if (hops.empty()) return true;
        const std::int16_t* const far = host_hops.data() + static_cast<std::size_t>(h) * n;
        const std::int16_t* const may = hops.data() + static_cast<std::size_t>(v) * joins.size();
        for (std::size_t w = 0; w < joins.size(); ++w)
            if (place.host[w] >= 0 && far[place.host[w]] > may[w]) return false;
        return true;
    };

    std::vector<Place> kept{{0.0, std::vector<std::int32_t>(pattern.n_vertices, -1)}};
    std::vector<char> used(n);
    std::vector<Step> steps;
    for (const std::int32_t v : order_of(joins)) {
        steps.clear();
        for (std::size_t from = 0; from < kept.size(); ++from) {
            const Place& place = kept[from];
            std::fill(used.begin(), used.end(), 0);
            const std::vector<std::int32_t>* hosts = &everywhere;
            for (const std::int32_t h : place.host)
                if (h >= 0) used[h] = 1;
            for (const Join& join : joins[v])
                if (place.host[join.other] >= 0) hosts = &near[place.host[join.other]];
            for (const std::int32_t h : *hosts) {
                if (used[h]) continue;
                double loss = place.loss + pattern.vertex_loss[static_cast<std::size_t>(v) * n + h];
                for (const Join& join : joins[v]) {
                    const std::int32_t other = place.host[join.other];
                    if (other < 0) continue;
                    const std::size_t edge = join.forward ? h * n + other : other * n + h;
                    loss -= join.weight * edge_log[edge];
                }
                if (loss < std::numeric_limits<double>::infinity() && closes(place, v, h))
                    steps.push_back({loss, static_cast<std::int32_t>(from), h});
            }
        }
        std::sort(steps.begin(), steps.end(), [](const Step& x, const Step& y) {
            return x.loss != y.loss ? x.loss < y.loss : x.from != y.from ? x.from < y.from : x.host < y.host;
        });
        // No host may have too large a part of them, so that a corner without a way out does not take all.
        std::vector<int> here(n, 0);
        std::vector<Place> next;
        for (const Step& step : steps) {
            if (static_cast<int>(next.size()) == width) break;
            if (++here[step.host] > std::max(width / kShares, 1)) continue;
            next.push_back({step.loss, kept[step.from].host});
            next.back().host[v] = step.host;
        }
        kept = std::move(next);
        if (kept.empty()) break;
    }
    return kept;
}

}  // namespace kakehashi::routing
