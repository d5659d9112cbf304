// Draws the handwritten-looking digits of data/digits: 28x28 grey PNG files, light ink on a dark ground, in
// <out>/{train,test}/<digit>/NNNN.png. Every image depends only on (seed, part, digit, index), so a smaller
// set is the beginning of a larger one, and a second run writes the same bytes.
//
// A digit is one of several ways to write it: strokes given by knots in a box (x right, y down, both 0..1).
// The knots are moved a little, joined by splines, wobbled by a smooth displacement field, slanted, rotated,
// scaled and placed; each pixel then gets ink by its distance from the nearest stroke, whose width changes
// along the way.

#include <zlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"

/// zlib at its best in place of stb's own packer, which is made to be short.
static unsigned char* pack(unsigned char* bytes, int count, int* packed_count, int) {
  uLongf size = compressBound(static_cast<uLong>(count));
  auto* packed = static_cast<unsigned char*>(std::malloc(size));
  if (!packed || compress2(packed, &size, bytes, static_cast<uLong>(count), Z_BEST_COMPRESSION) != Z_OK) {
    std::free(packed);
    return nullptr;
  }
  *packed_count = static_cast<int>(size);
  return packed;
}
#define STBIW_ZLIB_COMPRESS pack
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

namespace cnn {
namespace {

constexpr int kSide = 28;  // pixels
constexpr int kDigits = 10;
using Image = std::array<std::uint8_t, kSide * kSide>;

struct Point {
  double x, y;
};
Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator*(double s, Point a) { return {s * a.x, s * a.y}; }
double dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }

/// A point that a stroke passes through: smoothly, or with a corner.
struct Knot {
  double x, y;
  bool corner = false;
};
constexpr bool kCorner = true;

using Stroke = std::vector<Knot>;

/// One way to write a digit. `share` is how often it is chosen, relative to the digit's other ways.
struct Variant {
  double share;
  std::vector<Stroke> strokes;
};

// clang-format off
const std::array<std::vector<Variant>, kDigits> kVariants = {{
  {  // 0: closed oval, open with an overlap, narrow, with a slash
    {4, {{{.50, .00}, {.14, .17}, {.00, .50}, {.14, .84}, {.50, 1.0}, {.86, .83}, {1.0, .50}, {.86, .16}, {.50, .00}}}},
    {3, {{{.66, .06}, {.40, .01}, {.12, .22}, {.01, .55}, {.18, .90}, {.52, 1.0}, {.86, .82}, {1.0, .48}, {.85, .14}, {.52, .02}, {.34, .10}}}},
    {2, {{{.50, .00}, {.24, .20}, {.16, .55}, {.26, .88}, {.52, 1.0}, {.76, .86}, {.85, .50}, {.74, .15}, {.50, .00}}}},
    {1, {{{.50, .00}, {.14, .17}, {.00, .50}, {.14, .84}, {.50, 1.0}, {.86, .83}, {1.0, .50}, {.86, .16}, {.50, .00}},
         {{.84, .10}, {.50, .50}, {.16, .92}}}},
  },
  {  // 1: bar, flag, flag and foot, long curved flag
    {4, {{{.50, .00}, {.50, .50}, {.50, 1.0}}}},
    {3, {{{.24, .22}, {.54, .00, kCorner}, {.54, .50}, {.53, 1.0}}}},
    {2, {{{.24, .22}, {.52, .00, kCorner}, {.52, .50}, {.52, 1.0}}, {{.22, 1.0}, {.52, 1.0}, {.82, .99}}}},
    {1, {{{.20, .28}, {.40, .18}, {.56, .00, kCorner}, {.54, .50}, {.54, 1.0}}}},
  },
  {  // 2: straight foot, loop at the lower left, wavy foot, sharp neck
    {3, {{{.06, .24}, {.28, .03}, {.62, .00}, {.90, .22}, {.76, .52}, {.38, .80}, {.02, 1.0, kCorner}, {.50, .99}, {1.0, .98}}}},
    {3, {{{.08, .22}, {.34, .01}, {.72, .04}, {.88, .28}, {.66, .62}, {.32, .92}, {.10, .98}, {.04, .84}, {.22, .76}, {.48, .88}, {.74, 1.0}, {1.0, .92}}}},
    {2, {{{.10, .30}, {.26, .04}, {.66, .00}, {.88, .24}, {.66, .58}, {.04, .98, kCorner}, {.34, .88}, {.66, 1.0}, {.98, .90}}}},
    {2, {{{.02, .12}, {.40, .00}, {.84, .08}, {.88, .30}, {.54, .60}, {.08, .98, kCorner}, {.52, 1.0}, {.94, .98}}}},
  },
  {  // 3: two bowls, flat top, with a small loop at the waist, flowing
    {4, {{{.08, .14}, {.40, .00}, {.82, .10}, {.82, .34}, {.36, .47, kCorner}, {.82, .56}, {.94, .78}, {.56, 1.0}, {.04, .90}}}},
    {2, {{{.08, .02}, {.46, .01}, {.90, .00, kCorner}, {.66, .22}, {.44, .40, kCorner}, {.80, .50}, {.92, .74}, {.58, 1.0}, {.06, .92}}}},
    {2, {{{.10, .12}, {.44, .00}, {.84, .12}, {.76, .36}, {.44, .50}, {.30, .46}, {.42, .40}, {.76, .54}, {.94, .78}, {.54, 1.0}, {.06, .86}}}},
    {2, {{{.14, .06}, {.52, .00}, {.80, .16}, {.66, .38}, {.50, .46}, {.76, .54}, {.88, .76}, {.56, .98}, {.12, .96}}}},
  },
  {  // 4: open, closed, open and rounded, long arm
    {4, {{{.20, .02}, {.12, .30}, {.02, .60, kCorner}, {.48, .60}, {1.0, .57}}, {{.76, .06}, {.72, .50}, {.70, 1.0}}}},
    {3, {{{.70, 1.0}, {.70, .50}, {.71, .00, kCorner}, {.36, .34}, {.00, .68, kCorner}, {.50, .68}, {1.0, .67}}}},
    {2, {{{.12, .02}, {.04, .34}, {.16, .54}, {.46, .56}, {.78, .46}}, {{.86, .00}, {.80, .46}, {.74, 1.0}}}},
    {2, {{{.44, .00}, {.22, .34}, {.02, .66, kCorner}, {.50, .66}, {1.0, .62}}, {{.66, .36}, {.64, .68}, {.62, 1.0}}}},
  },
  {  // 5: hat apart, one stroke, rounded like an S, small bowl
    {4, {{{.16, .02, kCorner}, {.14, .22}, {.12, .42, kCorner}, {.50, .36}, {.88, .54}, {.84, .86}, {.46, 1.0}, {.04, .92}}, {{.16, .02}, {.52, .02}, {.94, .00}}}},
    {3, {{{.92, .02}, {.56, .01}, {.18, .03, kCorner}, {.15, .24}, {.12, .44, kCorner}, {.52, .38}, {.88, .58}, {.80, .88}, {.42, 1.0}, {.06, .90}}}},
    {2, {{{.94, .04}, {.60, .01}, {.26, .08}, {.16, .32}, {.46, .44}, {.82, .58}, {.84, .84}, {.46, 1.0}, {.04, .92}}}},
    {1, {{{.22, .04, kCorner}, {.20, .28}, {.18, .52, kCorner}, {.54, .46}, {.80, .66}, {.68, .92}, {.36, 1.0}, {.06, .94}}, {{.22, .04}, {.58, .06}, {1.0, .00}}}},
  },
  {  // 6: curved back, straight back, wide loop, curl inside
    {4, {{{.76, .00}, {.38, .18}, {.10, .52}, {.12, .86}, {.46, 1.0}, {.82, .88}, {.84, .62}, {.54, .48}, {.18, .64}}}},
    {2, {{{.46, .00}, {.26, .34}, {.12, .68}, {.22, .94}, {.52, 1.0}, {.80, .86}, {.78, .64}, {.50, .54}, {.16, .72}}}},
    {2, {{{.86, .06}, {.48, .04}, {.14, .34}, {.04, .70}, {.26, .98}, {.70, .98}, {.94, .74}, {.70, .50}, {.32, .52}, {.08, .74}}}},
    {2, {{{.64, .00}, {.30, .24}, {.10, .60}, {.20, .92}, {.54, .99}, {.80, .80}, {.66, .58}, {.38, .62}, {.34, .80}}}},
  },
  {  // 7: plain, with a bar, with a serif, curved, serif and bar
    {4, {{{.02, .03}, {.46, .01}, {.94, .02, kCorner}, {.64, .48}, {.38, 1.0}}}},
    {3, {{{.04, .04}, {.48, .01}, {.94, .02, kCorner}, {.64, .48}, {.40, 1.0}}, {{.30, .51}, {.58, .49}, {.86, .48}}}},
    {2, {{{.06, .22}, {.08, .03, kCorner}, {.50, .03}, {.96, .02, kCorner}, {.66, .50}, {.44, 1.0}}}},
    {2, {{{.02, .10}, {.30, .03}, {.64, .08}, {.96, .00, kCorner}, {.68, .34}, {.52, .66}, {.48, 1.0}}}},
    {1, {{{.06, .20}, {.06, .04, kCorner}, {.50, .03}, {.94, .02, kCorner}, {.64, .50}, {.36, 1.0}}, {{.28, .53}, {.56, .51}, {.82, .51}}}},
  },
  {  // 8: one stroke, two rings, open at the top, slim one stroke
    {4, {{{.80, .14}, {.48, .00}, {.16, .18}, {.34, .40}, {.70, .58}, {.88, .82}, {.50, 1.0}, {.12, .82}, {.32, .58}, {.68, .40}, {.84, .18}, {.56, .01}}}},
    {3, {{{.50, .00}, {.18, .10}, {.20, .36}, {.50, .46}, {.80, .36}, {.82, .10}, {.50, .00}},
         {{.50, .46}, {.12, .58}, {.10, .88}, {.50, 1.0}, {.90, .88}, {.88, .58}, {.50, .46}}}},
    {2, {{{.90, .04}, {.50, .02}, {.16, .16}, {.30, .38}, {.70, .56}, {.86, .80}, {.50, 1.0}, {.14, .84}, {.32, .60}, {.66, .38}, {.94, .14}}}},
    {2, {{{.50, .00}, {.26, .16}, {.40, .40}, {.66, .60}, {.74, .84}, {.50, 1.0}, {.26, .84}, {.36, .60}, {.60, .40}, {.74, .16}, {.50, .00}}}},
  },
  {  // 9: straight stem, hooked stem, curved leg, loop drawn from the top
    {4, {{{.82, .16}, {.50, .00}, {.14, .16}, {.14, .42}, {.46, .52}, {.80, .34}, {.86, .10, kCorner}, {.82, .54}, {.78, 1.0}}}},
    {3, {{{.84, .20}, {.56, .01}, {.18, .12}, {.14, .40}, {.44, .52}, {.78, .38}, {.86, .14}, {.86, .56}, {.72, .92}, {.40, 1.0}, {.12, .90}}}},
    {2, {{{.80, .14}, {.46, .00}, {.14, .20}, {.22, .46}, {.54, .48}, {.82, .24, kCorner}, {.70, .62}, {.44, 1.0}}}},
    {2, {{{.54, .00}, {.16, .14}, {.16, .42}, {.50, .52}, {.84, .36}, {.80, .10}, {.54, .00}}, {{.84, .26}, {.80, .64}, {.66, 1.0}}}},
  },
}};
// clang-format on

/// How much everything varies. Tuned so that a linear model stays clearly behind a LeNet (see
/// data/README.md).
constexpr double kKnotDeviation = 0.026;     // of the box
constexpr double kSlantDeviation = 0.18;     // x per y
constexpr double kRotationDeviation = 0.11;  // radians
constexpr double kPlaceDeviation = 1.5;      // pixels
constexpr double kClutterShare = 0.5;        // of the images

/// A piece of ink: a thick line whose half-width goes from one end's to the other's.
struct Segment {
  Point from, to;
  double from_radius, to_radius;
};

const Variant& choose(std::span<const Variant> variants, Random& random) {
  double total = 0;
  for (const Variant& variant : variants) total += variant.share;
  double left = random.uniform() * total;
  for (const Variant& variant : variants) {
    left -= variant.share;
    if (left < 0) return variant;
  }
  return variants.back();
}

double clamped_normal(Random& random, double deviation) {
  return deviation * std::clamp<double>(random.normal(), -2.2, 2.2);
}

/// The polyline through the knots: a Catmull-Rom spline between corners.
std::vector<Point> spline(const Stroke& knots) {
  constexpr int kSteps = 6;  // per pair of knots, a pixel or so each
  const int last = static_cast<int>(knots.size()) - 1;
  const auto at = [&](int i) { return Point{knots[i].x, knots[i].y}; };
  std::vector<Point> line{at(0)};
  for (int i = 0; i < last; ++i) {
    const Point b = at(i), c = at(i + 1);
    // At a corner or an end the neighbor is mirrored, so that the curve leaves straight.
    const Point a = i == 0 || knots[i].corner ? b - (c - b) : at(i - 1);
    const Point d = i + 1 == last || knots[i + 1].corner ? c + (c - b) : at(i + 2);
    for (int step = 1; step <= kSteps; ++step) {
      const double t = static_cast<double>(step) / kSteps;
      line.push_back(0.5 * (2 * b + t * (c - a) + t * t * (2 * a - 5 * b + 4 * c - d) +
                            t * t * t * (3 * b - a - 3 * c + d)));
    }
  }
  return line;
}

/// Adds a polyline with a pen pressure that changes slowly along the way.
void add_ink(std::span<const Point> line, double radius, Random& random, std::vector<Segment>& ink) {
  const double depth = random.uniform(0.0f, 0.28f), phase = random.uniform(0.0f, 6.28f);
  const double pace = random.uniform(2.0f, 8.0f) / static_cast<double>(line.size());
  const auto width = [&](std::size_t i) {
    return radius * (1 + depth * std::sin(phase + pace * static_cast<double>(i)));
  };
  for (std::size_t i = 1; i < line.size(); ++i) ink.push_back({line[i - 1], line[i], width(i - 1), width(i)});
}

/// The digit in pixel coordinates.
void draw_digit(int digit, Random& random, std::vector<Segment>& ink) {
  const Variant& variant = choose(kVariants[static_cast<std::size_t>(digit)], random);
  const double height = random.uniform(16.0f, 21.5f);
  const double width = height * random.uniform(0.5f, 0.78f);
  const double slant = 0.08 + clamped_normal(random, kSlantDeviation);
  const double rotation = clamped_normal(random, kRotationDeviation);
  const double cosine = std::cos(rotation), sine = std::sin(rotation);
  const double radius = random.uniform(0.75f, 1.75f);
  // The wobble: two smooth waves across the box for each direction.
  std::array<double, 2> strength, phase_x, phase_y, frequency;
  for (std::size_t i = 0; i < 2; ++i) {
    strength[i] = random.uniform(0.0f, 0.055f);
    phase_x[i] = random.uniform(0.0f, 6.28f);
    phase_y[i] = random.uniform(0.0f, 6.28f);
    frequency[i] = random.uniform(2.5f, 6.5f);
  }

  std::vector<std::vector<Point>> lines;
  Point low{1e9, 1e9}, high{-1e9, -1e9};
  for (Stroke stroke : variant.strokes) {
    for (Knot& knot : stroke) {
      knot.x += clamped_normal(random, kKnotDeviation * 1.3);
      knot.y += clamped_normal(random, kKnotDeviation);
    }
    std::vector<Point> line = spline(stroke);
    for (Point& p : line) {
      Point q = p;
      for (std::size_t i = 0; i < 2; ++i) {
        q.x += strength[i] * std::sin(frequency[i] * p.y + phase_x[i]);
        q.y += strength[i] * std::sin(frequency[i] * p.x + phase_y[i]);
      }
      const double x = (q.x - 0.5) * width - slant * (q.y - 0.5) * height, y = (q.y - 0.5) * height;
      p = {cosine * x - sine * y, sine * x + cosine * y};
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
    lines.push_back(std::move(line));
  }

  // Place it off center, but whole: never closer to the edge than its ink allows.
  const double margin = radius + 0.6;
  const Point extent = high - low;
  const double fit = std::min({1.0, (kSide - 2 * margin) / extent.x, (kSide - 2 * margin) / extent.y});
  const auto place = [&](double size) {
    const double room = (kSide - size) / 2 - margin;
    return kSide / 2.0 + std::clamp(clamped_normal(random, kPlaceDeviation), -room, room);
  };
  const Point center{place(fit * extent.x), place(fit * extent.y)};
  const Point middle = 0.5 * (low + high);
  for (std::vector<Point>& line : lines) {
    for (Point& p : line) p = center + fit * (p - middle);
    add_ink(line, radius, random, ink);
  }
}

/// Something that is not part of the digit: the end of a neighbor's stroke that enters from an edge, or a
/// dot.
void draw_clutter(Random& random, std::vector<Segment>& ink) {
  // A point on the edge, and the direction that leads inside from there.
  const double along = random.uniform(1.0f, kSide - 1.0f);
  const std::uint32_t edge = random.below(4);
  const bool vertical = edge < 2;
  const double side = edge % 2 == 0 ? 0.0 : static_cast<double>(kSide);
  const double inward = edge % 2 == 0 ? 1.0 : -1.0;
  const Point start = vertical ? Point{side, along} : Point{along, side};
  const Point inside = vertical ? Point{inward, 0} : Point{0, inward};
  const Point across{-inside.y, inside.x};
  const double radius = random.uniform(0.5f, 1.2f);
  if (random.uniform() < 0.35f) {
    const Point dot = start + random.uniform(0.0f, 3.5f) * inside;
    ink.push_back({dot, dot, radius, radius});
    return;
  }
  const double depth = random.uniform(1.0f, 5.0f), drift = random.uniform(-5.0f, 5.0f);
  const Point bend = start + 0.6 * depth * inside + random.uniform(-2.0f, 2.0f) * across;
  const Point end = start + depth * inside + drift * across;
  add_ink(spline({{start.x, start.y}, {bend.x, bend.y}, {end.x, end.y}}), radius, random, ink);
}

/// How deep inside the ink a point is, in pixels; negative outside.
double depth_in(std::span<const Segment> ink, Point p) {
  double deepest = -1e9;
  for (const Segment& segment : ink) {
    const Point along = segment.to - segment.from;
    const double length2 = dot(along, along);
    const double t = length2 > 0 ? std::clamp(dot(p - segment.from, along) / length2, 0.0, 1.0) : 0.0;
    const Point away = p - (segment.from + t * along);
    const double radius = segment.from_radius + t * (segment.to_radius - segment.from_radius);
    deepest = std::max(deepest, radius - std::sqrt(dot(away, away)));
  }
  return deepest;
}

Image draw(int digit, Random random) {
  std::vector<Segment> ink, stray;
  draw_digit(digit, random, ink);
  if (random.uniform() < kClutterShare)
    for (std::uint32_t count = 1 + random.below(3); count > 0; --count) draw_clutter(random, stray);

  const double softness = random.uniform(0.9f, 1.9f);
  const double paper = random.uniform() < 0.5f ? 0.0 : random.uniform(0.0f, 25.0f);
  const double contrast = random.uniform(140.0f, 255.0f) - paper;
  const double stray_contrast = contrast * random.uniform(0.5f, 1.0f);
  const double noise = random.uniform() < 0.4f ? 0.0 : random.uniform(2.0f, 14.0f);
  Image image;
  for (int row = 0; row < kSide; ++row)
    for (int column = 0; column < kSide; ++column) {
      const Point p{column + 0.5, row + 0.5};
      const auto cover = [&](std::span<const Segment> strokes) {
        return std::clamp(0.5 + depth_in(strokes, p) / softness, 0.0, 1.0);
      };
      double grey = paper + std::max(contrast * cover(ink), stray_contrast * cover(stray));
      if (noise > 0) grey += noise * random.normal();
      // 32 levels of grey look the same and pack into half the bytes.
      constexpr double kStep = 255.0 / 31;
      grey = kStep * std::round(std::clamp(grey, 0.0, 255.0) / kStep);
      image[static_cast<std::size_t>(row * kSide + column)] = static_cast<std::uint8_t>(std::lround(grey));
    }
  return image;
}

/// Writes the smallest of the encodings that the five filters of PNG give.
void write_png(const std::filesystem::path& path, const Image& image) {
  std::string best;
  for (int filter = 0; filter < 5; ++filter) {
    stbi_write_force_png_filter = filter;
    int size = 0;
    unsigned char* png = stbi_write_png_to_mem(image.data(), kSide, kSide, kSide, 1, &size);
    if (!png) fail("{}: cannot be encoded", path.string());
    if (best.empty() || static_cast<std::size_t>(size) < best.size())
      best.assign(reinterpret_cast<const char*>(png), static_cast<std::size_t>(size));
    std::free(png);
  }
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool written = file && std::fwrite(best.data(), 1, best.size(), file) == best.size();
  if ((file && std::fclose(file) != 0) || !written) fail("{}: cannot be written", path.string());
}

struct Part {
  const char* name;
  int per_class;
};

void generate(const std::filesystem::path& out, std::uint64_t seed, std::span<const Part> parts) {
  for (std::size_t part = 0; part < parts.size(); ++part)
    for (int digit = 0; digit < kDigits; ++digit) {
      const std::filesystem::path folder = out / parts[part].name / std::to_string(digit);
      std::filesystem::create_directories(folder);
      const auto stream = static_cast<std::uint32_t>(part * kDigits + static_cast<std::size_t>(digit));
      for (int i = 0; i < parts[part].per_class; ++i)
        write_png(folder / fmt::format("{:04}.png", i),
                  draw(digit, Random(seed, Purpose::digits, stream, static_cast<std::uint32_t>(i))));
    }
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  std::string out;
  std::uint64_t seed = 1;
  std::array<cnn::Part, 2> parts = {{{"train", 300}, {"test", 100}}};
  CLI::App app("Draws 28x28 grey images of digits into OUT/{train,test}/<digit>/NNNN.png.");
  app.add_option("out", out, "the folder to write to")->required();
  app.add_option("--seed", seed, "another seed draws other digits")->capture_default_str();
  app.add_option("--train", parts[0].per_class, "training images per digit")->capture_default_str();
  app.add_option("--test", parts[1].per_class, "test images per digit")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    cnn::generate(out, seed, parts);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "generate-digits: %s\n", error.what());
    return 1;
  }
  return 0;
}
