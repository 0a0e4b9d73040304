// System calls that Swift cannot import: variadic functions, and numbers that are macros with a cast.
#ifndef CLINUX_H
#define CLINUX_H

#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>

// prctl(2) is variadic. Each answers as prctl does: 0, or -1 with errno.
int clinux_set_dumpable(int on);
int clinux_set_no_new_privileges(void);

// The processors that the calling thread may run on: writes up to room numbers, answers how many there are; -1 with
// errno.
int clinux_processors(int *numbers, int room);

// Lets the calling thread run on one processor only. 0, or -1 with errno.
int clinux_run_on(int processor);

// memfd_secret(2), Linux 5.14: glibc 2.36 has no wrapper. A descriptor, or -1 with errno.
int clinux_memfd_secret(void);

// pidfd_open(2), Linux 5.3. A descriptor, or -1 with errno.
int clinux_pidfd_open(int pid);

// getsockopt(SO_PEERCRED): 0, or -1 with errno.
struct clinux_credentials {
	int32_t pid;
	uint32_t uid, gid;
};
int clinux_peer_credentials(int socket, struct clinux_credentials *credentials);

// accept4(2) without the address, the new descriptor closed on exec.
int clinux_accept(int listener);

// POLLRDHUP of poll(2): the peer has closed its end.
extern const int16_t clinux_pollrdhup;

// pipe2(2): the end that is read and the one that is written, both closed on exec. 0, or -1 with errno.
int clinux_pipe(int *reading, int *writing);

// statfs(2): the kind of file system that path is on. 0, or -1 with errno.
int clinux_file_system(const char *path, uint32_t *kind);

// The started program keeps no descriptor from first on: posix_spawn_file_actions_addclosefrom_np(3). 0, or an error.
int clinux_close_from(posix_spawn_file_actions_t *actions, int first);

// The name of the calling thread, at most 15 bytes.
void clinux_name_thread(const char *name);

// getsockopt(SO_PEERPIDFD), Linux 6.5. A descriptor, or -1 with errno.
int clinux_peer_pidfd(int socket);

// sync_file_range(2): starts to write a range out to the disk, and does not wait. 0, or -1 with errno.
int clinux_start_writeback(int file, int64_t offset, int64_t count);

// fallocate(2) with FALLOC_FL_PUNCH_HOLE: gives a range back to the file system; the file keeps its length.
int clinux_punch_hole(int file, int64_t offset, int64_t count);

// mallopt(3): buffers of mapping bytes and more are mapped one by one, and a heap keeps up to trimming bytes of free
// memory at its end; 0: as it was.
void clinux_tune_allocator(int mapping, int trimming);

// Starts a confined program: channel is its descriptors 0 and 1, errors its 2, and it has no others; signals have their
// defaults; it has a session and a process group of its own, and the directory /. It cannot change a file or a file's
// name, make a socket, reach another process or leave its group, so a SIGKILL to -pid ends all of it. Returns its pid,
// or -1 with errno, also that of execve.
struct clinux_confinement {
	const char *program;
	char *const *arguments, *const *environment;
	int channel, errors;
	// Its rights to files, from clinux_landlock_ruleset; -1: those of its user.
	int ruleset;
	// RLIMIT_AS in bytes, RLIMIT_CPU in seconds, RLIMIT_NOFILE, RLIMIT_NPROC: which counts all tasks of the user, not of
	// this program.
	uint64_t memory, cpu_seconds, files, processes;
};
int clinux_spawn_confined(const struct clinux_confinement *how);

// landlock(7): the version of the kernel's interface, from 1; -1 with errno if it has none, or it is off.
int clinux_landlock_version(void);

// A set of rules that permits nothing: no file, no TCP, no abstract socket and no signal to a process outside. A
// descriptor, closed on exec; -1 with errno.
int clinux_landlock_ruleset(void);

// Permits CLINUX_READ, CLINUX_EXECUTE or CLINUX_WRITE, without making or removing names, for a file or all files below
// a directory. 0, or -1 with errno.
enum { CLINUX_READ = 1, CLINUX_EXECUTE = 2, CLINUX_WRITE = 4 };
int clinux_landlock_allow(int ruleset, const char *path, int what);

// fork(2), for a process with one thread.
int clinux_fork(void);

// Becomes a user for good: groups (those of name; none if it is NULL), group, user, and no new privileges. 0, or -1
// with errno.
int clinux_become(uint32_t uid, uint32_t gid, const char *name);

// Has the kernel end this process when its parent ends. 0, or -1 with errno, ESRCH if it has ended already.
int clinux_end_with_parent(int parent);

// mlockall(2): each page that this process touches, now or later, stays in memory. -1 with errno if there is a limit
// that it may not lift.
int clinux_lock_memory(void);

// statx(2), STATX_ATTR_IMMUTABLE: 1 if the file cannot be changed, 0 if it can or the file system cannot tell; -1 with
// errno.
int clinux_is_immutable(int file);

// strerrordesc_np(3): the text of an errno, untranslated; safe in any thread. NULL if there is none.
const char *clinux_error_text(int number);

// Ends this process with the status 0, and writes count bytes to a descriptor once it has ended, from a child of its own:
// who reads them finds the process ended. Returns only if that is not possible: -1 with errno, and nothing was written.
int clinux_write_after_end(int descriptor, const void *bytes, size_t count);

#endif
