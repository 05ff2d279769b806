/*
 * Makes what one row of the index describes, below the directory of an extraction. Everything is made new. A directory
 * stays writable until the last round, when nothing comes into it any more. The caller's umask has to be 0.
 */
#ifndef SB_ROW_H
#define SB_ROW_H

#include <stddef.h>

#include "index.h"
#include "relocation.h"

/* Where rows are made, and the memory for their paths: one for each thread. */
struct sb_rows {
  int directory;
  const struct sb_relocation *relocation; /* NULL: contents stay as they are */
  char *path; /* owned, grows */
  size_t path_room;
};

void sb_rows_free(struct sb_rows *rows);

/* First round: a directory, or a file without content. Other rows are none of its business. */
enum sb_reason sb_row_make(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                           struct sb_failure *failure);

/* A piece of a file's content, as a frame holds it. */
struct sb_piece {
  uint8_t *data; /* rewritten where the store paths are relocated */
  size_t bytes;
  uint64_t offset; /* in the file */
};

/*
 * Second round: writes a piece of a file. A file that comes in one piece is finished by that; of another, pieces may
 * come in any order and at the same time, and the last round finishes it.
 */
enum sb_reason sb_row_write(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                            const struct sb_piece *piece, struct sb_failure *failure);

/*
 * Last round, to be called from the last row to the first: links are made, times and modes set. `frame` is the one of the
 * frame table in which the row's content begins; a row without content has none. The top directory is left writable, for
 * one that is not can't be moved.
 */
enum sb_reason sb_row_finish(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                             const struct sb_frame *frame, struct sb_failure *failure);

/* Once the store path is where it belongs: gives its top the last time and mode; false with errno set. */
bool sb_row_seal_top(int directory, const char *base);

#endif
