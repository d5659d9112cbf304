#include "report/event_records.h"

#include <bit>
#include <protozero/pbf_builder.hpp>

namespace cnn {
namespace {

enum class EventField : protozero::pbf_tag_type {
  wall_time = 1,
  step = 2,
  file_version = 3,
  summary = 5,
  session_log = 7
};
enum class SessionField : protozero::pbf_tag_type { status = 1 };
enum class SummaryField : protozero::pbf_tag_type { value = 1 };
enum class ValueField : protozero::pbf_tag_type { tag = 1, simple_value = 2, image = 4 };
enum class ImageField : protozero::pbf_tag_type { height = 1, width = 2, colorspace = 3, encoded = 4 };

template <class Field>
using Message = protozero::pbf_builder<Field>;

std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
  return text;
}

std::string record_of(const std::string& data) {
  const std::string length = little(data.size(), 8);
  return length + little(masked_crc(length), 4) + data + little(masked_crc(data), 4);
}

/// A record with an Event that `fill` completes.
template <class Fill>
std::string event(const EventTime& time, const Fill& fill) {
  std::string data;
  Message<EventField> message(data);
  message.add_double(EventField::wall_time, time.seconds);
  if (time.step != 0) message.add_int64(EventField::step, time.step);
  fill(message);
  return record_of(data);
}

}  // namespace

std::uint32_t masked_crc(std::string_view bytes) {
  constexpr std::uint32_t kPolynomial = 0x82F63B78, kShift = 0xA282EAD8;
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? kPolynomial : 0);
  }
  return std::rotr(~crc, 15) + kShift;
}

std::string version_record(double seconds) {
  return event({seconds, 0}, [](Message<EventField>& message) {
    message.add_string(EventField::file_version, "brain.Event:2");
  });
}

std::string restart_record(const EventTime& time) {
  return event(time, [](Message<EventField>& message) {
    constexpr int kStart = 1;
    Message<SessionField> session(message, EventField::session_log);
    session.add_enum(SessionField::status, kStart);
  });
}

std::string scalars_record(const EventTime& time,
                           const std::vector<std::pair<std::string, double>>& scalars) {
  return event(time, [&](Message<EventField>& message) {
    Message<SummaryField> summary(message, EventField::summary);
    for (const auto& [name, number] : scalars) {
      Message<ValueField> value(summary, SummaryField::value);
      value.add_string(ValueField::tag, name);
      value.add_float(ValueField::simple_value, static_cast<float>(number));
    }
  });
}

std::string picture_record(const EventTime& time, const std::string& name, int height, int width,
                           std::string_view png) {
  return event(time, [&](Message<EventField>& message) {
    Message<SummaryField> summary(message, EventField::summary);
    Message<ValueField> value(summary, SummaryField::value);
    value.add_string(ValueField::tag, name);
    Message<ImageField> image(value, ValueField::image);
    image.add_int32(ImageField::height, height);
    image.add_int32(ImageField::width, width);
    constexpr int kColors = 3;
    image.add_int32(ImageField::colorspace, kColors);
    image.add_bytes(ImageField::encoded, png.data(), png.size());
  });
}

}  // namespace cnn
