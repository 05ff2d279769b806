/* How much memory the control groups of this process leave it. */
#ifndef SB_MEMORY_H
#define SB_MEMORY_H

#include <stdint.h>

/* Returns the lowest limit in bytes of our control group and those above it, UINT64_MAX where there is none. */
uint64_t sb_memory_limit(void);

#endif
