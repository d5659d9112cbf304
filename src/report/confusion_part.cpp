#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "report/color_ramp.h"
#include "report/evaluation_parts.h"
#include "report/html.h"
#include "report/picture.h"

namespace cnn {
namespace {

constexpr std::size_t kMostTableClasses = 40, kMostUprightHeads = 12, kWidestName = 28;
/// Pairs that tell their numbers in a picture: a page of thousands of classes must still open.
constexpr std::size_t kMostPairs = 4000;

std::int64_t sum_of(const std::vector<std::int64_t>& row) {
  std::int64_t sum = 0;
  for (const std::int64_t count : row) sum += count;
  return sum;
}

std::string confusion_table(const Classification& results) {
  const std::vector<std::string>& classes = results.classes();
  std::string text = fmt::format(
      "<div class=\"scroll\"><table class=\"matrix{}\"><thead><tr><th scope=\"col\">true \\ predicted</th>",
      classes.size() > kMostUprightHeads ? " many" : "");
  for (const std::string& name : classes)
    text += fmt::format("<th scope=\"col\"><span>{}</span></th>", html_shortened(name, kWidestName));
  text += "</tr></thead><tbody>\n";
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::vector<std::int64_t>& row = results.confusion()[label];
    const std::int64_t support = sum_of(row);
    text += fmt::format("<tr><th scope=\"row\">{}</th>", html_shortened(classes[label], kWidestName));
    for (std::size_t predicted = 0; predicted < classes.size(); ++predicted) {
      const double share =
          support == 0 ? 0 : static_cast<double>(row[predicted]) / static_cast<double>(support);
      // Mistakes are few: a root makes them visible.
      text +=
          fmt::format("<td class=\"{}{}\" style=\"--v:{:.2f}\" title=\"{} taken for {}: {} of {}\">{}</td>",
                      label == predicted ? "right " : "", std::sqrt(share) > 0.6 ? "strong" : "",
                      row[predicted] == 0 ? 0.0 : 0.08 + 0.92 * std::sqrt(share), html(classes[label]),
                      html(classes[predicted]), with_commas(row[predicted]), with_commas(support),
                      row[predicted] == 0 ? "" : with_commas(row[predicted]));
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>";
}

/// A pixel for each pair of classes.
Picture confusion_pixels(const Classification& results) {
  const auto n = static_cast<int>(results.classes().size());
  Picture picture{.channels = 3, .height = n, .width = n, .pixels = {}};
  for (const auto& row : results.confusion()) {
    const std::int64_t support = sum_of(row);
    for (const std::int64_t count : row) {
      const auto color =
          ramp_color(support == 0 ? 0 : std::sqrt(static_cast<double>(count) / static_cast<double>(support)));
      picture.pixels.insert(picture.pixels.end(), color.begin(), color.end());
    }
  }
  return picture;
}

struct Pair {
  std::size_t label, predicted;
  std::int64_t images;
};

/// The pairs that occur, in reading order; of too many the mistakes, and of these the most frequent.
std::vector<Pair> pairs_of(const Classification& results) {
  std::vector<Pair> pairs;
  const auto& confusion = results.confusion();
  for (std::size_t label = 0; label < confusion.size(); ++label)
    for (std::size_t predicted = 0; predicted < confusion.size(); ++predicted)
      if (confusion[label][predicted] > 0) pairs.push_back({label, predicted, confusion[label][predicted]});
  if (pairs.size() <= kMostPairs) return pairs;
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    const bool a_is_right = a.label == a.predicted, b_is_right = b.label == b.predicted;
    return a_is_right != b_is_right ? b_is_right : a.images > b.images;
  });
  pairs.resize(kMostPairs);
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return a.label != b.label ? a.label < b.label : a.predicted < b.predicted;
  });
  return pairs;
}

/// The matrix with the names of as many classes as have room; the pointer tells each pair's numbers.
std::string confusion_picture(const Classification& results) {
  constexpr double kLeft = 152, kTop = 4, kNames = 152, kLine = 12, kPixelsOfRem = 16;
  const std::vector<std::string>& classes = results.classes();
  const auto count = static_cast<double>(classes.size());
  const double inner = std::clamp(kLine * count, 560.0, 1200.0), cell = inner / count;
  std::string text = fmt::format(
      "<figure><figcaption>Rows: true class, columns: predicted</figcaption>"
      R"(<svg class="chart" style="width: {:.0f}rem; max-width: 100%" viewBox="0 0 {} {}" role="img" tabindex="0" aria-label="Confusion matrix of {} classes; arrow keys tell the pairs">)"
      R"(<image class="pixels" x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" href="{}"/>)",
      (kLeft + inner) / kPixelsOfRem, kLeft + inner + 2, kTop + inner + kNames, classes.size(), kLeft, kTop,
      inner, inner, png_address(confusion_pixels(results)));
  const auto every = static_cast<std::size_t>(std::ceil(kLine / cell));
  for (std::size_t k = 0; k < classes.size(); k += every) {
    const double middle = cell * (static_cast<double>(k) + 0.5);
    const std::string name = html_shortened(classes[k], 20);
    text += fmt::format(R"(<text class="tick" x="{:.0f}" y="{:.1f}" text-anchor="end">{}</text>)", kLeft - 6,
                        kTop + middle + 4, name);
    text += fmt::format(
        R"-(<text class="tick" transform="translate({:.1f} {:.0f}) rotate(-90)" text-anchor="end">{}</text>)-",
        kLeft + middle + 4, kTop + inner + 6, name);
  }
  for (const Pair& pair : pairs_of(results)) {
    const std::string hint =
        fmt::format("{}\ntaken for {}\n{} of {}", classes[pair.label], classes[pair.predicted],
                    with_commas(pair.images), with_commas(sum_of(results.confusion()[pair.label])));
    text += fmt::format(
        R"(<rect class="hit cell" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" fill="transparent"><title>{}</title></rect>)",
        kLeft + cell * static_cast<double>(pair.predicted), kTop + cell * static_cast<double>(pair.label),
        cell, cell, html_lines(hint));
  }
  return text + fmt::format(
                    "</svg></figure>\n<p class=\"quiet\">One field per pair of classes: dark means no image, "
                    "yellow all images of the true class; mistakes are off the diagonal.{} All numbers are "
                    "in the JSON results.</p>",
                    every > 1 ? fmt::format(" One class in {} is named.", every) : "");
}

}  // namespace

std::string confusion_part(const Classification& results) {
  return results.classes().size() <= kMostTableClasses ? confusion_table(results)
                                                       : confusion_picture(results);
}

}  // namespace cnn
