#include "train/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/half.h"
#include "core/text.h"

namespace cnn {

static_assert(std::endian::native == std::endian::little,
              "model files are little-endian and copied as they are");

const SafeTensors::Tensor* SafeTensors::find(const std::string& name) const {
  for (const Tensor& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

namespace {

using Json = nlohmann::ordered_json;

/// A header names a few hundred tensors and a config; anything larger was written to fill memory.
constexpr std::uint64_t kLargestHeader = 16 << 20;

/// What a shape may multiply to, far from any overflow.
constexpr std::uint64_t kMostNumbers = std::uint64_t{1} << 48;

/// The header as a tree. Parsers silently keep one of two equal keys, and disagree on which: here that is a
/// fault, as is nesting deeper than any header's.
Json parse_header(std::string_view text, const std::string& where) {
  constexpr int kDeepest = 4;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::string fault;
  const auto look = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key) {
      if (const auto name = value.get<std::string>(); !keys.back().insert(name).second && fault.empty())
        fault = fmt::format("\"{}\" appears twice", printable(name));
    }
    if (depth > kDeepest && fault.empty()) fault = "values are nested too deeply";
    return depth <= kDeepest;  // what is deeper is not kept
  };
  Json header = Json::parse(text.begin(), text.end(), look, false);
  if (!fault.empty()) fail("{}: is not a safetensors file: in its header {}", where, fault);
  if (!header.is_object()) fail("{}: is not a safetensors file: its header is not a JSON object", where);
  return header;
}

using AppendNumbers = void (*)(std::string_view bytes, std::vector<float>& values);

template <class Bits, float (*convert)(Bits)>
void append_numbers(std::string_view bytes, std::vector<float>& values) {
  values.reserve(bytes.size() / sizeof(Bits));
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + at, sizeof bits);
    values.push_back(convert(bits));
  }
}

float same(float value) { return value; }

/// How the numbers of a dtype are read; append null: they are not.
struct NumberType {
  std::uint64_t bytes;
  AppendNumbers append = nullptr;
};
std::optional<NumberType> number_type(const Json& dtype) {
  static const std::map<std::string, NumberType> types{
      {"F32", {4, append_numbers<float, same>}},
      {"F16", {2, append_numbers<std::uint16_t, float_of_half>}},
      {"BF16", {2, append_numbers<std::uint16_t, float_of_bfloat16>}},
      {"F64", {8}},
      {"I64", {8}},
      {"U64", {8}},
      {"I32", {4}},
      {"U32", {4}},
      {"I16", {2}},
      {"U16", {2}},
      {"I8", {1}},
      {"U8", {1}},
      {"BOOL", {1}},
      {"F8_E4M3", {1}},
      {"F8_E5M2", {1}}};
  const auto type = dtype.is_string() ? types.find(dtype.get<std::string>()) : types.end();
  return type == types.end() ? std::nullopt : std::optional(type->second);
}

struct ByteRange {
  std::uint64_t begin, end;
  std::string name;
};

/// The tensors lie one after the other and fill the data: every byte belongs to exactly one.
void check_ranges(std::vector<ByteRange> ranges, std::uint64_t data_bytes, const std::string& where) {
  std::stable_sort(ranges.begin(), ranges.end(),
                   [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  std::uint64_t at = 0;
  for (const ByteRange& range : ranges) {
    if (range.begin != at)
      fail("{}: tensor \"{}\": its data begins at {}, {} the tensor before it, which ends at {}", where,
           printable(range.name), range.begin, range.begin < at ? "within" : "not right after", at);
    at = range.end;
  }
  if (at != data_bytes) fail("{}: its tensors end at {}, but it has {} bytes of data", where, at, data_bytes);
}

}  // namespace

SafeTensors read_safetensors(const std::filesystem::path& path, OtherTypes others) {
  const std::string where = printable(path.string());
  std::error_code unknown;  // read_file() says what is wrong
  if (const auto best = path / "best.safetensors"; std::filesystem::is_regular_file(best, unknown))
    fail("{}: is a folder; the best model in it is {}", where, printable(best.string()));
  const std::string bytes = read_file(path);
  if (bytes.size() < 8)
    fail("{}: is not a safetensors file: {} bytes, fewer than its header length takes", where, bytes.size());
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), 8);
  if (header_bytes > bytes.size() - 8 && bytes.find('{', 8) != 8)
    fail(
        "{}: is not a safetensors file; give a model of cnn-train, such as best.safetensors in a run's "
        "folder",
        where);
  if (header_bytes > bytes.size() - 8)
    fail("{}: is not a safetensors file, or is truncated: its header of {} bytes does not fit into {} bytes",
         where, header_bytes, bytes.size());
  if (header_bytes > kLargestHeader)
    fail("{}: its header of {} bytes is larger than any model's", where, header_bytes);
  const std::size_t data_begin = 8 + header_bytes, data_bytes = bytes.size() - data_begin;
  const Json header = parse_header(std::string_view(bytes).substr(8, header_bytes), where);

  SafeTensors content;
  std::vector<ByteRange> ranges;
  struct Found {
    std::uint64_t begin, end;
    AppendNumbers append;
  };
  std::vector<Found> found;  // of content.tensors
  for (const auto& [name, entry] : header.items()) {
    const auto bad = [&, &name = name](const std::string& what) {
      fail("{}: tensor \"{}\": {}", where, printable(name), what);
    };
    if (name == "__metadata__") {
      if (!entry.is_object()) fail("{}: __metadata__ is not an object", where);
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) fail("{}: __metadata__ \"{}\" is not a string", where, printable(key));
        content.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets"))
      bad("has no dtype, shape or data_offsets");
    const std::optional<NumberType> type = number_type(entry["dtype"]);
    const bool skipped = (!type || !type->append) && others == OtherTypes::skip;
    if ((!type || !type->append) && !skipped)
      bad("its dtype is " + entry["dtype"].dump() + ", but only F32, F16 and BF16 are read");
    if (!type) bad("its dtype " + entry["dtype"].dump() + " is unknown");
    const Json& shape = entry["shape"];
    const Json& offsets = entry["data_offsets"];
    if (!shape.is_array()) bad("its shape is not an array");
    SafeTensors::Tensor tensor{.name = name, .shape = {}, .values = {}};
    std::uint64_t count = 1;
    for (const Json& size : shape) {
      if (!size.is_number_unsigned()) bad("its shape is not made of whole numbers");
      const std::uint64_t n = size.get<std::uint64_t>();
      if (n != 0 && count > kMostNumbers / n) bad("its shape is larger than any file");
      count *= n;
      tensor.shape.push_back(static_cast<std::int64_t>(n));
    }
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned())
      bad("its data_offsets are not two whole numbers");
    const std::uint64_t begin = offsets[0].get<std::uint64_t>(), end = offsets[1].get<std::uint64_t>();
    if (begin > end || end > data_bytes)
      bad(fmt::format("its data {}..{} lies outside the file's {} bytes of data", begin, end, data_bytes));
    if (end - begin != count * type->bytes)
      bad(fmt::format("its shape takes {} bytes, its data_offsets say {}", count * type->bytes, end - begin));
    ranges.push_back({begin, end, name});
    if (skipped) continue;
    content.tensors.push_back(std::move(tensor));
    found.push_back({begin, end, type->append});
  }
  check_ranges(ranges, data_bytes, where);
  // Only now: tensors that overlap could ask for any amount of memory.
  for (std::size_t i = 0; i < found.size(); ++i)
    found[i].append(
        std::string_view(bytes).substr(data_begin + found[i].begin, found[i].end - found[i].begin),
        content.tensors[i].values);
  return content;
}

void write_safetensors(const std::filesystem::path& path, const SafeTensors& content) {
  nlohmann::ordered_json header;
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  std::size_t offset = 0;
  for (const SafeTensors::Tensor& tensor : content.tensors) {
    const std::size_t bytes = tensor.values.size() * sizeof(float);
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins aligned
  const std::uint64_t length = text.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  bytes += text;
  for (const SafeTensors::Tensor& tensor : content.tensors)
    bytes.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float));
  write_file_atomically(path, bytes);
}

}  // namespace cnn
