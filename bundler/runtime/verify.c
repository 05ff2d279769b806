/*
 * verify: all of the bundle that a start may read against its digests, then what the cache has of the closure against
 * the bundle. A store path that differs loses its marker and is extracted again, unless something runs from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "cleanup.h"
#include "file.h"
#include "fill.h"
#include "frame-cache.h"
#include "options.h"
#include "sha256.h"
#include "text.h"
#include "tree.h"
#include "usage.h"

enum { CHUNK_BYTES = 64 << 10 };

struct verification {
  const struct sb_start *start;
  struct sb_frame_cache frames;
  struct sb_text report;
  enum sb_reason reason;
  struct sb_failure *failure;
  uint8_t expected[CHUNK_BYTES], found[CHUNK_BYTES];
};

/* Holds a store path's part of the tar against its digest. */
static bool verify_content(struct verification *verification, const struct sb_path_record *record) {
  struct sb_sha256 hash;
  uint8_t digest[SB_DIGEST_BYTES];
  sb_sha256_begin(&hash);
  for (uint64_t at = 0; at < record->tar_bytes;) {
    size_t bytes = record->tar_bytes - at < CHUNK_BYTES ? (size_t)(record->tar_bytes - at) : CHUNK_BYTES;
    if (!sb_frame_cache_read(&verification->frames, verification->expected, bytes, record->tar_offset + at)) return false;
    sb_sha256_add(&hash, verification->expected, bytes);
    at += bytes;
  }
  sb_sha256_end(&hash, digest);
  return memcmp(digest, record->content_sha256, sizeof digest) == 0;
}

/* Whether an open file holds what the row says. */
static bool is_same_content(struct verification *verification, int file, const struct sb_row *row) {
  for (uint64_t at = 0; at < row->size_bytes;) {
    size_t bytes = row->size_bytes - at < CHUNK_BYTES ? (size_t)(row->size_bytes - at) : CHUNK_BYTES;
    if (!sb_frame_cache_read(&verification->frames, verification->expected, bytes, row->data_offset + at)) return false;
    if (!sb_file_read_at(file, verification->found, bytes, at)) return false;
    if (memcmp(verification->expected, verification->found, bytes) != 0) return false;
    at += bytes;
  }
  return true;
}

static bool is_same_target(const struct sb_spot *spot, const char *target, size_t length) {
  SB_AUTO_FREE char *found = malloc(length + 2);
  ssize_t bytes = found == NULL ? -1 : readlinkat(spot->directory, spot->name, found, length + 1);
  return bytes == (ssize_t)length && memcmp(found, target, length) == 0;
}

static bool is_as_row_says(struct verification *verification, const struct sb_spot *spot, const struct sb_slice *slice,
                           const struct sb_row *row) {
  static const mode_t types[] = {0, S_IFDIR, S_IFREG, S_IFLNK, S_IFREG};
  struct stat status;
  if (fstatat(spot->directory, spot->name, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if ((status.st_mode & S_IFMT) != types[row->kind]) return false;
  if (row->kind == SB_ROW_SYMLINK) return is_same_target(spot, sb_slice_string(slice, row->target), row->target.length);
  /* A top is closed whatever becomes of what is in it. */
  mode_t mode = row->path.length == 0 ? row->mode & ~(mode_t)S_IWUSR : row->mode;
  if ((status.st_mode & 07777) != mode) return false;
  if (row->kind == SB_ROW_DIRECTORY) return true;
  const struct sb_row *content = row->kind == SB_ROW_LINK ? &slice->rows[row->link_row] : row;
  if ((uint64_t)status.st_size != content->size_bytes) return false;
  SB_AUTO_CLOSE int file = openat(spot->directory, spot->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  return file >= 0 && is_same_content(verification, file, content);
}

/* Returns the first path in the tree that is not as the bundle has it, in heap memory; NULL where all are. */
static char *find_damage(struct verification *verification, int trees, const struct sb_slice *slice) {
  for (uint64_t i = 0; i < slice->record->row_count; i++) {
    const struct sb_row *row = &slice->rows[i];
    SB_AUTO_FREE char *path = sb_text_format("%s%s%s", slice->base, row->path.length == 0 ? "" : "/",
                                             sb_slice_string(slice, row->path));
    struct sb_spot spot;
    if (path == NULL || !sb_spot_find(&spot, trees, path)) return strdup(slice->base);
    bool is_sound = is_as_row_says(verification, &spot, slice, row);
    sb_spot_close(&spot);
    if (!is_sound) return sb_printable(path);
  }
  return NULL;
}

static bool is_running(const char *base) {
  struct sb_units units = {0};
  bool runs = sb_units_add(&units, base) == NULL || !sb_usage_keep(&units) || units.list[0].is_kept;
  sb_units_free(&units);
  return runs;
}

/* Verifies one store path in a store; true where it is to be extracted again. */
static bool verify_tree(struct verification *verification, const struct sb_store *store, uint32_t number) {
  struct sb_slice slice;
  verification->reason = sb_slice_read(&slice, verification->start->bundle, number, verification->failure);
  if (verification->reason != SB_OK) return false;
  SB_AUTO_FREE char *damage = find_damage(verification, store->trees, &slice);
  bool is_held = damage != NULL && is_running(slice.base);
  bool is_mended = damage != NULL && !is_held && unlinkat(store->meta, slice.base, 0) == 0;
  sb_text_add(&verification->report, "%s/%s: %s%s%s\n", store->path, slice.base, damage == NULL ? "sound" : "differs at ",
              damage, damage == NULL ? "" : is_mended ? ", extracted again" : ", left: it is in use");
  if (damage != NULL && !is_mended) {
    verification->reason = sb_failure_set(verification->failure, SB_STORE_DAMAGED, 0, store->path, slice.base);
  }
  sb_slice_free(&slice);
  return is_mended;
}

static bool verify_store(void *context, int directory, const char *path) {
  struct verification *verification = context;
  const struct sb_start *start = verification->start;
  SB_AUTO_CLOSE int trees = openat(directory, "store", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  SB_AUTO_CLOSE int meta = openat(directory, "meta", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  SB_AUTO_FREE char *name = sb_text_format("%s/store", path);
  if (trees < 0 || meta < 0 || name == NULL) return false;
  struct sb_store store = {.control = directory, .trees = trees, .meta = meta, .path = name};
  sb_boot_id_read(store.boot_id);
  bool is_damaged = false;
  for (uint32_t i = 0; i < start->bundle->header->path_count; i++) {
    if (sb_store_check_path(&store, start->bundle, i) == SB_OK && verify_tree(verification, &store, i)) is_damaged = true;
  }
  size_t extracted;
  mode_t before = umask(0);
  if (is_damaged && verification->reason == SB_OK) {
    verification->reason = sb_store_fill(&store, start, &extracted, verification->failure);
  }
  umask(before);
  return verification->reason != SB_OK;
}

/* The shared store of a place, and the one that this closure may have for itself. */
static bool verify_place(void *context, int directory, const char *path) {
  struct verification *verification = context;
  char hex[2 * SB_DIGEST_BYTES + 1];
  sb_hex_write(hex, verification->start->bundle->header->closure_sha256, SB_DIGEST_BYTES);
  SB_AUTO_FREE char *own = sb_text_format("%s/own-%s", path, hex);
  SB_AUTO_CLOSE int own_directory = own == NULL ? -1 : open(own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return verify_store(context, directory, path) || (own_directory >= 0 && verify_store(context, own_directory, own));
}

/* The index, each store path's content, and the end of the tar, which belongs to none. */
static enum sb_reason verify_bundle(struct verification *verification) {
  const struct sb_bundle *bundle = verification->start->bundle;
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    struct sb_slice slice;
    enum sb_reason reason = sb_slice_read(&slice, bundle, i, verification->failure);
    if (reason != SB_OK) return reason;
    sb_slice_free(&slice);
    if (verify_content(verification, &bundle->paths[i])) continue;
    return sb_failure_set(verification->failure, SB_BUNDLE_DAMAGED, 0, sb_bundle_base(bundle, i),
                          "its content's digest differs");
  }
  if (!sb_frame_cache_read(&verification->frames, verification->expected, SB_TAR_END_BYTES,
                           bundle->header->tar_bytes - SB_TAR_END_BYTES)) {
    return sb_failure_set(verification->failure, SB_BUNDLE_DAMAGED, 0, "the bundle", "its last frame");
  }
  sb_text_add(&verification->report, "%s: sound\n", verification->start->program);
  return SB_OK;
}

enum sb_reason sb_verify_run(const struct sb_request *request, struct sb_failure *failure) {
  struct sb_frames frames;
  enum sb_reason reason = sb_frames_read(&frames, request->start->bundle, failure);
  if (reason != SB_OK) return reason;
  struct verification verification = {.start = request->start, .failure = failure};
  sb_frame_cache_init(&verification.frames, request->start->bundle, &frames);
  verification.reason = verify_bundle(&verification);
  if (verification.reason == SB_OK) sb_cache_visit(verify_place, &verification);
  sb_frame_cache_drop(&verification.frames);
  sb_frames_free(&verification.frames.frames);
  SB_AUTO_FREE struct sb_text report = verification.report;
  struct sb_failure unwritten = {0};
  enum sb_reason printed = sb_options_print(report.data, report.bytes, verification.reason == SB_OK ? failure : &unwritten);
  sb_failure_clear(&unwritten);
  return verification.reason == SB_OK ? printed : verification.reason;
}
