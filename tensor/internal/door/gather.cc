// Rows of all ranks with a gradient: a loss over the whole batch compares every
// image with every other, wherever it was computed.
#include "group.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

namespace {

using namespace cone;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class Rows : public torch::autograd::Function<Rows> {
 public:
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, std::vector<int64_t> rows, int64_t group) {
    Group &g = *reinterpret_cast<Group *>(group);
    int64_t most = *std::max_element(rows.begin(), rows.end());
    auto shape = x.sizes().vec();
    TORCH_CHECK(shape[0] == rows[g.rank], "this rank has ", shape[0], " rows, not ", rows[g.rank]);
    at::Tensor own = x;
    if (shape[0] < most) {
      shape[0] = most;
      own = at::zeros(shape, x.options());
      own.narrow(0, 0, x.size(0)).copy_(x);
    }
    at::Tensor all = all_gather(g, CONE_OTHER, own);
    std::vector<at::Tensor> parts;
    int64_t before = 0;
    for (int i = 0; i < g.size; i++) {
      if (i < g.rank) before += rows[i];
      parts.push_back(all.select(0, i).narrow(0, 0, rows[i]));
    }
    context->saved_data["group"] = group;
    context->saved_data["before"] = before;
    context->saved_data["own"] = rows[g.rank];
    return at::cat(parts);
  }

  // Every rank's loss depends on this rank's rows: their gradients add up.
  static variable_list backward(AutogradContext *context, variable_list gradients) {
    Group &g = *reinterpret_cast<Group *>(context->saved_data["group"].toInt());
    at::Tensor sum = gradients[0].contiguous().clone();
    all_reduce(g, CONE_OTHER, sum);
    at::Tensor none;
    return {sum.narrow(0, context->saved_data["before"].toInt(), context->saved_data["own"].toInt()), none, none};
  }
};

}  // namespace

extern "C" void cone_gather_rows(void *g, int64_t x, const int64_t *rows, cone_result *r) {
  guarded(r, [&] {
    std::vector<int64_t> list(rows, rows + static_cast<Group *>(g)->size);
    push_tensor(r, Rows::apply(borrow(x), list, reinterpret_cast<int64_t>(g)));
  });
}
