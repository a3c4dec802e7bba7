// hnswlib's graph over vectors that lie in a mapped file. Its elements hold only
// the number of a row, so that a graph is small, whatever the vectors.
#include "graph.h"

#include <hnswlib/hnswlib.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <vector>

#include "kernel.h"

namespace {

// An element is the number of a row, or, above 2⁶³, the address of a query.
using Element = uint64_t;
constexpr Element kQuery = Element(1) << 63;

class Rows : public hnswlib::SpaceInterface<float> {
 public:
  Rows(const void *rows, const float *scales, size_t stride, int type)
      : rows_(static_cast<const uint8_t *>(rows)), scales_(scales), stride_(stride), type_(type),
        level_(cone_scores_level()), id_(++ids_) {}
  size_t get_data_size() override { return sizeof(Element); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void *get_dist_func_param() override { return this; }

 private:
  // 1 − a·b. While a graph is built an element is compared with many others in
  // turn: each thread keeps the floats of the last one.
  static float distance(const void *a, const void *b, const void *space) {
    const Rows &self = *static_cast<const Rows *>(space);
    Element left, right;
    std::memcpy(&left, a, sizeof left);
    std::memcpy(&right, b, sizeof right);
    const float *query;
    if (left & kQuery) {
      query = reinterpret_cast<const float *>(left & ~kQuery);
    } else {
      thread_local std::vector<float> floats;
      thread_local Element held;
      thread_local uint64_t owner = 0;
      if (held != left || owner != self.id_) {
        floats.resize(self.stride_ / self.type_);
        cone_decode(self.type_, self.rows_ + left * self.stride_, floats.size(),
                    self.scales_ ? self.scales_[left] : 1, floats.data());
        held = left, owner = self.id_;
      }
      query = floats.data();
    }
    float product;
    cone_scores(self.level_, self.type_, self.rows_ + right * self.stride_, self.stride_, 1,
                self.scales_ ? self.scales_ + right : nullptr, query, 1, &product);
    return 1 - product;
  }

  const uint8_t *rows_;
  const float *scales_;
  size_t stride_;
  int type_, level_;
  uint64_t id_;  // another Rows may come to lie at the same address
  static inline std::atomic<uint64_t> ids_{0};
};

using Graph = hnswlib::HierarchicalNSW<float>;

// What a saved graph begins with. Then come, for each element, a byte, its
// highest level; zeros up to a multiple of 4; and its lists of links, a length
// and room for as many as there may be: of level 0 for all elements, then of
// levels 1, 2, … for each. All uint32, little-endian.
struct Head {
  uint32_t links, entry, top, zero;
};

size_t padded(size_t n) { return (n + 3) & ~size_t(3); }

}  // namespace

struct cone_graph {
  cone_graph(const Rows &space, size_t count, int links, int effort)
      : rows(space), graph(&rows, count, links, effort), count(count) {}
  Rows rows;
  Graph graph;
  size_t count;
};

namespace {

void require(bool sound) {
  if (!sound) throw std::runtime_error("its graph is damaged");
}

// copy checks a list of up to most links among elements of level or higher.
void copy(Graph &h, void *list, const uint8_t *saved, size_t most, size_t count, int level) {
  uint32_t length;
  std::memcpy(&length, saved, sizeof length);
  require(length <= most);
  for (size_t j = 1; j <= length; j++) {
    uint32_t link;
    std::memcpy(&link, saved + 4 * j, sizeof link);
    require(link < count && h.element_levels_[link] >= level);
  }
  std::memcpy(list, saved, 4 * (most + 1));
}

void load(cone_graph &g, const uint8_t *saved, size_t length) {
  Graph &h = g.graph;
  Head head;
  require(length >= sizeof head);
  std::memcpy(&head, saved, sizeof head);
  require(head.links == h.M_ && head.entry < g.count && head.zero == 0);
  const size_t levels = padded(g.count), all = 4 * (h.maxM0_ + 1), upper = 4 * (h.maxM_ + 1);
  const uint8_t *at = saved + sizeof head;
  size_t left = length - sizeof head;
  // Divisions, so that nothing overflows.
  require(left >= levels && (left - levels) / all >= g.count);
  size_t more = 0;
  for (size_t i = 0; i < g.count; i++) more += h.element_levels_[i] = at[i];
  left -= levels + g.count * all;
  require(left % upper == 0 && left / upper == more && head.top == at[head.entry]);
  at += levels;
  for (size_t i = 0; i < g.count; i++, at += all) {
    const Element element = i;
    std::memcpy(h.getDataByInternalId(i), &element, sizeof element);
    h.setExternalLabel(i, i);
    copy(h, h.get_linklist0(i), at, h.maxM0_, g.count, 0);
  }
  // The destructor frees the lists of cur_element_count elements.
  for (size_t i = 0; i < g.count; i++) {
    const int levels = h.element_levels_[i];
    h.linkLists_[i] = levels ? static_cast<char *>(std::calloc(levels, upper)) : nullptr;
    if (levels && !h.linkLists_[i]) h.element_levels_[i] = 0;
    h.cur_element_count = i + 1;
    if (levels && !h.linkLists_[i]) throw std::bad_alloc();
  }
  for (size_t i = 0; i < g.count; i++)
    for (int level = 1; level <= h.element_levels_[i]; level++, at += upper)
      copy(h, h.get_linklist(i, level), at, h.maxM_, g.count, level);
  h.enterpoint_node_ = head.entry;
  h.maxlevel_ = head.top;
}

template <typename F>
auto attempt(char *error, F f, decltype(f()) otherwise) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc &) {
    std::snprintf(error, 256, "there is not enough memory for its graph");
  } catch (const std::exception &e) {
    std::snprintf(error, 256, "%s", e.what());
  } catch (...) {
    std::snprintf(error, 256, "an unknown fault of its graph");
  }
  return otherwise;
}

}  // namespace

cone_graph *cone_graph_new(const void *rows, const float *scales, size_t stride, int type,
                           size_t count, int links, int effort, char *error) {
  return attempt(error, [&]() -> cone_graph * {
    return new cone_graph(Rows(rows, scales, stride, type), count, links, effort);
  }, nullptr);
}

int cone_graph_add(cone_graph *g, size_t entry, char *error) {
  return attempt(error, [&] {
    const Element element = entry;
    g->graph.addPoint(&element, entry);
    return 1;
  }, 0);
}

int cone_graph_load(cone_graph *g, const void *saved, size_t length, char *error) {
  return attempt(error, [&] {
    load(*g, static_cast<const uint8_t *>(saved), length);
    return 1;
  }, 0);
}

size_t cone_graph_length(const cone_graph *g) {
  const Graph &h = g->graph;
  size_t more = 0;
  for (size_t i = 0; i < g->count; i++) more += h.element_levels_[i];
  return sizeof(Head) + padded(g->count) + 4 * (g->count * (h.maxM0_ + 1) + more * (h.maxM_ + 1));
}

// Threads add entries in no order: hnswlib's numbers of them become ours.
void cone_graph_save(const cone_graph *g, void *saved) {
  const Graph &h = g->graph;
  uint8_t *at = static_cast<uint8_t *>(saved);
  auto entry_of = [&](uint32_t id) { return uint32_t(h.getExternalLabel(id)); };
  std::vector<uint32_t> id_of(g->count);
  for (size_t i = 0; i < g->count; i++) id_of[entry_of(i)] = i;
  const Head head = {uint32_t(h.M_), entry_of(h.enterpoint_node_), uint32_t(h.maxlevel_), 0};
  std::memset(at, 0, cone_graph_length(g));
  std::memcpy(at, &head, sizeof head);
  at += sizeof head;
  for (size_t i = 0; i < g->count; i++) at[i] = h.element_levels_[id_of[i]];
  at += padded(g->count);
  auto write = [&](uint32_t *list, size_t most) {
    const uint32_t length = h.getListCount(list);
    std::memcpy(at, &length, 4);
    for (size_t j = 1; j <= length; j++) {
      const uint32_t link = entry_of(list[j]);
      std::memcpy(at + 4 * j, &link, 4);
    }
    at += 4 * (most + 1);
  };
  for (size_t i = 0; i < g->count; i++) write(h.get_linklist0(id_of[i]), h.maxM0_);
  for (size_t i = 0; i < g->count; i++)
    for (int level = 1; level <= h.element_levels_[id_of[i]]; level++)
      write(h.get_linklist(id_of[i], level), h.maxM_);
}

int cone_graph_search(cone_graph *g, const float *query, int k, size_t *entries, char *error) {
  return attempt(error, [&] {
    const Element element = reinterpret_cast<uintptr_t>(query) | kQuery;
    auto found = g->graph.searchKnn(&element, k);
    int n = 0;
    for (; !found.empty(); found.pop()) entries[n++] = found.top().second;
    return n;
  }, -1);
}

void cone_graph_free(cone_graph *g) { delete g; }
