#include "train/run_folder.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {
namespace {

std::string maybe(const std::optional<Evaluation>& evaluation, double (Evaluation::*number)() const) {
  return evaluation ? exact(((*evaluation).*number)()) : "";
}

nlohmann::ordered_json to_json(const Evaluation& e) {
  return {{"images", e.images}, {"accuracy", e.accuracy()}, {"loss", e.loss()}};
}

/// A layer's name may be anything that JSON can hold: quote it where CSV demands it.
std::string csv(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::filesystem::path RunFolder::choose(const std::filesystem::path& wanted, const std::string& name) {
  namespace fs = std::filesystem;
  if (!wanted.empty()) {
    if (fs::exists(wanted) && !fs::is_directory(wanted))
      fail_usage("--run-dir {}: is a file, expected a new or empty folder", printable(wanted.string()));
    if (fs::exists(wanted) && !fs::is_empty(wanted))
      fail_usage("--run-dir {}: is not empty, and a run never overwrites another; name a new folder",
                 printable(wanted.string()));
    return wanted;
  }
  for (int n = 1;; ++n) {
    const fs::path folder = fs::path("runs") / fmt::format("{}-{}", name, n);
    if (!fs::exists(folder)) return folder;
  }
}

RunFolder::RunFolder(const std::filesystem::path& path, const std::string& resolved_config) : path_(path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail("{}: cannot create the run folder: {}", printable(path.string()), error.message());
  write_file_atomically(file("config.json"), resolved_config);
  metrics_.open(file("metrics.csv"));
  metrics_ << "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds,"
              "images_per_second\n"
           << std::flush;
  activations_.open(file("activations.csv"));
  activations_ << "epoch,layer,activations,active_fraction,mean,std\n" << std::flush;
  if (!metrics_ || !activations_) fail("{}: cannot write the tables", printable(path.string()));
}

void RunFolder::add(const EpochResult& r) {
  metrics_ << fmt::format("{},{},{},{},{},{},{},{}\n", r.epoch, exact(r.train_loss), exact(r.train_accuracy),
                          maybe(r.validation, &Evaluation::loss), maybe(r.validation, &Evaluation::accuracy),
                          exact(r.learning_rate), exact(r.seconds), exact(r.images_per_second))
           << std::flush;
  for (const LayerActivity& layer : r.activity)
    activations_ << fmt::format("{},{},{},{},{},{}\n", r.epoch, csv(layer.layer), layer.values,
                                exact(layer.active_fraction), exact(layer.mean),
                                exact(layer.standard_deviation));
  activations_ << std::flush;
  if (!metrics_ || !activations_)
    fail("{}: cannot write the tables; is the disk full?", printable(path_.string()));
}

void RunFolder::write_result(const EpochResult& best, int epochs_done, bool finished,
                             const std::optional<Evaluation>& test) {
  nlohmann::ordered_json json = {{"finished", finished}, {"epochs", epochs_done}, {"best_epoch", best.epoch}};
  json["train"] = {{"loss", best.train_loss}, {"accuracy", best.train_accuracy}};
  if (best.validation) json["validation"] = to_json(*best.validation);
  if (test) json["test"] = to_json(*test);
  write_file_atomically(file("result.json"), json.dump(2) + "\n");
}

}  // namespace cnn
