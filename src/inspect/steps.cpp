#include "inspect/steps.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "core/random.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "inspect/explain.h"
#include "inspect/gradient_check.h"
#include "inspect/input_images.h"
#include "kernels/simd.h"
#include "report/progress.h"
#include "report/terminal.h"

namespace cnn {
namespace {

/// Enough for a batch norm to have something to average, few enough for sums that can be read.
constexpr int kBatch = 4;

/// The plain reference takes a second or so for these multiply-adds: fewer images then.
constexpr std::int64_t kManyMacs = 100'000'000;

std::int64_t multiply_adds(const Inspected& inspected) {
  const auto network = inspected.network(1);
  std::int64_t macs = 0;
  for (const LayerSummary& layer : network->layers()) macs += layer.macs;
  return macs;
}

/// The images once more, each shifted by a pixel more, until there are `count`: a batch of one subject.
void add_shifted(InputImages& images, const Shape& shape, int count) {
  const int given = images.count();
  for (int n = given; n < count; ++n) {
    const int source = n % given, shift = n / given;
    const std::span<const float> from = images.image(source);
    std::vector<float> shifted;
    for (int c = 0; c < shape.c; ++c)
      for (int h = 0; h < shape.h; ++h)
        for (int w = 0; w < shape.w; ++w)
          shifted.push_back(from[static_cast<std::size_t>(
              (c * shape.h + std::max(h - shift / 2, 0)) * shape.w + std::max(w - (shift + 1) / 2, 0))]);
    images.values.insert(images.values.end(), shifted.begin(), shifted.end());
    images.names.push_back(images.names[static_cast<std::size_t>(source)] + ", shifted");
    images.labels.push_back(images.labels[static_cast<std::size_t>(source)]);
  }
}

/// The class that the network finds the second most probable: something to learn remains.
std::int32_t second_guess(std::span<const float> scores) {
  std::vector<std::int32_t> order(scores.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  return order[std::min<std::size_t>(1, order.size() - 1)];
}

}  // namespace

int explain(const Inspected& inspected, const std::string& layer,
            const std::vector<std::filesystem::path>& files, ThreadPool& pool) {
  InputImages images = files.empty() ? generated_images(inspected, 1) : read_images(inspected, files);
  const NetworkSpec& spec = inspected.config.network;
  const int given = images.count();
  if (needs_several_images(spec)) add_shifted(images, inspected.input, std::max(kBatch, given));
  const auto network = inspected.network(images.count());
  const int row = layer.empty() ? -1 : row_of(*network, layer);

  // Every pass below moves the running statistics a bit; the explanation tells what the next step does to
  // them.
  const std::vector<float> statistics(network->states().begin(), network->states().end());
  ImageBatch batch(inspected.input, images.values, std::vector<std::int32_t>(images.names.size(), 0));
  {
    const StepTrace guess(*network, pool, batch);
    const int last = static_cast<int>(network->nodes().size()) - 1;
    const auto classes = static_cast<std::size_t>(network->classes());
    for (int n = 0; n < images.count(); ++n) {
      const int known = images.labels[static_cast<std::size_t>(n)];
      batch.set_label(n, known >= 0 ? known
                                    : second_guess(guess.output(last).subspan(
                                          static_cast<std::size_t>(n) * classes, classes)));
    }
  }
  const StepTrace trace(*network, pool, batch);
  std::copy(statistics.begin(), statistics.end(), network->states().begin());
  network->pack(pool);
  const Terminal terminal = terminal_of(STDOUT_FILENO);
  const auto say = [&](const std::string& text) { print_out("{}\n", wrapped(text, terminal.columns)); };
  const bool known = images.labels[0] >= 0;
  std::string names = printable(images.names[0]);
  if (given > 1) names += fmt::format(" and {} more", given - 1);
  say(fmt::format("One training step of {} ({}) on {}, {}; learning {} as class {}{}. Loss {}.",
                  printable(inspected.label), inspected.trained ? "trained" : "weights as they start", names,
                  images.normalization, images.count() == 1 ? "it" : "the first",
                  inspected.class_name(batch.labels()[0]),
                  known                     ? ""
                  : network->classes() == 1 ? " (the only one)"
                                            : " (its class is not known: this is the network's second guess)",
                  loss_text(trace.loss())));
  if (images.count() > given)
    say(fmt::format("A batch norm needs a batch, so {} shifted copies are added.", images.count() - given));
  say("Rows, columns and maps count from 0. Sums are added up in double precision from the numbers that the "
      "layer read, and compared with what the engine computed.");

  bool agrees = true;
  const int count = static_cast<int>(network->layers().size());
  for (int i = row < 0 ? 0 : row; i < (row < 0 ? count : row + 1); ++i) {
    const Explanation explanation = explain_layer(trace, spec, i, pool, terminal.columns);
    print_out("\n{}", explanation.text);
    agrees = agrees && explanation.agrees;
  }
  if (!agrees) print_err("cnn-inspect: the engine disagrees with the arithmetic above\n");
  return agrees ? 0 : 1;
}

int check_gradients(const Inspected& inspected, const std::vector<std::filesystem::path>& files,
                    ThreadPool& pool) {
  InputImages images;
  Random random(inspected.config.seed, Purpose::split, 7);
  if (files.empty()) {
    const int count = multiply_adds(inspected) > kManyMacs ? kBatch / 2 : kBatch;
    for (std::int64_t i = 0; i < count * inspected.input.values(); ++i)
      images.values.push_back(random.normal());
    images.names.assign(static_cast<std::size_t>(count), "random");
  } else {
    images = read_images(inspected, files);
    if (needs_several_images(inspected.config.network))
      add_shifted(images, inspected.input, std::max(kBatch, images.count()));
  }
  const auto network = inspected.network(images.count());
  std::vector<std::int32_t> labels;
  for (int n = 0; n < images.count(); ++n)
    labels.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(network->classes()))));
  ImageBatch batch(inspected.input, std::move(images.values), std::move(labels));
  std::optional<StepTrace> trace;
  trace.emplace(*network, pool, batch);
  // A network that is sure of these labels has gradients of rounding errors only: take others.
  constexpr double kTooSure = 0.01;
  for (int other = 1; trace->loss() < kTooSure && other < network->classes(); ++other) {
    for (int n = 0; n < batch.images(); ++n)
      batch.set_label(n, (batch.labels()[static_cast<std::size_t>(n)] + 1) % network->classes());
    trace.emplace(*network, pool, batch);
  }

  print_out("{}\n",
            wrapped(fmt::format("Gradients of one step on {} with random labels: the engine ({}, single "
                                "precision) against the plain reference in double precision, by the complex "
                                "step.",
                                counted(batch.images(), files.empty() ? "random image" : "given image"),
                                instruction_set()),
                    terminal_of(STDOUT_FILENO).columns));
  flush_out();
  std::unique_ptr<ProgressLine> line;
  const GradientCheck check =
      compare_with_reference(*trace, trace->parameter_gradients(), inspected.config.network, batch, pool, 40,
                             [&](std::int64_t done, std::int64_t total) {
                               if (!line) line = std::make_unique<ProgressLine>("derivatives", total, false);
                               line->update(done, "");
                             });
  line.reset();
  print_out("{}", text_of(check));
  return check.ok() ? 0 : 1;
}

}  // namespace cnn
