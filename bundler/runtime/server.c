#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "fuse.h"
#include "init.h"

/* Where its descriptors lie, from 0; the app's are closed, but standard error for SADDLEBAG_DEBUG. */
enum { DEVICE = 0, BUNDLE = 1, GATE = 3, FIRST_CLOSED = 4 };

/* After so long without a request the decoded frames are given back: an app that has loaded needs them no more. */
enum { IDLE_MS = 10000 };

struct server {
  struct sb_fuse fuse;
  struct sb_bundle bundle;
  struct sb_lock receiving; /* held by the one thread that waits for a request */
  atomic_uint idle;          /* threads that wait for a request, or to be the one */
  unsigned threads;          /* guarded by `receiving` */
  unsigned threads_max;
};

bool sb_server_would_be_ours(const struct sb_bundle *bundle) {
  int is_subreaper = 0;
  return (getpid() == 1 && !sb_init_is_wanted(bundle)) || (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper != 0);
}

/* Waits for a request and returns its bytes; ends the process, whatever its other threads do, when the mount is gone. */
static size_t receive(struct server *server, char *request) {
  struct pollfd device = {.fd = DEVICE, .events = POLLIN};
  for (int wait_ms = IDLE_MS;;) {
    if (poll(&device, 1, wait_ms) == 0) {
      sb_frame_cache_drop(&server->fuse.cache);
      wait_ms = -1;
      continue;
    }
    ssize_t bytes = read(DEVICE, request, SB_FUSE_REQUEST_BYTES);
    if (bytes >= 0) {
      request[bytes] = '\0';
      return (size_t)bytes;
    }
    /* ENOENT: the request was interrupted before we got it. */
    if (errno != ENOENT && errno != EINTR && errno != EAGAIN) _exit(0);
  }
}

static void *serve(void *argument) {
  struct server *server = argument;
  struct sb_fuse_buffers *buffers = malloc(sizeof *buffers);
  if (buffers == NULL) return NULL;
  for (;;) {
    atomic_fetch_add(&server->idle, 1);
    sb_lock_take(&server->receiving);
    size_t bytes = receive(server, buffers->request);
    pthread_t thread;
    /* Where no other could take the next request; a limit on processes makes us slower, no more. */
    if (atomic_fetch_sub(&server->idle, 1) == 1 && server->threads < server->threads_max &&
        pthread_create(&thread, NULL, serve, server) == 0) {
      pthread_detach(thread);
      server->threads++;
    }
    sb_lock_give(&server->receiving);
    sb_fuse_answer(&server->fuse, buffers, bytes);
  }
}

/* Lays the descriptors out and closes all others: a reader of the app's pipes has to see their end when the app ends. */
static bool keep_descriptors(const struct sb_start *start, int device, int gate) {
  int given[] = {device, start->bundle->file, gate};
  static const int places[] = {DEVICE, BUNDLE, GATE};
  for (int i = 0; i < 3; i++) {
    if ((given[i] = fcntl(given[i], F_DUPFD, FIRST_CLOSED)) < 0) return false;
  }
  for (int i = 0; i < 3; i++) {
    if (dup2(given[i], places[i]) < 0) return false;
  }
  if (!start->settings->debug) close(STDERR_FILENO);
  return sb_file_close_from(FIRST_CLOSED);
}

/* The server's life, in its own process. */
static void run(const struct sb_start *start, const struct sb_frames *frames, int device, int gate) {
  sigset_t all;
  sigfillset(&all);
  /* Blocked, not handled: TERM to a whole control group is for the app, which may read its files while it shuts down. */
  sigprocmask(SIG_BLOCK, &all, NULL);
  setsid();
  prctl(PR_SET_NAME, "saddlebag-lazy");
  prctl(PR_SET_DUMPABLE, 0);
  char go;
  if (chdir("/") != 0 || !keep_descriptors(start, device, gate) || read(GATE, &go, 1) != 1) return;
  close(GATE);

  static struct server server;
  server.bundle = *start->bundle;
  server.bundle.file = BUNDLE;
  server.fuse.start = start;
  server.fuse.device = DEVICE;
  server.threads = 1;
  /* One that answers for names while each processor has a frame to decode. */
  server.threads_max = start->settings->jobs + 1;
  sb_frame_cache_init(&server.fuse.cache, &server.bundle, frames);
  if (sb_nodes_init(&server.fuse.nodes, &server.bundle)) serve(&server);
}

/* In the process between: makes the server and leaves it behind. Returns errno. */
static int leave_server(const struct sb_start *start, const struct sb_frames *frames, int device, int gate[2]) {
  /* Of one thread and without handlers, we have nothing for fork(3) to take care of. */
  pid_t server = _Fork();
  if (server < 0) return errno;
  if (server == 0) {
    close(gate[1]);
    run(start, frames, device, gate[0]);
    _exit(1);
  }
  return 0;
}

enum sb_reason sb_server_start(const struct sb_start *start, int device, int *gate, struct sb_failure *failure) {
  struct sb_frames frames;
  enum sb_reason reason = sb_frames_read(&frames, start->bundle, failure);
  if (reason != SB_OK) return reason;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    reason = sb_failure_set(failure, SB_SERVER_FAILED, errno, "a server", NULL);
  } else {
    long child = sb_child_make();
    if (child == 0) _exit(leave_server(start, &frames, device, ends));
    int status = child < 0 ? 0 : sb_child_wait(child);
    int error = child < 0 ? errno : WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    close(ends[0]);
    *gate = ends[1];
    if (error != 0) reason = sb_failure_set(failure, SB_SERVER_FAILED, error, "a server", NULL);
  }
  sb_frames_free(&frames);
  return reason;
}
