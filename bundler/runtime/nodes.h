/*
 * The closure as a file system sees it: nodes with numbers. The store directory is node 1; a row of the index is node
 * 2 + its number over the whole index, so numbers need no table and say the same in each start. A store path's slice is
 * read and checked when something in it is first asked for. Shared by threads.
 */
#ifndef SB_NODES_H
#define SB_NODES_H

#include "index.h"
#include "lock.h"

enum { SB_NODE_ROOT = 1 };

struct sb_nodes {
  const struct sb_bundle *bundle; /* borrowed */
  struct sb_slice *slices;        /* one a store path; without rows until it is read */
  struct sb_lock lock;
};

struct sb_node {
  uint64_t number;
  const struct sb_slice *slice; /* NULL: the store directory */
  const struct sb_row *row;     /* of a hard link, the file that it equals */
};

/* False where memory is short. */
bool sb_nodes_init(struct sb_nodes *nodes, const struct sb_bundle *bundle);

/* Finds a node by its number. SB_PATH_MISSING where there is none, else what keeps its slice from being read. */
enum sb_reason sb_node_get(struct sb_nodes *nodes, uint64_t number, struct sb_node *node, struct sb_failure *failure);

/* Finds what a directory holds under a name. SB_PATH_MISSING where it holds nothing of that name. */
enum sb_reason sb_node_find(struct sb_nodes *nodes, const struct sb_node *directory, const char *name,
                            struct sb_node *node, struct sb_failure *failure);

struct sb_entry {
  const char *name; /* not NUL-terminated */
  size_t name_length;
  struct sb_node node;
};

/*
 * Finds the entry of a directory that `*position` stands before, and moves it on; the first position is 0. SB_PATH_MISSING
 * behind the last.
 */
enum sb_reason sb_node_next(struct sb_nodes *nodes, const struct sb_node *directory, uint64_t *position,
                            struct sb_entry *entry, struct sb_failure *failure);

#endif
