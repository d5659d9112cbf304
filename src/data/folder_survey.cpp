#include "data/folder_survey.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "data/pixel_reader.h"

namespace cnn {
namespace {

/// Numbers of the images to look at, ascending.
std::vector<std::int64_t> choose(const ImageFiles& files, const SurveyLimits& limits) {
  const auto spread = [&](std::int64_t count) {
    std::vector<std::int64_t> chosen;
    count = std::min(count, files.size());
    for (std::int64_t i = 0; i < count; ++i) chosen.push_back(i * files.size() / count);
    return chosen;
  };
  const std::vector<std::int64_t> chosen = spread(limits.images);
  std::int64_t bytes = 0;
  for (const std::int64_t image : chosen) {
    std::error_code unknown;
    const std::uintmax_t size = std::filesystem::file_size(files.path(image), unknown);
    if (!unknown) bytes += static_cast<std::int64_t>(size);
  }
  if (bytes <= limits.bytes) return chosen;
  const double share = static_cast<double>(limits.bytes) / static_cast<double>(bytes);
  return spread(
      std::max(limits.at_least, static_cast<std::int64_t>(share * static_cast<double>(chosen.size()))));
}

/// Whether an image has color can be seen at a part of its size, too.
constexpr ImageSpec kSmall{.channels = 3, .height = 64, .width = 64};

/// Lossy compression leaves traces of color in a grey image; a colored one has more than this somewhere.
bool is_grey(const Image& image) {
  if (image.channels == 1) return true;
  constexpr int kTrace = 4;
  const std::size_t plane = image.pixels.size() / 3;
  const std::uint8_t *r = image.pixels.data(), *g = r + plane, *b = g + plane;
  for (std::size_t i = 0; i < plane; ++i)
    if (std::abs(r[i] - g[i]) > kTrace || std::abs(g[i] - b[i]) > kTrace) return false;
  return true;
}

template <class Number>
Number quantile(std::vector<Number>& values, double at) {
  const auto index = static_cast<std::size_t>(at * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index), values.end());
  return values[index];
}

FolderSurvey::Range range_of(std::vector<int> values) {
  return {quantile(values, 0), quantile(values, 0.5), quantile(values, 1)};
}

/// Classes all of whose images are among the bad ones.
std::vector<std::string> useless_classes(const ImageFiles& files, const std::vector<std::int64_t>& bad) {
  std::vector<std::int64_t> left(files.classes.size());
  for (std::int64_t i = 0; i < files.size(); ++i)
    if (files.label(i) >= 0) ++left[static_cast<std::size_t>(files.label(i))];
  for (const std::int64_t image : bad)
    if (files.label(image) >= 0) --left[static_cast<std::size_t>(files.label(image))];
  std::vector<std::string> useless;
  for (std::size_t c = 0; c < left.size(); ++c)
    if (left[c] == 0) useless.push_back(files.classes[c]);
  return useless;
}

}  // namespace

FolderSurvey survey_images(const ImageFiles& files, const SurveyLimits& limits, ThreadPool& pool,
                           const Progress& progress) {
  struct Look {
    int height = 0, width = 0;
    bool grey = false;
    FileTraits traits;
    std::string fault;
  };
  const std::vector<std::int64_t> chosen = choose(files, limits);
  std::vector<Look> looks(chosen.size());
  std::vector<std::string> contents(static_cast<std::size_t>(pool.threads()));
  std::atomic<std::int64_t> done{0};
  const auto count = static_cast<std::int64_t>(chosen.size());
  pool.parallel_for(count, [&](std::int64_t at, int worker) {
    Look& look = looks[static_cast<std::size_t>(at)];
    std::string& content = contents[static_cast<std::size_t>(worker)];
    const std::string path = files.path(chosen[static_cast<std::size_t>(at)]).string();
    const auto look_at = [&](const Image& image) {
      look.height = image.full_height(), look.width = image.full_width();
      look.grey = is_grey(image);
      look.traits = image.traits;
      return "";
    };
    look.fault = read_image(path, {}, content, look_at, nullptr, &kSmall);
    const std::int64_t so_far = done.fetch_add(1, std::memory_order_relaxed) + 1;
    if (worker == 0 && progress) progress(so_far, count);
  });

  FolderSurvey survey;
  survey.bad = files.bad;
  survey.looked_at = count + static_cast<std::int64_t>(files.bad.size());
  std::vector<std::int64_t> bad;
  std::vector<int> widths, heights;
  std::vector<double> aspects;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    Look& look = looks[i];
    if (!look.fault.empty()) {
      bad.push_back(chosen[i]);
      survey.bad.push_back({files.path(chosen[i]).string(), std::move(look.fault)});
      continue;
    }
    ++survey.good;
    survey.grey += look.grey;
    survey.traits.add(look.traits);
    widths.push_back(look.width);
    heights.push_back(look.height);
    aspects.push_back(static_cast<double>(look.width) / look.height);
  }
  survey.useless_classes = useless_classes(files, bad);
  if (survey.good == 0) return survey;
  survey.width = range_of(std::move(widths));
  survey.height = range_of(std::move(heights));
  survey.aspect_low = quantile(aspects, 0.05);
  survey.aspect = quantile(aspects, 0.5);
  survey.aspect_high = quantile(aspects, 0.95);
  return survey;
}

}  // namespace cnn
