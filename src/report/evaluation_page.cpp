#include "report/evaluation_page.h"

#include <spdlog/fmt/fmt.h>

#include "core/text.h"
#include "report/axis.h"
#include "report/evaluation_parts.h"
#include "report/html.h"
#include "report/page.h"

namespace cnn {

std::string evaluation_page(const EvaluationReport& report) {
  const Classification& results = report.record.results;
  const auto percent = [](double fraction) { return number_text(fraction, NumberStyle::percent); };
  const auto [low, high] = results.accuracy_interval();
  Page page{.title = report.name,
            .subtitle = report.what,
            .highlights = {{percent(results.accuracy()), "accuracy"},
                           {fmt::format("{} to {}", percent(low), percent(high)), "95 % confidence"},
                           {with_commas(results.images()), "images"},
                           {number_text(results.loss(), NumberStyle::plain), "cross-entropy"}},
            .remarks = {},
            .sections = {}};
  const std::size_t bad = report.bad_images.size();
  if (bad > 0)
    page.remarks.push_back(fmt::format("{} bad image{} left out.", bad, bad == 1 ? " was" : "s were"));
  page.sections.push_back({"results", "Results", evaluation_part(report.record)});
  if (bad > 0) page.sections.push_back({"bad", "Bad images", definition_table(report.bad_images)});
  if (report.filters) page.sections.push_back({"filters", "Filters", filters_part(*report.filters)});
  page.sections.push_back(
      {"config", "Config", fmt::format("<pre tabindex=\"0\">{}</pre>", html_lines(report.config))});
  page.sections.push_back({"environment", "Environment", definition_table(report.environment)});
  return to_html(page);
}

}  // namespace cnn
