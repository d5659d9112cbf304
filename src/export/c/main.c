/* NAME_main: names the class of each picture that the command line gives. Shows how NAME.h is used:

       cc -O2 NAME.c NAME_main.c -lm -o NAME && ./NAME picture.ppm

   A picture is a binary PGM (gray) or PPM (color) file of NAME_WIDTH x NAME_HEIGHT pixels; a network that
   takes neither 1 nor 3 channels reads a file of bare bytes, pixel by pixel.
   Exit status: 0 done, 1 a picture could not be read or the output not be written, 2 no picture given. */
#include <stdio.h>

#include "NAME.h"

#define PIXEL_BYTES (NAME_WIDTH * NAME_HEIGHT * NAME_CHANNELS)
#if NAME_CHANNELS == 1
#define PICTURE_KIND "a binary PGM file"
#elif NAME_CHANNELS == 3
#define PICTURE_KIND "a binary PPM file"
#else
#define PICTURE_KIND "a file of bare bytes"
#endif

/* A number of a PNM header, behind blanks and comments; -1: there is none. */
static int header_number(FILE *file) {
  int c = getc(file), number = 0;
  while (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '#') {
    if (c == '#')
      while (c != '\n' && c != EOF) c = getc(file);
    else
      c = getc(file);
  }
  if (c < '0' || c > '9') return -1;
  for (; c >= '0' && c <= '9' && number < 100000; c = getc(file)) number = number * 10 + (c - '0');
  return number;
}

/* What is wrong with the picture, or a null pointer. */
static const char *read_picture(FILE *file, uint8_t *pixels) {
#if NAME_CHANNELS == 1 || NAME_CHANNELS == 3
  const int kind = NAME_CHANNELS == 1 ? '5' : '6';
  if (getc(file) != 'P' || getc(file) != kind)
    return NAME_CHANNELS == 1 ? "is not a binary PGM file (P5)" : "is not a binary PPM file (P6)";
  if (header_number(file) != NAME_WIDTH || header_number(file) != NAME_HEIGHT)
    return "has another size than the network";
  if (header_number(file) != 255) return "has other values than 0 to 255";
#endif
  if (fread(pixels, 1, PIXEL_BYTES, file) != PIXEL_BYTES) return "ends too early";
  return NULL;
}

int main(int argc, char **argv) {
  static uint8_t pixels[PIXEL_BYTES];
  static uint32_t scratch[(NAME_SCRATCH_BYTES + 3) / 4]; /* a type that needs 4-byte alignment */
  float probabilities[NAME_CLASSES];
  int i, k, best, failed = 0;
#if NAME_CHANNELS != 1 && NAME_CHANNELS != 3
  (void)header_number;
#endif
  if (argc < 2) {
    fprintf(stderr,
            "usage: %s PICTURE...\n"
            "Names the class of each picture and the probability of every class. A picture is %s of %d x %d pixels.\n",
            argc > 0 ? argv[0] : "NAME", PICTURE_KIND, NAME_WIDTH, NAME_HEIGHT);
    return 2;
  }
  for (i = 1; i < argc; ++i) {
    FILE *file = fopen(argv[i], "rb");
    const char *fault = file ? read_picture(file, pixels) : "cannot be opened";
    if (file) fclose(file);
    if (fault) {
      fprintf(stderr, "%s: %s\n", argv[i], fault);
      failed = 1;
      continue;
    }
    NAME_predict(pixels, probabilities, scratch);
    best = 0;
    for (k = 1; k < NAME_CLASSES; ++k)
      if (probabilities[k] > probabilities[best]) best = k;
    printf("%s: %s", argv[i], NAME_class_names[best]);
    for (k = 0; k < NAME_CLASSES; ++k) printf(" %.9g", (double)probabilities[k]);
    printf("\n");
  }
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fprintf(stderr, "standard output: cannot be written\n");
    failed = 1;
  }
  return failed;
}
