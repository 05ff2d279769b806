/*
 * What every fuzz target is: a function that libFuzzer calls with bytes, as often as it can. Source: LLVM's documentation
 * of libFuzzer.
 */
#ifndef SB_FUZZ_H
#define SB_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Changes `size` bytes in a buffer of `room` and returns how many there are now; `seed` decides how. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

/* libFuzzer's own way to change bytes. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
