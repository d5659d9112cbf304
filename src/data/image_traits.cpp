#include "data/image_traits.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <bit>

#include "core/text.h"

namespace cnn {
namespace {

/// The range that values like these were probably made for: that of 10 or 12 bits, say.
std::string range_for(const TraitCounts& counts) {
  const int high = static_cast<int>(std::bit_ceil(static_cast<unsigned>(counts.most) + 1)) - 1;
  return counts.least > high / 4 ? "\"auto\"" : fmt::format("[0, {}]", std::max(high, 1));
}

std::string depth_words(const TraitCounts& counts) {
  return fmt::format("{} of {} with 16 bits, values {} to {}", with_commas(counts.deep),
                     counted(counts.images, "image"), with_commas(counts.least), with_commas(counts.most));
}

std::string transparent_words(const TraitCounts& counts) {
  return fmt::format("{} {} transparent parts", counted(counts.transparent, "image"),
                     counts.transparent == 1 ? "has" : "have");
}

std::string depth_note(const TraitCounts& counts, const ImageSpec& spec) {
  const std::string found = depth_words(counts);
  const bool narrow = range_for(counts) != "[0, 65535]";
  if (spec.depth != 16)
    return fmt::format("{}: only the upper 8 bits are used; set \"depth\": 16{} in data.image", found,
                       narrow ? fmt::format(" and \"range\": {}", range_for(counts)) : "");
  if (spec.range.mode != PixelRange::Mode::given)
    return narrow ? fmt::format("{}: set \"range\": {} in data.image", found, range_for(counts)) : found;
  const bool beyond = counts.least < spec.range.low || counts.most > spec.range.high;
  return fmt::format("{}; {} to {} become 0 to 1{}", found, with_commas(spec.range.low),
                     with_commas(spec.range.high), beyond ? ", what is beyond them is cut off" : "");
}

}  // namespace

void TraitCounts::add(const FileTraits& traits) {
  ++images;
  transparent += traits.transparent;
  if (!traits.deep) return;
  ++deep;
  least = std::min<int>(least, traits.least);
  most = std::max<int>(most, traits.most);
}

void TraitCounts::add(const TraitCounts& other) {
  images += other.images;
  deep += other.deep;
  transparent += other.transparent;
  least = std::min(least, other.least);
  most = std::max(most, other.most);
}

std::vector<std::string> trait_notes(const TraitCounts& counts, const ImageSpec& spec) {
  std::vector<std::string> notes;
  if (counts.deep > 0) notes.push_back(depth_note(counts, spec));
  if (counts.transparent > 0)
    notes.push_back(transparent_words(counts) +
                    (spec.background ? ": the background of data.image lies under them"
                                     : "; their hidden color is used: set \"background\" in data.image"));
  return notes;
}

std::vector<std::string> model_notes(const TraitCounts& counts, const ImageSpec& spec) {
  std::vector<std::string> notes;
  if (counts.deep > 0 && spec.depth != 16)
    notes.push_back(depth_words(counts) + ": the model uses only their upper 8 bits");
  if (counts.deep > 0 && spec.depth == 16) notes.push_back(depth_note(counts, spec));
  if (counts.transparent > 0 && !spec.background)
    notes.push_back(transparent_words(counts) + "; their hidden color is used: the model has no background");
  return notes;
}

}  // namespace cnn
