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

Json to_json(const FinalResult::Score& score) {
  return {{"images", score.images}, {"accuracy", score.accuracy}, {"loss", score.loss}};
}

Json to_json(const Spread& spread) {
  Json json = {{"seeds", spread.count}, {"mean", spread.mean}};
  json["standard_deviation"] = spread.deviation ? Json(*spread.deviation) : Json(nullptr);
  json["least"] = spread.least;
  json["most"] = spread.most;
  return json;
}

std::string cells(const std::optional<FinalResult::Score>& score) {
  return score ? exact(score->accuracy) + "," + exact(score->loss) : ",";
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
                                         std::optional<FinalResult::Score> FinalResult::*score) {
  std::vector<double> values;
  for (const SeedResult& seed : results)
    if (const auto& found = seed.result.*score) values.push_back(found->accuracy);
  if (values.empty()) return std::nullopt;
  return spread_of(values);
}

void write_seed_results(const std::filesystem::path& folder, std::span<const SeedResult> results,
                        const SeedPlan& plan) {
  Json json = {{"finished", results.size() == plan.seeds}, {"planned", plan.seeds}, {"seeds", Json::array()}};
  std::string csv = "seed,best_epoch,validation_accuracy,validation_loss,test_accuracy,test_loss,folder\n";
  for (const auto& [seed, name, result] : results) {
    Json run = {{"seed", seed}, {"folder", name}, {"best_epoch", result.best_epoch}};
    if (result.validation) run["validation"] = to_json(*result.validation);
    if (result.test) run["test"] = to_json(*result.test);
    json["seeds"].push_back(std::move(run));
    csv += fmt::format("{},{},{},{},{}\n", seed, result.best_epoch, cells(result.validation),
                       cells(result.test), name);
  }
  if (const auto spread = spread_of_accuracy(results, &FinalResult::validation))
    json["validation_accuracy"] = to_json(*spread);
  if (const auto spread = spread_of_accuracy(results, &FinalResult::test))
    json["test_accuracy"] = to_json(*spread);
  json["config"] = Json::parse(plan.config);
  write_file_atomically(folder / "seeds.json", json.dump(2) + "\n");
  write_file_atomically(folder / "seeds.csv", csv);
}

SeedPlan read_seed_plan(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "seeds.json";
  try {
    const Json json = Json::parse(read_file(file));
    const auto planned = json.at("planned").get<std::int64_t>();
    if (planned < 1 || planned > kMostSeeds)
      fail("{}: is damaged: {} seeds were planned", printable(file.string()), planned);
    return {static_cast<std::size_t>(planned), json.at("config").dump()};
  } catch (const Json::exception& error) {
    fail("{}: is damaged: {}; the runs in {} can be resumed one by one", printable(file.string()),
         error.what(), printable(folder.string()));
  }
}

}  // namespace cnn
