#pragma once

/// Read by LeakSanitizer; to be included by the one source of a program that has main(). What other libraries
/// lose: dav1d 1.0 40 bytes of some damaged AVIFs.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libdav1d\n"; }
