#include "apps/eval_options.h"

#include <map>

#include "apps/command_line.h"
#include "apps/modes.h"
#include "core/error.h"

namespace cnn {
namespace {

/// The words of --tta.
const std::map<std::string, TestTimeAugmentation> kLooks = [] {
  std::map<std::string, TestTimeAugmentation> looks;
  for (const auto& [word, look] : kWords<TestTimeAugmentation>) looks.emplace(word, look);
  return looks;
}();

const std::vector<Mode> kQuestions = {
    {"--explain-prediction", "", {"--model"}},
    {"--images",
     "",
     {"--model", "--labels", "--split", "--threads", "--top", "--report", "--tta", "--predictions", "--json",
      "--min-accuracy"}},
};

}  // namespace

TestTimeAugmentation looks_of(const std::string& word) { return kLooks.at(word); }

void check_question(const CLI::App& app) {
  for (const Mode& mode : kQuestions)
    if (app.count(std::string(mode.option)) > 0) return check_options(app, kQuestions, mode);
  fail_usage("give --images: a folder, a table or files to look at; or --explain-prediction OUT.png IMAGE");
}

void add_eval_options(CLI::App& app, EvalOptions& options) {
  app.add_option("--model", options.model, "The model; it also says how to prepare images (required)")
      ->required();
  app.add_option(
      "--images", options.images,
      "A folder with one subfolder per class, a folder of images, single files, a table of paths and "
      "labels (.csv), an IDX file, CIFAR .bin files, or - for paths from standard input (required, but for "
      "--explain-prediction)");
  app.add_option("--labels", options.labels, "Labels of an IDX file");
  app.add_option(
         "--explain-prediction", options.explain,
         "Instead of --images: draw into OUT.png which parts of IMAGE speak for the class that the model "
         "gives it (Grad-CAM)")
      ->expected(2);
  app.add_option("--split", options.split,
                 "The rows to take of a table: those with this value in its column split (or set, subset)");
  app.add_option("--threads", options.threads,
                 "Worker threads (default: all available cores; of each process under mpirun: its share of "
                 "them)")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--top", options.top,
                 "Also count an image as right if its class is among the K most probable; for images without "
                 "a label, show K classes")
      ->check(CLI::Range(1, 1000000));
  app.add_option(
      "--report", options.report,
      "Write a page (HTML, one file) with tables, confusion, calibration and the worst mistakes, each "
      "with what spoke for it");
  app.add_option("--tta", options.tta,
                 "Judge each image by the mean of several looks: none, flip, shift or flip+shift (default: "
                 "data.test_time_augmentation of the model's config)")
      ->check(CLI::IsMember(kLooks));
  app.add_option("--predictions", options.predictions,
                 "Write path, label, prediction and probabilities of every image; as JSON if the name ends "
                 "with .json, else as CSV");
  app.add_option("--json", options.json, "Write the results as JSON; - is stdout");
  app.add_option("--min-accuracy", options.min_accuracy,
                 "Exit with status 3 if the accuracy (0 to 1) is lower")
      ->check([](const std::string& text) {
        double share = 0;
        return CLI::detail::lexical_cast(text, share) && share >= 0 && share <= 1
                   ? std::string()
                   : text + " is not an accuracy from 0 to 1; 99.5 % is 0.995";
      });
  add_version(app, "cnn-eval");
}

}  // namespace cnn
