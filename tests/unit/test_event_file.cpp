// The file of events for TensorBoard, read back by what TensorFlow's definitions say: TFRecord, event.proto
// and summary.proto.
#include <bit>
#include <cstring>
#include <map>

#include "catch.h"
#include "core/file.h"
#include "data/decode.h"
#include "picture_folder.h"
#include "report/event_records.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

std::uint64_t little(std::string_view bytes, int count) {
  std::uint64_t value = 0;
  for (int i = count; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  return value;
}

/// A message of protocol buffers as its fields: the number, and what it holds.
struct ProtoField {
  std::uint64_t number = 0, integer = 0;
  std::string_view bytes;  ///< of strings and messages
};
std::vector<ProtoField> fields_of(std::string_view message) {
  std::vector<ProtoField> fields;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      REQUIRE_FALSE(message.empty());
      const auto byte = static_cast<unsigned char>(message.front());
      message.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
  };
  while (!message.empty()) {
    const std::uint64_t key = varint();
    ProtoField field{key >> 3, 0, {}};
    const std::uint64_t type = key & 7;
    if (type == 0) {
      field.integer = varint();
    } else {
      const std::uint64_t size = type == 2 ? varint() : type == 1 ? 8 : 4;
      REQUIRE((type == 1 || type == 2 || type == 5));
      REQUIRE(size <= message.size());
      field.bytes = message.substr(0, size);
      if (type != 2) field.integer = little(field.bytes, static_cast<int>(size));
      message.remove_prefix(size);
    }
    fields.push_back(field);
  }
  return fields;
}

/// What the events of a file say.
struct Events {
  std::string version;
  std::vector<std::uint64_t> restarts;
  std::map<std::string, std::map<std::uint64_t, float>> scalars;  ///< by name and step
  struct Picture {
    std::uint64_t height = 0, width = 0, colors = 0;
    std::string png;
  };
  std::map<std::string, Picture> pictures;
  double first_time = 0;
};

void read_value(std::string_view message, std::uint64_t step, Events& events) {
  std::string name;
  for (const ProtoField& field : fields_of(message)) {
    if (field.number == 1) name = field.bytes;
    if (field.number == 2)
      events.scalars[name][step] = std::bit_cast<float>(static_cast<std::uint32_t>(field.integer));
    if (field.number != 4) continue;
    Events::Picture& picture = events.pictures[name];
    for (const ProtoField& part : fields_of(field.bytes)) {
      if (part.number == 1) picture.height = part.integer;
      if (part.number == 2) picture.width = part.integer;
      if (part.number == 3) picture.colors = part.integer;
      if (part.number == 4) picture.png = part.bytes;
    }
  }
}

void read_event(std::string_view message, Events& events) {
  std::uint64_t step = 0;
  for (const ProtoField& field : fields_of(message)) {
    if (field.number == 1 && events.first_time == 0) events.first_time = std::bit_cast<double>(field.integer);
    if (field.number == 2) step = field.integer;
    if (field.number == 3) events.version = field.bytes;
    if (field.number == 5)
      for (const ProtoField& value : fields_of(field.bytes)) read_value(value.bytes, step, events);
    if (field.number == 7) events.restarts.push_back(step);
  }
}

/// The check sum of TFRecord, made bit by bit in another way than the program's: as a division of
/// polynomials.
std::uint32_t sum_of(std::string_view bytes) {
  std::uint32_t rest = 0xFFFFFFFF;
  for (const char byte : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool out = (rest ^ static_cast<unsigned char>(byte) >> bit) & 1;
      rest = rest >> 1 ^ (out ? 0x82F63B78u : 0u);
    }
  rest = ~rest;
  return (rest >> 15 | rest << 17) + 0xA282EAD8u;
}

Events events_of(std::string_view file) {
  Events events;
  while (!file.empty()) {
    REQUIRE(file.size() >= 16);
    const std::uint64_t length = little(file, 8);
    REQUIRE(little(file.substr(8), 4) == sum_of(file.substr(0, 8)));
    REQUIRE(file.size() >= length + 16);
    const std::string_view data = file.substr(12, length);
    REQUIRE(little(file.substr(12 + length), 4) == sum_of(data));
    read_event(data, events);
    file.remove_prefix(length + 16);
  }
  return events;
}

TEST_CASE("the check sum is CRC-32C, masked", "[report]") {
  // RFC 3720, B.4: the sum of 32 zeros is 0x8A9136AA, that of "123456789" by every catalog 0xE3069283.
  const auto masked = [](std::uint32_t crc) { return std::rotr(crc, 15) + 0xA282EAD8u; };
  CHECK(masked_crc(std::string(32, '\0')) == masked(0x8A9136AA));
  CHECK(masked_crc("123456789") == masked(0xE3069283));
}

TEST_CASE("records of events read back", "[report]") {
  const Events events =
      events_of(version_record(12.5) + scalars_record({13, 7}, {{"loss/train", 0.25}, {"a", -1e30}}) +
                restart_record({14, 3}) + picture_record({15, 0}, "sheet", 300, 2, "PNG"));
  CHECK(events.version == "brain.Event:2");
  CHECK(events.first_time == 12.5);
  CHECK(events.scalars.at("loss/train").at(7) == 0.25f);
  CHECK(events.scalars.at("a").at(7) == -1e30f);
  CHECK(events.restarts == std::vector<std::uint64_t>{3});
  CHECK(events.pictures.at("sheet").height == 300);
  CHECK(events.pictures.at("sheet").width == 2);
  CHECK(events.pictures.at("sheet").colors == 3);
  CHECK(events.pictures.at("sheet").png == "PNG");
}

/// A run of two epochs, and its files of events.
struct ToldRun : PictureFolder {
  ToldRun() {
    put_class("photos/cat", 8, 8, 8, true);
    put_class("photos/horse", 8, 8, 8, true);
    write("c.json", R"({"data": {"format": "folder", "train": "photos", "validation": {"fraction": 0.25},
      "image": {"channels": 3, "height": 8, "width": 8}},
      "network": [{"type": "flatten"}, {"type": "dense", "units": 2}],
      "training": {"epochs": 2, "batch_size": 4, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
  }
  ProgramResult train(std::vector<std::string> arguments) const {
    return run_program(program_path("cnn-train"), arguments);
  }
  std::string run() const { return (path() / "run").string(); }
  std::vector<fs::path> event_files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(run()))
      if (entry.path().filename().string().find("tfevents") != std::string::npos)
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }
};

TEST_CASE("a run writes events for TensorBoard if the config asks for them", "[cli]") {
  const ToldRun run;
  const std::string config = (run.path() / "c.json").string();
  REQUIRE(run.train({"--config", config, "--run-dir", run.run()}).exit_code == 0);
  CHECK(run.event_files().empty());
  fs::remove_all(run.run());
  const ProgramResult told =
      run.train({"--config", config, "--run-dir", run.run(), "--set", "training.tensorboard=true"});
  INFO(told.description());
  REQUIRE(told.exit_code == 0);
  REQUIRE(run.event_files().size() == 1);
  const Events events = events_of(read_file(run.event_files().front()));
  CHECK(events.version == "brain.Event:2");
  CHECK(events.restarts.empty());
  for (const char* name : {"loss/train", "accuracy/train", "loss/validation", "accuracy/validation",
                           "learning_rate", "time/seconds", "time/images_per_second", "active/dense1"}) {
    INFO(name);
    REQUIRE(events.scalars.count(name) == 1);
    CHECK(events.scalars.at(name).size() == 2);
  }
  CHECK(events.scalars.at("learning_rate").at(1) == 0.01f);
  // The same as in the table of the epochs.
  const std::string table = read_file(fs::path(run.run()) / "metrics.csv");
  const std::size_t row = table.find("\n2,");
  REQUIRE(row != std::string::npos);
  CHECK(std::stof(table.substr(row + 3)) == events.scalars.at("loss/train").at(2));
  const Events::Picture& sheet = events.pictures.at("training images");
  const Decoded picture = decode_image(sheet.png, "sheet.png");
  REQUIRE(picture.fault == "");
  CHECK(static_cast<std::uint64_t>(picture.image.height) == sheet.height);
  CHECK(static_cast<std::uint64_t>(picture.image.width) == sheet.width);
  CHECK(sheet.png == read_file(fs::path(run.run()) / "train_batch.png"));

  REQUIRE(run.train({"--resume", run.run(), "--set", "training.epochs=3"}).exit_code == 0);
  REQUIRE(run.event_files().size() == 2);
  const Events more = events_of(read_file(run.event_files().back()));
  CHECK(more.restarts == std::vector<std::uint64_t>{3});
  CHECK(more.scalars.at("loss/train").size() == 1);
  CHECK(more.scalars.at("loss/train").count(3) == 1);
}

}  // namespace
}  // namespace cnn
