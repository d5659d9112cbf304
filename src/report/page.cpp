#include "report/page.h"

#include <spdlog/fmt/fmt.h>

#include "report/html.h"
#include "report/page_assets.h"

namespace cnn {

std::string to_html(const Page& page) {
  std::string text = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
)";
  text +=
      fmt::format("<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n", html(page.title), kPageStyle);
  text += fmt::format("<header>\n<h1>{}</h1>\n<p class=\"quiet\">{}</p>\n", html(page.title),
                      html(page.subtitle));
  if (!page.highlights.empty()) {
    text += "<div class=\"highlights\">\n";
    for (const Highlight& highlight : page.highlights)
      text +=
          fmt::format("<div><b>{}</b><span>{}</span></div>\n", html(highlight.value), html(highlight.what));
    text += "</div>\n";
  }
  for (const std::string& remark : page.remarks)
    text += fmt::format("<p class=\"remark\">{}</p>\n", html(remark));
  text += "</header>\n<nav aria-label=\"Sections\">";
  for (const Section& section : page.sections)
    if (!section.body.empty()) text += fmt::format("<a href=\"#{}\">{}</a>", section.id, html(section.title));
  text += "</nav>\n<main>\n";
  for (const Section& section : page.sections)
    if (!section.body.empty())
      text += fmt::format(
          "<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 "
          "id=\"{0}-title\">{1}</h2>\n{2}\n</section>\n",
          section.id, html(section.title), section.body);
  return text + fmt::format("</main>\n<script>\n{}</script>\n</body>\n</html>\n", kPageScript);
}

std::string definition_table(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string text = "<table class=\"definitions\">\n";
  for (const auto& [name, value] : rows)
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", html(name), html(value));
  return text + "</table>\n";
}

}  // namespace cnn
