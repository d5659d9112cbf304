#include "train/checkpoint.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is written as the numbers lie in memory");

constexpr std::string_view kMagic = "CNNSTATE";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kFormatAt = 8, kChecksumAt = 12, kSequenceAt = 16, kCountAt = 24, kArraysAt = 32;
constexpr std::size_t kArrayHead = 16, kLongestName = 256;

std::size_t padded(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

template <class Number>
void put(std::string& bytes, std::size_t at, Number number) {
  std::memcpy(bytes.data() + at, &number, sizeof number);
}

template <class Number>
Number get(const std::string& bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

std::uint32_t checksum(const std::string& bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()) + kSequenceAt, bytes.size() - kSequenceAt));
}

}  // namespace

std::size_t Checkpoint::size_of(Type type) { return type == Type::text ? 1 : type == Type::float32 ? 4 : 8; }

const char* Checkpoint::name_of(Type type) {
  switch (type) {
    case Type::float32:
      return "float32";
    case Type::float64:
      return "float64";
    case Type::int64:
      return "int64";
    case Type::text:
      return "text";
  }
  return "unknown";
}

void Checkpoint::capture(const StateParts& parts, const std::map<std::string, std::string>& texts) {
  arrays_.clear();
  bytes_.assign(kArraysAt, '\0');
  std::copy(kMagic.begin(), kMagic.end(), bytes_.begin());
  put(bytes_, kFormatAt, kFormat);
  for (const auto& [name, text] : texts) append(name, Type::text, text.data(), text.size());
  for (const StateParts::Part& part : parts.parts()) {
    std::visit(
        [&](const auto& place) {
          using Place = std::decay_t<decltype(place)>;
          if constexpr (std::is_same_v<Place, StateParts::Computed>) {
            const std::vector<double> values = place.get();
            append(part.name, Type::float64, values.data(), values.size());
          } else {
            using Number = typename Place::element_type;
            constexpr Type kType = std::is_same_v<Number, float>    ? Type::float32
                                   : std::is_same_v<Number, double> ? Type::float64
                                                                    : Type::int64;
            append(part.name, kType, place.data(), place.size());
          }
        },
        part.place);
  }
  put(bytes_, kCountAt, static_cast<std::uint64_t>(arrays_.size()));
  seal();
}

void Checkpoint::append(const std::string& name, Type type, const void* data, std::size_t count) {
  CNN_CHECK(!name.empty() && name.size() <= kLongestName && !find(name), "{}", name);
  const std::size_t head = bytes_.size(), data_at = head + kArrayHead + padded(name.size());
  bytes_.resize(data_at + padded(count * size_of(type)), '\0');
  put(bytes_, head, static_cast<std::uint32_t>(name.size()));
  put(bytes_, head + 4, type);
  put(bytes_, head + 8, static_cast<std::uint64_t>(count));
  std::copy(name.begin(), name.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(head + kArrayHead));
  if (count > 0) std::memcpy(bytes_.data() + data_at, data, count * size_of(type));
  arrays_[name] = {type, count, data_at};
}

void Checkpoint::seal() { put(bytes_, kChecksumAt, checksum(bytes_)); }

Checkpoint Checkpoint::parse(std::string bytes, const std::string& where) {
  Checkpoint checkpoint;
  checkpoint.where_ = where;
  checkpoint.bytes_ = std::move(bytes);
  const std::string& b = checkpoint.bytes_;
  if (!b.starts_with(kMagic)) fail("{}: is not a checkpoint of cnn-train", where);
  if (b.size() < kArraysAt) fail("{}: is truncated: {} bytes", where, b.size());
  if (const auto format = get<std::uint32_t>(b, kFormatAt); format != kFormat)
    fail("{}: has format {}, but this program reads format {}", where, format, kFormat);
  if (get<std::uint32_t>(b, kChecksumAt) != checksum(b))
    fail("{}: is damaged or truncated: its checksum is wrong", where);

  std::size_t at = kArraysAt;
  const auto left = [&] { return b.size() - at; };
  const auto count = get<std::uint64_t>(b, kCountAt);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (left() < kArrayHead) fail("{}: claims to hold {} arrays, but ends in number {}", where, count, i);
    const auto name_bytes = get<std::uint32_t>(b, at);
    const auto type = get<Type>(b, at + 4);
    const auto elements = get<std::uint64_t>(b, at + 8);
    at += kArrayHead;
    if (name_bytes == 0 || name_bytes > kLongestName || padded(name_bytes) > left())
      fail("{}: the name of array {} would take {} bytes", where, i, name_bytes);
    const std::string name = b.substr(at, name_bytes);
    at += padded(name_bytes);
    if (type < Type::float32 || type > Type::text)
      fail("{}: array \"{}\" has the unknown type {}", where, printable(name),
           static_cast<std::uint32_t>(type));
    if (elements > left() / size_of(type) || padded(elements * size_of(type)) > left())
      fail("{}: array \"{}\" claims to have {} elements, more than the file", where, printable(name),
           elements);
    if (!checkpoint.arrays_.emplace(name, Array{type, elements, at}).second)
      fail("{}: array \"{}\" appears twice", where, printable(name));
    at += padded(elements * size_of(type));
  }
  if (left() != 0) fail("{}: has {} bytes after its last array", where, left());
  return checkpoint;
}

std::uint64_t Checkpoint::sequence() const { return get<std::uint64_t>(bytes_, kSequenceAt); }

void Checkpoint::set_sequence(std::uint64_t sequence) {
  put(bytes_, kSequenceAt, sequence);
  seal();
}

const Checkpoint::Array* Checkpoint::find(const std::string& name) const {
  const auto it = arrays_.find(name);
  return it == arrays_.end() ? nullptr : &it->second;
}

std::string Checkpoint::text(const std::string& name) const {
  const Array* array = find(name);
  if (!array || array->type != Type::text) fail("{}: has no text \"{}\"", where_, name);
  return bytes_.substr(array->offset, array->count);
}

std::int64_t Checkpoint::integer(const std::string& name) const {
  const Array* array = find(name);
  if (!array || array->type != Type::int64 || array->count != 1)
    fail("{}: has no integer \"{}\"", where_, name);
  return get<std::int64_t>(bytes_, array->offset);
}

/// The array of a part, of the type and length that it must have.
const Checkpoint::Array& Checkpoint::match(const StateParts::Part& part) const {
  const Array* array = find(part.name);
  if (!array) fail("{}: has no array \"{}\"", where_, part.name);
  const auto require = [&](Type type, std::uint64_t count) {
    if (array->type != type || array->count != count)
      fail("{}: array \"{}\" holds {} {} numbers, but the training needs {} {}", where_, part.name,
           array->count, name_of(array->type), count, name_of(type));
  };
  if (const auto* f = std::get_if<std::span<float>>(&part.place)) require(Type::float32, f->size());
  if (const auto* d = std::get_if<std::span<double>>(&part.place)) require(Type::float64, d->size());
  if (const auto* i = std::get_if<std::span<std::int64_t>>(&part.place)) require(Type::int64, i->size());
  if (std::holds_alternative<StateParts::Computed>(part.place)) require(Type::float64, array->count);
  return *array;
}

void Checkpoint::restore(const StateParts& parts) const {
  std::size_t texts = 0;
  for (const auto& [name, array] : arrays_) texts += array.type == Type::text;
  for (const StateParts::Part& part : parts.parts()) match(part);
  if (arrays_.size() - texts != parts.parts().size())
    fail("{}: holds {} arrays, but the training needs {}", where_, arrays_.size() - texts,
         parts.parts().size());
  for (const StateParts::Part& part : parts.parts()) {
    const Array& array = match(part);
    const char* from = bytes_.data() + array.offset;
    std::visit(
        [&](const auto& place) {
          using Place = std::decay_t<decltype(place)>;
          if constexpr (std::is_same_v<Place, StateParts::Computed>) {
            std::vector<double> values(array.count);
            if (!values.empty()) std::memcpy(values.data(), from, values.size() * sizeof(double));
            place.set(values);
          } else if (!place.empty()) {
            std::memcpy(place.data(), from, place.size_bytes());
          }
        },
        part.place);
  }
}

}  // namespace cnn
