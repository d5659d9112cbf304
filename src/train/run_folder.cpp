#include "train/run_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

std::string maybe(const std::optional<Evaluation>& evaluation, double (Evaluation::*number)() const) {
  return evaluation ? exact(((*evaluation).*number)()) : "";
}

nlohmann::ordered_json to_json(const Evaluation& e) {
  return {{"images", e.images}, {"accuracy", e.accuracy()}, {"loss", e.loss()}};
}

constexpr const char* kMetricsHead =
    "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds,"
    "images_per_second\n";
constexpr const char* kActivationsHead = "epoch,layer,activations,active_fraction,mean,std,gradient_norm\n";

std::string metrics_row(const EpochResult& r) {
  return fmt::format("{},{},{},{},{},{},{},{}\n", r.epoch, exact(r.train_loss), exact(r.train_accuracy),
                     maybe(r.validation, &Evaluation::loss), maybe(r.validation, &Evaluation::accuracy),
                     exact(r.learning_rate), exact(r.seconds), exact(r.images_per_second));
}

std::string activations_rows(const EpochResult& r) {
  std::string rows;
  for (const LayerActivity& layer : r.activity)
    rows += fmt::format("{},{},{},{},{},{},{}\n", r.epoch, csv_cell(layer.layer), layer.values,
                        exact(layer.active_fraction), exact(layer.mean), exact(layer.standard_deviation),
                        std::isnan(layer.gradient_norm) ? "" : exact(layer.gradient_norm));
  return rows;
}

/// A run that was killed before its config was complete had not begun: what it left does not count.
bool is_unused(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (entry->path().filename() != "config.json.tmp" && entry->path().filename() != "seeds.json.tmp")
      return false;
  if (error) fail("{}: the folder cannot be read: {}", printable(folder.string()), error.message());
  return true;
}

/// Fails before the training if its folder could not be created or written to.
void require_writable(const fs::path& folder) {
  fs::path existing = fs::absolute(folder);
  while (existing.has_relative_path() && !fs::exists(status_of(existing))) existing = existing.parent_path();
  if (::access(existing.c_str(), W_OK | X_OK) != 0)
    fail("{}: nothing can be written into {}: {}", printable(folder.string()), printable(existing.string()),
         std::strerror(errno));
}

void require_new_or_unused(const fs::path& wanted) {
  const fs::file_status status = status_of(wanted);
  if (fs::exists(status) && !fs::is_directory(status))
    fail_usage("--run-dir {}: is a file, expected a new or empty folder", printable(wanted.string()));
  if (fs::exists(status) && !is_unused(wanted))
    fail_usage("--run-dir {}: is not empty, and a run never overwrites another; name a new folder",
               printable(wanted.string()));
}

fs::path numbered(const std::string& name, int n) { return fs::path("runs") / fmt::format("{}-{}", name, n); }

/// mkdir, which succeeds for one program only. False: the folder, or something else, is there already.
bool make_folder(const fs::path& wanted) {
  const fs::path folder =
      wanted.has_filename() ? wanted : wanted.parent_path();  // without a slash at its end
  std::error_code error;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (!error && ::mkdir(folder.c_str(), 0777) == 0) return true;
  if (!error && errno == EEXIST) return false;
  fail("{}: cannot create the run folder: {}", printable(folder.string()),
       error ? error.message() : std::strerror(errno));
}

}  // namespace

std::optional<FinalResult> final_result(const fs::path& folder) try {
  if (!fs::exists(status_of(folder / "result.json"))) return std::nullopt;
  const auto json = nlohmann::json::parse(read_file(folder / "result.json"));
  if (json.at("finished") != true) return std::nullopt;
  const auto score = [&](const char* key) -> std::optional<FinalResult::Score> {
    if (!json.contains(key)) return std::nullopt;
    const auto& part = json.at(key);
    return FinalResult::Score{part.at("images"), part.at("accuracy"), part.at("loss")};
  };
  return FinalResult{json.at("best_epoch"), score("validation"), score("test")};
} catch (const nlohmann::json::exception&) {  // damaged: the run can say it again
  return std::nullopt;
}

std::filesystem::path RunFolder::choose(const std::filesystem::path& wanted, const std::string& name) {
  if (!wanted.empty()) {
    require_new_or_unused(wanted);
    require_writable(wanted);
    return wanted;
  }
  for (int n = 1;; ++n) {
    const fs::path folder = numbered(name, n);
    if (fs::exists(status_of(folder))) continue;
    require_writable(folder);
    return folder;
  }
}

RunFolder::RunFolder(const std::filesystem::path& path, bool is_new)
    : path_(path), lock_(path), is_new_(is_new) {}

RunFolder RunFolder::claim(const std::filesystem::path& wanted, const std::string& name) {
  if (!wanted.empty()) {
    require_new_or_unused(wanted);
    RunFolder folder = create(wanted);
    // Locked by now: what another program has put there since choose() is complete.
    if (!folder.is_new_) require_new_or_unused(wanted);
    return folder;
  }
  for (int n = 1;; ++n)
    if (const fs::path folder = numbered(name, n); make_folder(folder)) return RunFolder(folder, true);
}

RunFolder RunFolder::create(const std::filesystem::path& path) {
  const bool is_new = make_folder(path);
  return RunFolder(path, is_new);
}

void RunFolder::discard() const {
  std::error_code not_empty;
  if (is_new_) fs::remove(path_, not_empty);
}

void RunFolder::write_config(const std::string& resolved_config) {
  write_file_atomically(file("config.json"), resolved_config);
}

void RunFolder::write_tables(std::span<const EpochResult> epochs) {
  tables_are_whole_ = false;
  std::string metrics = kMetricsHead, activations = kActivationsHead;
  for (const EpochResult& epoch : epochs) {
    metrics += metrics_row(epoch);
    activations += activations_rows(epoch);
  }
  write_file_atomically(file("metrics.csv"), metrics);
  write_file_atomically(file("activations.csv"), activations);
  tables_are_whole_ = true;
}

void RunFolder::add_last(std::span<const EpochResult> epochs) {
  if (!tables_are_whole_) return write_tables(epochs);
  tables_are_whole_ = false;
  append_to_file(file("metrics.csv"), metrics_row(epochs.back()));
  append_to_file(file("activations.csv"), activations_rows(epochs.back()));
  tables_are_whole_ = true;
}

void RunFolder::write_result(const EpochResult* best, int epochs_done, bool finished,
                             const std::optional<Evaluation>& test) {
  nlohmann::ordered_json json = {{"finished", finished}, {"epochs", epochs_done}};
  if (best) {
    json["best_epoch"] = best->epoch;
    json["train"] = {{"loss", best->train_loss}, {"accuracy", best->train_accuracy}};
    if (best->validation) json["validation"] = to_json(*best->validation);
  }
  if (test) json["test"] = to_json(*test);
  write_file_atomically(file("result.json"), json.dump(2) + "\n");
}

std::int64_t RunFolder::epochs_in_tables() const {
  std::error_code unknown;
  if (!std::filesystem::exists(file("metrics.csv"), unknown)) return 0;
  const std::string table = read_file(file("metrics.csv"));
  return std::max<std::int64_t>(0, std::ranges::count(table, '\n') - 1);
}

}  // namespace cnn
