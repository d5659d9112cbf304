#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cnn {

/// A number as a reader wants it: "0.1235", "-3.2e-05", "12".
std::string short_number(double value);
/// The same as a factor or a term: negative ones in parentheses.
std::string term(double value);

/// Numbers in rows and columns.
struct Grid {
  std::string head;
  int rows = 1, columns = 1;
  std::vector<double> values;
  std::vector<bool> marked{};   ///< with a star behind the number; empty: none
  std::vector<bool> padding{};  ///< no number, but "pad"; empty: none
};

/// The text of an explanation, and whether every number in it is the engine's.
class Notebook {
 public:
  explicit Notebook(int columns) : columns_(columns) {}

  void heading(std::string_view text);
  /// A paragraph, broken into lines.
  void say(std::string_view text);
  /// Lines that stay as they are.
  void lines(std::string_view text);
  /// Side by side where they fit.
  void grids(const std::vector<Grid>& grids);

  /// "<left> = <terms> = <sum>; the engine: <engine>". Adds the terms up in double precision; of more than
  /// 12, only the first ones and the number are written. `written`: how each term is written; empty: its
  /// value.
  void sum(std::string_view left, std::span<const double> terms, std::span<const std::string> written,
           double engine);
  /// "<left> = <how> = <ours>; the engine: <engine>", for numbers that are not sums. `scale`: the magnitude
  /// that rounding errors are relative to; 0: ours.
  void value(std::string_view left, std::string_view how, double ours, double engine, double scale = 0);
  /// Many numbers at once, without writing them: "<what>: ...".
  void same(std::string_view what, std::span<const double> ours, std::span<const float> engine);

  const std::string& text() const { return text_; }
  bool agrees() const { return agrees_; }

 private:
  std::string verdict(double ours, double engine, double scale);
  int columns_;
  std::string text_;
  bool agrees_ = true;
};

}  // namespace cnn
