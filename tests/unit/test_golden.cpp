// Whole trainings against PyTorch: tests/golden/make_golden.py wrote the cases and describes their files.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <locale>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.h"
#include "core/text.h"
#include "kernels/simd.h"
#include "run_program.h"
#include "safetensors_reader.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

using Tensors = std::map<std::string, StoredTensor>;
using Findings = std::vector<std::string>;  // what is wrong; empty: nothing

constexpr double kTensorTolerance = 2e-3;        // relative to how far PyTorch's tensor went
constexpr double kStillTensor = 1e-6;            // norm; for tensors that have no reason to move
constexpr double kLossTolerance = 2e-4;          // relative plus absolute
constexpr double kLearningRateTolerance = 1e-6;  // relative

std::filesystem::path cases_folder() {
  return std::filesystem::path(CNN_SOURCE_DIR) / "tests" / "golden" / "cases";
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(cases_folder()))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path.string() + ": cannot be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// |a - b|, infinite if it is not a number.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::isnan(sum) ? std::numeric_limits<double>::infinity() : std::sqrt(sum);
}

Findings tensor_findings(const Tensors& ours, const Tensors& expected, const Tensors& start) {
  Findings findings;
  for (const auto& [name, tensor] : ours)
    if (!expected.contains(name)) findings.push_back(name + " is not in PyTorch's model");
  for (const auto& [name, tensor] : expected) {
    const auto found = ours.find(name);
    if (found == ours.end()) {
      findings.push_back(name + " is missing");
    } else if (found->second.shape != tensor.shape) {
      findings.push_back(name + " has another shape");
    } else {
      const double apart = distance(found->second.values, tensor.values);
      const double change = distance(tensor.values, start.at(name).values);
      if (!(apart <= kTensorTolerance * change + kStillTensor))
        findings.push_back(name + " is " + exact(apart) + " away from PyTorch's, which moved by " +
                           exact(change));
    }
  }
  return findings;
}

/// The rows of a CSV file without quotes, by column. A cell that is missing in its row is absent, an empty
/// one is "".
std::vector<std::map<std::string, std::string>> csv_rows(const std::string& text) {
  const auto cells = [](const std::string& line) {
    std::vector<std::string> result(1);
    for (const char c : line) {
      if (c == ',') {
        result.emplace_back();
      } else if (c != '\r') {
        result.back() += c;
      }
    }
    return result;
  };
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> header = cells(line);
  std::vector<std::map<std::string, std::string>> rows;
  while (std::getline(lines, line)) {
    const std::vector<std::string> row = cells(line);
    rows.emplace_back();
    for (std::size_t i = 0; i < std::min(header.size(), row.size()); ++i) rows.back()[header[i]] = row[i];
  }
  return rows;
}

std::optional<double> number(const std::string& text) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double value = 0;
  if (!(stream >> value) || stream.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
  return value;
}

Findings metric_findings(const std::string& metrics_csv, const nlohmann::json& expected) {
  Findings findings;
  const auto rows = csv_rows(metrics_csv);
  const nlohmann::json& epochs = expected.at("epochs");
  if (rows.size() != epochs.size())
    return {std::to_string(rows.size()) + " epochs instead of " + std::to_string(epochs.size())};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const nlohmann::json& epoch = epochs[i];
    const auto compare = [&](const std::string& column, const auto& tolerance) {
      const auto cell = rows[i].find(column);
      const std::string where = "epoch " + std::to_string(i + 1) + ": " + column;
      if (cell == rows[i].end()) {
        findings.push_back(where + " has no cell");
      } else if (!epoch.contains(column)) {
        if (!cell->second.empty()) findings.push_back(where + " is " + cell->second + " instead of empty");
      } else {
        const double wanted = epoch.at(column).template get<double>();
        const auto value = number(cell->second);
        if (!value || !(std::abs(*value - wanted) <= tolerance(wanted)))
          findings.push_back(where + " is \"" + cell->second + "\" instead of " + exact(wanted));
      }
    };
    const auto loss_tolerance = [](double wanted) { return kLossTolerance * (1 + std::abs(wanted)); };
    // One image may sit on the edge between two classes; the slack is for the decimals of the expected value.
    const auto one_image = [&](const char* images) {
      return [&epoch, images](double) { return 1.001 / epoch.at(images).get<double>(); };
    };
    if (rows[i].contains("epoch") && rows[i].at("epoch") != std::to_string(i + 1))
      findings.push_back("row " + std::to_string(i + 1) + " is of epoch " + rows[i].at("epoch"));
    compare("train_loss", loss_tolerance);
    compare("train_accuracy", one_image("train_images"));
    compare("validation_loss", loss_tolerance);
    compare("validation_accuracy", one_image("validation_images"));
    compare("learning_rate", [](double wanted) { return kLearningRateTolerance * std::abs(wanted); });
  }
  return findings;
}

/// Trains a case and checks everything it left behind.
void check_case(const std::string& name, const std::vector<std::string>& more_arguments = {},
                const ProgramOptions& options = {}) {
  const std::filesystem::path folder = cases_folder() / name;
  const TemporaryFolder temporary;
  const std::filesystem::path run = temporary.path() / "run";
  std::vector<std::string> arguments = {"--config", (folder / "config.json").string(), "--run-dir",
                                        run.string(), "--quiet"};
  arguments.insert(arguments.end(), more_arguments.begin(), more_arguments.end());
  const ProgramResult result = run_program(program_path("cnn-train"), arguments, options);
  INFO("case " << name << ": cnn-train " << join(arguments, " ") << "\n" << result.description());
  REQUIRE(result.exit_code == 0);
  const Findings tensors = tensor_findings(read_stored_model(run / "last.safetensors").tensors,
                                           read_stored_model(folder / "expected.safetensors").tensors,
                                           read_stored_model(folder / "start.safetensors").tensors);
  CHECK(join(tensors, "\n") == "");
  const Findings metrics =
      metric_findings(text_of(run / "metrics.csv"), nlohmann::json::parse(text_of(folder / "expected.json")));
  CHECK(join(metrics, "\n") == "");
}

TEST_CASE("trainings end where PyTorch's end", "[golden]") {
  for (const std::string& name : case_names()) {
    DYNAMIC_SECTION(name) { check_case(name); }
  }
}

TEST_CASE("trainings end where PyTorch's end on every instruction set and with 1 and 3 threads", "[golden]") {
  for (const std::string name :
       {"air", "batch_of_five_blocks", "conv_64_channels", "conv_many_channels", "conv_padding_beyond_kernel",
        "dense_chain", "fused_gelu", "fused_sigmoid", "lenet5", "lenet5_relu", "max_pool_padded_not_square",
        "mobile", "norm_partial_blocks", "residual_nested", "resnet", "vgg"}) {
    for (const std::string& instructions : supported_instruction_sets()) {
      for (const std::string threads : {"1", "3"}) {
        DYNAMIC_SECTION(name << ", " << instructions << ", " << threads << " threads") {
          ProgramOptions options;
          options.environment = {{"CNN_SIMD", instructions}};
          check_case(name, {"--threads", threads}, options);
        }
      }
    }
  }
}

TEST_CASE("every golden case is complete and goes somewhere", "[golden]") {
  const std::vector<std::string> names = case_names();
  CHECK(names.size() > 100);
  for (const std::string& name : names) {
    INFO("case " << name);
    const std::filesystem::path folder = cases_folder() / name;
    const Tensors start = read_stored_model(folder / "start.safetensors").tensors;
    const Tensors expected = read_stored_model(folder / "expected.safetensors").tensors;
    CHECK(tensor_findings(expected, expected, start) == Findings{});
    // A program that does not train at all fails in every tensor but biases that a batch_norm takes away.
    CHECK(tensor_findings(start, expected, start).size() + 2 >= expected.size());
    CHECK_FALSE(tensor_findings(start, expected, start).empty());
    CHECK(nlohmann::json::parse(text_of(folder / "expected.json")).at("epochs").size() > 0);
  }
}

// --- The comparisons can fail ----------------------------------------------------------------------------

TEST_CASE("a tensor that is not PyTorch's is found", "[golden]") {
  const Tensors start = {{"conv1.weight", {{2, 2}, {1, 2, 3, 4}}}, {"conv1.bias", {{2}, {1, 1}}}};
  const Tensors expected = {{"conv1.weight", {{2, 2}, {1.03f, 2, 3.04f, 4}}}, {"conv1.bias", {{2}, {1, 1}}}};
  Tensors ours = expected;
  REQUIRE(tensor_findings(ours, expected, start).empty());
  float& weight = ours["conv1.weight"].values[3];  // PyTorch's went 0.05 in all, so 1e-4 is allowed

  SECTION("not one within the tolerance") {
    weight += 0.9e-4f;
    CHECK(tensor_findings(ours, expected, start).empty());
  }
  SECTION("a little beyond the tolerance") {
    weight += 1.1e-4f;
    CHECK(tensor_findings(ours, expected, start).size() == 1);
  }
  SECTION("not trained") { CHECK(tensor_findings(start, expected, start).size() == 1); }
  SECTION("moved although PyTorch's did not") {
    ours["conv1.bias"].values[0] += 3e-6f;
    CHECK(tensor_findings(ours, expected, start).size() == 1);
  }
  SECTION("not a number") {
    weight = std::numeric_limits<float>::quiet_NaN();
    CHECK(tensor_findings(ours, expected, start).size() == 1);
  }
  SECTION("infinite") {
    weight = std::numeric_limits<float>::infinity();
    CHECK(tensor_findings(ours, expected, start).size() == 1);
  }
  SECTION("missing") {
    ours.erase("conv1.bias");
    CHECK(tensor_findings(ours, expected, start).size() == 1);
  }
  SECTION("one too many") {
    ours["conv2.bias"] = {{1}, {0}};
    CHECK(tensor_findings(ours, expected, start).size() == 1);
  }
  SECTION("another shape") {
    ours["conv1.weight"].shape = {4};
    CHECK(tensor_findings(ours, expected, start).size() == 1);
  }
}

TEST_CASE("metrics that are not PyTorch's are found", "[golden]") {
  const auto expected = nlohmann::json::parse(R"({"epochs": [
      {"train_loss": 2.0, "train_accuracy": 0.25, "train_images": 40, "learning_rate": 0.1},
      {"train_loss": 1.0, "train_accuracy": 0.5, "train_images": 40, "learning_rate": 0.05,
       "validation_loss": 1.5, "validation_accuracy": 0.4, "validation_images": 10}]})");
  const std::string header =
      "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds\n";
  const std::string first = "1,2.0005,0.275,,,0.1,3\n";
  const std::string second = "2,1.0003,0.5,1.5,0.3,0.05,3\n";
  REQUIRE(metric_findings(header + first + second, expected) == Findings{});

  const auto finds_one = [&](const std::string& row1, const std::string& row2) {
    const Findings findings = metric_findings(header + row1 + row2, expected);
    CAPTURE(findings);
    return findings.size() == 1;
  };
  CHECK(finds_one(first, ""));
  CHECK(finds_one(first, second + "3,1,1,1,1,1,1\n"));
  CHECK(finds_one("1,2.0007,0.275,,,0.1,3\n", second));           // loss
  CHECK(finds_one("1,nan,0.275,,,0.1,3\n", second));              //
  CHECK(finds_one("1,,0.275,,,0.1,3\n", second));                 //
  CHECK(finds_one("1,2.0,0.301,,,0.1,3\n", second));              // two images more
  CHECK(finds_one("1,2.0,0.25,,,0.1000002,3\n", second));         // learning rate
  CHECK(finds_one("1,2.0,0.25,0.7,,0.1,3\n", second));            // a validation that was not
  CHECK(finds_one("2,2.0,0.25,,,0.1,3\n", second));               // number of the epoch
  CHECK(finds_one(first, "2,1.0003,0.5,1.5007,0.3,0.05,3\n"));    // validation loss
  CHECK(finds_one(first, "2,1.0003,0.5,1.5,0.19,0.05,3\n"));      // validation accuracy
  CHECK(finds_one(first, "2,1.0003,0.5,1.5,,0.05,3\n"));          //
  CHECK(metric_findings("", expected).size() == 1);               // no file to speak of
  CHECK(metric_findings("loss\n1\n2\n", expected).size() == 10);  // other columns
}

TEST_CASE("a broken model file is found", "[golden]") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.safetensors";
  const auto write = [&](const std::string& header, std::size_t data_bytes) {
    std::string content(8, '\0');
    content[0] = static_cast<char>(header.size());
    content += header + std::string(data_bytes, '\0');
    std::ofstream(path, std::ios::binary) << content;
  };
  CHECK_THROWS_WITH(read_stored_model(path), ContainsSubstring("cannot be opened"));
  write(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"v"}})", 8);
  const StoredModel model = read_stored_model(path);
  CHECK(model.tensors.at("a").values == std::vector<float>{0, 0});
  CHECK(model.metadata.at("k") == "v");
  write(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7);
  CHECK_THROWS_WITH(read_stored_model(path), ContainsSubstring("does not fit"));
  write(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8);
  CHECK_THROWS_WITH(read_stored_model(path), ContainsSubstring("does not fit"));
  write(R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8);
  CHECK_THROWS_WITH(read_stored_model(path), ContainsSubstring("not float32"));
  std::ofstream(path, std::ios::binary) << "short";
  CHECK_THROWS_WITH(read_stored_model(path), ContainsSubstring("no header"));
}

}  // namespace
}  // namespace cnn
