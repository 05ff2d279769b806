/*
 * What a store remembers of a store path: `<content digest> synced`, or `<content digest> boot <id>` where the data may
 * not have reached the disk, so that only this boot can vouch for it.
 */
#ifndef SB_MARKER_H
#define SB_MARKER_H

#include "format.h"

enum { SB_BOOT_ID_BYTES = 40, SB_MARKER_BYTES = 2 * SB_DIGEST_BYTES + 16 + SB_BOOT_ID_BYTES };

/*
 * Reads the id of this boot; empty where /proc is not there, and where it is not the kernel's own: LXC and systemd-nspawn
 * mount a file of the container's over it, and those that share a cache would take each other's trees away. Without an id
 * what is unpacked is written out, and no unsynced marker is trusted.
 */
void sb_boot_id_read(char boot_id[SB_BOOT_ID_BYTES]);

/* Writes the marker of a content digest; `boot_id` is NULL for one that is synced. */
void sb_marker_write(char marker[SB_MARKER_BYTES], const uint8_t digest[SB_DIGEST_BYTES], const char *boot_id);

enum sb_marker_state { SB_MARKER_TRUSTED, SB_MARKER_STALE, SB_MARKER_OTHER };

/* Compares a marker with the digest that is wanted and with this boot; SB_MARKER_OTHER is sound, but of other bytes. */
enum sb_marker_state sb_marker_judge(const char *marker, const uint8_t digest[SB_DIGEST_BYTES], const char *boot_id);

#endif
