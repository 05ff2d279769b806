#include "index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "sha256.h"
#include "string-area.h"

static enum sb_reason unreadable(struct sb_failure *failure, const char *object) {
  return sb_failure_set(failure, SB_BUNDLE_UNREADABLE, errno, object, errno == 0 ? "the file ends too early" : NULL);
}

static const char *check_frames(const struct sb_header *header, const struct sb_frame *frames) {
  uint64_t offset = 0, tar_offset = 0, row = 0;
  for (uint64_t i = 0; i < header->frame_count; i++) {
    const struct sb_frame *frame = &frames[i];
    if (frame->offset != offset || frame->tar_offset != tar_offset) return "the frames leave a gap";
    if (frame->tar_bytes == 0 || frame->bytes == 0 || frame->bytes > header->data_bytes - offset || frame->tar_bytes > header->tar_bytes - tar_offset ||
        frame->tar_bytes > 2 * (uint64_t)header->frame_bytes) {
      return "a frame leaves its area";
    }
    if (frame->first_row < row || frame->first_row > header->row_count) return "a frame begins at an impossible row";
    offset += frame->bytes;
    tar_offset += frame->tar_bytes;
    row = frame->first_row;
  }
  if (offset != header->data_bytes || tar_offset != header->tar_bytes) return "the frames leave a rest";
  return NULL;
}

enum sb_reason sb_frames_read(struct sb_frames *frames, const struct sb_bundle *bundle, struct sb_failure *failure) {
  const struct sb_header *header = bundle->header;
  size_t bytes = header->frame_count * sizeof(struct sb_frame);
  *frames = (struct sb_frames){.list = malloc(bytes), .count = header->frame_count};
  if (frames->list == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, "the frame table", NULL);
  uint8_t digest[SB_DIGEST_BYTES];
  const char *wrong = "the frame table's digest differs";
  enum sb_reason reason;
  if (!sb_file_read_at(bundle->file, frames->list, bytes, header->index_offset)) {
    reason = unreadable(failure, "the frame table");
  } else {
    sb_sha256_of(frames->list, bytes, digest);
    if (memcmp(digest, header->frames_sha256, sizeof digest) == 0) wrong = check_frames(header, frames->list);
    if (wrong == NULL) return SB_OK;
    reason = sb_failure_set(failure, SB_BUNDLE_DAMAGED, 0, "the index", wrong);
  }
  sb_frames_free(frames);
  return reason;
}

uint64_t sb_frames_find(const struct sb_frames *frames, uint64_t tar_offset) {
  uint64_t low = 0, high = frames->count;
  while (high - low > 1) {
    uint64_t middle = low + (high - low) / 2;
    if (frames->list[middle].tar_offset <= tar_offset) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

uint64_t sb_frames_disk_bytes(const struct sb_bundle *bundle) {
  struct sb_failure failure = {0};
  struct sb_frames frames;
  uint64_t content = bundle->header->content_bytes, bytes = 0;
  if (sb_frames_read(&frames, bundle, &failure) != SB_OK) {
    /* What is wrong with the table is told when it is used. */
    sb_failure_clear(&failure);
    return content;
  }
  for (uint64_t i = 0; i < frames.count; i++) {
    uint64_t most = (uint64_t)frames.list[i].bytes * 256;
    bytes += frames.list[i].tar_bytes < most ? frames.list[i].tar_bytes : most;
  }
  sb_frames_free(&frames);
  return bytes < content ? bytes : content;
}

void sb_frames_free(struct sb_frames *frames) {
  free(frames->list);
  frames->list = NULL;
}

static bool is_relative_path(const char *path) {
  for (;;) {
    size_t length = strcspn(path, "/");
    if (length == 0 || (length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.')) {
      return false;
    }
    if (path[length] == '\0') return true;
    path += length + 1;
  }
}

/* Compares a row's path with the first `length` bytes of `path`, in byte order. */
static int compare_path(const struct sb_slice *slice, const struct sb_row *row, const char *path, size_t length) {
  size_t shared = row->path.length < length ? row->path.length : length;
  int order = memcmp(sb_slice_string(slice, row->path), path, shared);
  return order != 0 ? order : (row->path.length > length) - (row->path.length < length);
}

uint64_t sb_slice_search(const struct sb_slice *slice, const char *path, size_t length, uint64_t end) {
  uint64_t low = 0, high = end;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (compare_path(slice, &slice->rows[middle], path, length) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/*
 * Whether the directory that holds `rows[number]` has a row before it. A search, not a stack of open directories: in
 * byte order `a-b` stands between `a` and `a/c`.
 */
static bool has_parent(const struct sb_slice *slice, uint64_t number) {
  const char *path = sb_slice_string(slice, slice->rows[number].path);
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash - path);
  const struct sb_row *parent = &slice->rows[sb_slice_search(slice, path, length, number)];
  return parent->kind == SB_ROW_DIRECTORY && compare_path(slice, parent, path, length) == 0;
}

static bool is_mode_of_kind(const struct sb_row *row) {
  switch (row->kind) {
    case SB_ROW_DIRECTORY:
      return row->mode == 0555;
    case SB_ROW_SYMLINK:
      return row->mode == 0777;
    case SB_ROW_FILE:
    case SB_ROW_LINK:
      return row->mode == 0444 || row->mode == 0555;
    default:
      return false;
  }
}

static const char *check_row(const struct sb_slice *slice, uint64_t number) {
  const struct sb_row *row = &slice->rows[number];
  uint64_t strings_bytes = slice->record->row_strings_bytes;
  if (!sb_string_is_sound(slice->strings, strings_bytes, row->path) ||
      !sb_string_is_sound(slice->strings, strings_bytes, row->target)) {
    return "a string leaves its area";
  }
  if (!is_mode_of_kind(row)) return "a row has an impossible kind or mode";
  for (size_t i = 0; i < sizeof row->zero; i++) {
    if (row->zero[i] != 0) return "a row's reserved bytes are set";
  }
  if ((row->kind == SB_ROW_SYMLINK) != (row->target.length > 0)) return "a row has an impossible target";
  if (row->kind != SB_ROW_FILE && row->size_bytes != 0) return "a row has an impossible size";
  if (row->kind == SB_ROW_LINK ? row->link_row >= number || slice->rows[row->link_row].kind != SB_ROW_FILE
                               : row->link_row != 0) {
    return "a hard link names no earlier file";
  }
  const char *path = sb_slice_string(slice, row->path);
  if (number == 0) {
    return *path == '\0' && row->kind != SB_ROW_LINK ? NULL : "a store path begins with a row of something else";
  }
  if (!is_relative_path(path)) return "a row has an impossible path";
  if (compare_path(slice, row - 1, path, row->path.length) >= 0) return "the rows are not sorted";
  return has_parent(slice, number) ? NULL : "a row lies in no directory";
}

static const char *check_rows(const struct sb_slice *slice) {
  const struct sb_path_record *record = slice->record;
  uint64_t reached = record->tar_offset, end = record->tar_offset + record->tar_bytes;
  for (uint64_t i = 0; i < record->row_count; i++) {
    const char *wrong = check_row(slice, i);
    if (wrong != NULL) return wrong;
    const struct sb_row *row = &slice->rows[i];
    if (row->size_bytes == 0) {
      if (row->data_offset != 0) return "an empty row has content";
      continue;
    }
    if (row->data_offset < reached || row->data_offset > end || row->size_bytes > end - row->data_offset) {
      return "a file's content leaves its area";
    }
    reached = row->data_offset + row->size_bytes;
  }
  return NULL;
}

static enum sb_reason read_slice(struct sb_slice *slice, const struct sb_bundle *bundle, struct sb_failure *failure) {
  const struct sb_header *header = bundle->header;
  const struct sb_path_record *record = slice->record;
  size_t rows_bytes = record->row_count * sizeof(struct sb_row), strings_bytes = record->row_strings_bytes;
  uint64_t rows_offset = header->index_offset + header->frame_count * sizeof(struct sb_frame);
  uint64_t strings_offset = rows_offset + header->row_count * sizeof(struct sb_row);
  slice->rows = malloc(rows_bytes);
  slice->strings = malloc(strings_bytes + 1);
  if (slice->rows == NULL || slice->strings == NULL) {
    return sb_failure_set(failure, SB_MEMORY_SHORT, 0, slice->base, NULL);
  }
  if (!sb_file_read_at(bundle->file, slice->rows, rows_bytes,
                       rows_offset + record->first_row * sizeof(struct sb_row)) ||
      !sb_file_read_at(bundle->file, slice->strings, strings_bytes, strings_offset + record->row_strings_offset)) {
    return unreadable(failure, slice->base);
  }
  struct sb_sha256 hash;
  uint8_t digest[SB_DIGEST_BYTES];
  sb_sha256_begin(&hash);
  sb_sha256_add(&hash, slice->rows, rows_bytes);
  sb_sha256_add(&hash, slice->strings, strings_bytes);
  sb_sha256_end(&hash, digest);
  if (memcmp(digest, record->slice_sha256, sizeof digest) != 0) {
    return sb_failure_set(failure, SB_BUNDLE_DAMAGED, 0, slice->base, "its index's digest differs");
  }
  sb_strings_unmask(slice->strings, strings_bytes);
  return SB_OK;
}

/*
 * In the tree that becomes the app's root its owner may write: what an app changes there goes to another layer, and with
 * the modes of a store path not even /var or /run would be open to it.
 */
static void allow_writing(const struct sb_slice *slice) {
  for (uint64_t i = 0; i < slice->record->row_count; i++) slice->rows[i].mode |= S_IWUSR;
}

enum sb_reason sb_slice_read(struct sb_slice *slice, const struct sb_bundle *bundle, uint32_t path,
                             struct sb_failure *failure) {
  *slice = (struct sb_slice){.base = sb_bundle_base(bundle, path), .record = &bundle->paths[path]};
  enum sb_reason reason = read_slice(slice, bundle, failure);
  if (reason == SB_OK) {
    const char *wrong = check_rows(slice);
    if (wrong == NULL) {
      if (strcmp(slice->base, sb_bundle_string(bundle, bundle->header->root)) == 0) allow_writing(slice);
      return SB_OK;
    }
    reason = sb_failure_set(failure, SB_BUNDLE_DAMAGED, 0, slice->base, wrong);
  }
  sb_slice_free(slice);
  return reason;
}

void sb_slice_free(struct sb_slice *slice) {
  free(slice->rows);
  free(slice->strings);
  *slice = (struct sb_slice){0};
}
