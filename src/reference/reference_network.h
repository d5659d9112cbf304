#pragma once

#include <cmath>
#include <complex>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "nn/network_spec.h"
#include "nn/shape.h"

namespace cnn::reference {

/// The h of the complex step: so small that x + ih changes no value, and its square is nothing.
inline constexpr double kStep = 1e-30;

/// Plain loops over numbers of type T: double for values, std::complex<double> for derivatives by the complex
/// step F'(x) = Im F(x + ih) / h (no cancellation: good to rounding). Written from the formulas of the
/// layers' headers and PyTorch's documentation, with nothing shared with the engine.
template <class T>
struct Maps {
  Shape shape;
  int images = 0;
  std::vector<T> values;  ///< [image][c][h][w]

  Maps(const Shape& s, int n) : shape(s), images(n), values(static_cast<std::size_t>(s.values() * n)) {}
  T& at(int n, int c, int h, int w) {
    return values[((static_cast<std::size_t>(n) * shape.c + c) * shape.h + h) * shape.w + w];
  }
  const T& at(int n, int c, int h, int w) const { return const_cast<Maps*>(this)->at(n, c, h, w); }
};

template <class T>
double real(const T& v) {
  if constexpr (std::is_same_v<T, double>)
    return v;
  else
    return v.real();
}

/// a * b by its definition. The operator of std::complex looks for infinities first, which takes most of the
/// time.
inline double product(double a, double b) { return a * b; }
inline std::complex<double> product(const std::complex<double>& a, const std::complex<double>& b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

template <class T>
T erf(const T& v) {
  if constexpr (std::is_same_v<T, double>)
    return std::erf(v);
  else
    return {std::erf(v.real()), v.imag() * 2 / std::sqrt(M_PI) * std::exp(-v.real() * v.real())};
}

/// v between two numbers, which have no derivative.
template <class T>
T clamped(const T& v, double low, double high) {
  if (real(v) <= low) return T(low);
  return real(v) >= high ? T(high) : v;
}

template <class T>
T activate(ActivationFunction f, double slope, const T& z) {
  switch (f) {
    case ActivationFunction::none:
      return z;
    case ActivationFunction::relu:
      return real(z) > 0 ? z : T(0);
    case ActivationFunction::relu6:
      return clamped(z, 0, 6);
    case ActivationFunction::leaky_relu:
      return real(z) > 0 ? z : slope * z;
    case ActivationFunction::elu:
      return real(z) > 0 ? z : std::exp(z) - 1.0;
    case ActivationFunction::gelu:
      return 0.5 * z * (1.0 + erf(z / std::sqrt(2.0)));
    case ActivationFunction::silu:
      return z / (1.0 + std::exp(-z));
    case ActivationFunction::hard_swish:
      return z * clamped(z + 3.0, 0, 6) / 6.0;
    case ActivationFunction::sigmoid:
      return 1.0 / (1.0 + std::exp(-z));
    case ActivationFunction::hard_sigmoid:
      return clamped(z + 3.0, 0, 6) / 6.0;
    case ActivationFunction::tanh:
      return std::tanh(z);
  }
  return z;
}

/// Parameters by name ("conv1.weight"), natural order.
template <class T>
using Parameters = std::map<std::string, std::vector<T>>;

/// What dropout entries multiply their values with, by the entry's name: [image][value], 0 or 1/(1-p). An
/// entry that is not in it drops nothing.
using DropoutFactors = std::map<std::string, std::vector<double>>;

template <class T>
class Network {
 public:
  /// Both must outlive the network.
  explicit Network(const Parameters<T>& parameters, const DropoutFactors* dropout = nullptr)
      : parameters_(parameters), dropout_(dropout) {}

  /// In training mode: batch norm uses the statistics of these images. But where the parameters hold its
  /// running statistics ("norm1.running_mean", "norm1.running_var"), it uses those, as in evaluation.
  Maps<T> forward(const NetworkSpec& spec, Maps<T> x) const {
    for (const LayerSpec& entry : spec)
      x = std::visit([&](const auto& s) { return layer(s, entry.name, x); }, entry.spec);
    return x;
  }

 private:
  static int positions(int size, int padding, int kernel, int stride, int dilation) {
    return (size + padding - dilation * (kernel - 1) - 1) / stride + 1;
  }

  /// Rows or columns of zeros with which there are ceil(size / stride) outputs.
  static int padding_for_all(int size, int kernel, int stride, int dilation) {
    int padding = 0;
    const int outputs = (size + stride - 1) / stride, reach = dilation * (kernel - 1) + 1;
    while (size + padding < reach + (outputs - 1) * stride) ++padding;
    return padding;
  }

  const std::vector<T>* find(const std::string& name) const {
    const auto it = parameters_.find(name);
    return it == parameters_.end() ? nullptr : &it->second;
  }

  static Maps<T> activated(ActivationFunction f, Maps<T> x) {
    for (T& v : x.values) v = activate(f, 0.01, v);
    return x;
  }

  Maps<T> layer(const ConvSpec& s, const std::string& name, const Maps<T>& x) const {
    using Mode = ConvPadding::Mode;
    int top = s.padding.amount.h, left = s.padding.amount.w, rows = 2 * top, cols = 2 * left;
    if (s.padding.mode == Mode::valid) top = left = rows = cols = 0;
    if (s.padding.mode == Mode::sides) {
      top = s.padding.sides.top, left = s.padding.sides.left;
      rows = top + s.padding.sides.bottom, cols = left + s.padding.sides.right;
    }
    if (s.padding.mode == Mode::same || s.padding.mode == Mode::same_tensorflow) {
      rows = padding_for_all(x.shape.h, s.kernel_size.h, s.stride.h, s.dilation.h);
      cols = padding_for_all(x.shape.w, s.kernel_size.w, s.stride.w, s.dilation.w);
      top = rows / 2, left = cols / 2;
    }
    Maps<T> y({.c = s.out_channels,
               .h = positions(x.shape.h, rows, s.kernel_size.h, s.stride.h, s.dilation.h),
               .w = positions(x.shape.w, cols, s.kernel_size.w, s.stride.w, s.dilation.w)},
              x.images);
    const std::vector<T>& w = *find(name + ".weight");
    const std::vector<T>* b = find(name + ".bias");
    const int ic_group = x.shape.c / s.groups, oc_group = s.out_channels / s.groups;
    for (int n = 0; n < x.images; ++n)
      for (int oc = 0; oc < y.shape.c; ++oc)
        for (int oh = 0; oh < y.shape.h; ++oh)
          for (int ow = 0; ow < y.shape.w; ++ow) {
            T sum = b ? (*b)[oc] : T(0);
            for (int ic = 0; ic < ic_group; ++ic)
              for (int kh = 0; kh < s.kernel_size.h; ++kh)
                for (int kw = 0; kw < s.kernel_size.w; ++kw) {
                  const int ih = oh * s.stride.h + kh * s.dilation.h - top,
                            iw = ow * s.stride.w + kw * s.dilation.w - left;
                  if (ih < 0 || ih >= x.shape.h || iw < 0 || iw >= x.shape.w) continue;
                  sum += product(
                      w[((std::size_t(oc) * ic_group + ic) * s.kernel_size.h + kh) * s.kernel_size.w + kw],
                      x.at(n, oc / oc_group * ic_group + ic, ih, iw));
                }
            y.at(n, oc, oh, ow) = sum;
          }
    return activated(s.activation, std::move(y));
  }

  template <class Reduce>
  static Maps<T> pooled(const Maps<T>& x, Size2 k, Size2 s, Size2 p, const Reduce& reduce) {
    Maps<T> y({.c = x.shape.c,
               .h = positions(x.shape.h, 2 * p.h, k.h, s.h, 1),
               .w = positions(x.shape.w, 2 * p.w, k.w, s.w, 1)},
              x.images);
    for (int n = 0; n < x.images; ++n)
      for (int c = 0; c < y.shape.c; ++c)
        for (int oh = 0; oh < y.shape.h; ++oh)
          for (int ow = 0; ow < y.shape.w; ++ow) {
            std::vector<T> window;
            int counted = 0;  // cells of the window inside map and padding
            for (int kh = 0; kh < k.h; ++kh)
              for (int kw = 0; kw < k.w; ++kw) {
                const int h = oh * s.h + kh - p.h, w = ow * s.w + kw - p.w;
                counted += h < x.shape.h + p.h && w < x.shape.w + p.w;
                if (h >= 0 && h < x.shape.h && w >= 0 && w < x.shape.w) window.push_back(x.at(n, c, h, w));
              }
            y.at(n, c, oh, ow) = reduce(window, counted);
          }
    return y;
  }

  Maps<T> layer(const MaxPoolSpec& s, const std::string&, const Maps<T>& x) const {
    return pooled(x, s.kernel_size, s.stride.value_or(s.kernel_size), s.padding,
                  [](const std::vector<T>& window, int) {
                    T best = window[0];
                    for (const T& v : window)
                      if (real(v) > real(best)) best = v;
                    return best;
                  });
  }
  Maps<T> layer(const AvgPoolSpec& s, const std::string&, const Maps<T>& x) const {
    return pooled(
        x, s.kernel_size, s.stride.value_or(s.kernel_size), s.padding,
        [&](const std::vector<T>& window, int counted) {
          T sum(0);
          for (const T& v : window) sum += v;
          return sum / static_cast<double>(s.count_include_pad ? counted : static_cast<int>(window.size()));
        });
  }
  Maps<T> layer(const GlobalAvgPoolSpec&, const std::string& name, const Maps<T>& x) const {
    AvgPoolSpec whole;
    whole.kernel_size = {x.shape.h, x.shape.w};
    return layer(whole, name, x);
  }
  Maps<T> layer(const FlattenSpec&, const std::string&, const Maps<T>& x) const {
    Maps<T> y({.c = static_cast<int>(x.shape.values()), .flat = true}, x.images);
    y.values = x.values;
    return y;
  }
  Maps<T> layer(const DenseSpec& s, const std::string& name, const Maps<T>& x) const {
    Maps<T> y({.c = s.units, .flat = true}, x.images);
    const std::vector<T>& w = *find(name + ".weight");
    const std::vector<T>* b = find(name + ".bias");
    const auto inputs = static_cast<std::size_t>(x.shape.c);
    for (int n = 0; n < x.images; ++n)
      for (int o = 0; o < s.units; ++o) {
        T sum = b ? (*b)[o] : T(0);
        for (std::size_t i = 0; i < inputs; ++i) sum += product(w[o * inputs + i], x.values[n * inputs + i]);
        y.at(n, o, 0, 0) = sum;
      }
    return activated(s.activation, std::move(y));
  }
  Maps<T> layer(const BatchNormSpec& s, const std::string& name, const Maps<T>& x) const {
    Maps<T> y = x;
    const std::vector<T>* weight = find(name + ".weight");
    const std::vector<T>* bias = find(name + ".bias");
    const std::vector<T>* running_mean = find(name + ".running_mean");
    const std::vector<T>* running_var = find(name + ".running_var");
    const double count = static_cast<double>(x.images) * x.shape.h * x.shape.w;
    for (int c = 0; c < x.shape.c; ++c) {
      T mean(0), variance(0);
      const auto each = [&](const auto& body) {
        for (int n = 0; n < x.images; ++n)
          for (int h = 0; h < x.shape.h; ++h)
            for (int w = 0; w < x.shape.w; ++w) body(n, h, w);
      };
      each([&](int n, int h, int w) { mean += x.at(n, c, h, w) / count; });
      if (running_mean) mean = (*running_mean)[c];
      each([&](int n, int h, int w) {
        variance += (x.at(n, c, h, w) - mean) * (x.at(n, c, h, w) - mean) / count;
      });
      if (running_var) variance = (*running_var)[c];
      each([&](int n, int h, int w) {
        T v = (x.at(n, c, h, w) - mean) / std::sqrt(variance + s.eps);
        if (weight) v = v * (*weight)[c];
        if (bias) v = v + (*bias)[c];
        y.at(n, c, h, w) = v;
      });
    }
    return activated(s.activation, std::move(y));
  }
  Maps<T> layer(const DropoutSpec&, const std::string& name, Maps<T> x) const {
    const auto factors = dropout_ ? dropout_->find(name) : DropoutFactors::const_iterator{};
    if (dropout_ && factors != dropout_->end())
      for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] *= factors->second[i];
    return x;
  }
  Maps<T> layer(const ActivationSpec& s, const std::string&, Maps<T> x) const {
    for (T& v : x.values) v = activate(s.function, s.negative_slope, v);
    return x;
  }
  Maps<T> layer(const ScaleSpec& s, const std::string&, Maps<T> x) const {
    for (T& v : x.values) v = s.factor * v;
    return x;
  }
  Maps<T> layer(const SqueezeExciteSpec& s, const std::string& name, Maps<T> x) const {
    ConvSpec first, second;
    first.out_channels = s.squeeze_channels, first.activation = s.inner_activation;
    second.out_channels = x.shape.c, second.activation = s.gate;
    const Maps<T> mean = layer(GlobalAvgPoolSpec{}, name, x);
    const Maps<T> factors = layer(second, name + ".fc2", layer(first, name + ".fc1", mean));
    for (int n = 0; n < x.images; ++n)
      for (int c = 0; c < x.shape.c; ++c)
        for (int h = 0; h < x.shape.h; ++h)
          for (int w = 0; w < x.shape.w; ++w)
            x.at(n, c, h, w) = product(x.at(n, c, h, w), factors.at(n, c, 0, 0));
    return x;
  }
  Maps<T> layer(const ResidualSpec& s, const std::string& name, const Maps<T>& x) const {
    Maps<T> y = forward(s.layers, x);
    Maps<T> shortcut = x;
    if (s.shortcut == ResidualSpec::Shortcut::projection) {
      ConvSpec conv;
      conv.out_channels = y.shape.c;
      conv.kernel_size = {1, 1};
      conv.stride = {(x.shape.h + y.shape.h - 1) / y.shape.h, (x.shape.w + y.shape.w - 1) / y.shape.w};
      shortcut = layer(BatchNormSpec{}, name + ".shortcut_norm", layer(conv, name + ".shortcut", x));
    }
    for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += shortcut.values[i];
    return activated(s.activation, std::move(y));
  }

  const Parameters<T>& parameters_;
  const DropoutFactors* dropout_;
};

extern template class Network<std::complex<double>>;  // the one that is used: compiled once

/// Mean softmax cross-entropy with label smoothing; weighted by class as torch.nn.CrossEntropyLoss(weight)
/// does, if there are weights.
template <class T>
T cross_entropy(const Maps<T>& logits, const std::vector<std::int32_t>& labels, double smoothing,
                std::span<const float> weights = {}) {
  const int classes = logits.shape.c;
  const auto weight = [&](int k) { return weights.empty() ? 1.0 : weights[static_cast<std::size_t>(k)]; };
  T total(0);
  double divisor = 0;
  for (int n = 0; n < logits.images; ++n) {
    T sum(0);
    for (int k = 0; k < classes; ++k) sum += std::exp(logits.at(n, k, 0, 0));
    for (int k = 0; k < classes; ++k) {
      const double target =
          (k == labels[static_cast<std::size_t>(n)] ? 1 - smoothing : 0) + smoothing / classes;
      total += weight(k) * target * (std::log(sum) - logits.at(n, k, 0, 0));
    }
    divisor += weight(labels[static_cast<std::size_t>(n)]);
  }
  return total / divisor;
}

}  // namespace cnn::reference
