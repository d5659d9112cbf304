#include "session/run_report.h"

#include <exception>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/text.h"
#include "inspect/first_filters.h"
#include "inspect/layer_rows.h"
#include "report/training_page.h"
#include "session/environment.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

}  // namespace

RunReport::RunReport(fs::path folder, const Config& config, const Network& network, const TrainingData& data,
                     const Workers& workers, spdlog::logger& log)
    : folder_(std::move(folder)),
      config_(config),
      network_(network),
      data_(data),
      workers_(workers),
      log_(log) {
  constexpr auto kPictures = EvaluationCollector::Pictures::of_mistakes;
  if (data.validation) validation_.emplace(data.classes, kPictures);
  if (!data.test.empty()) test_.emplace(data.classes, kPictures);
  read_evaluation();
}

OnPrediction RunReport::validation_observer() {
  return validation_ ? validation_->observer(*data_.validation, *data_.validation_images) : OnPrediction();
}

OnPrediction RunReport::test_observer() {
  return test_ ? test_->observer(data_.test.front().set, *data_.test_images) : OnPrediction();
}

void RunReport::resume(int best_epoch) {
  best_epoch_ = best_epoch;
  if (record_epoch_ != best_epoch) validation_record_.reset(), record_epoch_ = 0;
}

void RunReport::add_epoch(int epoch, int epochs, bool best) {
  if (best) {
    best_epoch_ = epoch;
    if (validation_) record_validation(epoch);
  }
  if (!pages_.due()) return;
  pages_.run([&] {
    write(epoch < epochs
              ? fmt::format("In training: {} of {} epochs are done. Reload the page for news.", epoch, epochs)
              : "Trained; the final evaluation is under way.");
  });
}

void RunReport::finish(int best_epoch) {
  best_epoch_ = best_epoch;
  if (!tells_of(best_epoch)) record_validation(best_epoch);
  if (test_) test_record_ = test_->record(), evaluation_is_written_ = false;
  write("Finished.", true);
}

void RunReport::stop(int epochs_done, const std::string& why) {
  write(fmt::format("Stopped after {} of {} epochs: {}", epochs_done, config_.training.epochs, why));
}

void RunReport::record_validation(int epoch) {
  validation_record_ = validation_->record();
  record_epoch_ = epoch;
  evaluation_is_written_ = false;
}

void RunReport::write(const std::string& state, bool finished) {
  try {
    write_evaluation();
    const Shape& input = network_.input();
    write_file_atomically(folder_ / "report.html",
                          training_page({.name = config_.name,
                                         .state = state,
                                         .finished = finished,
                                         .best_epoch = best_epoch_,
                                         .history = read_run_history(folder_),
                                         .layers = layer_rows(network_),
                                         .input = to_string(input),
                                         .input_values = input.values(),
                                         .has_validation_images = validation_.has_value(),
                                         .validation = validation_record_,
                                         .test = test_record_,
                                         .validation_epoch = record_epoch_,
                                         .filters = first_filters(network_),
                                         .config = resolved_json(config_),
                                         .environment = environment(workers_)}));
    complained_ = false;
  } catch (const std::exception& error) {
    if (!complained_) log_.warn("warning: the report is not up to date: {}", error.what());
    complained_ = true;
  }
}

void RunReport::write_evaluation() {
  if (evaluation_is_written_) return;
  Json json = Json::object();
  if (validation_record_) {
    json["validation"] = {{"epoch", record_epoch_}};
    json["validation"].update(to_json(*validation_record_));
  }
  if (test_record_) json["test"] = to_json(*test_record_);
  write_file_atomically(folder_ / "evaluation.json",
                        json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  evaluation_is_written_ = true;
}

void RunReport::read_evaluation() {
  const fs::path path = folder_ / "evaluation.json";
  if (!validation_ || !fs::exists(path)) return;
  try {
    const Json json = Json::parse(read_file(path)).at("validation");
    validation_record_ = evaluation_from_json(json, data_.classes);
    record_epoch_ = json.at("epoch").get<int>();
  } catch (const std::exception& error) {
    log_.warn("warning: {} cannot be read ({}); it is rebuilt", printable(path.string()),
              without_json_names(error.what()));
  }
}

}  // namespace cnn
