#include "nodes.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

enum { FIRST_ROW_NODE = SB_NODE_ROOT + 1 };

bool sb_nodes_init(struct sb_nodes *nodes, const struct sb_bundle *bundle) {
  *nodes = (struct sb_nodes){
      .bundle = bundle,
      .slices = calloc(bundle->header->path_count, sizeof *nodes->slices),
  };
  return nodes->slices != NULL;
}

static enum sb_reason missing(struct sb_failure *failure) {
  return sb_failure_set(failure, SB_PATH_MISSING, 0, NULL, NULL);
}

static enum sb_reason read_slice_once(struct sb_nodes *nodes, uint32_t path, struct sb_failure *failure) {
  enum sb_reason reason = SB_OK;
  sb_lock_take(&nodes->lock);
  struct sb_slice *slice = &nodes->slices[path];
  if (slice->rows == NULL) reason = sb_slice_read(slice, nodes->bundle, path, failure);
  sb_lock_give(&nodes->lock);
  return reason;
}

static struct sb_node node_of_row(const struct sb_slice *slice, uint64_t row) {
  if (slice->rows[row].kind == SB_ROW_LINK) row = slice->rows[row].link_row;
  return (struct sb_node){
      .number = FIRST_ROW_NODE + slice->record->first_row + row, .slice = slice, .row = &slice->rows[row]};
}

static enum sb_reason get_top(struct sb_nodes *nodes, uint32_t path, struct sb_node *node, struct sb_failure *failure) {
  enum sb_reason reason = read_slice_once(nodes, path, failure);
  if (reason == SB_OK) *node = node_of_row(&nodes->slices[path], 0);
  return reason;
}

/* Returns the number of the store path that has the row; the path records leave no gap. */
static uint32_t find_path(const struct sb_bundle *bundle, uint64_t row) {
  uint32_t low = 0, high = bundle->header->path_count;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (bundle->paths[middle].first_row <= row) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

enum sb_reason sb_node_get(struct sb_nodes *nodes, uint64_t number, struct sb_node *node, struct sb_failure *failure) {
  if (number == SB_NODE_ROOT) {
    *node = (struct sb_node){.number = number};
    return SB_OK;
  }
  uint64_t row = number - FIRST_ROW_NODE;
  if (number < FIRST_ROW_NODE || row >= nodes->bundle->header->row_count) return missing(failure);
  uint32_t path = find_path(nodes->bundle, row);
  enum sb_reason reason = read_slice_once(nodes, path, failure);
  if (reason == SB_OK) *node = node_of_row(&nodes->slices[path], row - nodes->bundle->paths[path].first_row);
  return reason;
}

/*
 * Finds the first row at or behind the path of `name` in a directory, with `end` behind it unless that is NUL. Returns the
 * row count where there is none, or where memory is short.
 */
static uint64_t search(const struct sb_node *directory, const char *name, size_t name_length, char end) {
  const struct sb_slice *slice = directory->slice;
  size_t length = directory->row->path.length;
  SB_AUTO_FREE char *key = malloc(length + name_length + 2);
  if (key == NULL) return slice->record->row_count;
  memcpy(key, sb_slice_string(slice, directory->row->path), length);
  if (length > 0) key[length++] = '/';
  memcpy(key + length, name, name_length);
  length += name_length;
  if (end != '\0') key[length++] = end;
  return sb_slice_search(slice, key, length, slice->record->row_count);
}

/*
 * Returns what of a row's path is below the directory, or NULL where the row does not lie in it.
 */
static const char *path_below(const struct sb_node *directory, uint64_t row) {
  const struct sb_slice *slice = directory->slice;
  if (row >= slice->record->row_count) return NULL;
  const char *path = sb_slice_string(slice, slice->rows[row].path);
  size_t length = directory->row->path.length;
  if (length == 0) return *path == '\0' ? NULL : path;
  bool is_below = strncmp(path, sb_slice_string(slice, directory->row->path), length) == 0 && path[length] == '/';
  return is_below ? path + length + 1 : NULL;
}

enum sb_reason sb_node_find(struct sb_nodes *nodes, const struct sb_node *directory, const char *name,
                            struct sb_node *node, struct sb_failure *failure) {
  if (directory->slice == NULL) {
    for (uint32_t i = 0; i < nodes->bundle->header->path_count; i++) {
      if (strcmp(sb_bundle_base(nodes->bundle, i), name) == 0) return get_top(nodes, i, node, failure);
    }
    return missing(failure);
  }
  uint64_t row = search(directory, name, strlen(name), '\0');
  const char *found = path_below(directory, row);
  if (found == NULL || strcmp(found, name) != 0) return missing(failure);
  *node = node_of_row(directory->slice, row);
  return SB_OK;
}

enum sb_reason sb_node_next(struct sb_nodes *nodes, const struct sb_node *directory, uint64_t *position,
                            struct sb_entry *entry, struct sb_failure *failure) {
  if (directory->slice == NULL) {
    if (*position >= nodes->bundle->header->path_count) return missing(failure);
    uint32_t path = (uint32_t)(*position)++;
    entry->name = sb_bundle_base(nodes->bundle, path);
    entry->name_length = strlen(entry->name);
    return get_top(nodes, path, &entry->node, failure);
  }
  uint64_t row = *position == 0 ? search(directory, "", 0, '\0') : *position;
  /* The first row is the store path itself, which is what a search in it for the empty name finds. */
  if (row == 0) row = 1;
  for (const char *name; (name = path_below(directory, row)) != NULL;) {
    size_t length = strcspn(name, "/");
    if (name[length] == '\0') {
      *position = row + 1;
      *entry = (struct sb_entry){.name = name, .name_length = length, .node = node_of_row(directory->slice, row)};
      return SB_OK;
    }
    /* Inside a directory of this one: on behind all of it, to what comes after `<name>/…`. */
    row = search(directory, name, length, '/' + 1);
  }
  return missing(failure);
}
