#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "picture_folder.h"
#include "run_program.h"
#include "temporary_folder.h"
#include "train/model_file.h"
#include "train/safetensors.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// A file with this header and data, whatever they are.
std::string file_of(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

/// The words of the Error that reading gives, or "".
std::string fault_of(const std::string& content) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "m.safetensors";
  std::ofstream(path, std::ios::binary) << content;
  try {
    read_safetensors(path);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::run_failed);
    return error.what();
  }
  return "";
}

std::string tensor(const std::string& name, const std::string& shape, int begin, int end) {
  return fmt::format(R"("{}": {{"dtype": "F32", "shape": {}, "data_offsets": [{}, {}]}})", name, shape, begin,
                     end);
}

std::string header_of(const std::vector<std::string>& entries) {
  return fmt::format("{{{}}}", fmt::join(entries, ", "));
}

TEST_CASE("a safetensors header is not believed", "[train]") {
  const std::string a = tensor("a", "[2]", 0, 8), four(16, '\0');
  CHECK(fault_of(file_of(header_of({a, tensor("b", "[2, 1]", 8, 16)}), four)) == "");
  CHECK(fault_of(file_of(header_of({tensor("b", "[2, 1]", 8, 16), a}), four)) == "");  // any order
  CHECK(fault_of(file_of(header_of({tensor("b", "[2, 0]", 0, 0)}))) == "");
  CHECK_THAT(fault_of(file_of(header_of({a, tensor("b", "[2]", 4, 12)}), four)),
             ContainsSubstring("tensor \"b\": its data begins at 4, within the tensor before it"));
  CHECK_THAT(fault_of(file_of(header_of({a, tensor("b", "[2]", 0, 8)}), four)),
             ContainsSubstring("begins at 0, within"));
  CHECK_THAT(fault_of(file_of(header_of({a, tensor("b", "[1]", 12, 16)}), four)),
             ContainsSubstring("begins at 12, not right after"));
  CHECK_THAT(fault_of(file_of(header_of({a}), four)),
             ContainsSubstring("end at 8, but it has 16 bytes of data"));
  CHECK_THAT(fault_of(file_of(header_of({a, a}), four)), ContainsSubstring("\"a\" appears twice"));
  CHECK_THAT(fault_of(file_of(R"({"__metadata__": {"x": "1", "x": "2"}})")),
             ContainsSubstring("\"x\" appears twice"));
  CHECK_THAT(fault_of(file_of(std::string(100000, '['))), ContainsSubstring("not a safetensors file"));
  CHECK_THAT(fault_of(file_of(R"({"a": {"shape": [[[[[[1]]]]]]}})")), ContainsSubstring("too deeply"));
  CHECK_THAT(fault_of(file_of(header_of({tensor("a", "[4294967296, 4294967296]", 0, 16)}), four)),
             ContainsSubstring("its shape is larger than any file"));
  CHECK_THAT(fault_of(file_of(header_of({tensor("a", "[-1]", 0, 16)}), four)),
             ContainsSubstring("whole numbers"));
  CHECK_THAT(fault_of(file_of(header_of({tensor("a", "[1e1]", 0, 16)}), four)),
             ContainsSubstring("whole numbers"));
  CHECK_THAT(fault_of(file_of(header_of({tensor("a", "[4]", 0, 20)}), four)),
             ContainsSubstring("outside the file"));
  CHECK_THAT(fault_of(file_of(header_of({tensor("a", "[4]", 16, 0)}), four)),
             ContainsSubstring("outside the file"));
  CHECK_THAT(fault_of(file_of(header_of({tensor("a", "[4]", 0, 12)}), four)),
             ContainsSubstring("takes 16 bytes"));
  CHECK_THAT(fault_of("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F{}"), ContainsSubstring("does not fit"));
  CHECK_THAT(fault_of(file_of(std::string((16 << 20) + 1, ' '))),
             ContainsSubstring("larger than any model's"));
  CHECK_THAT(fault_of(file_of("\xFF\xFE{")), ContainsSubstring("not a safetensors file"));
}

TEST_CASE("a truncated model is an error wherever it ends, one with a changed byte never a crash",
          "[train]") {
  const std::string whole =
      file_of(header_of({tensor("a.weight", "[2]", 0, 8), R"("__metadata__": {"config": "{}"})"}),
              std::string(8, '\1'));
  REQUIRE(fault_of(whole) == "");
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CAPTURE(bytes);
    CHECK(fault_of(whole.substr(0, bytes)) != "");
  }
  for (std::size_t at = 0; at < whole.size() - 8; ++at)
    for (const char byte : {'\0', '"', '}', '9', '\xFF'}) {
      std::string damaged = whole;
      damaged[at] = byte;
      CHECK_NOTHROW(fault_of(damaged));
    }
}

/// A model that cnn-train made, and what a hostile hand can change in it.
class ModelFile {
 public:
  ModelFile() {
    for (const char* name : {"train/a", "train/b"}) pictures_.put_class(name, 4, 4, 4, false);
    pictures_.write("config.json", R"({
      "data": {"format": "folder", "train": "train", "image": {"channels": 1, "height": 4, "width": 4}},
      "network": [{"type": "conv", "out_channels": 2, "kernel_size": 3}, {"type": "batch_norm"},
                  {"type": "flatten"}, {"type": "dense", "units": 2}],
      "training": {"epochs": 1, "batch_size": 4, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
    const ProgramResult made =
        run_program(program_path("cnn-train"), {"--config", (pictures_.path() / "config.json").string(),
                                                "--run-dir", (pictures_.path() / "run").string()});
    INFO(made.description());
    REQUIRE(made.exit_code == 0);
    good_ = read_safetensors(pictures_.path() / "run/best.safetensors");
  }
  const SafeTensors& good() const { return good_; }
  /// What cnn-eval and cnn-inspect say of a changed model; both end with 1.
  std::string said_of(const SafeTensors& changed) const {
    const fs::path path = pictures_.path() / "changed.safetensors";
    write_safetensors(path, changed);
    const ProgramResult eval = run_program(program_path("cnn-eval"), {"--model", path.string(), "--images",
                                                                      (pictures_.path() / "train").string()});
    INFO(eval.description());
    CHECK(eval.exit_code == 1);
    return eval.err;
  }
  std::string said_of_config(const std::string& key, const Json& value) const {
    SafeTensors changed = good_;
    Json config = Json::parse(changed.metadata.at("config"));
    config[Json::json_pointer(key)] = value;
    changed.metadata["config"] = config.dump();
    return said_of(changed);
  }

 private:
  PictureFolder pictures_;
  SafeTensors good_;
};

TEST_CASE("a model that lies is refused with its reason", "[cli]") {
  const ModelFile model;
  for (const auto& [key, value, words] : std::vector<std::array<std::string, 3>>{
           {"config", "{", "the config inside the model is damaged"},
           {"config", "{}", "the config inside the model is damaged"},
           {"config", std::string(5000, '['), "more than 100 objects and arrays inside each other"},
           {"config", "[1, 2]", "the config inside the model is damaged"},
           {"classes", "[]", "0 classes"},
           {"classes", R"(["a", "a"])", "2 classes with 1 different names"},
           {"classes", R"(["a", 2])", "metadata is damaged"},
           {"classes", R"(["a", "b", "c"])", "the data has 3 classes"},
           {"normalize", R"({"mean": [0.5], "std": [0]})", "needs a mean and a std > 0"},
           {"normalize", R"({"mean": [0.5], "std": [1, 1]})", "needs a mean and a std > 0"},
           {"normalize", R"({"mean": [0.5, 1], "std": [1, 1]})", "2 means for images of 1 channels"},
           {"normalize", R"({"mean": [1e999], "std": [1]})", "metadata is damaged"},
           {"normalize", "null", "metadata is damaged"}}) {
    CAPTURE(key, value);
    SafeTensors changed = model.good();
    changed.metadata[key] = value;
    CHECK_THAT(model.said_of(changed), ContainsSubstring(words) && !ContainsSubstring("json.exception"));
  }
  CHECK_THAT(model.said_of_config("/network/0/out_channels", 1048576), ContainsSubstring("conv1"));
  CHECK_THAT(model.said_of_config("/network/0/kernel_size", 30), ContainsSubstring("kernel_size"));
  CHECK_THAT(model.said_of_config("/data/image/height", 1048576), ContainsSubstring("changed.safetensors"));
  CHECK_THAT(model.said_of_config("/surprise", 1), ContainsSubstring("surprise"));

  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    SafeTensors changed = model.good();
    changed.tensors[0].values[1] = value;
    CHECK_THAT(model.said_of(changed), ContainsSubstring("tensor \"conv1.weight\" holds") &&
                                           ContainsSubstring("at 1 (1 such values of 18)"));
  }
  SafeTensors negative = model.good();
  for (SafeTensors::Tensor& tensor : negative.tensors)
    if (tensor.name.ends_with("running_var")) tensor.values[0] = -1;
  CHECK_THAT(model.said_of(negative), ContainsSubstring("running_var\" holds -1 at 0"));
  SafeTensors missing = model.good();
  missing.tensors.pop_back();
  CHECK_THAT(model.said_of(missing), ContainsSubstring("has no tensor"));
  SafeTensors shaped = model.good();
  std::swap(shaped.tensors[0].shape[0], shaped.tensors[0].shape[1]);
  CHECK_THAT(model.said_of(shaped), ContainsSubstring("has shape [1, 2, 3, 3]"));
}

TEST_CASE("a network that no memory holds is refused before it is allocated", "[cli]") {
  const TemporaryFolder folder;
  const auto said_of = [&](const std::string& network) {
    std::ofstream(folder.path() / "c.json")
        << R"({"data": {"format": "folder", "train": "x", "image": {"channels": 3, "height": 512, "width": 512}},
               "network": )" +
               network +
               R"(, "training": {"epochs": 1, "batch_size": 4, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})";
    const ProgramResult result =
        run_program(program_path("cnn-train"), {"--config", (folder.path() / "c.json").string()});
    INFO(result.description());
    CHECK(result.exit_code == 2);
    return result.err;
  };
  std::string wide = R"([{"type": "flatten"})";  // a gigabyte each, and gradients beside it
  for (int i = 0; i < 200; ++i)
    wide += R"(, {"type": "dense", "units": 1300}, {"type": "dense", "units": 786432})";
  CHECK_THAT(said_of(wide + R"(, {"type": "dense", "units": 2}])"),
             ContainsSubstring("/network/1: the network's parameters take 3.0 TiB of memory") &&
                 ContainsSubstring("dense1.weight of 1,022,361,600 numbers; make it smaller"));
  CHECK_THAT(
      said_of(R"([{"type": "flatten"}, {"type": "dense", "units": 1000000}, {"type": "dense", "units": 2}])"),
      ContainsSubstring(
          "/network/1: its weight would have 1000000 x 786432 = more than 1,073,741,824 numbers"));
  CHECK_THAT(
      said_of(R"([{"type": "conv", "out_channels": 1048576, "kernel_size": 1},
                         {"type": "flatten"}, {"type": "dense", "units": 2}])"),
      ContainsSubstring("/network/0: its output 1048576x512x512 has more than 33,554,431 values; make"));
}

}  // namespace
}  // namespace cnn
