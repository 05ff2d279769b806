/*
 * The kernel's FUSE protocol (fuse(4), linux/fuse.h): one request in, its answer out. Read-only, and nothing ever
 * changes, so whatever the kernel may keep it is told to keep: names, also those that are not there, attributes,
 * contents, directories, the targets of links. Opening a file or directory is no request at all where the kernel knows
 * how (3.16, 5.1).
 */
#ifndef SB_FUSE_H
#define SB_FUSE_H

#include "frame-cache.h"
#include "nodes.h"
#include "strategy.h"

enum {
  /* What the kernel wants room for, FUSE_MIN_READ_BUFFER. */
  SB_FUSE_REQUEST_BYTES = 8192,
  /* What it takes at most: 32 pages of up to 4 KiB unless more is agreed on. */
  SB_FUSE_ANSWER_BYTES = 128 << 10,
};

struct sb_fuse {
  const struct sb_start *start; /* borrowed */
  int device;                   /* borrowed */
  uint32_t kernel_flags;
  struct sb_nodes nodes;
  struct sb_frame_cache cache;
};

/* The memory of one thread. */
struct sb_fuse_buffers {
  union {
    char request[SB_FUSE_REQUEST_BYTES + 1]; /* and a NUL behind it */
    uint64_t alignment;
  };
  union {
    char answer[SB_FUSE_ANSWER_BYTES];
    uint64_t answer_alignment;
  };
};

/*
 * Answers the request of `bytes` bytes in `buffers`. What it fails of is told to the kernel, which tells the app; where
 * it is the bundle's fault, a line says so where SADDLEBAG_DEBUG is set.
 */
void sb_fuse_answer(struct sb_fuse *fuse, struct sb_fuse_buffers *buffers, size_t bytes);

#endif
