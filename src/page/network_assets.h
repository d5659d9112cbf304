#pragma once

namespace cnn {

/// page.html, page.css, and all scripts one after the other, put into the program by the build.
extern const char* const kNetworkPageHtml;
extern const char* const kNetworkPageStyle;
extern const char* const kNetworkPageScript;

}  // namespace cnn
