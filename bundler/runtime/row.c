#include "row.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "tree.h"

static const size_t block_bytes = 4096;

/* Nix's own: anything older than the compiled forms that interpreters keep beside their sources. */
static const struct timespec row_times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

void sb_rows_free(struct sb_rows *rows) {
  free(rows->path);
  rows->path = NULL;
}

/* Joins `<base>` and the row's path in the thread's memory. */
static char *row_path(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row) {
  size_t base_length = strlen(slice->base), needed = base_length + row->path.length + 2;
  if (needed > rows->path_room) {
    char *larger = realloc(rows->path, 2 * needed);
    if (larger == NULL) return NULL;
    rows->path = larger;
    rows->path_room = 2 * needed;
  }
  memcpy(rows->path, slice->base, base_length + 1);
  if (row->path.length > 0) {
    rows->path[base_length] = '/';
    memcpy(rows->path + base_length + 1, sb_slice_string(slice, row->path), row->path.length + 1);
  }
  return rows->path;
}

static enum sb_reason failed_at(struct sb_rows *rows, struct sb_failure *failure) {
  return sb_failure_set(failure, SB_WRITE_FAILED, errno, rows->path == NULL ? "a path" : rows->path, NULL);
}

static bool find_spot(struct sb_spot *spot, struct sb_rows *rows, const struct sb_slice *slice,
                      const struct sb_row *row) {
  char *path = row_path(rows, slice, row);
  return path != NULL && sb_spot_find(spot, rows->directory, path);
}

static bool make_empty_file(const struct sb_spot *spot, mode_t mode) {
  SB_AUTO_CLOSE int file = openat(spot->directory, spot->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  return file >= 0 && futimens(file, row_times) == 0;
}

enum sb_reason sb_row_make(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                           struct sb_failure *failure) {
  bool is_empty_file = row->kind == SB_ROW_FILE && row->size_bytes == 0;
  if (row->kind != SB_ROW_DIRECTORY && !is_empty_file) return SB_OK;
  struct sb_spot spot;
  if (!find_spot(&spot, rows, slice, row)) return failed_at(rows, failure);
  bool done = is_empty_file ? make_empty_file(&spot, row->mode) : mkdirat(spot.directory, spot.name, 0755) == 0;
  sb_spot_close(&spot);
  return done ? SB_OK : failed_at(rows, failure);
}

static bool is_zero(const uint8_t *data, size_t bytes) {
  for (; bytes >= sizeof(uint64_t); data += sizeof(uint64_t), bytes -= sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, data, sizeof word);
    if (word != 0) return false;
  }
  for (; bytes > 0; data++, bytes--) {
    if (*data != 0) return false;
  }
  return true;
}

/*
 * Writes what is not zero, by the blocks of the file. What is left out reads as zeros, at the end only once the file got
 * its size.
 */
static bool write_around_holes(int file, const struct sb_piece *piece, bool *ends_in_hole) {
  size_t start = 0;
  for (size_t at = 0; at < piece->bytes;) {
    size_t block = block_bytes - (piece->offset + at) % block_bytes;
    if (block > piece->bytes - at) block = piece->bytes - at;
    if (is_zero(piece->data + at, block)) {
      if (at > start && !sb_file_write_at(file, piece->data + start, at - start, piece->offset + start)) return false;
      start = at + block;
    }
    at += block;
  }
  *ends_in_hole = start == piece->bytes;
  return *ends_in_hole ||
         sb_file_write_at(file, piece->data + start, piece->bytes - start, piece->offset + start);
}

enum sb_reason sb_row_write(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                            const struct sb_piece *piece, struct sb_failure *failure) {
  bool is_whole = piece->bytes == row->size_bytes;
  struct sb_spot spot;
  if (!find_spot(&spot, rows, slice, row)) return failed_at(rows, failure);
  int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (is_whole ? O_EXCL : 0);
  SB_AUTO_CLOSE int file = openat(spot.directory, spot.name, flags, is_whole ? row->mode : 0600);
  sb_spot_close(&spot);
  if (rows->relocation != NULL) sb_relocation_rewrite(rows->relocation, piece->data, piece->bytes);
  bool ends_in_hole;
  if (file < 0 || !write_around_holes(file, piece, &ends_in_hole)) return failed_at(rows, failure);
  if (!is_whole) return SB_OK;
  if (ends_in_hole && ftruncate(file, (off_t)row->size_bytes) != 0) return failed_at(rows, failure);
  return futimens(file, row_times) == 0 ? SB_OK : failed_at(rows, failure);
}

static bool finish_directory(const struct sb_spot *spot, mode_t mode) {
  return utimensat(spot->directory, spot->name, row_times, AT_SYMLINK_NOFOLLOW) == 0 &&
         fchmodat(spot->directory, spot->name, mode, 0) == 0;
}

static bool reaches_beyond(const struct sb_row *row, const struct sb_frame *frame) {
  return frame->tar_offset + frame->tar_bytes < row->data_offset + row->size_bytes;
}

/* Finishes a file that came in pieces. */
static bool finish_file(const struct sb_spot *spot, const struct sb_relocation *relocation, const struct sb_row *row,
                        const struct sb_frame *frame) {
  SB_AUTO_CLOSE int file = openat(spot->directory, spot->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0 || ftruncate(file, (off_t)row->size_bytes) != 0) return false;
  for (; relocation != NULL && reaches_beyond(row, frame); frame++) {
    if (!sb_relocation_mend(relocation, file, frame->tar_offset + frame->tar_bytes - row->data_offset)) return false;
  }
  return fchmod(file, row->mode) == 0 && futimens(file, row_times) == 0;
}

static bool make_symlink(const struct sb_spot *spot, const struct sb_relocation *relocation, const char *target) {
  SB_AUTO_FREE char *moved = NULL;
  if (relocation != NULL) {
    moved = strdup(target);
    if (moved == NULL) return false;
    sb_relocation_rewrite(relocation, moved, strlen(moved));
    target = moved;
  }
  return symlinkat(target, spot->directory, spot->name) == 0 &&
         utimensat(spot->directory, spot->name, row_times, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A file system may have no hard links, and ext4 has 65,000 of a file. */
static bool is_without_links(int error) { return error == EMLINK || error == EPERM || error == EOPNOTSUPP; }

/* Makes a copy of a file where a link can't be had; sendfile(2) leaves the bytes in the kernel. */
static bool copy_file(const struct sb_spot *from, const struct sb_spot *to, const struct sb_row *row) {
  SB_AUTO_CLOSE int source = openat(from->directory, from->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  SB_AUTO_CLOSE int copy =
      source < 0 ? -1 : openat(to->directory, to->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, row->mode);
  if (copy < 0) return false;
  for (ssize_t sent = 1; sent > 0;) {
    sent = sendfile(copy, source, NULL, SSIZE_MAX & ~(size_t)0xffff);
    if (sent < 0) return false;
  }
  return futimens(copy, row_times) == 0;
}

static bool make_link(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                      const struct sb_spot *spot) {
  /* Two paths at a time, so the target's gets memory of its own. */
  struct sb_rows target_rows = {.directory = rows->directory};
  struct sb_spot target;
  bool done = find_spot(&target, &target_rows, slice, &slice->rows[row->link_row]);
  if (done) {
    done = linkat(target.directory, target.name, spot->directory, spot->name, 0) == 0 ||
           (is_without_links(errno) && copy_file(&target, spot, &slice->rows[row->link_row]));
    sb_spot_close(&target);
  }
  int error = errno;
  sb_rows_free(&target_rows);
  errno = error;
  return done;
}

enum sb_reason sb_row_finish(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                             const struct sb_frame *frame, struct sb_failure *failure) {
  bool is_top = row->path.length == 0;
  if (row->kind == SB_ROW_FILE && (row->size_bytes == 0 || !reaches_beyond(row, frame))) return SB_OK;
  if (row->kind == SB_ROW_DIRECTORY && is_top) return SB_OK;
  struct sb_spot spot;
  if (!find_spot(&spot, rows, slice, row)) return failed_at(rows, failure);
  bool done = false;
  switch ((enum sb_row_kind)row->kind) {
    case SB_ROW_DIRECTORY:
      done = finish_directory(&spot, row->mode);
      break;
    case SB_ROW_FILE:
      done = finish_file(&spot, rows->relocation, row, frame);
      break;
    case SB_ROW_SYMLINK:
      done = make_symlink(&spot, rows->relocation, sb_slice_string(slice, row->target));
      break;
    case SB_ROW_LINK:
      done = make_link(rows, slice, row, &spot);
      break;
  }
  sb_spot_close(&spot);
  return done ? SB_OK : failed_at(rows, failure);
}

bool sb_row_seal_top(int directory, const char *base) {
  struct sb_spot spot = {.directory = directory, .name = base};
  struct stat status;
  if (fstatat(directory, base, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  return !S_ISDIR(status.st_mode) || finish_directory(&spot, 0555);
}
