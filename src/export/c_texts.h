#pragma once

namespace cnn {

/// The files of src/export/c, put into the program by the build.
extern const char* const kFloatLayersText;
extern const char* const kInt8LayersText;
extern const char* const kMainText;

}  // namespace cnn
