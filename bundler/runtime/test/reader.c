/*
 * Reads bundles as the runtime does, from header to the last file: for each on standard input, behind its length in four
 * bytes, it prints a line with `accepted` or the reason in words. Store paths are extracted to a directory, and removed.
 *
 *   reader <empty directory>
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../extract.h"
#include "../file.h"
#include "../message.h"
#include "../tree.h"

/* e_machine: the reader takes bundles of both. */
static const unsigned machines[] = {62, 183};

static enum sb_reason extract_all(const struct sb_bundle *bundle, int directory, struct sb_failure *failure) {
  uint32_t *paths = calloc(bundle->header->path_count, sizeof *paths);
  if (paths == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, "the paths", NULL);
  for (uint32_t i = 0; i < bundle->header->path_count; i++) paths[i] = i;
  struct sb_extraction extraction = {
      .bundle = bundle, .paths = paths, .path_count = bundle->header->path_count, .directory = directory, .jobs = 1};
  enum sb_reason reason = sb_extract(&extraction, failure);
  free(paths);
  return reason;
}

static enum sb_reason read_bundle(int file, int directory, struct sb_failure *failure) {
  struct sb_bundle bundle;
  enum sb_reason reason = SB_BUNDLE_MACHINE;
  for (size_t i = 0; reason == SB_BUNDLE_MACHINE && i < sizeof machines / sizeof *machines; i++) {
    reason = sb_bundle_open(&bundle, file, "bundle", machines[i], failure);
  }
  if (reason != SB_OK) return reason;
  sb_failure_clear(failure);
  reason = extract_all(&bundle, directory, failure);
  sb_bundle_close(&bundle);
  return reason;
}

static bool answer(const void *bytes, uint32_t length, int file, int directory) {
  struct sb_failure failure = {0};
  if (ftruncate(file, (off_t)length) != 0 || !sb_file_write_at(file, bytes, length, 0)) return false;
  if (read_bundle(file, directory, &failure) == SB_OK) {
    puts("accepted");
  } else {
    char *words = sb_message_describe(&failure);
    puts(words);
    free(words);
  }
  sb_failure_clear(&failure);
  return sb_tree_empty(directory);
}

int main(int argc, char **argv) {
  int directory = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  int file = memfd_create("bundle", MFD_CLOEXEC);
  uint32_t length;
  if (directory < 0 || file < 0) return 2;
  umask(0);
  while (fread(&length, sizeof length, 1, stdin) == 1) {
    void *bytes = malloc(length);
    bool done = bytes != NULL && fread(bytes, 1, length, stdin) == length && answer(bytes, length, file, directory);
    free(bytes);
    if (!done) return 1;
  }
  close(file);
  close(directory);
  return 0;
}
