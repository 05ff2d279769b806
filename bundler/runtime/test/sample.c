#include "sample.h"

#include <stdlib.h>
#include <string.h>

#include "../index.h"
#include "../nodes.h"
#include "../sha256.h"

/* Cuts `bytes` from the front of what is left; an empty part where it has no room. */
static struct sb_part cut(struct sb_part *left, uint64_t bytes) {
  struct sb_part part = {.bytes = left->bytes, .length = bytes <= left->length ? (size_t)bytes : 0};
  left->bytes += part.length;
  left->length -= part.length;
  return part;
}

static struct sb_part area(const struct sb_sample *sample, uint64_t offset, uint64_t bytes) {
  if (offset > sample->length || bytes > sample->length - offset) return (struct sb_part){.bytes = sample->bytes};
  return (struct sb_part){.bytes = sample->bytes + offset, .length = (size_t)bytes};
}

/* How many bytes `count` records take; more than there are where there could not be so many. */
static uint64_t bytes_of(uint64_t count, size_t size) { return count > SIZE_MAX / size ? SIZE_MAX : count * size; }

bool sb_sample_find(const struct sb_sample *sample, struct sb_sample_parts *parts) {
  struct sb_trailer trailer;
  if (sample->length < sizeof trailer) return false;
  *parts = (struct sb_sample_parts){.trailer = area(sample, sample->length - sizeof trailer, sizeof trailer)};
  memcpy(&trailer, parts->trailer.bytes, sizeof trailer);
  struct sb_part rest = area(sample, trailer.header_offset, trailer.header_bytes);
  if (rest.length < sizeof(struct sb_header) || trailer.header_offset % 8 != 0) return false;
  parts->header = cut(&rest, sizeof(struct sb_header));
  const struct sb_header *header = (const void *)parts->header.bytes;
  parts->paths = cut(&rest, bytes_of(header->path_count, sizeof(struct sb_path_record)));
  parts->strings = area(sample, trailer.header_offset + trailer.header_bytes - header->strings_bytes, header->strings_bytes);
  parts->launch = cut(&rest, rest.length - (header->strings_bytes <= rest.length ? header->strings_bytes : rest.length));
  rest = area(sample, header->index_offset, sample->length - (header->index_offset < sample->length ? header->index_offset : 0));
  parts->frames = cut(&rest, bytes_of(header->frame_count, sizeof(struct sb_frame)));
  parts->rows = cut(&rest, bytes_of(header->row_count, sizeof(struct sb_row)));
  parts->row_strings = cut(&rest, header->row_strings_bytes);
  parts->data = area(sample, header->data_offset, header->data_bytes);
  return true;
}

static void sign_slice(const struct sb_sample_parts *parts, struct sb_path_record *record) {
  struct sb_sample rows = {parts->rows.bytes, parts->rows.length};
  struct sb_sample strings = {parts->row_strings.bytes, parts->row_strings.length};
  struct sb_part own_rows = area(&rows, bytes_of(record->first_row, sizeof(struct sb_row)),
                                 bytes_of(record->row_count, sizeof(struct sb_row)));
  struct sb_part own_strings = area(&strings, record->row_strings_offset, record->row_strings_bytes);
  struct sb_sha256 hash;
  sb_sha256_begin(&hash);
  sb_sha256_add(&hash, own_rows.bytes, own_rows.length);
  sb_sha256_add(&hash, own_strings.bytes, own_strings.length);
  sb_sha256_end(&hash, record->slice_sha256);
}

void sb_sample_sign(const struct sb_sample *sample) {
  struct sb_sample_parts parts;
  if (!sb_sample_find(sample, &parts)) return;
  struct sb_trailer trailer;
  memcpy(&trailer, parts.trailer.bytes, sizeof trailer);
  struct sb_part header_area = area(sample, trailer.header_offset, trailer.header_bytes);
  struct sb_header *header = (void *)parts.header.bytes;
  struct sb_path_record *paths = (void *)parts.paths.bytes;
  for (size_t i = 0; i < parts.paths.length / sizeof *paths; i++) sign_slice(&parts, &paths[i]);
  sb_sha256_of(parts.frames.bytes, parts.frames.length, header->frames_sha256);
  /* The trailer follows a string area, at any address; records may overlap it, and then hold digests by now. */
  memcpy(&trailer, parts.trailer.bytes, sizeof trailer);
  sb_sha256_of(header_area.bytes, header_area.length, trailer.header_sha256);
  memcpy(parts.trailer.bytes, &trailer, sizeof trailer);
}

/*
 * Lists a directory and all below it by its nodes, and finds each again by its name and its number. Two store paths of one
 * name can be told by nobody before they are unpacked; there the first is found.
 */
static size_t walk_nodes(struct sb_nodes *nodes, const struct sb_node *directory) {
  size_t sum = 0;
  struct sb_failure failure = {0};
  struct sb_entry entry;
  uint64_t position = 0;
  while (sb_node_next(nodes, directory, &position, &entry, &failure) == SB_OK) {
    struct sb_node found, again;
    char *name = strndup(entry.name, entry.name_length);
    if (sb_node_find(nodes, directory, name, &found, &failure) != SB_OK) abort();
    if (directory->slice != NULL && found.row != entry.node.row) abort();
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

/* A byte of a string that is not there would be found here by the sanitizers. */
static void use_string(const char *string, struct sb_string reference) {
  if (strlen(string) != reference.length) abort();
}

static void use_slice(const struct sb_slice *slice) {
  for (uint64_t i = 0; i < slice->record->row_count; i++) {
    use_string(sb_slice_string(slice, slice->rows[i].path), slice->rows[i].path);
    use_string(sb_slice_string(slice, slice->rows[i].target), slice->rows[i].target);
  }
}

void sb_sample_walk(const struct sb_bundle *bundle, struct sb_failure *failure) {
  struct sb_frames frames = {0};
  if (sb_frames_read(&frames, bundle, failure) != SB_OK) return;
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    use_string(sb_bundle_base(bundle, i), bundle->paths[i].base);
    struct sb_slice slice;
    if (sb_slice_read(&slice, bundle, i, failure) != SB_OK) continue;
    use_slice(&slice);
    sb_slice_free(&slice);
    uint64_t first = sb_frames_find(&frames, bundle->paths[i].tar_offset);
    if (frames.list[first].tar_offset > bundle->paths[i].tar_offset) abort();
  }
  sb_frames_free(&frames);
  check_nodes(bundle, failure->reason == SB_OK);
}
