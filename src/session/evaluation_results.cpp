#include "session/evaluation_results.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/text.h"
#include "inspect/first_filters.h"
#include "report/evaluation_page.h"
#include "report/evaluation_record.h"
#include "session/environment.h"

namespace cnn {
namespace {

using Json = nlohmann::ordered_json;

/// Valid JSON even if a path is not UTF-8. indent -1: on one line.
std::string text_of(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::vector<std::size_t> UnlabeledImages::most_probable(std::span<const float> probabilities) const {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return probabilities[a] > probabilities[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(most_)));
  return order;
}

std::string UnlabeledImages::line_of(const Evaluator::Seen& seen) const {
  std::string line = printable(seen.name) + ":";
  for (const std::size_t k : most_probable(seen.probabilities))
    line += fmt::format("  {} {:.2f} %", printable(classes_[k]), 100 * seen.probabilities[k]);
  return line;
}

void UnlabeledImages::keep(const Evaluator::Seen& seen) {
  Json guesses = Json::array();
  for (const std::size_t k : most_probable(seen.probabilities))
    guesses.push_back({{"class", classes_[k]}, {"confidence", seen.probabilities[k]}});
  const Json entry = {{"path", seen.name}, {"predictions", guesses}};
  json_ += (json_.empty() ? "    " : ",\n    ") + text_of(entry);
}

std::string evaluation_json(const Evaluator& evaluator, const UnlabeledImages& unlabeled, int top_k) {
  const Classification& results = evaluator.collected().results();
  Json json = results.images() > 0 ? results_json(results, top_k) : Json{{"images", 0}};
  json["images"] = evaluator.collected().images();
  json["bad_images"] = Json::array();
  for (const BadFile& file : evaluator.bad())
    json["bad_images"].push_back({{"path", file.path}, {"reason", file.reason}});
  std::string text = text_of(json, 2);
  if (!unlabeled.json().empty()) {
    text.resize(text.size() - 2);  // the end of the object
    text += ",\n  \"predictions\": [\n" + unlabeled.json() + "\n  ]\n}";
  }
  return text + "\n";
}

std::string evaluation_report(Evaluator& evaluator, const std::string& name, const std::string& what,
                              const Workers& workers) {
  EvaluationReport report{.name = name,
                          .what = what,
                          .record = evaluator.collected().record(),
                          .bad_images = {},
                          .filters = first_filters(evaluator.network()),
                          .config = evaluator.description().config,
                          .environment = environment(workers)};
  for (const BadFile& file : evaluator.bad()) report.bad_images.emplace_back(file.path, file.reason);
  return evaluation_page(report);
}

}  // namespace cnn
