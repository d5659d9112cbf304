#include "report/training_page.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.h"
#include "report/evaluation_parts.h"
#include "report/fit_advice.h"
#include "report/heat_map.h"
#include "report/html.h"
#include "report/layer_health.h"
#include "report/line_chart.h"
#include "report/page.h"

namespace cnn {
namespace {

bool has_numbers(const std::vector<double>& values) {
  return std::any_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

std::vector<double> column(const RunHistory& history, double EpochMetrics::*number) {
  std::vector<double> values;
  for (const EpochMetrics& epoch : history.epochs) values.push_back(epoch.*number);
  return values;
}

/// A chart of columns of metrics.csv.
LineChart epoch_chart(const TrainingReport& report, std::string title,
                      const std::vector<std::pair<std::string, double EpochMetrics::*>>& columns,
                      NumberStyle style = NumberStyle::plain) {
  LineChart chart{
      .title = std::move(title), .x_name = "epoch", .x = {}, .series = {}, .style = style, .mark_text = ""};
  for (const EpochMetrics& epoch : report.history.epochs) chart.x.push_back(epoch.epoch);
  for (const auto& [name, number] : columns) {
    std::vector<double> values = column(report.history, number);
    if (has_numbers(values)) chart.series.push_back({name, std::move(values)});
  }
  return chart;
}

std::string metrics_table(const RunHistory& history) {
  std::string text =
      "<details><summary>Numbers of every epoch</summary><div class=\"scroll\"><table><thead><tr><th "
      "class=\"n\">epoch</th><th class=\"n\">training loss</th><th class=\"n\">training accuracy</th><th "
      "class=\"n\">validation loss</th><th class=\"n\">validation accuracy</th><th class=\"n\">learning "
      "rate</th><th class=\"n\">seconds</th><th class=\"n\">images/s</th></tr></thead>\n";
  const auto plain = [](double value) { return number_text(value, NumberStyle::plain); };
  for (const EpochMetrics& e : history.epochs)
    text += fmt::format(
        "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        e.epoch, plain(e.train_loss), percent(e.train_accuracy), plain(e.validation_loss),
        percent(e.validation_accuracy), plain(e.learning_rate), plain(e.seconds),
        std::isfinite(e.images_per_second) ? with_commas(std::llround(e.images_per_second)) : "");
  return text + "</table></div></details>";
}

std::string curves(const TrainingReport& report) {
  if (report.history.epochs.empty()) return "<p class=\"quiet\">No epoch is finished yet.</p>";
  LineChart loss =
      epoch_chart(report, "Loss",
                  {{"training", &EpochMetrics::train_loss}, {"validation", &EpochMetrics::validation_loss}});
  LineChart accuracy = epoch_chart(
      report, "Accuracy",
      {{"training", &EpochMetrics::train_accuracy}, {"validation", &EpochMetrics::validation_accuracy}},
      NumberStyle::percent);
  for (LineChart* chart : {&loss, &accuracy})
    if (chart->series.size() > 1 && report.best_epoch > 0)
      chart->marked_x = report.best_epoch,
      chart->mark_text = fmt::format("best, epoch {}", report.best_epoch);
  return "<div class=\"charts\">\n" + line_chart(loss) + line_chart(accuracy) +
         line_chart(epoch_chart(report, "Learning rate, at the epoch's last step",
                                {{"learning rate", &EpochMetrics::learning_rate}})) +
         line_chart(epoch_chart(report, "Training images per second",
                                {{"images/s", &EpochMetrics::images_per_second}})) +
         "</div>\n" + metrics_table(report.history) +
         "<p class=\"quiet\">The training numbers are means over the epoch, while the network was still "
         "learning, with augmentation and dropout; the validation numbers are taken at the end of the epoch. "
         "All numbers are in metrics.csv.</p>";
}

std::span<const LayerStatistics> layers_of_epoch(const RunHistory& history, int epoch) {
  const auto [first, last] = std::equal_range(
      history.layers.begin(), history.layers.end(), LayerStatistics{.epoch = epoch, .layer = ""},
      [](const LayerStatistics& a, const LayerStatistics& b) { return a.epoch < b.epoch; });
  return {first, last};
}

std::span<const LayerStatistics> last_epoch(const RunHistory& history) {
  return history.layers.empty() ? std::span<const LayerStatistics>()
                                : layers_of_epoch(history, history.layers.back().epoch);
}

std::string share_bar(double share) {
  return fmt::format("<span class=\"bar\" aria-hidden=\"true\"><i style=\"width:{:.1f}%\"></i></span>",
                     100 * std::clamp(share, 0.0, 1.0));
}

/// Every layer with its activation count, its parameters, and its statistics in the best epoch.
std::string layer_part(const TrainingReport& report) {
  const std::span<const LayerStatistics> statistics = layers_of_epoch(report.history, report.best_epoch);
  const bool known = !statistics.empty() && statistics.size() == report.layers.size();
  std::int64_t most = 1;
  for (const LayerRow& row : report.layers) most = std::max(most, row.activations);
  std::string text = fmt::format(
      "<div class=\"scroll\"><table class=\"layers\"><thead><tr><th>layer</th><th>type</th><th "
      "class=\"n\">output</th><th class=\"n\">activations</th><th></th><th class=\"n\">parameters</th><th "
      "class=\"n\">active</th><th class=\"n\">mean</th><th class=\"n\">std</th><th class=\"n\">gradient "
      "norm</th></tr></thead>\n"
      "<tr><th scope=\"row\">input</th><td></td><td "
      "class=\"n\">{}</td><td></td><td></td><td></td><td></td><td></td><td></td><td></td></tr>\n",
      html(report.input));
  for (std::size_t i = 0; i < report.layers.size(); ++i) {
    const LayerRow& row = report.layers[i];
    const LayerStatistics* s = known ? &statistics[i] : nullptr;
    const auto plain = [&](double value) { return number_text(value, NumberStyle::plain); };
    text += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        html(row.name), html(row.type), html(row.output), with_commas(row.activations),
        share_bar(static_cast<double>(row.activations) / static_cast<double>(most)),
        with_commas(row.parameters), s ? percent(s->active_fraction) : "", s ? plain(s->mean) : "",
        s ? plain(s->standard_deviation) : "", s ? plain(s->gradient_norm) : "");
  }
  text += "</table></div>";
  if (known)
    text += fmt::format(
        "<p class=\"quiet\">Share of active values, mean, standard deviation and gradient norm are those of "
        "epoch {}, {}.</p>",
        report.best_epoch,
        report.best_epoch == report.history.epochs.back().epoch ? "the last and the best"
                                                                : "the best so far");
  return text;
}

/// A number of every layer over the epochs.
HeatMap activity_map(const TrainingReport& report, std::string title, double LayerStatistics::*number) {
  HeatMap map{.title = std::move(title), .column_name = "epoch", .rows = {}, .columns = {}, .values = {}};
  const std::span<const LayerStatistics> last = last_epoch(report.history);
  for (const LayerStatistics& layer : last) map.rows.push_back(layer.layer);
  map.values.resize(map.rows.size());
  const std::vector<LayerStatistics>& all = report.history.layers;
  for (std::size_t first = 0; first + last.size() <= all.size(); first += last.size()) {
    map.columns.push_back(std::to_string(all[first].epoch));
    for (std::size_t row = 0; row < last.size(); ++row) map.values[row].push_back(all[first + row].*number);
  }
  return map;
}

std::string activity_part(const TrainingReport& report) {
  if (report.history.layers.empty()) return "";
  HeatMap active =
      activity_map(report, "Share of active values (above 0)", &LayerStatistics::active_fraction);
  active.style = NumberStyle::percent;
  HeatMap deviation =
      activity_map(report, "Standard deviation of the values", &LayerStatistics::standard_deviation);
  deviation.logarithmic = true;
  HeatMap gradient = activity_map(report, "Norm of the gradient", &LayerStatistics::gradient_norm);
  gradient.logarithmic = true;
  for (std::size_t row = gradient.rows.size(); row-- > 0;)  // layers without parameters
    if (!has_numbers(gradient.values[row])) {
      gradient.rows.erase(gradient.rows.begin() + static_cast<std::ptrdiff_t>(row));
      gradient.values.erase(gradient.values.begin() + static_cast<std::ptrdiff_t>(row));
    }
  return "<h3>Over time</h3>\n<div class=\"charts\">\n" + heat_map(active) + heat_map(deviation) +
         heat_map(activity_map(report, "Mean of the values", &LayerStatistics::mean)) + heat_map(gradient) +
         "</div>\n<p class=\"quiet\">Over the first 1,000 validation (else training) images, after the "
         "activation function; the gradient is that of the epoch's last step. All numbers are in "
         "activations.csv.</p>";
}

std::vector<Highlight> highlights(const TrainingReport& report) {
  std::vector<Highlight> result;
  if (report.test) result.push_back({percent(report.test->results.accuracy()), "test accuracy"});
  const std::vector<EpochMetrics>& epochs = report.history.epochs;
  const auto best = std::find_if(epochs.begin(), epochs.end(),
                                 [&](const EpochMetrics& e) { return e.epoch == report.best_epoch; });
  if (best != epochs.end()) {
    if (std::isfinite(best->validation_accuracy))
      result.push_back({percent(best->validation_accuracy),
                        fmt::format("best validation accuracy, epoch {}", best->epoch)});
    else
      result.push_back(
          {percent(best->train_accuracy), fmt::format("training accuracy, epoch {}", best->epoch)});
  }
  double seconds = 0;
  for (const EpochMetrics& epoch : epochs) seconds += std::isfinite(epoch.seconds) ? epoch.seconds : 0;
  if (!epochs.empty())
    result.push_back({human_seconds(seconds),
                      fmt::format("of training, {} epoch{}", epochs.size(), epochs.size() == 1 ? "" : "s")});
  std::int64_t parameters = 0;
  for (const LayerRow& row : report.layers) parameters += row.parameters;
  result.push_back({with_commas(parameters), "parameters"});
  return result;
}

std::vector<std::string> remarks(const TrainingReport& report, std::int64_t input_values) {
  std::vector<std::string> result;
  for (const CliffWarning& warning : cliff_warnings(input_values, report.layers))
    result.push_back(warning.message);
  for (const LayerComplaint& complaint : layer_complaints(last_epoch(report.history)))
    result.push_back(complaint.message);
  if (report.finished)
    if (const std::string advice = fit_advice(report.history.epochs); !advice.empty())
      result.push_back(advice);
  return result;
}

}  // namespace

std::string training_page(const TrainingReport& report) {
  Page page{.title = report.name,
            .subtitle = report.state,
            .highlights = highlights(report),
            .remarks = remarks(report, report.input_values),
            .sections = {}};
  const auto add = [&](const char* id, const char* title, std::string body) {
    page.sections.push_back({id, title, std::move(body)});
  };
  add("curves", "Curves", curves(report));
  add("layers", "Layers", layer_part(report) + activity_part(report));
  if (report.test) add("test", "Test", evaluation_part(*report.test));
  if (report.validation)
    add("validation", "Validation",
        fmt::format("<p class=\"quiet\">After epoch {}, the best so far.</p>\n", report.validation_epoch) +
            evaluation_part(*report.validation));
  else if (!report.test && !report.has_validation_images)
    add("validation", "Validation",
        "<p class=\"quiet\">There are no validation images. Set data.validation, for instance to "
        "{\"fraction\": 0.1}, to see the network's mistakes here.</p>");
  if (report.filters) add("filters", "Filters", filters_part(*report.filters));
  add("config", "Config", fmt::format("<pre tabindex=\"0\">{}</pre>", html_lines(report.config)));
  add("environment", "Environment", definition_table(report.environment));
  return to_html(page);
}

}  // namespace cnn
