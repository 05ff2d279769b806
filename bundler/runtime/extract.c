#include "extract.h"

#include <errno.h>
#include <stdlib.h>

#include "crew.h"
#include "file.h"
#include "frame.h"
#include "index.h"
#include "memory.h"
#include "row.h"
#include "signals.h"

/* A data frame, and the wanted store paths that have a part in it: small ones share a frame. */
struct wanted_frame {
  uint64_t number;
  const struct sb_slice *slices;
  size_t slice_count;
};

/* What a thread keeps from item to item. */
struct worker {
  struct sb_rows rows;
  struct sb_decoder *decoder;
  uint8_t *compressed;
  uint8_t *content;
};

struct job {
  const struct sb_extraction *extraction;
  struct sb_frames frames;
  struct sb_slice *slices; /* extraction->path_count */
  struct wanted_frame *wanted;
  size_t wanted_count;
  struct worker *workers; /* extraction->jobs */
};

static enum sb_reason short_of_memory(struct sb_failure *failure) {
  return sb_failure_set(failure, SB_MEMORY_SHORT, 0, "the extraction", NULL);
}

/* Between items the crew looks; an item that is a store path of 500,000 rows looks by itself. */
static enum sb_reason interrupted(struct sb_failure *failure) {
  return sb_failure_set(failure, SB_INTERRUPTED, sb_signals_caught(), "the extraction", NULL);
}

/* First round, one store path: its slice is read, its directories and empty files are made. */
static enum sb_reason make_tree(void *context, unsigned number, size_t item, struct sb_failure *failure) {
  struct job *job = context;
  struct sb_slice *slice = &job->slices[item];
  enum sb_reason reason = sb_slice_read(slice, job->extraction->bundle, job->extraction->paths[item], failure);
  for (uint64_t i = 0; reason == SB_OK && i < slice->record->row_count; i++) {
    if (sb_signals_caught() != 0) return interrupted(failure);
    reason = sb_row_make(&job->workers[number].rows, slice, &slice->rows[i], failure);
  }
  return reason;
}

/* Whether no row before `number` has content at or behind `tar_offset`: it would be left out without a word. */
static bool begins_by(const struct sb_slice *slice, uint64_t number, uint64_t tar_offset) {
  uint64_t i = number < slice->record->row_count ? number : slice->record->row_count;
  while (i > 0 && slice->rows[i - 1].size_bytes == 0) i--;
  return i == 0 || slice->rows[i - 1].data_offset + slice->rows[i - 1].size_bytes <= tar_offset;
}

/* Writes what of the slice's files lies in a frame. */
static enum sb_reason write_contents(struct worker *worker, const struct sb_slice *slice, const struct sb_frame *frame,
                                     struct sb_failure *failure) {
  uint64_t frame_end = frame->tar_offset + frame->tar_bytes, last_row = slice->record->row_count;
  uint64_t first_row = frame->first_row < slice->record->first_row ? 0 : frame->first_row - slice->record->first_row;
  if (!begins_by(slice, first_row, frame->tar_offset)) {
    return sb_failure_set(failure, SB_BUNDLE_DAMAGED, 0, slice->base, "a frame begins at an impossible row");
  }
  for (uint64_t i = first_row; i < last_row; i++) {
    const struct sb_row *row = &slice->rows[i];
    uint64_t start = row->data_offset, end = row->data_offset + row->size_bytes;
    if (row->size_bytes == 0 || end <= frame->tar_offset) continue;
    if (start >= frame_end) break;
    if (start < frame->tar_offset) start = frame->tar_offset;
    if (end > frame_end) end = frame_end;
    struct sb_piece piece = {
        .data = worker->content + (start - frame->tar_offset),
        .bytes = end - start,
        .offset = start - row->data_offset,
    };
    enum sb_reason reason = sb_row_write(&worker->rows, slice, row, &piece, failure);
    if (reason != SB_OK) return reason;
  }
  return SB_OK;
}

/* Second round, one frame. */
static enum sb_reason write_frame(void *context, unsigned number, size_t item, struct sb_failure *failure) {
  struct job *job = context;
  struct worker *worker = &job->workers[number];
  const struct sb_bundle *bundle = job->extraction->bundle;
  const struct wanted_frame *wanted = &job->wanted[item];
  const struct sb_frame *frame = &job->frames.list[wanted->number];
  if (!sb_file_read_at(bundle->file, worker->compressed, frame->bytes, bundle->header->data_offset + frame->offset)) {
    return sb_failure_set(failure, SB_BUNDLE_UNREADABLE, errno, wanted->slices->base, NULL);
  }
  if (!sb_frame_decode(worker->decoder, worker->content, frame->tar_bytes, worker->compressed, frame->bytes)) {
    return sb_failure_set(failure, SB_BUNDLE_DAMAGED, 0, wanted->slices->base, "a frame can't be decompressed");
  }
  for (size_t i = 0; i < wanted->slice_count; i++) {
    enum sb_reason reason = write_contents(worker, &wanted->slices[i], frame, failure);
    if (reason != SB_OK) return reason;
  }
  return SB_OK;
}

static uint64_t last_frame(const struct job *job, const struct sb_slice *slice) {
  return sb_frames_find(&job->frames, slice->record->tar_offset + slice->record->tar_bytes - 1);
}

/* Last round, one store path. */
static enum sb_reason finish_tree(void *context, unsigned number, size_t item, struct sb_failure *failure) {
  struct job *job = context;
  const struct sb_slice *slice = &job->slices[item];
  const struct sb_frame *frame = &job->frames.list[last_frame(job, slice)];
  for (uint64_t i = slice->record->row_count; i-- > 0;) {
    if (sb_signals_caught() != 0) return interrupted(failure);
    const struct sb_row *row = &slice->rows[i];
    while (row->size_bytes > 0 && frame->tar_offset > row->data_offset) frame--;
    enum sb_reason reason = sb_row_finish(&job->workers[number].rows, slice, row, frame, failure);
    if (reason != SB_OK) return reason;
  }
  return SB_OK;
}

/* Lists the frames of the wanted store paths, each once; the store paths come in the order of the tar. */
static bool list_frames(struct job *job) {
  size_t room = 0;
  for (size_t i = 0; i < job->extraction->path_count; i++) {
    const struct sb_slice *slice = &job->slices[i];
    room += last_frame(job, slice) - sb_frames_find(&job->frames, slice->record->tar_offset) + 1;
  }
  job->wanted = calloc(room, sizeof *job->wanted);
  if (job->wanted == NULL) return false;
  for (size_t i = 0; i < job->extraction->path_count; i++) {
    const struct sb_slice *slice = &job->slices[i];
    uint64_t number = sb_frames_find(&job->frames, slice->record->tar_offset), last = last_frame(job, slice);
    struct wanted_frame *before = job->wanted_count == 0 ? NULL : &job->wanted[job->wanted_count - 1];
    if (before != NULL && before->number == number) {
      before->slice_count++;
      number++;
    }
    for (; number <= last; number++) {
      job->wanted[job->wanted_count++] = (struct wanted_frame){.number = number, .slices = slice, .slice_count = 1};
    }
  }
  return true;
}

/* So many threads that their buffers together take no more than half of the control group's memory; at least one. */
static unsigned count_decoders(unsigned jobs, uint64_t room) {
  uint64_t most = sb_memory_limit() / 2 / room;
  return most >= jobs ? jobs : most == 0 ? 1 : (unsigned)most;
}

/* Lists the wanted frames and gives threads, as many as `decoders` says then, buffers for the largest of them. */
static enum sb_reason prepare_frames(struct job *job, unsigned *decoders, struct sb_failure *failure) {
  size_t compressed_room = 1, content_room = 1;
  if (!list_frames(job)) return short_of_memory(failure);
  for (size_t i = 0; i < job->wanted_count; i++) {
    const struct sb_frame *frame = &job->frames.list[job->wanted[i].number];
    if (frame->bytes > compressed_room) compressed_room = frame->bytes;
    if (frame->tar_bytes > content_room) content_room = frame->tar_bytes;
  }
  *decoders = count_decoders(job->extraction->jobs, (uint64_t)compressed_room + content_room);
  for (unsigned i = 0; i < *decoders && i < job->wanted_count; i++) {
    struct worker *worker = &job->workers[i];
    worker->decoder = sb_decoder_new();
    worker->compressed = malloc(compressed_room);
    worker->content = malloc(content_room);
    if (worker->decoder == NULL || worker->compressed == NULL || worker->content == NULL) {
      return short_of_memory(failure);
    }
  }
  return SB_OK;
}

static enum sb_reason run_rounds(struct job *job, struct sb_failure *failure) {
  const struct sb_extraction *extraction = job->extraction;
  struct sb_crew_task task = {
      .step = make_tree, .context = job, .items = extraction->path_count, .workers = extraction->jobs};
  enum sb_reason reason = sb_crew_run(&task, failure);
  if (reason == SB_OK) reason = prepare_frames(job, &task.workers, failure);
  if (reason != SB_OK) return reason;
  task.step = write_frame;
  task.items = job->wanted_count;
  reason = sb_crew_run(&task, failure);
  if (reason != SB_OK) return reason;
  task.step = finish_tree;
  task.items = extraction->path_count;
  task.workers = extraction->jobs;
  return sb_crew_run(&task, failure);
}

static void free_job(struct job *job) {
  for (unsigned i = 0; job->workers != NULL && i < job->extraction->jobs; i++) {
    struct worker *worker = &job->workers[i];
    sb_rows_free(&worker->rows);
    sb_decoder_free(worker->decoder);
    free(worker->compressed);
    free(worker->content);
  }
  for (size_t i = 0; job->slices != NULL && i < job->extraction->path_count; i++) sb_slice_free(&job->slices[i]);
  free(job->workers);
  free(job->slices);
  free(job->wanted);
  sb_frames_free(&job->frames);
}

enum sb_reason sb_extract(const struct sb_extraction *extraction, struct sb_failure *failure) {
  struct job job = {.extraction = extraction};
  enum sb_reason reason = sb_frames_read(&job.frames, extraction->bundle, failure);
  if (reason == SB_OK) {
    job.slices = calloc(extraction->path_count, sizeof *job.slices);
    job.workers = calloc(extraction->jobs, sizeof *job.workers);
    if (job.slices == NULL || job.workers == NULL) {
      reason = short_of_memory(failure);
    } else {
      for (unsigned i = 0; i < extraction->jobs; i++) {
        job.workers[i].rows = (struct sb_rows){.directory = extraction->directory, .relocation = extraction->relocation};
      }
      reason = run_rounds(&job, failure);
    }
  }
  free_job(&job);
  return reason;
}
