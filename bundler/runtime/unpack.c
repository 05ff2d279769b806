/* extract: the closure as nix/store below a directory that is new or empty, as the tar in the bundle has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "extract.h"
#include "join.h"
#include "options.h"
#include "row.h"
#include "signals.h"
#include "tree.h"

static enum sb_reason write_failed(const char *path, struct sb_failure *failure) {
  return sb_failure_set(failure, SB_WRITE_FAILED, errno, path, NULL);
}

static enum sb_reason extract_to(const struct sb_start *start, int directory, struct sb_failure *failure) {
  uint32_t count = start->bundle->header->path_count;
  SB_AUTO_FREE uint32_t *paths = calloc(count, sizeof *paths);
  if (paths == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, "the extraction", NULL);
  for (uint32_t i = 0; i < count; i++) paths[i] = i;
  struct sb_extraction extraction = {
      .bundle = start->bundle,
      .paths = paths,
      .path_count = count,
      .directory = directory,
      .jobs = start->settings->jobs,
  };
  enum sb_reason reason = sb_extract(&extraction, failure);
  for (uint32_t i = 0; reason == SB_OK && i < count; i++) {
    const char *base = sb_bundle_base(start->bundle, i);
    if (!sb_row_seal_top(directory, base)) reason = write_failed(base, failure);
  }
  return reason;
}

/* Makes a directory that has to be new, and opens it; -1 with errno set. */
static int make_new(int parent, const char *name) {
  return mkdirat(parent, name, 0755) == 0 ? sb_directory_make(parent, name, 0755) : -1;
}

/* Extracts to `nix`, which is ours and new; on failure it is empty again. */
static enum sb_reason fill(const struct sb_start *start, int nix, const char *path, struct sb_failure *failure) {
  SB_AUTO_CLOSE int store = make_new(nix, "store");
  if (store < 0) return write_failed(path, failure);
  struct sb_signals signals;
  sb_signals_catch(&signals);
  enum sb_reason reason = extract_to(start, store, failure);
  if (reason != SB_OK) sb_tree_empty(nix);
  sb_signals_release(&signals);
  return reason;
}

/*
 * Extracts below an open, empty directory. Where others may write to it too, they are not led on: `nix` has to be made
 * here, and nothing else is removed where that fails.
 */
static enum sb_reason fill_top(const struct sb_start *start, int top, const char *path, struct sb_failure *failure) {
  SB_AUTO_CLOSE int nix = make_new(top, "nix");
  if (nix < 0) return write_failed(path, failure);
  enum sb_reason reason = fill(start, nix, path, failure);
  if (reason != SB_OK) unlinkat(top, "nix", AT_REMOVEDIR);
  return reason;
}

enum sb_reason sb_unpack_run(const struct sb_request *request, struct sb_failure *failure) {
  const char *path = request->arguments[0];
  bool is_new = mkdir(path, 0755) == 0;
  if (!is_new && errno != EEXIST) return write_failed(path, failure);
  SB_AUTO_CLOSE int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (top < 0) return write_failed(path, failure);
  if (!sb_is_empty(top)) {
    errno = ENOTEMPTY;
    return write_failed(path, failure);
  }
  mode_t before = umask(0);
  enum sb_reason reason = fill_top(request->start, top, path, failure);
  umask(before);
  if (reason != SB_OK && is_new) rmdir(path);
  return reason;
}
