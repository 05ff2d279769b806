/*
 * A bundle's bytes in memory, for tests that change them: where its parts lie, its digests made right again, and a walk
 * through all that a bundle promises once it was accepted.
 */
#ifndef SB_TEST_SAMPLE_H
#define SB_TEST_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "../bundle.h"

struct sb_sample {
  uint8_t *bytes;
  size_t length;
};

struct sb_part {
  uint8_t *bytes;
  size_t length;
};

enum { SB_SAMPLE_PARTS = 9 };

/* The parts of a sample; what has been changed may leave a part empty. */
struct sb_sample_parts {
  struct sb_part trailer, header, paths, launch, strings, frames, rows, row_strings, data;
};

/* Finds the parts by what trailer and header say; false where even those are not inside the sample. */
bool sb_sample_find(const struct sb_sample *sample, struct sb_sample_parts *parts);

/* Computes every digest anew, so that what is reached is the check behind it. */
void sb_sample_sign(const struct sb_sample *sample);

/*
 * Uses everything that an accepted bundle promises: every string to its end, every number in its area, every node by its
 * number and its name. Says in `failure` whether some part was refused, and ends the program where a promise is broken.
 */
void sb_sample_walk(const struct sb_bundle *bundle, struct sb_failure *failure);

#endif
