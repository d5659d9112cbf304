#include "inspect/explain.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "inspect/explain_parts.h"

namespace cnn {
namespace {

/// The entry of a name, also inside residuals.
const LayerSpec* find(const NetworkSpec& spec, const std::string& name) {
  for (const LayerSpec& entry : spec) {
    if (entry.name == name) return &entry;
    if (const auto* residual = std::get_if<ResidualSpec>(&entry.spec))
      if (const LayerSpec* inner = find(residual->layers, name)) return inner;
  }
  return nullptr;
}

int node_of(const Network& network, int row) {
  const auto& nodes = network.nodes();
  for (std::size_t n = 0; n < nodes.size(); ++n)
    if (nodes[n].entry == row && nodes[n].is_row) return static_cast<int>(n);
  return -1;
}

/// Outputs along one side whose windows lie inside the map: the first, and how many.
struct Stretch {
  int first = 0, count = 0;
};
Stretch inner_outputs(const WindowSide& axis) {
  Stretch stretch;
  for (int o = 0; o < axis.outputs; ++o) {
    if (!axis.inside(axis.input(o, 0)) || !axis.inside(axis.input(o, axis.kernel - 1))) continue;
    if (stretch.count == 0) stretch.first = o;
    stretch.count = o - stretch.first + 1;
  }
  return stretch;
}

}  // namespace

const Tensor* Scene::tensor(const std::string& name) const {
  for (const Tensor& one : trace.network().tensors())
    if (one.name == entry.name + "." + name) return &one;
  return nullptr;
}

std::string place_text(const Shape& shape, std::size_t place) {
  if (shape.flat) return fmt::format("value {}", place);
  const auto map = static_cast<std::size_t>(shape.h * shape.w), width = static_cast<std::size_t>(shape.w);
  return fmt::format("({},{},{})", place / map, place % map / width, place % width);
}

Slope slope_at(ActivationFunction function, double negative_slope, double z) {
  const std::complex<double> f =
      reference::activate(function, negative_slope, std::complex<double>(z, reference::kStep));
  return {reference::activate(function, negative_slope, z), f.imag() / reference::kStep};
}

LayerAlone::LayerAlone(const Scene& scene, LayerSpec entry, const Shape& in, int images, std::vector<float> x,
                       std::span<const float> dy) {
  entry.path = "/network/0";
  // What the residuals around it say of it, too.
  if (auto* norm = std::get_if<BatchNormSpec>(&entry.spec))
    norm->control = std::get<BatchNormSpec>(scene.of().spec).control;
  NetworkSpec spec{std::move(entry)};
  spec.push_back({.name = "outputs", .path = "/network/1", .spec = FlattenSpec{}});
  network_ = std::make_unique<Network>(spec, in, 0, images);
  for (const Tensor& own : network_->tensors())
    for (const Tensor& real : scene.trace.network().tensors())
      if (real.name == own.name) std::copy(real.values.begin(), real.values.end(), own.values.begin());
  batch_ = std::make_unique<ImageBatch>(in, std::move(x),
                                        std::vector<std::int32_t>(static_cast<std::size_t>(images), 0));
  trace_ = std::make_unique<StepTrace>(*network_, scene.pool, *batch_, dy);
}

LayerAlone::~LayerAlone() = default;

const Shape& LayerAlone::out() const { return network_->nodes()[0].out; }
std::span<const float> LayerAlone::y() const { return trace_->output(0); }
std::span<const float> LayerAlone::dx() const { return trace_->input_gradient(0); }

std::span<const float> LayerAlone::gradient(const std::string& tensor) const {
  return trace_->parameter_gradient(own(tensor));
}

std::span<const float> LayerAlone::tensor(const std::string& name) const { return own(name).values; }

const Tensor& LayerAlone::own(const std::string& name) const {
  const auto& tensors = network_->tensors();
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& one) { return one.name == name; });
  CNN_CHECK(found != tensors.end(), "no tensor {}", name);
  return *found;
}

std::string WindowSide::formula() const {
  const std::string reach =
      dilation == 1 ? fmt::format("{}", kernel) : fmt::format("({}*({} - 1) + 1)", dilation, kernel);
  std::string padding;
  if (before + after > 0)
    padding = before == after ? fmt::format(" + 2*{}", before) : fmt::format(" + {} + {}", before, after);
  return fmt::format("floor(({} - {}{})/{}) + 1 = {}", size, reach, padding, stride, outputs);
}

int WindowSide::border_output() const {
  const int last = outputs - 1;
  return inside(input(0, 0)) && !inside(input(last, kernel - 1)) ? last : 0;
}

std::string WindowSide::reach(int output, std::string_view line) const {
  if (kernel == 1) return fmt::format("{} {}", line, input(output, 0));
  return fmt::format("{}s {} to {}{}", line, input(output, 0), input(output, kernel - 1),
                     dilation == 1 ? "" : fmt::format(" in steps of {}", dilation));
}

void join_others(std::vector<double>& terms, std::vector<std::string>& written, std::size_t shown) {
  if (terms.size() <= shown) return;
  const std::size_t others = terms.size() - shown;
  double rest = 0;
  for (std::size_t i = shown; i < terms.size(); ++i) rest += terms[i];
  terms.resize(shown);
  terms.push_back(rest);
  written.push_back(fmt::format("{} (the other {})", term(rest), others));
}

std::string patch_text(int height, int width, int output_rows, int output_columns) {
  return fmt::format("a patch of {}x{} inputs that makes {}", height, width,
                     output_rows * output_columns == 1
                         ? std::string("one output")
                         : fmt::format("{}x{} outputs", output_rows, output_columns));
}

std::string border_text(const WindowSide& rows, const WindowSide& columns, int output_row,
                        int output_column) {
  const auto inside = [](const WindowSide& axis, int output) {
    int count = 0;
    for (int tap = 0; tap < axis.kernel; ++tap) count += axis.inside(axis.input(output, tap));
    return count;
  };
  const int positions = rows.kernel * columns.kernel;
  const int padding = positions - inside(rows, output_row) * inside(columns, output_column);
  return fmt::format("Its window covers {} and {}: {} of its {} lie{} in the padding.",
                     rows.reach(output_row, "row"), columns.reach(output_column, "column"), padding,
                     counted(positions, "position"), padding == 1 ? "s" : "");
}

void explain_size(Notebook& book, const WindowSide& rows, const WindowSide& columns) {
  if (rows.formula() == columns.formula()) {
    book.say(fmt::format("rows and columns: {}", rows.formula()));
  } else {
    book.say(fmt::format("rows: {}", rows.formula()));
    book.say(fmt::format("columns: {}", columns.formula()));
  }
}

PatchChoice choose_patch(const WindowSide& rows, const WindowSide& columns) {
  const Stretch down = inner_outputs(rows), across = inner_outputs(columns);
  if (down.count == 0 || across.count == 0)
    return {.whole = true, .rows = rows.outputs, .columns = columns.outputs};
  PatchChoice choice{.rows = std::min(2, down.count), .columns = std::min(2, across.count)};
  choice.first_row = down.first;
  choice.last_row = down.first + down.count - choice.rows;
  choice.first_column = across.first;
  choice.last_column = across.first + across.count - choice.columns;
  return choice;
}

namespace {

/// tell(scene, spec) writes what there is to say about one entry.
template <class Tell>
Explanation explanation(const StepTrace& trace, const NetworkSpec& spec, int row, ThreadPool& pool,
                        int columns, const Tell& tell) {
  const LayerSummary& layer = trace.network().layers()[static_cast<std::size_t>(row)];
  const LayerSpec* entry = find(spec, layer.name);
  CNN_CHECK(entry, "no entry {}", layer.name);
  Notebook book(columns);
  book.lines(fmt::format("{}: {}, {} -> {}", printable(layer.name), layer.type, to_string(layer.in),
                         to_string(layer.out)));
  const Scene scene{trace, *entry, node_of(trace.network(), row), pool, book};
  std::visit([&](const auto& of_type) { tell(scene, of_type); }, entry->spec);
  return {book.text(), book.agrees()};
}

}  // namespace

Explanation explain_layer(const StepTrace& trace, const NetworkSpec& spec, int row, ThreadPool& pool,
                          int columns) {
  return explanation(trace, spec, row, pool, columns, [](const Scene& scene, const auto& of_type) {
    if constexpr (requires { explain(scene, of_type); })
      explain(scene, of_type);
    else
      explain_any_layer(scene);
  });
}

Explanation explain_without_words(const StepTrace& trace, const NetworkSpec& spec, int row, ThreadPool& pool,
                                  int columns) {
  return explanation(trace, spec, row, pool, columns,
                     [](const Scene& scene, const auto&) { explain_any_layer(scene); });
}

bool needs_several_images(const NetworkSpec& spec) {
  return std::any_of(spec.begin(), spec.end(), [](const LayerSpec& entry) {
    if (const auto* residual = std::get_if<ResidualSpec>(&entry.spec))
      return residual->shortcut == ResidualSpec::Shortcut::projection ||
             needs_several_images(residual->layers);
    return std::holds_alternative<BatchNormSpec>(entry.spec);
  });
}

}  // namespace cnn
