#include "train/seed_results.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Evaluation& e) {
  return {{"images", e.images}, {"accuracy", e.accuracy()}, {"loss", e.loss()}};
}

Json to_json(const Spread& spread) {
  Json json = {{"seeds", spread.count}, {"mean", spread.mean}};
  json["standard_deviation"] = spread.deviation ? Json(*spread.deviation) : Json(nullptr);
  json["least"] = spread.least;
  json["most"] = spread.most;
  return json;
}

std::string cells(const std::optional<Evaluation>& e) {
  return e ? exact(e->accuracy()) + "," + exact(e->loss()) : ",";
}

}  // namespace

Spread spread_of(std::span<const double> values) {
  CNN_CHECK(!values.empty(), "no values");
  const auto count = static_cast<double>(values.size());
  Spread spread;
  spread.count = values.size();
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  spread.least = *std::min_element(values.begin(), values.end());
  spread.most = *std::max_element(values.begin(), values.end());
  if (values.size() < 2) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (count - 1));
  return spread;
}

std::optional<Spread> spread_of_accuracy(std::span<const SeedResult> results,
                                         std::optional<Evaluation> SeedResult::*evaluation) {
  std::vector<double> values;
  for (const SeedResult& result : results)
    if (result.*evaluation) values.push_back((result.*evaluation)->accuracy());
  if (values.empty()) return std::nullopt;
  return spread_of(values);
}

void write_seed_results(const std::filesystem::path& folder, std::span<const SeedResult> results,
                        std::size_t planned) {
  Json json = {{"finished", results.size() == planned}, {"planned", planned}, {"seeds", Json::array()}};
  std::string csv = "seed,best_epoch,validation_accuracy,validation_loss,test_accuracy,test_loss,folder\n";
  for (const SeedResult& result : results) {
    Json run = {{"seed", result.seed}, {"folder", result.folder}, {"best_epoch", result.best_epoch}};
    if (result.validation) run["validation"] = to_json(*result.validation);
    if (result.test) run["test"] = to_json(*result.test);
    json["seeds"].push_back(std::move(run));
    csv += fmt::format("{},{},{},{},{}\n", result.seed, result.best_epoch, cells(result.validation),
                       cells(result.test), result.folder);
  }
  if (const auto spread = spread_of_accuracy(results, &SeedResult::validation))
    json["validation_accuracy"] = to_json(*spread);
  if (const auto spread = spread_of_accuracy(results, &SeedResult::test))
    json["test_accuracy"] = to_json(*spread);
  write_file_atomically(folder / "seeds.json", json.dump(2) + "\n");
  write_file_atomically(folder / "seeds.csv", csv);
}

}  // namespace cnn
