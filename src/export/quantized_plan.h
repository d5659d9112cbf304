#pragma once

#include <cstdint>
#include <vector>

#include "core/words.h"
#include "export/plan.h"
#include "export/step_row.h"

namespace cnn {

/// What a byte q of a value stands for: scale * (q - zero).
struct ByteCode {
  double scale = 1;
  int zero = 0;
  double decoded(int q) const { return scale * (q - zero); }
  /// Rounded, and clamped to -128..127.
  std::int8_t encoded(double number) const;
};

/// Smallest and largest number of a value that bytes are to stand for.
struct NumberRange {
  double low = 0, high = 0;
};

/// The code whose bytes cover a range and 0, which is a byte exactly: padding is 0.
ByteCode code_for(const NumberRange& range);

/// The kinds of layers of the int8 C code, in the order of its enumeration.
enum class ByteRowKind { conv, dense, max_pool, avg_pool, sum, product, table };
template <>
inline constexpr auto kWords<ByteRowKind> = all_words<ByteRowKind>({{"CONV", ByteRowKind::conv},
                                                                    {"DENSE", ByteRowKind::dense},
                                                                    {"MAX_POOL", ByteRowKind::max_pool},
                                                                    {"AVG_POOL", ByteRowKind::avg_pool},
                                                                    {"SUM", ByteRowKind::sum},
                                                                    {"PRODUCT", ByteRowKind::product},
                                                                    {"TABLE", ByteRowKind::table}});

/// A step in integers, as a row of the table of layers in the int8 C code (src/export/c/int8_layers.c).
struct ByteRow {
  int step = 0;
  ByteRowKind kind = ByteRowKind::conv;
  RowShape shape{};
  int x_zero = 0, shortcut_zero = 0, y_zero = 0, low = -128;
  std::vector<std::int8_t> weight{};
  std::vector<std::int32_t> bias{}, multiplier{};
  std::vector<std::uint8_t> shift{};
};

/// A plan in 8-bit integers.
struct QuantizedPlan {
  std::vector<ByteCode> codes;  ///< of every value of the plan
  std::vector<ByteRow> rows;
  std::vector<std::int8_t> input_table;  ///< [channel][pixel byte]: the byte of value 0
  std::vector<float> exponentials;       ///< [d]: exp(-d * scale of the logits)
};

/// Weights are symmetric, with a scale for each output channel; values have a scale and a zero each; sums are
/// int32, and multiplied by an integer and shifted to become bytes. The scheme of TensorFlow Lite: B. Jacob
/// et al., 2018, arXiv:1712.05877. ranges: of every value of the plan, which was made with
/// ActivationFolding::rectifiers.
QuantizedPlan quantize(const ExportPlan& plan, const std::vector<NumberRange>& ranges);

}  // namespace cnn
