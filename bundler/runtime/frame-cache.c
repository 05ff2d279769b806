#include "frame-cache.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file.h"
#include "frame.h"
#include "memory.h"

/*
 * What has been read stays in the kernel's own cache; kept here is what else was in the same frames. An app that loads
 * its files in an order of its own comes back to each frame many times, and below what it uses at once each file costs a
 * frame. Flask's first start (57 MB, 15 frames of 4 MiB) took 0.5 s more than the app itself with 64 and with 32 MiB, 1.4 s
 * with 16, 6 s with 8, on a busy machine. A quarter of the control group's memory is the most that a helper may take.
 */
static const uint64_t kept_bytes_max = UINT64_C(64) << 20;
static const uint64_t memory_share = 4;

void sb_frame_cache_init(struct sb_frame_cache *cache, const struct sb_bundle *bundle, const struct sb_frames *frames) {
  uint64_t share = sb_memory_limit() / memory_share;
  *cache = (struct sb_frame_cache){
      .bundle = bundle,
      .frames = *frames,
      .bytes_max = share < kept_bytes_max ? share : kept_bytes_max,
  };
}

static uint64_t content_bytes(const struct sb_frame_cache *cache, const struct sb_cached_frame *slot) {
  return cache->frames.list[slot->number].tar_bytes;
}

static void free_slot(struct sb_frame_cache *cache, struct sb_cached_frame *slot) {
  cache->bytes -= content_bytes(cache, slot);
  free(slot->content);
  slot->content = NULL;
  slot->last_use = 0;
}

/* Returns the slot that holds a frame, or NULL. */
static struct sb_cached_frame *find_slot(struct sb_frame_cache *cache, uint64_t number) {
  for (size_t i = 0; i < SB_FRAME_CACHE_SLOTS; i++) {
    struct sb_cached_frame *slot = &cache->slots[i];
    if (slot->last_use != 0 && slot->number == number) return slot;
  }
  return NULL;
}

/* Returns the slot that was used the longest ago and is not in use; NULL where all are. A free one was used never. */
static struct sb_cached_frame *oldest_slot(struct sb_frame_cache *cache, bool is_free_wanted) {
  struct sb_cached_frame *oldest = NULL;
  for (size_t i = 0; i < SB_FRAME_CACHE_SLOTS; i++) {
    struct sb_cached_frame *slot = &cache->slots[i];
    if (slot->users > 0 || (slot->last_use == 0 && !is_free_wanted)) continue;
    if (oldest == NULL || slot->last_use < oldest->last_use) oldest = slot;
  }
  return oldest;
}

/* Returns a free slot for a frame of so many bytes, and keeps the cache below its bound. */
static struct sb_cached_frame *make_room(struct sb_frame_cache *cache, uint64_t needed) {
  struct sb_cached_frame *slot;
  while (cache->bytes + needed > cache->bytes_max && (slot = oldest_slot(cache, false)) != NULL) free_slot(cache, slot);
  slot = oldest_slot(cache, true);
  if (slot != NULL && slot->last_use != 0) free_slot(cache, slot);
  return slot;
}

static uint8_t *decode(const struct sb_frame_cache *cache, const struct sb_frame *frame) {
  const struct sb_bundle *bundle = cache->bundle;
  SB_AUTO_FREE uint8_t *compressed = malloc((size_t)frame->bytes + 1);
  SB_AUTO_FREE uint8_t *content = malloc(frame->tar_bytes);
  struct sb_decoder *decoder = sb_decoder_new();
  bool done = compressed != NULL && content != NULL && decoder != NULL &&
              sb_file_read_at(bundle->file, compressed, frame->bytes, bundle->header->data_offset + frame->offset) &&
              sb_frame_decode(decoder, content, frame->tar_bytes, compressed, frame->bytes);
  sb_decoder_free(decoder);
  uint8_t *result = done ? content : NULL;
  if (done) content = NULL;
  return result;
}

/* Returns the slot with a frame in it, decoded or not to be decoded; NULL where there is no slot. */
static struct sb_cached_frame *take(struct sb_frame_cache *cache, uint64_t number) {
  const struct sb_frame *frame = &cache->frames.list[number];
  sb_lock_take(&cache->lock);
  struct sb_cached_frame *slot = find_slot(cache, number);
  bool is_new = slot == NULL;
  if (is_new) slot = make_room(cache, frame->tar_bytes);
  if (slot != NULL) {
    slot->users++;
    slot->last_use = ++cache->clock;
  }
  if (is_new && slot != NULL) {
    slot->number = number;
    cache->bytes += frame->tar_bytes;
    /* Nobody holds it: whoever waited for what was in the slot before was a user of it. */
    sb_lock_take(&slot->filling);
  }
  sb_lock_give(&cache->lock);
  if (slot == NULL) return NULL;
  if (is_new) {
    slot->content = decode(cache, frame);
  } else {
    sb_lock_take(&slot->filling);
  }
  sb_lock_give(&slot->filling);
  return slot;
}

static void give(struct sb_frame_cache *cache, struct sb_cached_frame *slot) {
  sb_lock_take(&cache->lock);
  slot->users--;
  /* Memory may be short now and not the next time. */
  if (slot->users == 0 && slot->content == NULL) free_slot(cache, slot);
  sb_lock_give(&cache->lock);
}

bool sb_frame_cache_read(struct sb_frame_cache *cache, void *data, size_t bytes, uint64_t tar_offset) {
  char *at = data;
  while (bytes > 0) {
    uint64_t number = sb_frames_find(&cache->frames, tar_offset);
    const struct sb_frame *frame = &cache->frames.list[number];
    uint64_t skipped = tar_offset - frame->tar_offset;
    size_t piece = frame->tar_bytes - skipped < bytes ? (size_t)(frame->tar_bytes - skipped) : bytes;
    struct sb_cached_frame *slot = take(cache, number);
    if (slot == NULL) return false;
    bool is_sound = slot->content != NULL;
    if (is_sound) memcpy(at, slot->content + skipped, piece);
    give(cache, slot);
    if (!is_sound) return false;
    at += piece;
    tar_offset += piece;
    bytes -= piece;
  }
  return true;
}

void sb_frame_cache_drop(struct sb_frame_cache *cache) {
  sb_lock_take(&cache->lock);
  for (struct sb_cached_frame *slot; (slot = oldest_slot(cache, false)) != NULL;) free_slot(cache, slot);
  sb_lock_give(&cache->lock);
}
