#include "inspect/pictures.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/file.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "inspect/first_filters.h"
#include "inspect/image_batch.h"
#include "inspect/input_images.h"
#include "inspect/receptive_field.h"
#include "nn/layers/sliding.h"
#include "nn/runner.h"
#include "report/tile_sheet.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// No reader looks at more maps than these one by one.
constexpr int kMostTiles = 256;

void write_picture(const fs::path& path, const Canvas& canvas) {
  write_file_atomically(path, canvas.png());
  print_out("{}\n", printable(path.string()));
}

std::string weights_in_words(const Inspected& inspected) {
  return inspected.trained
             ? "trained weights"
             : fmt::format("weights as they start (seed {}), not trained", inspected.config.seed);
}

/// A file name out of any layer's name.
std::string file_name(std::size_t number, const std::string& layer) {
  std::string name;
  for (const char c : layer)
    name += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ? c : '_';
  return fmt::format("{:02}-{}.png", number, name.substr(0, 60));
}

/// The image as the network reads it, visible again.
Tile input_tile(const InputImages& images, const Shape& shape, std::string caption) {
  std::vector<float> block(static_cast<std::size_t>(shape.values() * kLanes));
  const BlockView<float> x = contiguous_view(block.data(), shape);
  to_lanes(images.image(0), 1, x);
  return visible_tile(x, 0, images.range, std::move(caption));
}

/// A kernel over three input channels, in color: 0 is grey.
Tile color_kernel(std::span<const float> kernel, Size2 size, float most, std::string caption) {
  Tile tile{.height = size.h, .width = size.w, .pixels = {}, .caption = std::move(caption)};
  const auto plane = static_cast<std::size_t>(size.h * size.w);
  for (std::size_t i = 0; i < plane; ++i) {
    const auto level = [&](std::size_t channel) {
      const float v = kernel[channel * plane + i];
      return color_of(ColorMap::grey, most > 0 ? 0.5 + 0.5 * v / most : 0.5).r;
    };
    tile.pixels.push_back({level(0), level(1), level(2)});
  }
  return tile;
}

/// A vector as a block of cells, 32 in a row.
Tile vector_tile(std::span<const float> values, const ColorScale& scale) {
  constexpr int kInRow = 32;
  const int count = static_cast<int>(values.size()), width = std::min(count, kInRow);
  Tile tile{.height = (count + width - 1) / width, .width = width, .pixels = {}, .caption = ""};
  for (const float v : values) tile.pixels.push_back(scale(v));
  tile.pixels.resize(static_cast<std::size_t>(tile.height * tile.width), kWhite);
  return tile;
}

/// "0.13 to 2.4, mean 0.3, 41 % above 0".
std::string statistics(std::span<const float> values) {
  double sum = 0;
  std::int64_t active = 0, odd = 0;
  float low = INFINITY, high = -INFINITY;
  for (const float v : values) {
    if (!std::isfinite(v)) {
      ++odd;
      continue;
    }
    sum += v, active += v > 0, low = std::min(low, v), high = std::max(high, v);
  }
  const auto count = static_cast<double>(values.size());
  std::string text = fmt::format("{:.3g} to {:.3g}, mean {:.3g}, {:.0f} % above 0", low, high, sum / count,
                                 100 * static_cast<double>(active) / count);
  if (odd > 0) text += fmt::format(", {} not finite (magenta)", odd);
  return text;
}

/// The output of one layer for the image.
Canvas feature_sheet(const Inspected& inspected, const LayerSummary& layer, std::span<const float> values,
                     std::span<const float> probabilities, const std::string& image) {
  TileSheet sheet;
  const Shape& out = layer.out;
  sheet.title = {fmt::format("{}: {}, {}", printable(layer.name), layer.type, to_string(out)),
                 fmt::format("{}; {}", statistics(values), weights_in_words(inspected)),
                 "image: " + printable(image)};
  const ColorScale scale = scale_for(values);
  sheet.legends = {scale};
  if (!probabilities.empty() && out.c <= kMostTiles) {  // the last layer: classes
    sheet.columns = 5;
    sheet.tile_pixels = 72;
    for (int c = 0; c < out.c; ++c)
      sheet.tiles.push_back(map_tile(values.subspan(static_cast<std::size_t>(c), 1), 1, 1, scale,
                                     fmt::format("{} {:.1f} %", inspected.class_name(c),
                                                 100 * probabilities[static_cast<std::size_t>(c)])));
  } else if (out.h * out.w == 1) {
    sheet.tile_pixels = 32 * 16;
    sheet.tiles.push_back(vector_tile(values, scale));
    sheet.title.push_back("value 0 at the top left, 32 in a row");
  } else {
    const int shown = std::min(out.c, kMostTiles);
    if (shown < out.c) sheet.title.push_back(fmt::format("the first {} of {} maps", shown, out.c));
    sheet.columns = out.c <= 8 ? 4 : out.c <= 64 ? 8 : 16;
    sheet.tile_pixels = out.c <= 64 ? 96 : 56;
    const auto map = static_cast<std::size_t>(out.h * out.w);
    for (int c = 0; c < shown; ++c)
      sheet.tiles.push_back(map_tile(values.subspan(static_cast<std::size_t>(c) * map, map), out.h, out.w,
                                     scale, fmt::format("map {}", c)));
  }
  return draw(sheet);
}

/// The image where it is read in its colors, elsewhere paled.
Tile seen_tile(Tile tile, const SeenPixels& pixels, std::string caption) {
  const auto pale = [](std::uint8_t v) { return static_cast<std::uint8_t>(v / 6 + 200); };
  for (std::size_t i = 0; i < tile.pixels.size(); ++i) {
    Color& c = tile.pixels[i];
    if (!pixels.seen[i]) c = {pale(c.r), pale(c.g), pale(c.b)};
  }
  tile.caption = std::move(caption);
  return tile;
}

}  // namespace

void draw_filters(const Inspected& inspected, const fs::path& out) {
  const auto network = inspected.network(1);
  const std::optional<Filters> filters = first_filters(*network);
  if (!filters || !filters->is_convolution)
    fail_usage("--filters: the network has no convolution, and so no kernels to draw");
  const int outputs = filters->count, inputs = filters->channels;
  const Size2 size{filters->height, filters->width};
  const std::span<const float> values = filters->weights;
  const auto plane = static_cast<std::size_t>(size.h * size.w);
  const ColorScale scale = scale_for(values);

  TileSheet sheet;
  sheet.title = {
      fmt::format("{}: {} kernels {}x{}", printable(filters->layer), outputs, size.h, size.w),
      fmt::format("{} input map{}; {}", inputs, inputs == 1 ? "" : "s", weights_in_words(inspected))};
  sheet.tile_pixels = 64;
  if (inputs == 3) {
    float most = 0;
    for (const float v : values) most = std::max(most, std::abs(v));
    sheet.title.push_back(fmt::format(
        "red, green and blue are the weights of the three input channels; grey is 0, full color {:.3g}",
        most));
    const int shown = std::min(outputs, kMostTiles);
    for (int oc = 0; oc < shown; ++oc)
      sheet.tiles.push_back(color_kernel(values.subspan(static_cast<std::size_t>(oc) * 3 * plane, 3 * plane),
                                         size, most, fmt::format("{}", oc)));
    if (shown < outputs) sheet.title.push_back(fmt::format("the first {}", shown));
  } else {
    const int shown = std::min(outputs * inputs, kMostTiles);
    sheet.columns = inputs == 1 ? 8 : std::min(inputs, 16);
    for (int i = 0; i < shown; ++i)
      sheet.tiles.push_back(
          map_tile(values.subspan(static_cast<std::size_t>(i) * plane, plane), size.h, size.w, scale,
                   inputs == 1 ? fmt::format("{}", i) : fmt::format("{} of {}", i % inputs, i / inputs)));
    if (inputs > 1) sheet.title.push_back("captions: input map of kernel");
    if (shown < outputs * inputs)
      sheet.title.push_back(fmt::format("the first {} of {}", shown, outputs * inputs));
    sheet.legends = {scale};
  }
  write_picture(out, draw(sheet));
}

void draw_features(const Inspected& inspected, const fs::path& image, const fs::path& folder,
                   ThreadPool& pool) {
  const InputImages images = read_images(inspected, {image});
  const auto network = inspected.network(1);
  std::vector<std::vector<float>> outputs(network->layers().size());
  Runner runner(*network, pool, false, 1);
  const Observer observer = [&](int row, int, int count, BlockView<const float> y) {
    auto& values = outputs[static_cast<std::size_t>(row)];
    values.resize(static_cast<std::size_t>(y.pixels()));
    from_lanes(y, count, values);
  };
  const ImageBatch batch(inspected.input, images.values, {0});
  network->pack(pool);
  runner.evaluate(batch.batch(), &observer);

  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("{}: cannot create the folder: {}", printable(folder.string()), error.message());
  TileSheet sheet;
  sheet.title = {"The image as the network reads it",
                 fmt::format("{}, {}", to_string(inspected.input), images.normalization),
                 "image: " + printable(images.names[0])};
  sheet.tile_pixels = 280;
  sheet.tiles = {input_tile(images, inspected.input, "")};
  write_picture(folder / file_name(0, "input"), draw(sheet));
  for (std::size_t row = 0; row < outputs.size(); ++row) {
    const bool last = row + 1 == outputs.size();
    write_picture(folder / file_name(row + 1, network->layers()[row].name),
                  feature_sheet(inspected, network->layers()[row], outputs[row],
                                last ? runner.probabilities() : std::span<const float>(), images.names[0]));
  }
}

void draw_receptive_field(const Inspected& inspected, const std::string& name, const fs::path& image,
                          const fs::path& out) {
  const auto network = inspected.network(1);
  const int row = row_of(*network, name);
  const LayerSummary& layer = network->layers()[static_cast<std::size_t>(row)];
  const InputImages images = read_images(inspected, {image});
  const SeenPixels middle = pixels_seen(*network, row, OutputPlace::middle),
                   corner = pixels_seen(*network, row, OutputPlace::corner);
  const std::int64_t all = std::int64_t{middle.height} * middle.width;
  const auto caption = [&](const SeenPixels& pixels) {
    const std::string which = layer.out.flat
                                  ? fmt::format("value {}", pixels.output_column)
                                  : fmt::format("row {}, column {}", pixels.output_row, pixels.output_column);
    return fmt::format("{}: {} of {} pixels", which, with_commas(pixels.count()), with_commas(all));
  };
  TileSheet sheet;
  sheet.title = {
      fmt::format("What one output of {} reads", printable(layer.name)),
      fmt::format(
          "{}, {}: receptive field {}{}", layer.type, to_string(layer.out), to_string(layer.receptive_field),
          layer.effective_stride.h > 0
              ? fmt::format(", {} pixels from one output to the next", to_string(layer.effective_stride))
              : ""),
      "image: " + printable(images.names[0])};
  sheet.tile_pixels = 280;
  const Tile whole = input_tile(images, inspected.input, "the image as the network reads it");
  sheet.tiles = {whole, seen_tile(whole, middle, caption(middle)), seen_tile(whole, corner, caption(corner))};
  write_picture(out, draw(sheet));
  print_out("{}: {}; {}\n", printable(layer.name), caption(middle), caption(corner));
}

}  // namespace cnn
