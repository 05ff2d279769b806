/*
 * Rewrites random contents in random pieces, some shorter than a match, and compares the result with what rewriting
 * means, said plainly. Prints how many differed.
 *
 *   relocation <empty directory> <how many contents>
 */
#include "../relocation.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONTENT_BYTES = 700, PIECES = 9 };

static const char first_match[] = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char second_match[] = "/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char foreign_match[] = "/nix/store/cccccccccccccccccccccccccccccccc";

static const char *const fragments[] = {
    "/nix/store/", "/nix/store", "/nix/st", "/", "nix", first_match, second_match, foreign_match, first_match + 5,
    second_match + 11,
};

/* Fills `content` with fragments of what is searched, some of which make a whole. */
static void compose(char *content, unsigned *seed) {
  for (size_t at = 0; at < CONTENT_BYTES;) {
    const char *fragment = fragments[(unsigned)rand_r(seed) % (sizeof fragments / sizeof *fragments)];
    size_t length = strlen(fragment);
    if (length > CONTENT_BYTES - at) length = CONTENT_BYTES - at;
    memcpy(content + at, fragment, length);
    at += length;
  }
}

/* Looks at each byte on its own; returns how many matches there were. */
static unsigned rewrite_plainly(char *content, const char *link) {
  unsigned matches = 0;
  for (size_t at = 0; at + SB_MATCH_BYTES <= CONTENT_BYTES; at++) {
    if (memcmp(content + at, first_match, SB_MATCH_BYTES) != 0 && memcmp(content + at, second_match, SB_MATCH_BYTES) != 0) {
      continue;
    }
    memcpy(content + at, link, SB_LINK_BYTES);
    matches++;
  }
  return matches;
}

/* Rewrites the pieces from the last to the first into a file, then what the cuts went through. */
static bool rewrite_in_pieces(const struct sb_relocation *relocation, int file, char *content, unsigned *seed) {
  size_t cuts[PIECES + 1] = {0};
  for (int i = 1; i < PIECES; i++) cuts[i] = cuts[i - 1] + 1 + (size_t)rand_r(seed) % (i % 2 == 0 ? 140 : 12);
  cuts[PIECES] = CONTENT_BYTES;
  for (int i = PIECES; i-- > 0;) {
    size_t bytes = cuts[i + 1] - cuts[i];
    sb_relocation_rewrite(relocation, content + cuts[i], bytes);
    if (pwrite(file, content + cuts[i], bytes, (off_t)cuts[i]) != (ssize_t)bytes) return false;
  }
  for (int i = 1; i < PIECES; i++) {
    if (!sb_relocation_mend(relocation, file, cuts[i])) return false;
  }
  return pread(file, content, CONTENT_BYTES, 0) == CONTENT_BYTES;
}

int main(int argc, char **argv) {
  int top = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  int file = openat(top, "content", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  char strings[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1\0" "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-2";
  struct sb_path_record paths[] = {{.base = {0, 34}}, {.base = {35, 34}}};
  struct sb_header header = {.path_count = 2};
  struct sb_bundle bundle = {.header = &header, .paths = paths, .strings = strings};
  struct sb_relocation relocation;
  if (file < 0 || !sb_relocation_init(&relocation, &bundle)) return 2;
  memcpy(relocation.link, "/tmp/12345", SB_LINK_BYTES + 1);
  unsigned differed = 0, matches = 0;
  for (unsigned seed = 0; seed < (unsigned)atoi(argv[2]); seed++) {
    unsigned state = seed;
    char content[CONTENT_BYTES], expected[CONTENT_BYTES];
    compose(content, &state);
    memcpy(expected, content, sizeof content);
    matches += rewrite_plainly(expected, relocation.link);
    bool done = rewrite_in_pieces(&relocation, file, content, &state);
    if (!done || memcmp(content, expected, sizeof content) != 0) differed++;
  }
  sb_relocation_free(&relocation);
  close(file);
  close(top);
  printf("%u matches, %u differed\n", matches, differed);
  return differed == 0 && matches > 0 ? 0 : 1;
}
