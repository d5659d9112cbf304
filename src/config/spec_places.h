#pragma once

#include "config/document.h"
#include "nn/spec_error.h"

namespace cnn {

/// Calls body(); a SpecError of it (a shape that cannot work) becomes an Error with file, line and column in
/// front, that ends the program with `code`: a config inside a model is a fault of that file (run_failed).
template <class Body>
auto with_places(const Document& document, Body&& body, ExitCode code = ExitCode::bad_usage) {
  try {
    return body();
  } catch (const SpecError& error) {
    throw Error(code, document.explain(error.pointer(), error.what()));
  }
}

}  // namespace cnn
