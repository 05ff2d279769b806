/*
 * The index: where each file's content lies. Read only to extract, never for a warm start, and slice by slice: one store
 * path's rows and strings have a digest of their own, so what is there already is not even read.
 */
#ifndef SB_INDEX_H
#define SB_INDEX_H

#include <stddef.h>

#include "bundle.h"

struct sb_frames {
  struct sb_frame *list; /* owned */
  uint64_t count;        /* at least 1 */
};

/* Reads and checks the frame table: without gap, inside the data, no frame above twice `frame_bytes`. */
enum sb_reason sb_frames_read(struct sb_frames *frames, const struct sb_bundle *bundle, struct sb_failure *failure);

/* Returns the number of the frame that holds the byte at `tar_offset`, which is below header->tar_bytes. */
uint64_t sb_frames_find(const struct sb_frames *frames, uint64_t tar_offset);

/*
 * Returns how many bytes the files of a bundle take, at most: its content, of which long runs of zeros become holes.
 * Frames of nothing else are told by their size, so what is counted is no more than 256 times what they take themselves.
 */
uint64_t sb_frames_disk_bytes(const struct sb_bundle *bundle);

void sb_frames_free(struct sb_frames *frames);

/* The rows of one store path. */
struct sb_slice {
  const char *base;               /* `<hash>-<name>`; borrowed from the bundle */
  const struct sb_path_record *record;
  struct sb_row *rows;            /* record->row_count, sorted by path; owned */
  char *strings;                  /* readable; owned */
};

/*
 * Reads and checks the slice of a store path. Afterwards: paths grow in byte order and are made of proper components,
 * each but the first lies in a directory of an earlier row, contents lie in the store path's part of the tar and grow, a hard
 * link names an earlier file. Modes are those to be made: in the root of an image the owner may write.
 */
enum sb_reason sb_slice_read(struct sb_slice *slice, const struct sb_bundle *bundle, uint32_t path,
                             struct sb_failure *failure);

void sb_slice_free(struct sb_slice *slice);

/* Returns the first of the rows before `end` whose path does not come before `path` in byte order; `end` where none is. */
uint64_t sb_slice_search(const struct sb_slice *slice, const char *path, size_t length, uint64_t end);

static inline const char *sb_slice_string(const struct sb_slice *slice, struct sb_string string) {
  return slice->strings + string.offset;
}

#endif
