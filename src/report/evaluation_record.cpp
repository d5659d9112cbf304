#include "report/evaluation_record.h"

#include <algorithm>
#include <stdexcept>

namespace cnn {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPairs = 20;

Json to_json(const Mistake& mistake, const std::vector<std::string>& classes) {
  return {{"path", mistake.path},
          {"label", classes[static_cast<std::size_t>(mistake.label)]},
          {"label_number", mistake.label},
          {"label_confidence", mistake.label_confidence},
          {"predicted", classes[static_cast<std::size_t>(mistake.predicted)]},
          {"predicted_number", mistake.predicted},
          {"confidence", mistake.confidence},
          {"loss", mistake.loss},
          {"picture", mistake.picture}};
}

Mistake mistake_from_json(const Json& json, std::size_t classes) {
  Mistake mistake;
  mistake.path = json.at("path").get<std::string>();
  mistake.label = json.at("label_number").get<int>();
  mistake.predicted = json.at("predicted_number").get<int>();
  mistake.label_confidence = json.at("label_confidence").get<double>();
  mistake.confidence = json.at("confidence").get<double>();
  mistake.loss = json.at("loss").get<double>();
  mistake.picture = json.at("picture").get<std::string>();
  const auto is_class = [&](int k) { return k >= 0 && static_cast<std::size_t>(k) < classes; };
  if (!is_class(mistake.label) || !is_class(mistake.predicted))
    throw std::invalid_argument("a mistake names a class that does not exist");
  return mistake;
}

}  // namespace

Json results_json(const Classification& results, int top_k) {
  const auto [low, high] = results.accuracy_interval();
  const std::vector<std::string>& classes = results.classes();
  Json json = {{"images", results.images()},
               {"accuracy", results.accuracy()},
               {"accuracy_interval", {low, high}},
               {"loss", results.loss()}};
  // Every k up to 5, as far as there are so many classes, and up to what was asked for.
  Json& top = json["top_k"] = Json::object();
  for (int k = 1; k <= std::max(5, top_k) && k <= static_cast<int>(classes.size()); ++k)
    top[std::to_string(k)] = results.top(k);
  json["ece"] = results.calibration_error();
  Json& reliability = json["reliability"] = Json::array();
  for (const Classification::ConfidenceBin& bin : results.confidence_bins())
    reliability.push_back({{"from", bin.from},
                           {"to", bin.to},
                           {"images", bin.images},
                           {"correct", bin.correct},
                           {"confidence", bin.confidence()},
                           {"accuracy", bin.accuracy()}});
  Json& per_class = json["per_class"] = Json::array();
  for (const Classification::PerClass& row : results.per_class())
    per_class.push_back({{"name", row.name},
                         {"precision", row.precision},
                         {"recall", row.recall},
                         {"f1", row.f1},
                         {"support", row.support}});
  Json& confused = json["most_confused"] = Json::array();
  for (const Classification::ConfusedPair& pair : results.most_confused(kPairs))
    confused.push_back(
        {{"label", classes[pair.label]}, {"predicted", classes[pair.predicted]}, {"images", pair.images}});
  json["confusion"] = results.confusion();
  return json;
}

Json to_json(const EvaluationRecord& record) {
  Json json = results_json(record.results, 1);
  const Classification::Counts counts = record.results.counts();
  json["ranks"] = counts.ranks;
  json["loss_sum"] = counts.loss_sum;
  Json& sums = json["confidence_sums"] = Json::array();
  for (const Classification::ConfidenceBin& bin : counts.bins) sums.push_back(bin.confidence_sum);
  Json& mistakes = json["mistakes"] = Json::array();
  for (const Mistake& mistake : record.mistakes)
    mistakes.push_back(to_json(mistake, record.results.classes()));
  return json;
}

EvaluationRecord evaluation_from_json(const Json& json, std::vector<std::string> classes) {
  Classification::Counts counts;
  counts.confusion = json.at("confusion").get<std::vector<std::vector<std::int64_t>>>();
  counts.ranks = json.at("ranks").get<std::vector<std::int64_t>>();
  counts.loss_sum = json.at("loss_sum").get<double>();
  const Json &bins = json.at("reliability"), &sums = json.at("confidence_sums");
  for (std::size_t k = 0; k < bins.size(); ++k)
    counts.bins.push_back({.from = bins.at(k).at("from").get<double>(),
                           .to = bins.at(k).at("to").get<double>(),
                           .images = bins.at(k).at("images").get<std::int64_t>(),
                           .correct = bins.at(k).at("correct").get<std::int64_t>(),
                           .confidence_sum = sums.at(k).get<double>()});
  EvaluationRecord record{.results = Classification(std::move(classes), std::move(counts)), .mistakes = {}};
  for (const Json& mistake : json.at("mistakes"))
    record.mistakes.push_back(mistake_from_json(mistake, record.results.classes().size()));
  return record;
}

}  // namespace cnn
