#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cnn {

// The parts of an event file as TensorBoard reads it: records one after the other. A record is the length of
// its data (8 bytes, the least first), a check sum of these, the data, and their check sum; the data is a
// message Event of TensorFlow's protocol buffers.
// Sources: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto, and the TFRecord format
// in tensorflow/core/lib/io/record_writer.h.

/// When something happened, in seconds since 1970, and at which step.
struct EventTime {
  double seconds = 0;
  std::int64_t step = 0;
};

/// The first record of every file.
std::string version_record(double seconds);
/// Makes a reader forget what other files of the folder say about this step and later ones: a training that
/// was resumed.
std::string restart_record(const EventTime& time);
/// Numbers by name; a "/" in a name groups them.
std::string scalars_record(const EventTime& time, const std::vector<std::pair<std::string, double>>& scalars);
/// A picture of colors.
std::string picture_record(const EventTime& time, const std::string& name, int height, int width,
                           std::string_view png);

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of the bytes, turned by 15 bits and shifted by a constant, so
/// that the sum of data which holds sums is a good one.
std::uint32_t masked_crc(std::string_view bytes);

}  // namespace cnn
