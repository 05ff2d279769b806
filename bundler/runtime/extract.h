/*
 * Extracts store paths in parallel, three rounds with all threads: directories and empty files; contents, frame by
 * frame; then links, times and modes. A frame is decoded into a buffer of its thread and written from there, so memory
 * stays below threads × (2 × frameBytes + one compressed frame), whatever the size of files.
 */
#ifndef SB_EXTRACT_H
#define SB_EXTRACT_H

#include <stddef.h>

#include "bundle.h"
#include "relocation.h"

struct sb_extraction {
  const struct sb_bundle *bundle;
  const uint32_t *paths; /* numbers of the store paths to extract */
  size_t path_count;
  int directory; /* empty and ours; each store path is made in it under its `<hash>-<name>` */
  const struct sb_relocation *relocation; /* NULL: for /nix/store */
  unsigned jobs;
};

/*
 * Makes the trees as they have to be: modes, mtime 1, holes for blocks of zeros; only the tops stay writable, until
 * `sb_row_seal_top`. The caller's umask has to be 0. On failure what was made so far is left to the caller.
 */
enum sb_reason sb_extract(const struct sb_extraction *extraction, struct sb_failure *failure);

#endif
