/*
 * Decoded frames, kept for who reads more of them, and shared by threads: a frame that several want is decoded once,
 * the others wait for it. Compressed bytes, decoder and content live only as long as they are needed.
 */
#ifndef SB_FRAME_CACHE_H
#define SB_FRAME_CACHE_H

#include "index.h"
#include "lock.h"

/* More than there are threads, so that one is always free or can be freed. */
enum { SB_FRAME_CACHE_SLOTS = 64 };

struct sb_cached_frame {
  uint64_t number;
  uint64_t last_use; /* 0: the slot is free */
  unsigned users;
  uint8_t *content;        /* NULL after `filling`: it could not be decoded */
  struct sb_lock filling; /* held while the content is made */
};

struct sb_frame_cache {
  const struct sb_bundle *bundle; /* borrowed */
  struct sb_frames frames;        /* owned */
  uint64_t bytes_max;             /* kept, besides what is being read */
  struct sb_lock lock;           /* guards what follows, and all of a slot but its content */
  uint64_t bytes;
  uint64_t clock;
  struct sb_cached_frame slots[SB_FRAME_CACHE_SLOTS];
};

/* Takes over the frame table. */
void sb_frame_cache_init(struct sb_frame_cache *cache, const struct sb_bundle *bundle, const struct sb_frames *frames);

/*
 * Copies `bytes` bytes at `tar_offset` of the tar, which has to hold them. False where a frame can't be read, is damaged
 * or memory is short.
 */
bool sb_frame_cache_read(struct sb_frame_cache *cache, void *data, size_t bytes, uint64_t tar_offset);

/* Frees every frame that nobody reads. */
void sb_frame_cache_drop(struct sb_frame_cache *cache);

#endif
