// cnn-eval: scores a model on labeled images, or classifies unlabeled ones. Command line and wiring only.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>

#include "apps/command_line.h"
#include "apps/eval_options.h"
#include "apps/explain_prediction.h"
#include "apps/joint_program.h"
#include "apps/path_list.h"
#include "cluster/messages.h"
#include "core/file.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "data/image_files.h"
#include "data/label_table.h"
#include "export/explanation.h"
#include "report/evaluation_text.h"
#include "report/prediction_table.h"
#include "report/progress.h"
#include "report/terminal.h"
#include "session/evaluation_results.h"
#include "session/evaluator.h"
#include "session/interruption.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// IDX files begin with two zero bytes; packed ones are the only gzip files that make sense here.
bool looks_like_idx(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  char head[2] = {1, 1};
  file.read(head, 2);
  return file && ((head[0] == 0 && head[1] == 0) || (head[0] == '\x1f' && head[1] == '\x8b'));
}

bool is_cifar_name(const fs::path& path) {
  return path.extension() == ".bin" || (path.extension() == ".gz" && path.stem().extension() == ".bin");
}

/// Before any work: refuses outputs that could not be written and questions that could not be answered.
void check_outputs(const EvalOptions& options) {
  const auto check = [](const char* option, const fs::path& path) {
    if (path.empty() || path == "-") return;
    std::error_code unknown;
    const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
    if (fs::is_directory(path, unknown))
      fail_usage("{} {}: is a folder; name the file to write", option, printable(path.string()));
    if (!fs::is_directory(folder, unknown))
      fail_usage("{} {}: there is no folder {}", option, printable(path.string()),
                 printable(folder.string()));
  };
  const std::pair<const char*, fs::path> outputs[] = {
      {"--json", options.json}, {"--predictions", options.predictions}, {"--report", options.report}};
  for (const auto& [option, path] : outputs) check(option, path);
  if (options.predictions == "-" || options.report == "-")
    fail_usage("only --json takes - for stdout; use /dev/stdout, or a file");
  // Nothing is written over what is read, or over another output.
  std::vector<std::pair<std::string, fs::path>> taken{{"--model", options.model},
                                                      {"--labels", options.labels}};
  for (const fs::path& image : options.images) taken.emplace_back("--images", image);
  for (const auto& [option, path] : outputs) {
    std::error_code unknown;
    if (path.empty() || path == "-" || output_file(path).is_stream) continue;
    const bool exists = fs::exists(path, unknown);
    // It may belong to a folder of images or to a list.
    if (exists && has_image_ending(path.filename().string()))
      fail_usage("{} {}: is an image and is not overwritten; name another file", option,
                 printable(path.string()));
    for (const auto& [other, used] : taken)
      if (used.lexically_normal() == path.lexically_normal() ||
          (exists && fs::equivalent(used, path, unknown)))
        fail_usage("{} {}: is already the file of {}; name another file", option, printable(path.string()),
                   other);
    taken.emplace_back(option, path);
  }
}

void need_labels(const EvalOptions& options, bool labeled) {
  for (const auto& [option, given] :
       {std::pair{"--min-accuracy", options.min_accuracy >= 0}, {"--report", !options.report.empty()}})
    if (given && !labeled)
      fail_usage("{} needs labels: a folder with one subfolder per class, or --labels", option);
}

void check_split(const EvalOptions& options) {
  if (!options.split.empty() && (options.images.size() > 1 || !is_table_name(options.images.front())))
    fail_usage("--split goes with one table of labels (.csv) as --images");
}

/// Refuses --labels for images that have their own, or that cannot have any.
void check_labels(const EvalOptions& options) {
  if (options.labels.empty()) return;
  std::error_code unknown;
  if (options.images.size() > 1)
    fail_usage("--labels goes with one IDX file, but --images names {}", options.images.size());
  if (fs::is_directory(options.images.front(), unknown))
    fail_usage("--labels goes with an IDX file; the labels of a folder are its subfolders");
  if (is_cifar_name(options.images.front()))
    fail_usage("--labels does not go with CIFAR files (.bin): they hold their own labels");
}

/// Finds out what kind of images there are, and takes them.
void score(Evaluator& evaluator, const EvalOptions& options, const Cluster& cluster,
           const Evaluator::OnImage& each) {
  const fs::path& first = options.images.front();
  const bool single = options.images.size() == 1;
  // Without exceptions: a path that cannot be examined (a link to itself) is a bad image like any other.
  std::error_code unknown;
  if (single && fs::is_directory(first, unknown)) {
    ProgressLine listing("listing the images", 0, !cluster.is_root());
    const auto files = std::make_shared<ImageFiles>(scan_folder(
        first, [&](std::int64_t images) { listing.update(images, "so far"); }, evaluator.class_folders()));
    listing.clear();
    need_labels(options, !files->classes.empty());
    return evaluator.score_files(files, each);
  }
  if (single && is_table_name(first)) {
    const auto files = std::make_shared<ImageFiles>(read_label_table(table_of(first, options.split)));
    need_labels(options, !files->classes.empty());
    return evaluator.score_files(files, each);
  }
  for (const fs::path& path : options.images)
    if (fs::is_directory(path, unknown))
      fail_usage("--images takes one folder or several files; {} is a folder among other paths",
                 printable(path.string()));
  if (std::all_of(options.images.begin(), options.images.end(), is_cifar_name))
    return evaluator.score_set(CifarLocation{options.images}, each);
  need_labels(options, !options.labels.empty());
  if (!options.labels.empty() ||
      (single && fs::is_regular_file(first, unknown) && first.extension() != ".tga" && looks_like_idx(first)))
    return evaluator.score_set(IdxLocation{first, options.labels}, each);
  evaluator.score_files(std::make_shared<ImageFiles>(list_files(options.images)), each);
}

/// A list may have gaps; a single path that does not exist is a typing error.
void check_images_exist(const EvalOptions& options) {
  const fs::path& first = options.images.front();
  std::error_code unknown;
  if (options.images.size() == 1 && first != "-" &&
      fs::symlink_status(first, unknown).type() == fs::file_type::not_found)
    fail_usage("--images {}: there is no such file or folder", printable(first.string()));
}

/// Reports each image: its row in the table of predictions and, if it has no label, the model's answer.
class ImageTeller {
 public:
  ImageTeller(const Evaluator& evaluator, const EvalOptions& options)
      : evaluator_(evaluator),
        classes_(evaluator.classes()),
        table_(options.predictions, classes_),
        unlabeled_(classes_, options.top),
        keep_(!options.json.empty()),
        print_(options.json != "-"),
        only_print_(options.json.empty() && options.predictions.empty()) {}

  void tell(const Evaluator::Seen& seen) {
    const auto predicted = static_cast<std::size_t>(seen.predicted);
    table_.add(seen.name, seen.label >= 0 ? classes_[static_cast<std::size_t>(seen.label)] : "",
               classes_[predicted], seen.probabilities[predicted], seen.probabilities);
    if (seen.label >= 0) return;
    if (keep_) unlabeled_.keep(seen);
    if (!print_) return;
    evaluator_.make_room();  // the answer goes to the terminal
    print_out("{}\n", unlabeled_.line_of(seen));
    if (const auto fault = output_fault(); fault && only_print_)
      fail("cannot write to standard output: {}", *fault);
  }
  void finish() { table_.finish(); }
  const UnlabeledImages& unlabeled() const { return unlabeled_; }

 private:
  const Evaluator& evaluator_;
  const std::vector<std::string>& classes_;
  PredictionTable table_;
  UnlabeledImages unlabeled_;
  const bool keep_, print_, only_print_;
};

void write_results(Evaluator& evaluator, const UnlabeledImages& unlabeled, const EvalOptions& options,
                   int processes) {
  const Classification& results = evaluator.collected().results();
  if (options.json == "-")
    print_out("{}", evaluation_json(evaluator, unlabeled, options.top));
  else if (!options.json.empty())
    write_file_atomically(options.json, evaluation_json(evaluator, unlabeled, options.top));
  if (!options.report.empty() && results.images() > 0) {
    const Explainer explainer(read_inspected({}, options.model));
    evaluator.draw_reasons([&](std::span<const std::byte> pixels, int class_number) {
      const SeenImage image = explainer.see(pixels);
      return explainer.address(image, explainer.explain(image, class_number));
    });
    write_file_atomically(options.report, evaluation_report(evaluator, options.model.string(),
                                                            "evaluated on " + join_paths(options.images),
                                                            {options.threads, processes}));
  }
  if (results.images() > 0 && options.json != "-")
    print_out("{}", evaluation_text(results, options.top,
                                    static_cast<std::size_t>(terminal_columns(STDOUT_FILENO))));
  flush_out();  // the messages below refer to it
}

/// Reports what is wrong with the results, if anything.
ExitCode judge(const Evaluator& evaluator, const EvalOptions& options) {
  const EvaluationCollector& collected = evaluator.collected();
  const Classification& results = collected.results();
  auto code = ExitCode::done;
  if (results.images() > 0 && results.accuracy() < options.min_accuracy) {
    print_err("cnn-eval: accuracy {} is below --min-accuracy {}\n", exact(results.accuracy()),
              exact(options.min_accuracy));
    code = ExitCode::below_accuracy;
  }
  if (collected.not_finite() > 0) {
    print_err(
        "cnn-eval: for {} of {} images the outputs of the network are not finite, so they mean "
        "nothing: the weights have diverged, perhaps from too large a learning rate\n",
        collected.not_finite(), collected.images());
    code = ExitCode::run_failed;
  }
  if (!evaluator.bad().empty()) {
    print_err("cnn-eval: {} bad image{} left out:\n{}\n", evaluator.bad().size(),
              evaluator.bad().size() == 1 ? "" : "s", list_bad_files(evaluator.bad()));
    code = ExitCode::run_failed;
  }
  return code;
}

/// What a command line asks of process 0: it reads the list, and writes the outputs.
void check(EvalOptions& options) {
  check_images_exist(options);
  if (options.images.size() == 1 && options.images.front() == "-") options.images = read_path_list(std::cin);
  check_outputs(options);
  check_labels(options);
  check_split(options);
}

/// The images of process 0, to all.
void share_images(Cluster& cluster, std::vector<fs::path>& images) {
  std::string list;
  for (const fs::path& image : images) list += image.string() + '\0';
  broadcast_text(cluster, list);
  images.clear();
  for (std::size_t from = 0; from < list.size(); from = list.find('\0', from) + 1)
    images.emplace_back(list.c_str() + from);
}

int run(EvalOptions options, Cluster& cluster) {
  if (!options.explain.empty())
    return cluster.is_root() ? explain_prediction(options.model, options.explain[1], options.explain[0]) : 0;
  if (cluster.is_root()) check(options);
  if (cluster.size() > 1) share_images(cluster, options.images);
  const Interruption interruption;
  Evaluator evaluator({.model = options.model,
                       .threads = options.threads,
                       .looks = options.tta.empty() ? std::nullopt : std::optional(looks_of(options.tta)),
                       .pictures = options.report.empty() ? EvaluationCollector::Pictures::none
                                                          : EvaluationCollector::Pictures::of_mistakes},
                      interruption, cluster);
  if (!cluster.is_root()) {
    score(evaluator, options, cluster, {});
    return 0;
  }
  ImageTeller teller(evaluator, options);
  score(evaluator, options, cluster, [&](const Evaluator::Seen& seen) { teller.tell(seen); });
  teller.finish();
  write_results(evaluator, teller.unlabeled(), options, cluster.size());
  return static_cast<int>(judge(evaluator, options));
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  CLI::App app("Scores a model of cnn-train on labeled images, or classifies unlabeled ones", "cnn-eval");
  cnn::EvalOptions options;
  return cnn::run_joint_program(app, argc, argv, [&](cnn::Job& job) {
    options.threads = job.threads();
    cnn::add_eval_options(app, options);
    return [&] {
      cnn::check_question(app);
      return cnn::run(options, job.cluster());
    };
  });
}
