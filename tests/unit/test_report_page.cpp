// report.html and cnn-eval --report: the whole programs, and the pages in a real browser.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "browser.h"
#include "catch.h"
#include "core/file.h"
#include "picture_folder.h"
#include "report/axis.h"
#include "report/html.h"
#include "report/run_history.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// Names that would break a page, a table or a script that does not quote them.
const std::vector<std::string> kHostileNames{"<img src=x onerror=alert(1)>", "\"quoted' & new\nline",
                                             "plain"};

/// A run over a few pictures of classes with those names.
struct HostileRun : PictureFolder {
  HostileRun() {
    for (const std::string& name : kHostileNames) put_class("train/" + name, 12, 9, 8, true);
    for (const std::string& name : kHostileNames) put_class("test/" + name, 3, 9, 8, true);
    for (int i = 0; i < 9; ++i)  // files may be called anything
      put("test/plain/\xff<b>\"" + std::to_string(i) + ".ppm", 9, 8, true, i);
    write("config.json",
          R"({"name": "<b>\"x' & y", "data": {"format": "folder", "train": "train", "test": "test",
      "validation": {"fraction": 0.3}, "image": {"channels": 3, "height": 8, "width": 9}},
      "network": [{"type": "conv", "name": "<i>conv", "out_channels": 4, "kernel_size": 3, "activation": "relu"},
                  {"type": "flatten"}, {"type": "dense", "units": 3}],
      "training": {"epochs": 3, "batch_size": 8, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
    const ProgramResult result =
        run_program(program_path("cnn-train"),
                    {"--config", (path() / "config.json").string(), "--run-dir", run().string(), "--quiet"});
    INFO(result.description());
    REQUIRE(result.exit_code == 0);
  }
  fs::path run() const { return path() / "run"; }
};

TEST_CASE("a run leaves a report that is made of its tables", "[cli]") {
  const HostileRun folder;
  const std::string page = read_file(folder.run() / "report.html");
  for (const std::string& address : references(page)) {
    INFO(address.substr(0, 100));
    CHECK(is_inside(address));
  }
  for (const char* section : {"curves", "layers", "test", "validation", "filters", "config", "environment"})
    CHECK_THAT(page, ContainsSubstring(std::string("<section id=\"") + section + "\""));
  // Names stay text, wherever they stand.
  CHECK(page.find("<img src=x") == std::string::npos);
  CHECK(page.find("<i>conv") == std::string::npos);
  for (const std::string& name : kHostileNames) CHECK_THAT(page, ContainsSubstring(html(name)));

  const RunHistory history = read_run_history(folder.run());
  REQUIRE(history.epochs.size() == 3);
  for (const EpochMetrics& epoch : history.epochs)
    for (const double number : {epoch.train_loss, epoch.validation_loss, epoch.learning_rate})
      CHECK_THAT(page,
                 ContainsSubstring("<td class=\"n\">" + number_text(number, NumberStyle::plain) + "</td>"));
  const Json evaluation = Json::parse(read_file(folder.run() / "evaluation.json"));
  const Json result = Json::parse(read_file(folder.run() / "result.json"));
  CHECK(evaluation["validation"]["epoch"] == result["best_epoch"]);
  CHECK(evaluation["validation"]["accuracy"] == result["validation"]["accuracy"]);
  CHECK(evaluation["test"]["accuracy"] == result["test"]["accuracy"]);
  CHECK(evaluation["test"]["images"] == 18);
  std::int64_t mistakes = 0;
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t j = 0; j < 3; ++j)
      if (k != j) mistakes += evaluation["test"]["confusion"][k][j].get<std::int64_t>();
  CHECK(static_cast<std::int64_t>(evaluation["test"]["mistakes"].size()) == mistakes);

  CHECK_THAT(page, ContainsSubstring("class=\"path\" title=\"" + html((folder.path() / "test").string())));

  // The statistics of the layers are the best model's; heads of tables stand on each printed page.
  const int best = result["best_epoch"].get<int>();
  CHECK_THAT(page, ContainsSubstring("gradient norm are those of epoch " + std::to_string(best)));
  for (const LayerStatistics& layer : history.layers)
    if (layer.epoch == best && layer.layer == "dense1")
      CHECK_THAT(
          page.substr(page.find("<table class=\"layers\"")),
          ContainsSubstring("<td class=\"n\">" + number_text(layer.mean, NumberStyle::plain) + "</td>"));
  for (std::size_t at = 0; (at = page.find("<table", at)) != std::string::npos; ++at) {
    const std::string table = page.substr(at, page.find("<tr>", at) - at);
    CHECK((table.ends_with("<thead>") || table.find("definitions") != std::string::npos));
  }
}

TEST_CASE("after a resume the report tells the whole training", "[cli]") {
  const HostileRun folder;
  const ProgramResult result =
      run_program(program_path("cnn-train"),
                  {"--resume", folder.run().string(), "--set", "training.epochs=6", "--quiet"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  const RunHistory history = read_run_history(folder.run());
  REQUIRE(history.epochs.size() == 6);
  const std::string page = read_file(folder.run() / "report.html");
  CHECK_THAT(page, ContainsSubstring("of training, 6 epochs"));
  for (const EpochMetrics& epoch : history.epochs)
    CHECK_THAT(page, ContainsSubstring("<td class=\"n\">" +
                                       number_text(epoch.train_loss, NumberStyle::plain) + "</td>"));
  for (const LayerStatistics& layer : history.layers)
    CHECK_THAT(page,
               ContainsSubstring("<td class=\"n\">" + number_text(layer.mean, NumberStyle::plain) + "</td>"));
  const Json evaluation = Json::parse(read_file(folder.run() / "evaluation.json"));
  const Json outcome = Json::parse(read_file(folder.run() / "result.json"));
  CHECK(evaluation["validation"]["epoch"] == outcome["best_epoch"]);
  CHECK(evaluation["validation"]["accuracy"] == outcome["validation"]["accuracy"]);

  // What was recorded of another epoch, or cannot be read, is made anew.
  folder.write("run/evaluation.json", "{");
  const ProgramResult again =
      run_program(program_path("cnn-train"),
                  {"--resume", folder.run().string(), "--set", "training.epochs=7", "--quiet"});
  INFO(again.description());
  REQUIRE(again.exit_code == 0);
  CHECK_THAT(again.err, ContainsSubstring("cannot be read"));
  const Json anew = Json::parse(read_file(folder.run() / "evaluation.json"));
  CHECK(anew["validation"]["accuracy"] ==
        Json::parse(read_file(folder.run() / "result.json"))["validation"]["accuracy"]);
}

TEST_CASE("the report opens in a browser without a complaint", "[cli]") {
  const std::string chromium = browser();
  if (chromium.empty()) {
    WARN("skipped: there is no chromium or google-chrome on this machine");
    return;
  }
  const HostileRun folder;
  const Opened report = open_in(chromium, folder.run() / "report.html");
  CHECK(report.complaints == "");
  CHECK_THAT(report.document, ContainsSubstring("<section id=\"curves\"") && ContainsSubstring("Finished.") &&
                                  ContainsSubstring("&lt;img src=x onerror=alert(1)&gt;"));
  // The script ran: hints have moved from titles into the areas that show them.
  CHECK_THAT(report.document, ContainsSubstring("data-text=\"epoch 2\ntraining "));
  CHECK(report.document.find("<img src=\"x\"") == std::string::npos);

  const fs::path page = folder.path() / "eval.html";
  const ProgramResult evaluated = run_program(
      program_path("cnn-eval"), {"--model", (folder.run() / "best.safetensors").string(), "--images",
                                 (folder.path() / "test").string(), "--report", page.string()});
  INFO(evaluated.description());
  REQUIRE(evaluated.exit_code == 0);
  const Opened opened = open_in(chromium, page);
  CHECK(opened.complaints == "");
  CHECK_THAT(opened.document, ContainsSubstring("<section id=\"results\"") &&
                                  ContainsSubstring("&lt;img src=x onerror=alert(1)&gt;"));
}

TEST_CASE("the check of a browser's complaints finds one", "[cli]") {
  const std::string chromium = browser();
  if (chromium.empty()) {
    WARN("skipped: there is no chromium or google-chrome on this machine");
    return;
  }
  const PictureFolder folder;
  folder.write("bad.html", "<!DOCTYPE html><script>throw new Error('on purpose')</script>");
  CHECK_THAT(open_in(chromium, folder.path() / "bad.html").complaints, ContainsSubstring("on purpose"));
  CHECK_FALSE(is_inside("https://example.org/a.js"));
  CHECK(references("<a href=\"http://x\"> <i style=\"background:url(y)\">") ==
        std::vector<std::string>{"http://x", "y"});
}

}  // namespace
}  // namespace cnn
