/* Classifies the images in images.h on the device, and prints the bits of every probability, the stack that was used, and
   the instructions an image took: the emulator counts one per nanosecond (-icount shift=0), and a timer of the board runs
   with 25 MHz. */
#include <stdio.h>
#include <string.h>

#include "digits.h"
#include "images.h"

#define TIMER_CONTROL (*(volatile uint32_t *)0x40000000u)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004u)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008u)
#define INSTRUCTIONS_A_TICK 40u /* 1 GHz / 25 MHz */

enum { STACK_WORDS = 4096 };
static uint32_t scratch[(digits_SCRATCH_BYTES + 3) / 4];
static float probabilities[digits_CLASSES];

/* How many bytes of stack a call takes: what it writes over of a pattern below the stack pointer. */
static __attribute__((noinline)) unsigned stack_bytes(const uint8_t *image) {
  volatile uint32_t *here, *low;
  int i, unused = 0;
  __asm volatile("mov %0, sp" : "=r"(here));
  low = here - STACK_WORDS;
  for (i = 0; i < STACK_WORDS; ++i) low[i] = 0xA5A5A5A5u;
  digits_predict(image, probabilities, scratch);
  while (unused < STACK_WORDS && low[unused] == 0xA5A5A5A5u) ++unused;
  return 4u * (unsigned)(STACK_WORDS - unused);
}

int main(void) {
  uint32_t ticks = 0, bits;
  int n, k;
  const unsigned stack = stack_bytes(images[0]);
  TIMER_RELOAD = 0xFFFFFFFFu;
  TIMER_CONTROL = 1;
  for (n = 0; n < IMAGES; ++n) {
    uint32_t before;
    memset(scratch, 0x5A, sizeof scratch); /* what is in it does not matter */
    before = TIMER_VALUE;
    digits_predict(images[n], probabilities, scratch);
    ticks += before - TIMER_VALUE;
    for (k = 0; k < digits_CLASSES; ++k) {
      memcpy(&bits, &probabilities[k], 4);
      printf("%08lx ", (unsigned long)bits);
    }
    printf("\n");
  }
  printf("stack %u\n", stack);
  printf("instructions %lu\n", (unsigned long)(ticks / IMAGES * INSTRUCTIONS_A_TICK));
  return 0;
}
