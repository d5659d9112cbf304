#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/state_parts.h"

namespace cnn {

/// The state of a training at one moment, as the bytes of a file:
///
///     "CNNSTATE"  u32 format (1)  u32 CRC-32 of all that follows
///     u64 sequence  u64 number of arrays
///     of each array: u32 bytes of the name  u32 type  u64 number of elements
///                    name, zeros up to a multiple of 8, elements, zeros up to a multiple of 8
///
/// everything little-endian; types are 1 float32, 2 float64, 3 int64, 4 text (bytes). Arrays follow each
/// other without gaps, so there are no offsets that could lie.
class Checkpoint {
 public:
  /// Copies the state, and texts that say what it belongs to. No text may have the name of a part.
  Checkpoint(const StateParts& parts, const std::map<std::string, std::string>& texts) {
    capture(parts, texts);
  }
  /// The same, reusing its memory: saving again needs no more.
  void capture(const StateParts& parts, const std::map<std::string, std::string>& texts);

  /// Checks every length, type, name and the checksum. Throws Error (exit 1) that begins with `where`.
  static Checkpoint parse(std::string bytes, const std::string& where);

  /// What a file holds.
  const std::string& bytes() const { return bytes_; }

  /// The larger, the newer.
  std::uint64_t sequence() const;
  void set_sequence(std::uint64_t sequence);

  /// Throw Error (exit 1) if there is no such text or single integer.
  std::string text(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;

  /// Puts everything back. Parts and arrays must match in name, type and length: else throws Error (exit 1)
  /// before anything was changed.
  void restore(const StateParts& parts) const;

 private:
  enum class Type : std::uint32_t { float32 = 1, float64 = 2, int64 = 3, text = 4 };
  struct Array {
    Type type;
    std::uint64_t count;
    std::size_t offset;
  };
  Checkpoint() = default;
  static std::size_t size_of(Type type);
  static const char* name_of(Type type);
  void append(const std::string& name, Type type, const void* data, std::size_t count);
  const Array* find(const std::string& name) const;
  const Array& match(const StateParts::Part& part) const;
  void seal();

  std::string bytes_;
  std::string where_ = "the checkpoint";
  std::map<std::string, Array> arrays_;
};

}  // namespace cnn
