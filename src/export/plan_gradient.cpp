#include "export/plan_gradient.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "export/activation_value.h"

namespace cnn {
namespace {

/// The derivative of an activation function at z.
double activation_slope(const Activation& activation, double z) {
  switch (activation.function) {
    case ActivationFunction::none:
      return 1;
    case ActivationFunction::relu:
      return z > 0 ? 1 : 0;
    case ActivationFunction::relu6:
      return z > 0 && z < 6 ? 1 : 0;
    case ActivationFunction::leaky_relu:
      return z > 0 ? 1 : double{activation.negative_slope};
    case ActivationFunction::elu:
      return z > 0 ? 1 : std::exp(z);
    case ActivationFunction::gelu:
      return 0.5 * (1 + std::erf(z / std::numbers::sqrt2)) +
             z * std::exp(-z * z / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    case ActivationFunction::silu: {
      const double s = 1 / (1 + std::exp(-z));
      return s * (1 + z * (1 - s));
    }
    case ActivationFunction::hard_swish:
      return z <= -3 ? 0 : z >= 3 ? 1 : (2 * z + 3) / 6;
    case ActivationFunction::hard_sigmoid:
      return z > -3 && z < 3 ? 1.0 / 6 : 0;
    case ActivationFunction::sigmoid: {
      const double s = 1 / (1 + std::exp(-z));
      return s * (1 - s);
    }
    case ActivationFunction::tanh: {
      const double t = std::tanh(z);
      return 1 - t * t;
    }
  }
  return 1;
}

std::size_t at(const Shape& shape, int c, int h, int w) {
  return (static_cast<std::size_t>(c) * static_cast<std::size_t>(shape.h) + static_cast<std::size_t>(h)) *
             static_cast<std::size_t>(shape.w) +
         static_cast<std::size_t>(w);
}

/// Calls visit(input, output, weight) for every product of a convolution.
template <class Visit>
void for_each_product(const ExportConv& conv, const Shape& in, const Shape& out, const Visit& visit) {
  const int inputs = in.c / conv.groups, outputs = out.c / conv.groups;
  std::size_t weight = 0;
  for (int oc = 0; oc < out.c; ++oc)
    for (int ic = 0; ic < inputs; ++ic)
      for (int kh = 0; kh < conv.kernel.h; ++kh)
        for (int kw = 0; kw < conv.kernel.w; ++kw, ++weight)
          for (int oh = 0; oh < out.h; ++oh) {
            const int h = oh * conv.stride.h + kh * conv.dilation.h - conv.before.h;
            if (h < 0 || h >= in.h) continue;
            for (int ow = 0; ow < out.w; ++ow) {
              const int w = ow * conv.stride.w + kw * conv.dilation.w - conv.before.w;
              if (w >= 0 && w < in.w)
                visit(at(in, oc / outputs * inputs + ic, h, w), at(out, oc, oh, ow), conv.weight[weight]);
            }
          }
}

/// Calls visit(output, inputs of its window, what an average divides by) for every window of a pooling.
template <class Visit>
void for_each_window(const ExportPool& pool, const Shape& in, const Shape& out, const Visit& visit) {
  const Size2 kernel = pool.whole_map ? Size2{in.h, in.w} : pool.kernel;
  const Size2 padding = pool.whole_map ? Size2{0, 0} : pool.padding;
  const Size2 stride = pool.whole_map ? Size2{1, 1} : pool.stride;
  std::vector<std::size_t> window;
  for (int c = 0; c < in.c; ++c)
    for (int oh = 0; oh < std::max(out.h, 1); ++oh)
      for (int ow = 0; ow < std::max(out.w, 1); ++ow) {
        window.clear();
        for (int kh = 0; kh < kernel.h; ++kh)
          for (int kw = 0; kw < kernel.w; ++kw) {
            const int h = oh * stride.h + kh - padding.h, w = ow * stride.w + kw - padding.w;
            if (h >= 0 && h < in.h && w >= 0 && w < in.w) window.push_back(at(in, c, h, w));
          }
        const double area =
            pool.count_padding ? double{1} * kernel.h * kernel.w : static_cast<double>(window.size());
        visit(pool.whole_map ? static_cast<std::size_t>(c) : at(out, c, oh, ow), window, area);
      }
}

/// What a step puts out before its activation function.
class Forward {
 public:
  Forward(const Shape& in, const Shape& out, std::span<const float> x, std::span<const float> shortcut)
      : in_(in), out_(out), x_(x), shortcut_(shortcut), y_(static_cast<std::size_t>(out.values())) {}

  std::vector<double> of(const ExportAction& action) {
    std::visit([&](const auto& each) { add(each); }, action);
    return std::move(y_);
  }

 private:
  void add(const ExportConv& conv) {
    const std::size_t map = y_.size() / conv.bias.size();
    for (std::size_t i = 0; i < y_.size(); ++i) y_[i] = double{conv.bias[i / map]};
    for_each_product(conv, in_, out_, [&](std::size_t input, std::size_t output, float weight) {
      y_[output] += double{weight} * double{x_[input]};
    });
  }
  void add(const ExportDense& dense) {
    for (std::size_t o = 0; o < y_.size(); ++o) {
      y_[o] = double{dense.bias[o]};
      for (std::size_t i = 0; i < x_.size(); ++i)
        y_[o] += double{dense.weight[o * x_.size() + i]} * double{x_[i]};
    }
  }
  void add(const ExportAffine& affine) {
    const std::size_t map = y_.size() / affine.factor.size();
    for (std::size_t i = 0; i < y_.size(); ++i)
      y_[i] = double{affine.factor[i / map]} * double{x_[i]} + double{affine.term[i / map]};
  }
  void add(const ExportPool& pool) {
    for_each_window(pool, in_, out_, [&](std::size_t output, const auto& window, double area) {
      if (pool.kind == ExportPool::Kind::max) {
        for (const std::size_t i : window)
          y_[output] = i == window.front() ? double{x_[i]} : std::max(y_[output], double{x_[i]});
      } else {
        for (const std::size_t i : window) y_[output] += double{x_[i]} / area;
      }
    });
  }
  void add(const ExportFlatten&) { y_.assign(x_.begin(), x_.end()); }
  void add(const ExportActivation&) { y_.assign(x_.begin(), x_.end()); }
  void add(const ExportSum&) {
    for (std::size_t i = 0; i < y_.size(); ++i) y_[i] = double{x_[i]} + double{shortcut_[i]};
  }
  void add(const ExportProduct&) {
    const std::size_t map = y_.size() / shortcut_.size();
    for (std::size_t i = 0; i < y_.size(); ++i) y_[i] = double{x_[i]} * double{shortcut_[i / map]};
  }

  const Shape &in_, &out_;
  std::span<const float> x_, shortcut_;
  std::vector<double> y_;
};

/// Adds what goes back through a step to the gradients of its inputs.
class Backward {
 public:
  Backward(const Shape& in, const Shape& out, std::span<const float> x, std::span<const float> shortcut,
           const std::vector<double>& dy, std::vector<double>& dx, std::vector<double>& dshortcut)
      : in_(in), out_(out), x_(x), shortcut_(shortcut), dy_(dy), dx_(dx), dshortcut_(dshortcut) {}

  void operator()(const ExportConv& conv) const {
    for_each_product(conv, in_, out_, [&](std::size_t input, std::size_t output, float weight) {
      dx_[input] += double{weight} * dy_[output];
    });
  }
  void operator()(const ExportDense& dense) const {
    for (std::size_t o = 0; o < dy_.size(); ++o)
      for (std::size_t i = 0; i < dx_.size(); ++i)
        dx_[i] += double{dense.weight[o * dx_.size() + i]} * dy_[o];
  }
  void operator()(const ExportAffine& affine) const {
    const std::size_t map = dx_.size() / affine.factor.size();
    for (std::size_t i = 0; i < dx_.size(); ++i) dx_[i] += double{affine.factor[i / map]} * dy_[i];
  }
  void operator()(const ExportPool& pool) const {
    for_each_window(pool, in_, out_, [&](std::size_t output, const auto& window, double area) {
      if (pool.kind == ExportPool::Kind::average) {
        for (const std::size_t i : window) dx_[i] += dy_[output] / area;
      } else if (!window.empty()) {
        dx_[*std::ranges::max_element(window, {}, [&](std::size_t i) { return x_[i]; })] += dy_[output];
      }
    });
  }
  void operator()(const ExportFlatten&) const { copy(); }
  void operator()(const ExportActivation&) const { copy(); }
  void operator()(const ExportSum&) const {
    copy();
    for (std::size_t i = 0; i < dy_.size(); ++i) dshortcut_[i] += dy_[i];
  }
  void operator()(const ExportProduct&) const {
    const std::size_t map = dy_.size() / shortcut_.size();
    for (std::size_t i = 0; i < dy_.size(); ++i) {
      dx_[i] += double{shortcut_[i / map]} * dy_[i];
      dshortcut_[i / map] += double{x_[i]} * dy_[i];
    }
  }

 private:
  void copy() const {
    for (std::size_t i = 0; i < dx_.size(); ++i) dx_[i] += dy_[i];
  }

  const Shape &in_, &out_;
  std::span<const float> x_, shortcut_;
  const std::vector<double>& dy_;
  std::vector<double>&dx_, &dshortcut_;
};

}  // namespace

StepValue step_value(const ExportPlan& plan, const ExportStep& step, std::span<const float> x,
                     std::span<const float> shortcut) {
  StepValue value;
  value.before = Forward(plan.in(step), plan.out(step), x, shortcut).of(step.action);
  for (const double z : value.before) value.after.push_back(activation_value(step.activation, z));
  return value;
}

std::vector<double> logit_gradient(const ExportPlan& plan, const PlanValues& values, int class_number,
                                   int to) {
  const auto value = [&](int number) -> const std::vector<float>& {
    return values[static_cast<std::size_t>(number)];
  };
  std::vector<std::vector<double>> gradients(values.size());
  for (std::size_t v = 0; v < values.size(); ++v) gradients[v].resize(values[v].size());
  const auto gradient = [&](int number) -> std::vector<double>& {
    return gradients[static_cast<std::size_t>(number)];
  };
  gradient(plan.output)[static_cast<std::size_t>(class_number)] = 1;
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend() && step->y != to; ++step) {
    std::vector<double>& dy = gradient(step->y);
    const std::vector<float> none;
    const std::vector<float>& shortcut = step->shortcut < 0 ? none : value(step->shortcut);
    if (step->activation.function != ActivationFunction::none) {
      const StepValue computed = step_value(plan, *step, value(step->x), shortcut);
      for (std::size_t i = 0; i < dy.size(); ++i)
        dy[i] *= activation_slope(step->activation, computed.before[i]);
    }
    std::vector<double> nowhere;
    std::visit(Backward(plan.in(*step), plan.out(*step), value(step->x), shortcut, dy, gradient(step->x),
                        step->shortcut < 0 ? nowhere : gradient(step->shortcut)),
               step->action);
  }
  return gradient(to);
}

}  // namespace cnn
