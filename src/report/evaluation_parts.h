#pragma once

#include <string>

#include "report/evaluation_record.h"

namespace cnn {

// The parts of a page about one evaluation, as HTML.

/// Accuracy with its interval, loss, top-k and calibration in one sentence each.
std::string summary_part(const Classification& results);

/// True classes against predicted ones: a table up to 40 classes, beyond that a picture whose fields
/// tell their numbers at the pointer.
std::string confusion_part(const Classification& results);

/// Precision, recall and F1 of every class, and the pairs that are confused most.
std::string per_class_part(const Classification& results);
std::string confused_part(const Classification& results);

/// How often the model is right against how sure it was, as a chart and its table.
std::string calibration_part(const Classification& results);

/// The worst mistakes, each with its picture, what was seen and how surely, and the true class.
std::string mistakes_part(const EvaluationRecord& record);

/// All of them under their headings.
std::string evaluation_part(const EvaluationRecord& record);

}  // namespace cnn
