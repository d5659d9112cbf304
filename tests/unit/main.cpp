#ifdef CNN_CATCH2_V2
#define CATCH_CONFIG_RUNNER
#endif
#include <cstdlib>

#include "catch.h"
#include "known_leaks.h"

int main(int argc, char** argv) {
  // Nothing is kept in the folder of who runs the tests, and no message depends on how long decoding takes.
  ::setenv("XDG_CACHE_HOME", "/dev/null", 1);
  return Catch::Session().run(argc, argv);
}
