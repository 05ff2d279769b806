/*
 * Fuzzes the requests that the server of `lazy` answers. The input is requests, one behind the other: two bytes for the
 * length, and so many bytes. They are asked of the bundle that SADDLEBAG_FUZZ_BUNDLE names; the kernel gets no answer.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../fuse.h"
#include "fuzz.h"

static struct sb_bundle bundle;
static struct sb_settings settings = {.jobs = 1};
static struct sb_start start = {.program = "app", .bundle = &bundle, .settings = &settings};
static struct sb_fuse fuse = {.start = &start};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  const char *path = getenv("SADDLEBAG_FUZZ_BUNDLE");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  struct sb_failure failure = {0};
  struct sb_frames frames;
  if (sb_bundle_open(&bundle, file, path, sb_bundle_own_machine(), &failure) != SB_OK) abort();
  if (sb_frames_read(&frames, &bundle, &failure) != SB_OK || !sb_nodes_init(&fuse.nodes, &bundle)) abort();
  sb_frame_cache_init(&fuse.cache, &bundle, &frames);
  fuse.device = open("/dev/null", O_WRONLY | O_CLOEXEC);
  return fuse.device < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  /* What one request left in the buffers is there for the next, as it is in the server. */
  struct sb_fuse_buffers *buffers = calloc(1, sizeof *buffers);
  if (buffers == NULL) abort();
  while (size >= 2) {
    size_t length = data[0] | (size_t)data[1] << 8;
    data += 2, size -= 2;
    if (length > size) length = size;
    if (length > SB_FUSE_REQUEST_BYTES) length = SB_FUSE_REQUEST_BYTES;
    memcpy(buffers->request, data, length);
    buffers->request[length] = '\0';
    sb_fuse_answer(&fuse, buffers, length);
    data += length, size -= length;
  }
  free(buffers);
  return 0;
}
