#include "browser.h"

#include <sstream>

#include "catch.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {

std::string browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome", "chrome"})
    if (std::string found = on_path(name); !found.empty()) return found;
  return "";
}

Opened open_in(const std::string& browser, const std::filesystem::path& page) {
  const TemporaryFolder profile;
  const ProgramResult result =
      run_program(browser, {"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                            "--disable-background-networking", "--disable-component-update", "--disable-sync",
                            "--disable-dev-shm-usage", "--user-data-dir=" + profile.path().string(),
                            "--enable-logging=stderr", "--dump-dom", "file://" + page.string()});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  Opened opened{result.out, ""};
  std::istringstream lines(result.err);
  for (std::string line; std::getline(lines, line);)
    if (line.find("CONSOLE") != std::string::npos) opened.complaints += line + "\n";
  return opened;
}

std::vector<std::string> references(const std::string& page) {
  std::vector<std::string> found;
  for (const std::string mark : {"src=\"", "href=\"", "url(", "@import", "action=\""})
    for (std::size_t at = 0; (at = page.find(mark, at)) != std::string::npos;) {
      at += mark.size();
      found.push_back(page.substr(at, page.find_first_of("\")", at) - at));
    }
  return found;
}

bool is_inside(const std::string& address) {
  return address.starts_with("#") || address.starts_with("data:");
}

}  // namespace cnn
