#include "session/run_writer.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {
namespace {

/// From so many numbers on, a short epoch takes less time than writing its model.
constexpr std::int64_t kLargeModel = 1 << 20;

}  // namespace

RunWriter::RunWriter(RunFolder& folder, const Network& network, Trainer& trainer,
                     ModelDescription description, spdlog::logger& log)
    : folder_(folder),
      network_(network),
      trainer_(trainer),
      description_(std::move(description)),
      log_(log),
      models_(network.model_floats() >= kLargeModel ? 0.1 : 1) {}

void RunWriter::save(const char* name) { save_model(folder_.file(name), network_, description_); }

/// While the network holds another model.
void RunWriter::save_best() {
  trainer_.swap_best();
  try {
    save("best.safetensors");
  } catch (...) {
    trainer_.swap_best();
    throw;
  }
  trainer_.swap_best();
}

void RunWriter::attempt(const std::function<void()>& write) {
  try {
    write();
  } catch (const Error& error) {
    whole_ = false;
    log_.warn("warning: {}; the training continues and will try again", error.what());
  }
}

void RunWriter::begin() {
  folder_.write_tables(trainer_.history());
  if (trainer_.history().empty()) return;
  save_best();  // a killed run may have left the model of an epoch that the checkpoint has not reached
  write_result(false, std::nullopt);  // it may be a finished run that gets more epochs
}

void RunWriter::add_epoch() {
  attempt([&] { folder_.add_last(trainer_.history()); });
  if (events_) attempt([&] { events_->add(trainer_.history().back()); });
  const bool best = trainer_.history().back().best;
  last_waits_ = true;
  best_waits_ |= best;
  if (!models_.due()) return;
  models_.run([&] {
    if (best_waits_) attempt([&] { best ? save("best.safetensors") : save_best(); });
    attempt([&] { save("last.safetensors"); });
  });
  last_waits_ = best_waits_ = false;
}

void RunWriter::interrupt() {
  if (best_is_loaded_) return write_result(false, std::nullopt);
  if (!whole_) folder_.write_tables(trainer_.history());
  trainer_.with_model([&] {
    save("last.safetensors");
    if (trainer_.history().empty()) save("best.safetensors");
  });
  if (best_waits_) save_best();
  write_result(false, std::nullopt);
}

void RunWriter::add_post_mortem(const PostMortem& post_mortem) {
  log_.info("{}", to_text(post_mortem));
  attempt([&] { write_file_atomically(folder_.file("post_mortem.json"), to_json(post_mortem)); });
}

void RunWriter::finish_last() {
  if (!whole_) folder_.write_tables(trainer_.history());
  if (!whole_ || last_waits_) trainer_.with_model([&] { save("last.safetensors"); });
}

void RunWriter::finish_best() {
  best_is_loaded_ = true;
  if (!whole_ || best_waits_) save("best.safetensors");
  best_waits_ = false;
}

void RunWriter::write_result(bool finished, const std::optional<Evaluation>& test) {
  const auto& history = trainer_.history();
  folder_.write_result(history.empty() ? nullptr : &best_of(history), trainer_.epochs_done(), finished, test);
}

}  // namespace cnn
