/*
 * Fuzzes all that reads a bundle: trailer, header, frame table, rows, names, the three rounds of an extraction, what is
 * handed to execve. Digests are made right first. Files are not made: the functions of row.h are replaced here by some
 * that touch what they are given, execve and its like by some that do nothing.
 *
 * The input is a bundle without a runtime, its data at 0.
 */
#include <fcntl.h>
#include <sanitizer/allocator_interface.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../cache.h"
#include "../../extract.h"
#include "../../file.h"
#include "../../index.h"
#include "../../launch.h"
#include "../../options.h"
#include "../../relocation.h"
#include "../../row.h"
#include "../../text.h"
#include "../sample.h"
#include "fuzz.h"

enum { EM_X86_64 = 62, EM_AARCH64 = 183, FRAME_BYTES_MAX = 1 << 20 };

static volatile unsigned char touched;

static void touch(const void *data, size_t bytes) {
  const unsigned char *at = data;
  for (size_t i = 0; i < bytes; i++) touched ^= at[i];
}

void sb_rows_free(struct sb_rows *rows) { (void)rows; }

static void touch_row(const struct sb_slice *slice, const struct sb_row *row) {
  touch(sb_slice_string(slice, row->path), (size_t)row->path.length + 1);
  touch(sb_slice_string(slice, row->target), (size_t)row->target.length + 1);
  if (row->kind == SB_ROW_LINK && slice->rows[row->link_row].kind != SB_ROW_FILE) abort();
}

enum sb_reason sb_row_make(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                           struct sb_failure *failure) {
  (void)rows, (void)failure;
  touch_row(slice, row);
  return SB_OK;
}

enum sb_reason sb_row_write(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                            const struct sb_piece *piece, struct sb_failure *failure) {
  (void)rows, (void)slice, (void)failure;
  if (piece->offset > row->size_bytes || piece->bytes > row->size_bytes - piece->offset) abort();
  touch(piece->data, piece->bytes);
  return SB_OK;
}

enum sb_reason sb_row_finish(struct sb_rows *rows, const struct sb_slice *slice, const struct sb_row *row,
                             const struct sb_frame *frame, struct sb_failure *failure) {
  (void)rows, (void)failure;
  touch_row(slice, row);
  if (row->size_bytes > 0 && (row->data_offset < frame->tar_offset || row->data_offset - frame->tar_offset >= frame->tar_bytes)) {
    abort();
  }
  return SB_OK;
}

bool sb_row_seal_top(int directory, const char *base) {
  (void)directory, (void)base;
  return true;
}

/* The linker puts these in the place of the functions that they are named after (--wrap). */
char *__wrap_sb_text_format(const char *format, ...);
int __wrap_execve(const char *program, char *const *arguments, char *const *environment);
int __wrap_chdir(const char *path);
int __wrap_access(const char *path, int mode);
ssize_t __wrap_write(int file, const void *data, size_t bytes);
void __wrap_sb_strategy_guess(const struct sb_start *start, struct sb_attempts *attempts);
void __wrap_sb_cache_visit(bool (*visit)(void *context, int directory, const char *path), void *context);
enum sb_reason __wrap_sb_cache_check(char **place, struct sb_failure *failure);

/*
 * The texts that a launch makes: it frees none of the environment, for the process becomes another one. Here it stays what
 * it is, and leaks are looked for.
 */
static struct {
  bool is_kept;
  size_t count;
  char *list[4096];
} added_texts;

char *__wrap_sb_text_format(const char *format, ...) {
  struct sb_text text = {0};
  va_list arguments;
  va_start(arguments, format);
  sb_text_add_list(&text, format, arguments);
  va_end(arguments);
  if (added_texts.is_kept && added_texts.count < sizeof added_texts.list / sizeof *added_texts.list) {
    added_texts.list[added_texts.count++] = text.data;
  }
  return text.data;
}

static void ignore(const volatile void *memory, size_t bytes) { (void)memory, (void)bytes; }

/* Called for whatever is freed: what the launch takes back itself is none of ours. */
static void forget(const volatile void *memory) {
  for (size_t i = 0; i < added_texts.count; i++) {
    if (added_texts.list[i] == memory) added_texts.list[i] = NULL;
  }
}

static void free_added_texts(void) {
  added_texts.is_kept = false;
  for (size_t i = 0; i < added_texts.count; i++) free(added_texts.list[i]);
  added_texts.count = 0;
}

int __wrap_execve(const char *program, char *const *arguments, char *const *environment) {
  touch(program, strlen(program));
  for (; *arguments != NULL; arguments++) touch(*arguments, strlen(*arguments));
  for (; *environment != NULL; environment++) {
    if (strchr(*environment, '=') == NULL) abort();
  }
  return -1;
}

int __wrap_chdir(const char *path) {
  touch(path, strlen(path));
  return 0;
}

int __wrap_access(const char *path, int mode) {
  (void)mode;
  return path[strlen(path) / 2] & 1 ? 0 : -1;
}

/* Of the standard output, where options write. */
ssize_t __wrap_write(int file, const void *data, size_t bytes) {
  (void)file;
  touch(data, bytes);
  return (ssize_t)bytes;
}

/* What options ask of the machine. */
void __wrap_sb_strategy_guess(const struct sb_start *start, struct sb_attempts *attempts) {
  (void)start, (void)attempts;
}

void __wrap_sb_cache_visit(bool (*visit)(void *context, int directory, const char *path), void *context) {
  (void)visit, (void)context;
}

enum sb_reason __wrap_sb_cache_check(char **place, struct sb_failure *failure) {
  (void)place;
  return sb_failure_set(failure, SB_PLACE_NONE, 0, "a cache", NULL);
}

static void launch(const struct sb_start *start) {
  char *arguments[] = {(char *)"/bin/app", (char *)"argument", NULL};
  char *environment[] = {(char *)"A=1", (char *)"PATH=/bin", (char *)"LD_PRELOAD=x", NULL};
  struct sb_failure failure = {0};
  added_texts.is_kept = true;
  sb_launch(start, arguments, environment, &failure);
  sb_launch_other(start, arguments + 1, environment, &failure);
  free_added_texts();
  sb_failure_clear(&failure);
}

/* Options that read the bundle; verify decodes all of it. */
static void run_options(const struct sb_start *start) {
  static char *const options[] = {(char *)"--saddlebag-info", (char *)"--saddlebag-list", (char *)"--saddlebag-verify"};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    char *arguments[] = {(char *)"/bin/app", options[i], NULL};
    struct sb_failure failure = {0};
    if (sb_options_are_meant(start->bundle, arguments)) sb_options_run(start, arguments, &failure);
    sb_failure_clear(&failure);
  }
}

static void relocate(const struct sb_bundle *bundle) {
  struct sb_relocation relocation;
  if (!sb_relocation_init(&relocation, bundle)) return;
  memcpy(relocation.link, "/tmp/12345", SB_LINK_BYTES + 1);
  sb_relocation_rewrite(&relocation, bundle->strings, bundle->header->strings_bytes);
  sb_relocation_free(&relocation);
}

/* Whether buffers for its frames are small enough to be made some thousand times a second. */
static bool is_small(const struct sb_bundle *bundle) { return bundle->header->frame_bytes <= FRAME_BYTES_MAX; }

static void extract(const struct sb_bundle *bundle, struct sb_failure *failure) {
  uint32_t *paths = calloc(bundle->header->path_count, sizeof *paths);
  if (paths == NULL) return;
  size_t count = 0;
  /* Every other one is left out where there are several, as one that is there already is. */
  uint32_t step = bundle->header->path_count > 2 ? 2 : 1;
  for (uint32_t i = 0; i < bundle->header->path_count; i += step) paths[count++] = i;
  struct sb_extraction extraction = {.bundle = bundle, .paths = paths, .path_count = count, .directory = -1, .jobs = 1};
  sb_extract(&extraction, failure);
  free(paths);
}

/* Machines differ in one number. */
static enum sb_reason open_any(struct sb_bundle *bundle, int file, struct sb_failure *failure) {
  enum sb_reason reason = sb_bundle_open(bundle, file, "bundle", EM_X86_64, failure);
  if (reason != SB_BUNDLE_MACHINE) return reason;
  sb_failure_clear(failure);
  return sb_bundle_open(bundle, file, "bundle", EM_AARCH64, failure);
}

static int file;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  file = memfd_create("bundle", MFD_CLOEXEC);
  return file < 0 || __sanitizer_install_malloc_and_free_hooks(ignore, forget) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct sb_sample sample = {.bytes = malloc(size + 1), .length = size};
  if (sample.bytes == NULL) abort();
  memcpy(sample.bytes, data, size);
  sb_sample_sign(&sample);
  if (ftruncate(file, (off_t)size) != 0 || !sb_file_write_at(file, sample.bytes, size, 0)) abort();
  struct sb_bundle bundle;
  struct sb_failure failure = {0};
  if (open_any(&bundle, file, &failure) == SB_OK) {
    sb_sample_walk(&bundle, &failure);
    sb_failure_clear(&failure);
    sb_frames_disk_bytes(&bundle);
    struct sb_settings settings = {.jobs = 1};
    struct sb_start start = {.program = "app", .bundle = &bundle, .settings = &settings};
    if (is_small(&bundle)) {
      extract(&bundle, &failure);
      run_options(&start);
    }
    launch(&start);
    relocate(&bundle);
    sb_bundle_close(&bundle);
  }
  sb_failure_clear(&failure);
  free(sample.bytes);
  return 0;
}

/*
 * Changes one part in its place, so that the others stay where header and trailer say: what moves bytes about gets no
 * further than the trailer, so it is tried now and then.
 */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed) {
  struct sb_sample sample = {.bytes = malloc(size), .length = size};
  struct sb_sample_parts parts = {0};
  if (sample.bytes == NULL) abort();
  memcpy(sample.bytes, data, size);
  bool is_found = seed % 16 != 0 && sb_sample_find(&sample, &parts);
  struct sb_part choices[] = {parts.header, parts.header,  parts.paths,       parts.launch, parts.strings, parts.frames,
                              parts.rows,   parts.rows,    parts.row_strings, parts.data,   parts.trailer};
  struct sb_part part = choices[seed / 16 % (sizeof choices / sizeof *choices)];
  if (is_found && part.length > 0) {
    LLVMFuzzerMutate(part.bytes, part.length, part.length);
    memcpy(data, sample.bytes, size);
  } else {
    size = LLVMFuzzerMutate(data, size, room);
  }
  free(sample.bytes);
  return size;
}
