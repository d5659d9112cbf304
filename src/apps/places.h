#pragma once

#include "config/document.h"
#include "nn/spec_error.h"

namespace cnn {

/// Calls body(); a SpecError of it (a shape that cannot work) becomes an Error with file, line and column in
/// front.
template <class Body>
auto with_places(const Document& document, Body&& body) {
  try {
    return body();
  } catch (const SpecError& error) {
    throw Error(error.code(), document.explain(error.pointer(), error.what()));
  }
}

}  // namespace cnn
