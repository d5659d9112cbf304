/* Starts a program on the emulated board: vectors, data, newlib's semihosting. */
#include <stdint.h>

extern uint32_t data_begin[], data_end[], data_source[], bss_begin[], bss_end[], stack_top[];
extern void initialise_monitor_handles(void);
extern int main(void);
extern void exit(int);

void reset(void) {
  uint32_t *to = data_begin;
  const uint32_t *from = data_source;
  while (to < data_end) *to++ = *from++;
  for (to = bss_begin; to < bss_end; ++to) *to = 0;
  *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* the floating-point unit */
  __asm volatile("dsb\n isb");
  initialise_monitor_handles();
  exit(main());
}

static void fault(void) { exit(99); }

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, reset, fault, fault, fault, fault, fault};
