#pragma once

namespace cnn {

/// The content of page.css and page.js, put into the program by the build.
extern const char* const kPageStyle;
extern const char* const kPageScript;

}  // namespace cnn
