/*
 * Reads a bundle some thousand times with bytes of its header and index changed and their digests made right again, so
 * that the checks behind the digests are reached. Under the sanitizers a check that is missing ends the program; what
 * passes all checks is walked through, to show that it can be trusted.
 *
 *   mutations <bundle> <rounds>
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "../file.h"
#include "../index.h"
#include "../nodes.h"
#include "../sha256.h"

struct sample {
  uint8_t *bytes;
  size_t length;
};

static uint64_t random_state = 88172645463325252;

/* xorshift64: the same sequence in each run. */
static uint64_t next_random(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % below;
}

static void change_byte(uint8_t *area, uint64_t length) {
  static const uint8_t telling[] = {0, 1, 2, 4, 0x7f, 0x80, 0xff};
  if (length == 0) return;
  uint8_t *at = area + next_random(length);
  *at = next_random(2) == 0 ? telling[next_random(sizeof telling)] : (uint8_t)(*at ^ 1U << next_random(8));
}

/* Changes header, frame table, a slice or the trailer, and signs what is around it again. */
static void mutate(struct sample *sample) {
  /* A copy, for the trailer follows a string area, at any address. */
  struct sb_trailer trailer;
  uint8_t *trailer_bytes = sample->bytes + sample->length - sizeof trailer;
  memcpy(&trailer, trailer_bytes, sizeof trailer);
  uint8_t *header_bytes = sample->bytes + trailer.header_offset;
  uint64_t header_length = trailer.header_bytes;
  struct sb_header *header = (void *)header_bytes;
  uint8_t *frames = sample->bytes + header->index_offset;
  uint64_t frames_length = header->frame_count * sizeof(struct sb_frame);
  uint8_t *rows = frames + frames_length;
  uint8_t *row_strings = rows + header->row_count * sizeof(struct sb_row);
  struct sb_path_record *paths = (void *)(header + 1);
  uint64_t changes = 1 + next_random(3), target = next_random(8);
  for (uint64_t i = 0; i < changes; i++) {
    if (target < 3) change_byte(rows, (uint64_t)(row_strings - rows));
    if (target == 3) change_byte(row_strings, header->row_strings_bytes);
    if (target == 4) change_byte(frames, frames_length);
  }
  for (uint32_t i = 0; i < header->path_count; i++) {
    struct sb_sha256 hash;
    sb_sha256_begin(&hash);
    sb_sha256_add(&hash, rows + paths[i].first_row * sizeof(struct sb_row), paths[i].row_count * sizeof(struct sb_row));
    sb_sha256_add(&hash, row_strings + paths[i].row_strings_offset, paths[i].row_strings_bytes);
    sb_sha256_end(&hash, paths[i].slice_sha256);
  }
  sb_sha256_of(frames, frames_length, header->frames_sha256);
  for (uint64_t i = 0; i < changes && target > 4 && target < 7; i++) change_byte(header_bytes, header_length);
  sb_sha256_of(header_bytes, header_length, trailer.header_sha256);
  memcpy(trailer_bytes, &trailer, sizeof trailer);
  if (target == 7) change_byte(trailer_bytes, sizeof trailer);
}

/* Lists a directory and all below it by its nodes, and finds each again by its name. */
static size_t walk_nodes(struct sb_nodes *nodes, const struct sb_node *directory) {
  size_t sum = 0;
  struct sb_failure failure = {0};
  struct sb_entry entry;
  uint64_t position = 0;
  while (sb_node_next(nodes, directory, &position, &entry, &failure) == SB_OK) {
    struct sb_node found, again;
    char *name = strndup(entry.name, entry.name_length);
    if (sb_node_find(nodes, directory, name, &found, &failure) != SB_OK || found.row != entry.node.row) abort();
    if (sb_node_get(nodes, found.number, &again, &failure) != SB_OK || again.row != found.row) abort();
    free(name);
    sum += 1 + (found.row->kind == SB_ROW_DIRECTORY ? walk_nodes(nodes, &found) : 0);
  }
  sb_failure_clear(&failure);
  return sum;
}

/* Every row is one node of the tree below the store directory, where all slices are sound. */
static void check_nodes(const struct sb_bundle *bundle, bool is_sound) {
  struct sb_nodes nodes;
  struct sb_node root;
  struct sb_failure failure = {0};
  if (!sb_nodes_init(&nodes, bundle) || sb_node_get(&nodes, SB_NODE_ROOT, &root, &failure) != SB_OK) abort();
  size_t count = walk_nodes(&nodes, &root);
  if (is_sound && count != bundle->header->row_count) abort();
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    if (nodes.slices[i].rows != NULL) sb_slice_free(&nodes.slices[i]);
  }
  free(nodes.slices);
}

/* Uses everything that a sound bundle promises: every string to its end, every number in its area. */
static size_t walk(const struct sb_bundle *bundle, struct sb_failure *failure) {
  size_t sum = 0;
  struct sb_frames frames = {0};
  if (sb_frames_read(&frames, bundle, failure) != SB_OK) return 0;
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    sum += strlen(sb_bundle_base(bundle, i));
    struct sb_slice slice;
    if (sb_slice_read(&slice, bundle, i, failure) != SB_OK) continue;
    for (uint64_t k = 0; k < slice.record->row_count; k++) {
      sum += strlen(sb_slice_string(&slice, slice.rows[k].path)) + strlen(sb_slice_string(&slice, slice.rows[k].target));
    }
    sb_slice_free(&slice);
  }
  sb_frames_free(&frames);
  check_nodes(bundle, failure->reason == SB_OK);
  return sum;
}

static bool read_sample(const char *path, struct sample *sample) {
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) return false;
  sample->length = (size_t)status.st_size;
  sample->bytes = malloc(sample->length);
  bool done = sample->bytes != NULL && sb_file_read_at(file, sample->bytes, sample->length, 0);
  close(file);
  return done;
}

int main(int argc, char **argv) {
  struct sample sound = {0};
  if (argc != 3 || !read_sample(argv[1], &sound)) return 2;
  struct sample changed = {.bytes = malloc(sound.length), .length = sound.length};
  int file = memfd_create("bundle", MFD_CLOEXEC);
  long refused = 0, accepted = 0, rounds = strtol(argv[2], NULL, 10);
  for (long i = 0; i < rounds; i++) {
    memcpy(changed.bytes, sound.bytes, sound.length);
    if (i > 0) mutate(&changed);
    if (!sb_file_write_at(file, changed.bytes, changed.length, 0)) return 2;
    struct sb_bundle bundle;
    struct sb_failure failure = {0};
    if (sb_bundle_open(&bundle, file, argv[1], sb_bundle_own_machine(), &failure) == SB_OK) {
      walk(&bundle, &failure);
      sb_bundle_close(&bundle);
    }
    if (failure.reason == SB_OK) accepted++; else refused++;
    if (i == 0 && failure.reason != SB_OK) return 3;
    sb_failure_clear(&failure);
  }
  printf("%ld refused, %ld accepted\n", refused, accepted);
  free(sound.bytes);
  free(changed.bytes);
  return 0;
}
