/*
 * Removes from a place of the cache what was not used for long. A unit is a store path of the shared store, or the
 * directory that a closure has for itself (own-…, relocated-…). Kept is what a process runs from, with all of its closure
 * (store.h), and what was used lately.
 *
 * Under the store's lock, and safe to be killed: the marker goes first, then the tree is renamed into .saddlebag-tmp,
 * which whoever has the lock next empties. A start notes its use on the markers before it relies on them; one that did so
 * after we looked gets its marker back, one that comes later finds none and extracts.
 */
#ifndef SB_COLLECTION_H
#define SB_COLLECTION_H

#include "failure.h"
#include "text.h"
#include "usage.h"

/* In seconds. */
#define SB_DAY (INT64_C(24) * 60 * 60)

/* What was asked for, and what came of it. */
struct sb_collection {
  int64_t now;
  int64_t age;       /* all that was not used for so long goes */
  int64_t quota_age; /* what may go for the quota's sake */
  uint64_t quota;
  bool is_dry;
  struct sb_text report; /* a line for each unit that went; owned by the caller */
  uint64_t freed;
  enum sb_reason reason;
  struct sb_failure *failure;

  /* Of the place under way. */
  const char *place;
  int directory;
  int meta;
  struct sb_units units;
  uint64_t measured;
  int64_t last_use;
};

/* Collects in one place, for `sb_cache_visit`; `context` is a collection. True where something failed: there it ends. */
bool sb_collect(void *context, int directory, const char *path);

#endif
