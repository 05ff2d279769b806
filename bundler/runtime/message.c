#include "message.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

struct words {
  const char *verb;
  const char *reason; /* NULL: the system's own words for errno */
  const char *hint;   /* may be NULL */
};

static const struct words words[] = {
    [SB_BUNDLE_UNREADABLE] = {"read", NULL, "the file has to be readable as well as executable"},
    [SB_BUNDLE_ABSENT] = {"read", "not a bundle, or cut off or stripped", "fetch or bundle it again"},
    [SB_BUNDLE_CUT] = {"read", "truncated, or something was appended", "fetch or bundle it again"},
    [SB_BUNDLE_OTHER] = {"read", "its format is not the one of its runtime", "bundle it again"},
    [SB_BUNDLE_DAMAGED] = {"read", "damaged", "fetch or bundle it again"},
    [SB_BUNDLE_MACHINE] = {"read", "its runtime is one for another machine", "bundle it again for this architecture"},
    [SB_MEMORY_SHORT] = {"hold", "out of memory", "SADDLEBAG_JOBS=1 takes the least"},
    [SB_INTERRUPTED] = {"go on with", "a signal asked us to end", NULL},
    [SB_OPTION_UNKNOWN] = {"use", "--saddlebag-… as the first argument is the runtime's, and it knows no such option",
                           "--saddlebag-help lists them; to hand it to the app, put another argument before it"},
    [SB_OPTION_MISUSED] = {"use", "it takes other arguments", "--saddlebag-help lists them"},
    [SB_REMOVAL_FAILED] = {"remove from", NULL, NULL},
    [SB_USAGE_UNKNOWN] = {"collect in", "what runs from it can't be told", "mount /proc"},
    [SB_STORE_DAMAGED] = {"mend", "what differs is in use", "stop what runs from it, and verify again"},
    [SB_OUTPUT_FAILED] = {"write", NULL, NULL},
    [SB_SETTING_WRONG] = {"use", "not what this variable takes", "unset it to let the runtime choose"},
    [SB_STRATEGY_UNKNOWN] = {"use strategy", "no such strategy (from SADDLEBAG_STRATEGY)",
                             "one of native, in-place, lazy, namespace, relocate; unset it to let the runtime choose"},
    [SB_PATH_MISSING] = {"use", "not there", NULL},
    [SB_PATH_UNTRUSTED] = {"use", "not as Nix leaves it (owner root, mode 0555 or 0444, time 1)", NULL},
    [SB_ROOT_SHARED] = {"write below", "it is not private to this app (an overlay or a directory as root)", NULL},
    [SB_ROOT_PRIVILEGED] = {"write below", "not needed with CAP_SYS_ADMIN", NULL},
    [SB_NIX_TAKEN] = {"write below", "it is there and not ours", NULL},
    [SB_PLACE_RELATIVE] = {"use", "not an absolute path", NULL},
    [SB_PLACE_REFUSED] = {"use", NULL, NULL},
    [SB_PLACE_NOEXEC] = {"use", "mounted noexec", NULL},
    [SB_PLACE_SHARED] = {"use", "not ours alone (another owner, or writable by others)", NULL},
    [SB_PLACE_IN_MEMORY] = {"use", "in memory, and the memory limit is below the closure", NULL},
    [SB_PLACE_CLOSED] = {"use", "closed to the user that the app may become", NULL},
    [SB_PLACE_NONE] = {"keep the closure in", "no place serves",
                       "name a directory with room that this user may write to and execute from: SADDLEBAG_CACHE_DIR"},
    [SB_STORE_CONFLICT] = {"use", "holds a store path of this name with other content", NULL},
    [SB_WRITE_FAILED] = {"write", NULL, NULL},
    [SB_LOCK_FAILED] = {"lock", NULL, NULL},
    [SB_LAZY_NEEDLESS] = {"serve", "there is not much to unpack", NULL},
    [SB_LAZY_REAPER] = {"serve", "as PID 1 or a subreaper the app would find the server among its children", NULL},
    [SB_DEVICE_REFUSED] = {"open", NULL, "load the module fuse, and let this user read and write the device"},
    [SB_SERVER_FAILED] = {"start", NULL, NULL},
    [SB_NAMESPACE_AMBIENT] = {"enter", "ambient capabilities would be lost in it", NULL},
    [SB_NAMESPACE_ROOT] = {"enter", "not as root", "add CAP_SYS_ADMIN, or run as another user"},
    [SB_NAMESPACE_FORBIDDEN] = {"make", NULL,
                                "allow user namespaces: sysctl user.max_user_namespaces and "
                                "kernel.unprivileged_userns_clone, the container's seccomp profile"},
    [SB_NAMESPACE_UNMAPPED] = {"map ids in", NULL, "mount /proc"},
    [SB_PROC_ABSENT] = {"use", NULL, "mount /proc"},
    [SB_MOUNT_FAILED] = {"mount", NULL,
                         "allow mounts in user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0 or "
                         "an AppArmor profile, the container's seccomp profile"},
    [SB_PIVOT_FAILED] = {"pivot into", NULL, NULL},
    [SB_CLOSURE_BOUND] = {"relocate", "not all that names its store paths can be rewritten", NULL},
    [SB_LINK_REFUSED] = {"make", NULL, "a directory /tmp that this user may write to"},
    [SB_MOUNT_NEEDED] = {"provide", "it takes a mount", NULL},
    [SB_PROGRAM_ABSENT] = {"run", "no such file, or the interpreter that it names is missing", NULL},
    [SB_PROGRAM_REFUSED] = {"run", NULL, NULL},
    [SB_PROGRAM_UNKNOWN] = {"run", "the closure has no such program", "--saddlebag-list lists its files"},
    [SB_CHILD_REFUSED] = {"make a process for", NULL, NULL},
    [SB_DIRECTORY_REFUSED] = {"enter the working directory", NULL, "the bundle was made to start there"},
};

/* strerror's words, in lower case like all of ours; musl has none for EUSERS, and "I/O" would become "i/O". */
static void write_errno(char *text, size_t room, int error) {
  const char *system = error == EIO ? "input/output error" : error == EUSERS ? "too many users" : strerror(error);
  sb_text_write(text, room, "%c%s", tolower((unsigned char)system[0]), system + 1);
}

char *sb_message_describe(const struct sb_failure *failure) {
  const struct words *said = &words[failure->reason];
  char system[80];
  const char *reason = said->reason;
  if (reason == NULL || failure->error != 0) {
    write_errno(system, sizeof system, failure->error);
    reason = said->reason == NULL || failure->reason != SB_INTERRUPTED ? system : said->reason;
  }
  const char *object = failure->object == NULL ? "it" : failure->object;
  const char *detail = failure->detail;
  return sb_text_format("%s: %s%s%s%s", object, reason, detail == NULL ? "" : " (", detail, detail == NULL ? "" : ")");
}

/* One write(2) a message, so that those of processes that share a log don't mix. */
SB_TEXT_FORMAT(1, 2) static void print(const char *format, ...) {
  SB_AUTO_FREE struct sb_text text = {0};
  va_list arguments;
  va_start(arguments, format);
  sb_text_add_list(&text, format, arguments);
  va_end(arguments);
  if (text.bytes > 0 && write(STDERR_FILENO, text.data, text.bytes) < 0) return; /* nowhere left to say so */
}

/* Adds what a failure says, with its hint on a line of its own behind `indent`. */
static void add_failure(struct sb_text *message, const struct sb_failure *failure, const char *indent) {
  const struct words *said = &words[failure->reason];
  SB_AUTO_FREE char *text = sb_message_describe(failure);
  sb_text_add(message, "cannot %s %s\n", said->verb, text == NULL ? "it: out of memory" : text);
  if (said->hint != NULL) sb_text_add(message, "%shint: %s\n", indent, said->hint);
}

void sb_message_failure(const char *program, const struct sb_failure *failure) {
  SB_AUTO_FREE struct sb_text text = {0};
  add_failure(&text, failure, "");
  print("%s: %s", program, text.data);
}

void sb_message_attempts(const struct sb_start *start, const struct sb_attempts *attempts) {
  SB_AUTO_FREE struct sb_text lines = {0};
  for (unsigned i = 0; i < attempts->count; i++) {
    sb_text_add(&lines, "  %s: ", attempts->names[i]);
    add_failure(&lines, &attempts->failures[i], "    ");
  }
  /* Who reads this need not be who set it. */
  const char *hint = start->settings->strategy == NULL ? "" : "hint: SADDLEBAG_STRATEGY allows no other; unset it to have all tried\n";
  print("%s: cannot start: no way to put the closure at /nix/store works here\n%s%s", start->program, lines.data, hint);
}

void sb_message_debug(const struct sb_start *start, const char *what, const char *object,
                      const struct sb_failure *failure) {
  if (!start->settings->debug) return;
  SB_AUTO_FREE char *text = failure == NULL ? NULL : sb_message_describe(failure);
  SB_AUTO_FREE char *name = sb_printable(object);
  print("%s: %s: %s%s%s\n", start->program, name == NULL ? "?" : name, what, text == NULL ? "" : ": ", text);
}
