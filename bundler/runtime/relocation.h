/*
 * Moves store paths by editing bytes: `/nix/store/<hash>` becomes `<link>/<hash>` wherever the hash is one of the
 * bundle's own. Both are ten bytes, so nothing else moves: offsets, sizes and string tables stay what they were.
 *
 * A match is found by what is in it alone, and no two can overlap: a hash has no slash. So content may be rewritten in
 * pieces, in any order, as long as the bytes around each cut are looked at once more.
 */
#ifndef SB_RELOCATION_H
#define SB_RELOCATION_H

#include <stdbool.h>
#include <stddef.h>

#include "bundle.h"

enum {
  SB_LINK_BYTES = 10, /* of `/nix/store` */
  /* Of a whole match: `/nix/store/` and a hash. */
  SB_MATCH_BYTES = SB_LINK_BYTES + 1 + SB_HASH_BYTES,
};

struct sb_relocation {
  const struct sb_bundle *bundle; /* borrowed */
  char link[SB_LINK_BYTES + 1];   /* absolute; stands in for /nix/store */
  uint32_t *slots;                /* hash table: numbers of store paths plus one, 0 where it is free; owned */
  uint32_t slot_mask;
  uint8_t shifts[256];            /* by the byte where a prefix would end: how far it can't begin */
};

/* False where memory is short. The link is set by the caller. */
bool sb_relocation_init(struct sb_relocation *relocation, const struct sb_bundle *bundle);

void sb_relocation_free(struct sb_relocation *relocation);

/* Rewrites `bytes` bytes of content; returns whether anything changed. Several threads may do so at a time. */
bool sb_relocation_rewrite(const struct sb_relocation *relocation, void *content, size_t bytes);

/*
 * Rewrites the match that a cut at `border` may go through, in a file that is open to read and write and was written in
 * pieces. False with errno set.
 */
bool sb_relocation_mend(const struct sb_relocation *relocation, int file, uint64_t border);

#endif
