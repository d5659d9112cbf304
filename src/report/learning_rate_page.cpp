#include "report/learning_rate_page.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <limits>

#include "report/html.h"
#include "report/page.h"

namespace cnn {

LineChart learning_rate_chart(const LearningRateReport& report, bool raw) {
  LineChart chart{.title = "Loss while the learning rate rises",
                  .x_name = "learning rate",
                  .x = report.rates,
                  .series = {{"smoothed loss", report.smoothed}},
                  .x_logarithmic = true,
                  .mark_text = ""};
  if (raw) chart.series.push_back({"loss of the step", report.losses});
  // A divergence would press everything else against the axis.
  const double most = report.smoothed.empty() ? 0 : 1.5 * report.smoothed.front();
  for (Series& series : chart.series)
    for (double& y : series.y)
      if (!(y <= most)) y = std::numeric_limits<double>::quiet_NaN();
  if (report.suggestion > 0) {
    chart.marked_x = report.suggestion;
    chart.mark_text = fmt::format("suggestion {:g}", report.suggestion);
  }
  return chart;
}

std::string learning_rate_page(const LearningRateReport& report) {
  Page page{.title = report.name,
            .subtitle = "Which learning rate?",
            .highlights = {},
            .remarks = {},
            .sections = {}};
  if (report.suggestion > 0)
    page.highlights.push_back({fmt::format("{:g}", report.suggestion), "suggested learning rate"});
  page.sections.push_back({"sweep", "Sweep",
                           fmt::format("<p>{}</p>\n<div class=\"charts single\">\n{}</div>\n",
                                       html(report.verdict), line_chart(learning_rate_chart(report, true)))});
  page.sections.push_back(
      {"config", "Config", fmt::format("<pre tabindex=\"0\">{}</pre>", html_lines(report.config))});
  page.sections.push_back({"environment", "Environment", definition_table(report.environment)});
  return to_html(page);
}

}  // namespace cnn
