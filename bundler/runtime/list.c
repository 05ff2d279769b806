/* list: the files of the closure, one a line: mode, size, path and where a link leads. */
#include <stdlib.h>

#include "cleanup.h"
#include "index.h"
#include "options.h"
#include "text.h"

/* Written out whenever it has grown to this. */
static const size_t page_bytes = 64 << 10;

/* Backslashes and what doesn't print as octal numbers, so that a line is a file and a terminal stays what it was. */
static void add_escaped(struct sb_text *page, const char *text) {
  for (const char *at = text; *at != '\0'; at++) {
    unsigned char character = (unsigned char)*at;
    if (character < 0x20 || character == 0x7f || character == '\\') {
      sb_text_add(page, "\\%c%c%c", '0' + (character >> 6), '0' + (character >> 3 & 7), '0' + (character & 7));
    } else {
      sb_text_add(page, "%c", *at);
    }
  }
}

static void add_path(struct sb_text *page, const struct sb_slice *slice, const struct sb_row *row) {
  sb_text_add(page, "/nix/store/");
  add_escaped(page, slice->base);
  if (row->path.length > 0) sb_text_add(page, "/");
  add_escaped(page, sb_slice_string(slice, row->path));
}

static void add_row(struct sb_text *page, const struct sb_slice *slice, const struct sb_row *row) {
  static const char types[] = "?d-lh";
  char mode[] = "?---------";
  mode[0] = types[row->kind];
  for (int bit = 0; bit < 9; bit++) {
    if ((row->mode >> (8 - bit) & 1) != 0) mode[1 + bit] = "rwx"[bit % 3];
  }
  sb_text_add(page, "%s %llu ", mode, (unsigned long long)row->size_bytes);
  add_path(page, slice, row);
  if (row->kind == SB_ROW_SYMLINK) {
    sb_text_add(page, " -> ");
    add_escaped(page, sb_slice_string(slice, row->target));
  } else if (row->kind == SB_ROW_LINK) {
    sb_text_add(page, " link to ");
    add_path(page, slice, &slice->rows[row->link_row]);
  }
  sb_text_add(page, "\n");
}

enum sb_reason sb_list_run(const struct sb_request *request, struct sb_failure *failure) {
  const struct sb_bundle *bundle = request->start->bundle;
  SB_AUTO_FREE struct sb_text page = {0};
  enum sb_reason reason = SB_OK;
  for (uint32_t i = 0; reason == SB_OK && i < bundle->header->path_count; i++) {
    struct sb_slice slice;
    reason = sb_slice_read(&slice, bundle, i, failure);
    if (reason != SB_OK) break;
    for (uint64_t row = 0; reason == SB_OK && row < slice.record->row_count; row++) {
      add_row(&page, &slice, &slice.rows[row]);
      if (page.bytes < page_bytes) continue;
      reason = sb_options_print(page.data, page.bytes, failure);
      page.bytes = 0;
    }
    sb_slice_free(&slice);
  }
  return reason == SB_OK ? sb_options_print(page.data, page.bytes, failure) : reason;
}
