#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

bool sb_file_read_at(int file, void *data, size_t bytes, uint64_t offset) {
  char *at = data;
  while (bytes > 0) {
    ssize_t count = pread(file, at, bytes, (off_t)offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      if (count == 0) errno = 0;
      return false;
    }
    at += count;
    offset += (uint64_t)count;
    bytes -= (size_t)count;
  }
  return true;
}

bool sb_file_write_at(int file, const void *data, size_t bytes, uint64_t offset) {
  const char *at = data;
  while (bytes > 0) {
    ssize_t count = pwrite(file, at, bytes, (off_t)offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    at += count;
    offset += (uint64_t)count;
    bytes -= (size_t)count;
  }
  return true;
}

char *sb_file_read_text(const char *path) {
  SB_AUTO_CLOSE int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return NULL;
  SB_AUTO_FREE char *text = NULL;
  size_t used = 0;
  for (size_t room = 4096;; room *= 2) {
    char *larger = realloc(text, room + 1);
    if (larger == NULL) return NULL;
    text = larger;
    ssize_t count = 1;
    while (used < room && (count = read(file, text + used, room - used)) != 0) {
      if (count < 0 && errno != EINTR) return NULL;
      if (count > 0) used += (size_t)count;
    }
    if (count == 0) break;
  }
  text[used] = '\0';
  char *result = text;
  text = NULL;
  return result;
}

bool sb_file_write_text(const char *path, const char *text) {
  SB_AUTO_CLOSE int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  size_t bytes = strlen(text);
  return write(file, text, bytes) == (ssize_t)bytes;
}

void sb_file_hold_streams(void) {
  int file = STDIN_FILENO;
  while (file >= 0 && file <= STDERR_FILENO) file = open("/", O_PATH | O_CLOEXEC);
  if (file >= 0) close(file);
}

bool sb_file_close_from(int first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return true;
  /* Before 5.9. */
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  for (int file = first; file < (int)limit.rlim_cur; file++) close(file);
  return true;
}
