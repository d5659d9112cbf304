#include "report/evaluation_text.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/text.h"
#include "report/text_columns.h"

namespace cnn {
namespace {

constexpr std::size_t kWidestName = 30, kWidestHead = 6, kPairs = 10;

std::string heading(const Classification& results, int top_k) {
  const auto [low, high] = results.accuracy_interval();
  std::string text =
      fmt::format("accuracy {:.2f} % ({} of {}; 95 % confidence: {:.1f} to {:.1f} %)   loss {}\n",
                  100 * results.accuracy(), results.correct(), results.images(), 100 * low, 100 * high,
                  loss_text(results.loss()));
  const std::size_t classes = results.classes().size();
  if (top_k > 1 && static_cast<std::size_t>(top_k) >= classes)
    text += fmt::format("top-{} accuracy: not shown, because every image is right among all {} classes\n",
                        top_k, classes);
  else if (top_k > 1)
    text += fmt::format("top-{} accuracy {:.2f} %\n", top_k, 100 * results.top(top_k));
  return text;
}

std::string per_class_table(const Classification& results, const std::vector<std::string>& names,
                            std::size_t width) {
  std::string text = fmt::format("\n{}  precision  recall      f1  images\n", left("class", width));
  const std::vector<Classification::PerClass> rows = results.per_class();
  for (std::size_t k = 0; k < rows.size(); ++k)
    text += fmt::format("{}  {:9.4f}  {:6.4f}  {:6.4f}  {:6}\n", left(names[k], width), rows[k].precision,
                        rows[k].recall, rows[k].f1, rows[k].support);
  return text;
}

std::string confused_pairs(const Classification& results, const std::vector<std::string>& names) {
  std::string text;
  for (const Classification::ConfusedPair& pair : results.most_confused(kPairs))
    text += fmt::format("{:8}  {} taken for {}\n", pair.images, names[pair.label], names[pair.predicted]);
  return text.empty() ? "" : "\nmost confused (images)\n" + text;
}

std::string calibration(const Classification& results) {
  std::string text = fmt::format(
      "\ncalibration: expected error {:.4f} (15 bins)\n  confidence    images    mean  accuracy\n",
      results.calibration_error());
  for (const Classification::ConfidenceBin& bin : results.confidence_bins())
    if (bin.images > 0)
      text += fmt::format("  {:4.0f}-{:3.0f} %  {:>9}  {:5.1f} %  {:6.1f} %\n", 100 * bin.from, 100 * bin.to,
                          bin.images, 100 * bin.confidence(), 100 * bin.accuracy());
  return text;
}

/// Columns have the classes' names if they are short, else their numbers.
std::string matrix(const Classification& results, std::vector<std::string> names, std::size_t width,
                   std::size_t columns) {
  std::size_t cell = 3;
  for (const auto& row : results.confusion())
    for (const std::int64_t count : row) cell = std::max(cell, std::to_string(count).size());
  std::vector<std::string> heads = names;
  if (std::any_of(heads.begin(), heads.end(),
                  [](const auto& name) { return width_of(name) > kWidestHead; })) {
    const std::size_t digits = std::to_string(names.size() - 1).size();
    for (std::size_t k = 0; k < names.size(); ++k) {
      heads[k] = std::to_string(k);
      names[k] = right(heads[k], digits) + " " + names[k];
    }
    width += digits + 1;
  }
  for (const std::string& head : heads) cell = std::max(cell, width_of(head));
  if (width + names.size() * (cell + 1) > columns)
    return fmt::format(
        "\nconfusion: a matrix of {} classes does not fit here; --report draws it, --json has it\n",
        names.size());
  std::string text = "\nconfusion (rows: true class, columns: predicted)\n" + left("", width);
  for (const std::string& head : heads) text += right(head, cell + 1);
  text += "\n";
  for (std::size_t k = 0; k < names.size(); ++k) {
    text += left(names[k], width);
    for (const std::int64_t count : results.confusion()[k])
      text += right(count == 0 ? "." : std::to_string(count), cell + 1);
    text += "\n";
  }
  return text;
}

}  // namespace

std::string evaluation_text(const Classification& results, int top_k, std::size_t columns) {
  std::size_t width = 5;
  std::vector<std::string> names;
  for (const std::string& name : results.classes()) {
    names.push_back(cut(printable(name), kWidestName));
    width = std::max(width, width_of(names.back()));
  }
  return heading(results, top_k) + per_class_table(results, names, width) + confused_pairs(results, names) +
         calibration(results) + matrix(results, names, width, columns);
}

}  // namespace cnn
