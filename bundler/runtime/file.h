/* Whole reads and writes: what read(2) and write(2) may cut short or a signal may interrupt. */
#ifndef SB_FILE_H
#define SB_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads exactly `bytes` at `offset`; false with errno set, 0 where the file ends before. */
bool sb_file_read_at(int file, void *data, size_t bytes, uint64_t offset);

/* Writes all of `data` at `offset`; false with errno set. */
bool sb_file_write_at(int file, const void *data, size_t bytes, uint64_t offset);

/*
 * Reads a whole small file, such as one of /proc whose size stat(2) does not tell, into heap memory that the caller
 * frees, with a NUL behind it; NULL with errno set.
 */
char *sb_file_read_text(const char *path);

/*
 * Opens something for each standard stream that the caller closed, until execve: the next file that we open would get its
 * number, and what is written to the stream, such as a message of ours.
 */
void sb_file_hold_streams(void);

/* Closes every descriptor from `first` on; false where the system does not say how many there may be. */
bool sb_file_close_from(int first);

/* Writes `text` to a file that is there, as /proc's control files want it: in one write. */
bool sb_file_write_text(const char *path, const char *text);

#endif
