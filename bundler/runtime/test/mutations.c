/*
 * Reads a bundle some thousand times with bytes of its header and index changed and their digests made right again, so
 * that the checks behind the digests are reached. Under the sanitizers a check that is missing ends the program; what
 * passes all checks is walked through, to show that it can be trusted.
 *
 *   mutations <bundle> <rounds>
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "../file.h"
#include "sample.h"

static uint64_t random_state = 88172645463325252;

/* xorshift64: the same sequence in each run. */
static uint64_t next_random(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % below;
}

static void change_byte(const struct sb_part *part) {
  static const uint8_t telling[] = {0, 1, 2, 4, 0x7f, 0x80, 0xff};
  if (part->length == 0) return;
  uint8_t *at = part->bytes + next_random(part->length);
  *at = next_random(2) == 0 ? telling[next_random(sizeof telling)] : (uint8_t)(*at ^ 1U << next_random(8));
}

/* Changes header, frame table, a slice or the trailer, and signs what is around it again. */
static void mutate(const struct sb_sample *sample) {
  struct sb_sample_parts parts;
  if (!sb_sample_find(sample, &parts)) abort();
  /* From the header's own part to its last string nothing lies between. */
  struct sb_part header = {parts.header.bytes, (size_t)(parts.trailer.bytes - parts.header.bytes)};
  uint64_t changes = 1 + next_random(3), target = next_random(8);
  for (uint64_t i = 0; i < changes; i++) {
    if (target < 3) change_byte(&parts.rows);
    if (target == 3) change_byte(&parts.row_strings);
    if (target == 4) change_byte(&parts.frames);
    if (target > 4 && target < 7) change_byte(&header);
  }
  sb_sample_sign(sample);
  if (target == 7) change_byte(&parts.trailer);
}

static bool read_sample(const char *path, struct sb_sample *sample) {
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) return false;
  sample->length = (size_t)status.st_size;
  sample->bytes = malloc(sample->length);
  bool done = sample->bytes != NULL && sb_file_read_at(file, sample->bytes, sample->length, 0);
  close(file);
  return done;
}

int main(int argc, char **argv) {
  struct sb_sample sound = {0};
  if (argc != 3 || !read_sample(argv[1], &sound)) return 2;
  struct sb_sample changed = {.bytes = malloc(sound.length), .length = sound.length};
  int file = memfd_create("bundle", MFD_CLOEXEC);
  long refused = 0, accepted = 0, rounds = strtol(argv[2], NULL, 10);
  for (long i = 0; i < rounds; i++) {
    memcpy(changed.bytes, sound.bytes, sound.length);
    if (i > 0) mutate(&changed);
    if (!sb_file_write_at(file, changed.bytes, changed.length, 0)) return 2;
    struct sb_bundle bundle;
    struct sb_failure failure = {0};
    if (sb_bundle_open(&bundle, file, argv[1], sb_bundle_own_machine(), &failure) == SB_OK) {
      sb_sample_walk(&bundle, &failure);
      sb_bundle_close(&bundle);
    }
    if (failure.reason == SB_OK) accepted++; else refused++;
    if (i == 0 && failure.reason != SB_OK) return 3;
    sb_failure_clear(&failure);
  }
  printf("%ld refused, %ld accepted\n", refused, accepted);
  free(sound.bytes);
  free(changed.bytes);
  return 0;
}
