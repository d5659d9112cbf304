#include "report/evaluation_parts.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "report/axis.h"
#include "report/html.h"

namespace cnn {
namespace {

constexpr std::size_t kPairs = 12;

/// For columns of numbers and for single images: one decimal.
std::string rounded(double fraction) { return fmt::format("{:.1f} %", 100 * fraction); }

/// The last two parts of a path tell images apart: the folder is the class as a rule.
std::string_view short_path(std::string_view path) {
  const std::size_t last = path.rfind('/');
  if (last == std::string_view::npos || last == 0) return path;
  const std::size_t before = path.rfind('/', last - 1);
  return before == std::string_view::npos ? path : path.substr(before + 1);
}

/// A bar for the accuracy of each bin, and the line on which a model with honest confidences ends.
std::string reliability_drawing(const Classification& results) {
  constexpr double kWidth = 330, kHeight = 270, kLeft = 50, kTop = 8, kInner = 220;
  const auto px = [&](double share) { return kLeft + kInner * share; };
  const auto py = [&](double share) { return kTop + kInner * (1 - share); };
  std::string svg = fmt::format(
      R"(<svg class="chart" style="max-width:22rem" viewBox="0 0 {} {}" role="img" tabindex="0" aria-label="Accuracy against confidence; arrow keys tell the values">)",
      kWidth, kHeight);
  for (const double tick : {0.0, 0.5, 1.0}) {
    svg += fmt::format(R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)", kLeft, px(1),
                       py(tick), py(tick));
    svg += fmt::format(R"(<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>)", kLeft - 6,
                       py(tick) + 4, percent(tick));
    svg += fmt::format(R"(<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>)", px(tick),
                       kTop + kInner + 16, percent(tick));
  }
  for (const Classification::ConfidenceBin& bin : results.confidence_bins()) {
    if (bin.images == 0) continue;
    const std::string hint = fmt::format("confidence {} to {}\n{}\nmean confidence {}\naccuracy {}",
                                         rounded(bin.from), rounded(bin.to), counted(bin.images, "image"),
                                         rounded(bin.confidence()), rounded(bin.accuracy()));
    svg += fmt::format(R"(<rect class="c0" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)",
                       px(bin.from) + 1, py(bin.accuracy()), px(bin.to) - px(bin.from) - 2,
                       py(0) - py(bin.accuracy()));
    svg += fmt::format(
        R"(<rect class="hit" x="{:.1f}" y="{}" width="{:.1f}" height="{}" data-x="{:.1f}"><title>{}</title></rect>)",
        px(bin.from), kTop, px(bin.to) - px(bin.from), kInner, px(bin.confidence()), html_lines(hint));
  }
  svg += fmt::format(
      R"(<line class="mark" style="pointer-events:none" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)",
      px(0), py(0), px(1), py(1));
  svg += fmt::format(R"(<text class="tick" x="{}" y="{}" text-anchor="end">confidence</text>)", px(1),
                     kHeight - 4);
  return svg + "</svg>";
}

std::string reliability_table(const Classification& results) {
  std::string text =
      "<table><thead><tr><th class=\"n\">confidence</th><th class=\"n\">images</th><th "
      "class=\"n\">mean</th><th class=\"n\">accuracy</th></tr></thead>\n";
  for (const Classification::ConfidenceBin& bin : results.confidence_bins())
    if (bin.images > 0)
      text += fmt::format(
          "<tr><td class=\"n\">{:.0f}–{:.0f} %</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
          "class=\"n\">{}</td></tr>\n",
          100 * bin.from, 100 * bin.to, with_commas(bin.images), rounded(bin.confidence()),
          rounded(bin.accuracy()));
  return text + "</table>";
}

std::string headed(const char* title, const std::string& part) {
  return part.empty() ? "" : fmt::format("<h3>{}</h3>\n{}\n", title, part);
}

}  // namespace

std::string summary_part(const Classification& results) {
  const auto [low, high] = results.accuracy_interval();
  std::string text = fmt::format(
      "<p>{} of {} images are right: {}. With 95 % confidence, the accuracy on many more such images would "
      "be {} to {}. The cross-entropy is {}.",
      with_commas(results.correct()), with_commas(results.images()), percent(results.accuracy()),
      percent(low), percent(high), number_text(results.loss(), NumberStyle::plain));
  const std::size_t classes = results.classes().size();
  if (classes > 3)
    text += fmt::format(" The true class is among the first three for {}", percent(results.top(3)));
  if (classes > 5) text += fmt::format(", among the first five for {}", percent(results.top(5)));
  return text + (classes > 3 ? ".</p>" : "</p>");
}

std::string per_class_part(const Classification& results) {
  std::string text =
      "<div class=\"scroll\"><table><thead><tr><th>class</th><th class=\"n\">precision</th><th "
      "class=\"n\">recall</th><th class=\"n\">F1</th><th></th><th class=\"n\">images</th></tr></thead>\n";
  for (const Classification::PerClass& row : results.per_class())
    text += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{:.4f}</td><td class=\"n\">{:.4f}</td><td "
        "class=\"n\">{:.4f}</td><td><span class=\"bar\" aria-hidden=\"true\"><i "
        "style=\"width:{:.1f}%\"></i></span></td><td class=\"n\">{}</td></tr>\n",
        html(row.name), row.precision, row.recall, row.f1, 100 * row.f1, with_commas(row.support));
  return text + "</table></div>";
}

std::string confused_part(const Classification& results) {
  const std::vector<Classification::ConfusedPair> pairs = results.most_confused(kPairs);
  if (pairs.empty()) return "<p>No image was taken for another class.</p>";
  const std::vector<Classification::PerClass> classes = results.per_class();
  std::string text =
      "<div class=\"scroll\"><table><thead><tr><th>true class</th><th>taken for</th><th "
      "class=\"n\">images</th><th class=\"n\">of the class</th></tr></thead>\n";
  for (const Classification::ConfusedPair& pair : pairs)
    text += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        html(classes[pair.label].name), html(classes[pair.predicted].name), with_commas(pair.images),
        percent(static_cast<double>(pair.images) / static_cast<double>(classes[pair.label].support)));
  return text + "</table></div>";
}

std::string calibration_part(const Classification& results) {
  return fmt::format(
      "<p>Where a bar reaches the dotted line, the model was right as often as it was sure; below the line, "
      "it was too sure. The expected calibration error is {}: the mean distance from the line, weighted by "
      "images.</p>\n<div class=\"charts\"><figure>{}</figure><div class=\"scroll\">{}</div></div>",
      percent(results.calibration_error()), reliability_drawing(results), reliability_table(results));
}

std::string mistakes_part(const EvaluationRecord& record) {
  if (record.mistakes.empty()) return "";
  const std::vector<std::string>& classes = record.results.classes();
  const bool reasons = !record.mistakes.front().reason.empty();
  std::string text = reasons
                         ? "<p>Beside each image, yellow shows what spoke most for the class that was seen "
                           "(Grad-CAM).</p>\n<div class=\"gallery reasons\">\n"
                         : "<div class=\"gallery\">\n";
  for (const Mistake& mistake : record.mistakes) {
    const std::string& label = classes[static_cast<std::size_t>(mistake.label)];
    text += "<figure>";
    if (!mistake.picture.empty())
      text += fmt::format("<img class=\"pixels\" alt=\"An image of class {}\" src=\"{}\">", html(label),
                          html(mistake.picture));
    if (!mistake.reason.empty())
      text += fmt::format("<img class=\"pixels\" alt=\"What spoke for {}\" src=\"{}\">",
                          html(classes[static_cast<std::size_t>(mistake.predicted)]), html(mistake.reason));
    text += fmt::format(
        "is <b>{}</b> ({})<br>seen as <span class=\"wrong\">{}</span> ({})<span class=\"path\" "
        "title=\"{}\">{}</span></figure>\n",
        html(label), rounded(mistake.label_confidence),
        html(classes[static_cast<std::size_t>(mistake.predicted)]), rounded(mistake.confidence),
        html(mistake.path), html(short_path(mistake.path)));
  }
  return text + "</div>";
}

std::string evaluation_part(const EvaluationRecord& record) {
  const Classification& results = record.results;
  return summary_part(results) + "<div class=\"beside\">\n<div>" +
         headed("Confusion", confusion_part(results)) + "</div>\n<div>" +
         headed("Most confused", confused_part(results)) + "</div>\n</div>\n" +
         headed("Classes", per_class_part(results)) + headed("Worst mistakes", mistakes_part(record)) +
         headed("Calibration", calibration_part(results));
}

}  // namespace cnn
