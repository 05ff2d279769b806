/*
 * The process that serves the closure to the kernel. It is not the app's child in any way that the app could notice: its
 * parent is gone before the app begins, so the nearest reaper above has it; it has a session of its own, holds neither
 * the app's mounts nor its standard streams nor its directory, and lets every signal pass that can be let pass. It ends
 * with the mount, which ends with the app's last process.
 */
#ifndef SB_SERVER_H
#define SB_SERVER_H

#include "strategy.h"

/*
 * Whether a process that loses its parent would come to this one: as PID 1, or as a subreaper of its caller's making.
 * The app would then find a child that it never started, unless the bundle brings an init.
 */
bool sb_server_would_be_ours(const struct sb_bundle *bundle);

/*
 * Starts a server for /dev/fuse, open as `device`, which is mounted afterwards: it has to be started where the mount will
 * not be. It begins when a byte is written to `*gate`, and ends when the gate is closed without. The caller closes it.
 */
enum sb_reason sb_server_start(const struct sb_start *start, int device, int *gate, struct sb_failure *failure);

#endif
