#include "export/c_frame.h"

#include "core/text.h"
#include "export/c_texts.h"
#include "export/c_words.h"

namespace cnn {
namespace {

std::string pixels_in_words(int channels) {
  if (channels == 1) return "one byte a pixel, 0 for black and 255 for white";
  if (channels == 3) return "three bytes a pixel: red, green, blue";
  return fmt::format("{} bytes a pixel, its channels", channels);
}

std::string background_in_words(const ImageSpec& image) {
  if (!image.background) return "";
  const auto& [r, g, b] = *image.background;
  return fmt::format(" The color ({}, {}, {}) lay under their transparent parts.", r, g, b);
}

std::string resize_in_words(const ImageSpec& image) {
  switch (image.resize) {
    case Resize::stretch:
      return "stretched to this size, whatever their shape";
    case Resize::fit:
      return "scaled to fit into this size, the rest filled with black";
    case Resize::crop:
      if (image.short_side > 0)
        return fmt::format("scaled to {} pixels on the shorter side, and cut at the center",
                           image.short_side);
      return "scaled to cover this size, and cut at the center";
    case Resize::none:
      return "of this size already";
  }
  return "";
}

}  // namespace

std::string c_title(const ExportPlan& plan, const CNaming& naming, const std::string& arithmetic) {
  return fmt::format("/* {}: the network \"{}\" in {}, written by cnn-export {} from {}. */\n", naming.name,
                     comment_text(plan.name), arithmetic, naming.version, comment_text(naming.model));
}

std::string c_header(const ExportPlan& plan, const CNaming& naming, const std::string& arithmetic,
                     const CSource& source) {
  const ImageSpec& image = plan.image;
  const std::string& name = naming.name;
  const std::string guard = in_capitals(name) + "_H";
  std::string out = c_title(plan, naming, arithmetic);
  out += fmt::format(
      R"(
/* In:  an image of {} x {} pixels (width x height), rows from top to bottom, {}.
        The training images were {}.{} Normalization is inside.
   Out: a probability for each of the {} classes, in the order of {}_class_names.
   Costs: {} bytes of constants and the code in flash; {} bytes of scratch memory; {} multiply-adds an image.
   Nothing is allocated and nothing is kept between calls: threads with scratch memory of their own may predict at the
   same time. */
#ifndef {}
#define {}

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

)",
      image.width, image.height, pixels_in_words(image.channels), resize_in_words(image),
      background_in_words(image), plan.classes.size(), name, with_commas(source.constant_bytes),
      with_commas(source.scratch_bytes), with_commas(macs_of(plan)), guard, guard);
  const std::pair<const char*, std::int64_t> constants[] = {
      {"WIDTH", image.width},
      {"HEIGHT", image.height},
      {"CHANNELS", image.channels},
      {"CLASSES", static_cast<std::int64_t>(plan.classes.size())},
      {"SCRATCH_BYTES", source.scratch_bytes}};
  for (const auto& [word, value] : constants) out += fmt::format("#define {}_{} {}\n", name, word, value);
  if (in_capitals(name) != name) {
    out += "/* The same in capitals. */\n";
    for (const auto& [word, value] : constants)
      out += fmt::format("#define {}_{} {}_{}\n", in_capitals(name), word, name, word);
  }
  return out + with_name(R"(
extern const char *const NAME_class_names[NAME_CLASSES];

/* pixels: NAME_WIDTH * NAME_HEIGHT * NAME_CHANNELS bytes. probabilities: NAME_CLASSES numbers, which add up to 1.
   scratch: NAME_SCRATCH_BYTES bytes that begin at a multiple of 4; what is in them does not matter. */
void NAME_predict(const uint8_t *pixels, float *probabilities, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
)",
                         name);
}

std::string c_main(const CNaming& naming) { return with_name(kMainText, naming.name); }

std::string c_predict(const ExportPlan& plan, const CNaming& naming, const ValuePlaces& places,
                      const CPredictWords& words) {
  return with_name(fmt::format(R"(
void NAME_predict(const uint8_t *pixels, float *probabilities, void *scratch) {{
  {0} *memory = ({0} *)scratch;
  unsigned i;
  read_pixels(pixels, NAME_CHANNELS, NAME_HEIGHT, NAME_WIDTH, {1}, memory + {2});
  for (i = 0; i < sizeof layers / sizeof layers[0]; ++i) {{
    const layer *l = &layers[i];
    run_layer(l, memory + l->x, memory + l->shortcut, memory + l->y);
  }}
  softmax(memory + {3}, NAME_CLASSES, {4}probabilities);
}}
)",
                               words.number, words.input, places.places[0],
                               places.places[static_cast<std::size_t>(plan.output)], words.softmax),
                   naming.name);
}

std::string c_class_names(const ExportPlan& plan, const CNaming& naming) {
  std::string out =
      fmt::format("const char *const {}_class_names[{}] = {{\n", naming.name, plan.classes.size());
  for (const std::string& name : plan.classes) out += fmt::format("    {},\n", c_string(name));
  return out + "};\n";
}

std::int64_t class_name_bytes(const ExportPlan& plan) {
  std::int64_t bytes = 0;
  for (const std::string& name : plan.classes) bytes += static_cast<std::int64_t>(name.size()) + 1 + 4;
  return bytes;
}

}  // namespace cnn
