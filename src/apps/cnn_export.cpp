// cnn-export: writes a model as ONNX or as C code, and compares it with the engine. Command line and wiring
// only.
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string_view>

#include "apps/command_line.h"
#include "apps/modes.h"
#include "core/file.h"
#include "core/processors.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "data/open_dataset.h"
#include "export/c_words.h"
#include "export/exported.h"
#include "session/interruption.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path model, onnx, c, calibrate, images, json;
  std::string name;
  bool uint8 = false, int8 = false, force = false;
  int threads = usable_processors();
};

const std::vector<Mode> kFormats = {
    {"--onnx", "", {"--model", "--uint8", "--images", "--threads", "--force", "--json"}},
    {"--c", "", {"--model", "--name", "--int8", "--calibrate", "--images", "--threads", "--force", "--json"}},
    {"", "", {}},
};

void check_folder(const char* option, const fs::path& folder) {
  if (folder.empty()) return;
  const fs::file_status status = status_of(folder);
  if (fs::is_directory(status)) return;
  fail_usage("{} {}: {}", option, printable(folder.string()),
             fs::exists(status) ? "is not a folder; name a folder of images" : "there is no such folder");
}

/// Standard output takes one thing.
void check_standard_output(const Options& options) {
  if (is_standard_output(options.c))
    fail_usage("--c -: C code is several files, so it needs a folder (./- is one called \"-\")");
  if (!is_standard_output(options.onnx)) return;
  if (is_standard_output(options.json))
    fail_usage("--onnx - and --json -: only one of them can go to standard output");
  if (::isatty(STDOUT_FILENO))
    fail_usage(
        "--onnx -: standard output is a terminal, and the model is no text; send it to a file or a pipe");
}

/// Throws Error (exit 2) for options that do not go together.
void check_command_line(const CLI::App& app, const Options& options) {
  if (options.onnx.empty() == options.c.empty())
    fail_usage("say what to write, one of the two: --onnx OUT.onnx or --c FOLDER");
  check_options(app, kFormats, chosen_mode(app, kFormats));
  if (options.int8 && options.calibrate.empty())
    fail_usage("--int8 needs --calibrate FOLDER: images like those that the network will see");
  if (!options.int8 && !options.calibrate.empty()) fail_usage("--calibrate goes with --int8");
  if (app.count("--name") > 0 && !is_c_name(options.name))
    fail_usage(
        "--name {}: must be a name in C: letters, digits and single _, a letter first, no word of the "
        "language, at most 40 characters",
        printable(options.name));
  check_standard_output(options);
  check_folder("--images", options.images);
  check_folder("--calibrate", options.calibrate);
}

Exported make(const Options& options, const Inspected& model, ThreadPool& pool) {
  if (!options.onnx.empty())
    return export_onnx(model, options.onnx, options.uint8 ? OnnxInput::bytes : OnnxInput::floats,
                       CNN_VERSION);
  if (options.int8)
    return export_int8_c(model, options.c, options.name, CNN_VERSION, options.calibrate,
                         !options.images.empty(), pool);
  return export_float_c(model, options.c, options.name, CNN_VERSION);
}

/// Notes the files in the result. Throws Error (exit 2) for those that must not be written.
void list_files(const Options& options, Exported& made) {
  std::vector<fs::path> paths;
  for (const auto& [path, content] : made.files) {
    paths.push_back(path);
    made.result.files.push_back(path.string());
    made.result.file_bytes += static_cast<std::int64_t>(content.size());
  }
  check_output_paths(paths, options.model, !options.c.empty(), options.force);
  if (options.json.empty() || is_standard_output(options.json)) return;
  check_output_paths({options.json}, options.model, false, options.force);
  for (const fs::path& path : paths)
    if (path.lexically_normal() == options.json.lexically_normal())
      fail_usage("--json {}: is already a file of the export; name another file",
                 printable(options.json.string()));
}

void tell(const Options& options, const ExportResult& result) {
  if (is_standard_output(options.onnx)) return write_err(result_text(result));
  const bool is_all_in_files =
      !is_standard_output(options.json) && (!options.json.empty() || !result.comparison);
  if (is_all_in_files) results_are_in((options.onnx.empty() ? options.c : options.onnx).string());
  write_out(is_standard_output(options.json) ? result_json(result) : result_text(result));
  flush_out();  // the messages below refer to it
}

void warn_of_looks(const Inspected& model, std::vector<std::string>& warnings) {
  const TestTimeAugmentation looks = model.config.data.test_time_augmentation;
  if (looks == TestTimeAugmentation::none) return;
  warnings.push_back(fmt::format(
      "the model's config has test_time_augmentation {}: cnn-eval judges an image by several looks, the "
      "export by one",
      word_of(looks)));
}

/// Whether there are any.
bool list_bad(const char* option, const std::vector<BadFile>& bad) {
  if (bad.empty()) return false;
  print_err("cnn-export: {} of {} left out:\n{}\n",
            counted(static_cast<std::int64_t>(bad.size()), "bad image"), option, list_bad_files(bad));
  return true;
}

/// Standard output first, then all files or none. Returns the exit status.
ExitCode write(OutputFiles files) {
  if (!files.empty() && is_standard_output(files.front().first)) {
    write_out(files.front().second);
    flush_out();
    if (const auto fault = output_fault()) fail("cannot write to standard output: {}", *fault);
    files.erase(files.begin());
  }
  const Interruption interruption;
  return write_outputs(files, interruption.requested()) ? ExitCode::done : interruption.exit_code();
}

/// Nothing is written before all is known.
int run(const Options& options) {
  const Inspected model = read_inspected({}, options.model);
  ThreadPool pool(options.threads);
  Exported made = make(options, model, pool);
  ExportResult& result = made.result;
  list_files(options, made);
  if (!options.images.empty())
    result.comparison = compare(model, options.images, pool, made.answer, made.at_16_bits);
  warn_of_looks(model, result.warnings);
  if (!options.json.empty() && !is_standard_output(options.json))
    made.files.emplace_back(options.json, result_json(result));
  if (const ExitCode code = write(std::move(made.files)); code != ExitCode::done)
    return static_cast<int>(code);
  tell(options, result);
  for (const std::string& warning : result.warnings) print_err("cnn-export: warning: {}\n", warning);
  const bool is_calibration_whole = !list_bad("--calibrate", result.bad_calibration_images);
  const bool is_comparison_whole = !result.comparison || !list_bad("--images", result.comparison->bad);
  return static_cast<int>(is_calibration_whole && is_comparison_whole ? ExitCode::done
                                                                      : ExitCode::run_failed);
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  CLI::App app("Writes a model of cnn-train for use elsewhere: as ONNX, or as C code without dependencies",
               "cnn-export");
  cnn::Options options;
  app.add_option("--model", options.model, "The model (required)")->required();
  app.add_option("--onnx", options.onnx,
                 "Write an ONNX model (opset 17): input image, float32 [N, C, H, W] with values from 0 to 1; "
                 "outputs probabilities and logits; normalization inside; - is stdout");
  app.add_flag("--uint8", options.uint8, "With --onnx: the input is bytes, [N, H, W, C]");
  app.add_option("--c", options.c,
                 "Write C99 code into a folder: NAME.h, NAME.c and NAME_main.c, a program that classifies "
                 "PGM and PPM files");
  app.add_option("--name", options.name,
                 "With --c: the name of the files and the prefix of the functions (default: the config's "
                 "name)");
  app.add_flag("--int8", options.int8,
               "With --c: compute in 8-bit integers, for small processors and a quarter of the memory");
  app.add_option(
      "--calibrate", options.calibrate,
      "With --int8: a folder of images, best from the training set, that show the range of every "
      "layer's values; at most 512 of them are used, and 64 are enough if all classes are among them");
  app.add_option("--images", options.images,
                 "Score the engine and the export side by side on a folder of images; with --int8 also show "
                 "the noise that each layer adds. This program executes the export itself: C by the same "
                 "code, ONNX by plain loops with the numbers of the file, for there is no ONNX runtime here");
  app.add_option("--threads", options.threads, "Worker threads (default: all available cores)")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_flag("--force", options.force, "Replace files that exist");
  app.add_option("--json", options.json, "Write what was made and what it costs as JSON; - is stdout");
  cnn::add_version(app, "cnn-export");
  return cnn::run_program(app, argc, argv, [&] {
    cnn::check_command_line(app, options);
    return cnn::run(options);
  });
}
