/*
 * Fuzzes what is read of the machine and of the caller: mountinfo, control groups, boot ids, markers, numbers in variables,
 * names in messages, contents that are rewritten, the arguments of options. The first byte of the input says which; zeros
 * part a text in two.
 */
#include <stdlib.h>
#include <string.h>

#include "../../bundle.h"
#include "../../cache.h"
#include "../../failure.h"
#include "../../marker.h"
#include "../../memory.h"
#include "../../message.h"
#include "../../options.h"
#include "../../relocation.h"
#include "../../root.h"
#include "../../settings.h"
#include "../../text.h"
#include "fuzz.h"

/* What is read of /proc and /sys: the first file is the first text, each further one the second. */
static const char *texts[2];
static unsigned reads;

/* The linker puts it in the place of sb_file_read_text (--wrap). */
char *__wrap_sb_file_read_text(const char *path);

char *__wrap_sb_file_read_text(const char *path) {
  if (strlen(path) == 0) abort();
  return strdup(texts[reads++ == 0 ? 0 : 1]);
}

static void judge_marker(const char *marker, const char *boot_id) {
  const uint8_t digest[SB_DIGEST_BYTES] = {0xaa, 0xbb};
  char own_id[SB_BOOT_ID_BYTES], own[SB_MARKER_BYTES];
  sb_text_write(own_id, sizeof own_id, "%s", boot_id);
  sb_marker_write(own, digest, own_id);
  /* Whatever the id is, a marker of it is good for this boot alone, and none is without one. */
  bool is_good = sb_marker_judge(own, digest, own_id) == SB_MARKER_TRUSTED;
  if (is_good != (*own_id != '\0')) abort();
  sb_marker_judge(marker, digest, own_id);
}

static void rewrite(char *content, size_t bytes) {
  static char strings[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1\0" "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-2";
  static struct sb_path_record paths[] = {{.base = {0, 34}}, {.base = {35, 34}}};
  static struct sb_header header = {.path_count = 2};
  static struct sb_bundle bundle = {.header = &header, .paths = paths, .strings = strings};
  static struct sb_relocation relocation;
  if (relocation.slots == NULL && !sb_relocation_init(&relocation, &bundle)) abort();
  memcpy(relocation.link, "/tmp/12345", SB_LINK_BYTES + 1);
  sb_relocation_rewrite(&relocation, content, bytes);
}

static void describe(const char *object, const char *detail) {
  struct sb_failure failure = {0};
  sb_failure_set(&failure, SB_WRITE_FAILED, 2, object, detail);
  char *words = sb_message_describe(&failure);
  for (const char *at = words; at != NULL && *at != '\0'; at++) {
    if ((unsigned char)*at < 0x20) abort();
  }
  free(words);
  sb_failure_clear(&failure);
}

static void count_jobs(const char *value) {
  setenv("SADDLEBAG_JOBS", value, 1);
  struct sb_settings settings;
  struct sb_failure failure = {0};
  sb_settings_read(&settings, &failure);
  if (settings.jobs == 0 || settings.jobs > 64) abort();
  sb_failure_clear(&failure);
}

/* The linker puts these in the place of what would look for caches, and of the standard output. */
void __wrap_sb_cache_visit(bool (*visit)(void *context, int directory, const char *path), void *context);
ssize_t __wrap_write(int file, const void *data, size_t bytes);

void __wrap_sb_cache_visit(bool (*visit)(void *context, int directory, const char *path), void *context) {
  (void)visit, (void)context;
}

ssize_t __wrap_write(int file, const void *data, size_t bytes) {
  (void)file, (void)data;
  return (ssize_t)bytes;
}

/* Each word of the text is an argument. */
static void collect(char *text) {
  enum { WORDS_MAX = 8 };
  char *arguments[WORDS_MAX + 3] = {(char *)"app", (char *)"--saddlebag-gc"};
  char *rest = text;
  for (size_t i = 0; i < WORDS_MAX && rest != NULL; i++) arguments[2 + i] = strsep(&rest, " ");
  struct sb_settings settings = {.jobs = 1};
  struct sb_start start = {.program = "app", .settings = &settings};
  struct sb_failure failure = {0};
  sb_options_run(&start, arguments, &failure);
  sb_failure_clear(&failure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  /* In memory of just its size, and ended twice. */
  char *text = malloc(size + 1);
  if (text == NULL) abort();
  memcpy(text, data + 1, size - 1);
  memset(text + size - 1, 0, 2);
  texts[0] = text;
  texts[1] = text + strlen(text) + 1;
  reads = 0;
  switch (data[0] % 7) {
    case 0:
      sb_mountinfo_root_is_private(text, 2);
      break;
    case 1:
      sb_memory_limit();
      break;
    case 2:
      judge_marker(texts[0], texts[1]);
      break;
    case 3:
      rewrite(text, size - 1);
      break;
    case 4:
      describe(texts[0], texts[1]);
      break;
    case 5:
      count_jobs(text);
      break;
    default:
      collect(text);
  }
  free(text);
  return 0;
}
