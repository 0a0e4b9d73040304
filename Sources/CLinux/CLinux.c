#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

int clinux_set_dumpable(int on)
{
	return prctl(PR_SET_DUMPABLE, on, 0, 0, 0);
}

int clinux_set_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int clinux_memfd_secret(void)
{
	return (int)syscall(SYS_memfd_secret, 0);
}

int clinux_pidfd_open(int pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int clinux_peer_pidfd(int socket)
{
	int fd = -1;
	socklen_t size = sizeof fd;
	return getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0 ? fd : -1;
}

int clinux_is_immutable(int file)
{
	struct statx about;
	if (statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &about))
		return -1;
	return (about.stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
}

const char *clinux_error_text(int number)
{
	return strerrordesc_np(number);
}

int clinux_peer_credentials(int socket, struct clinux_credentials *credentials)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -1;
	*credentials = (struct clinux_credentials){.pid = peer.pid, .uid = peer.uid, .gid = peer.gid};
	return 0;
}

int clinux_accept(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

int clinux_pipe(int *reading, int *writing)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	*reading = ends[0];
	*writing = ends[1];
	return 0;
}

const int16_t clinux_pollrdhup = POLLRDHUP;

void clinux_name_thread(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

int clinux_processors(int *numbers, int room)
{
	cpu_set_t set;
	int count = 0;
	if (sched_getaffinity(0, sizeof set, &set))
		return -1;
	for (int number = 0; number < CPU_SETSIZE; number++)
		if (CPU_ISSET(number, &set) && count++ < room)
			numbers[count - 1] = number;
	return count;
}

int clinux_run_on(int processor)
{
	cpu_set_t set;
	if (processor < 0 || processor >= CPU_SETSIZE) {
		errno = EINVAL;
		return -1;
	}
	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	return sched_setaffinity(0, sizeof set, &set);
}

int clinux_punch_hole(int file, int64_t offset, int64_t count)
{
	return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, count);
}

int clinux_start_writeback(int file, int64_t offset, int64_t count)
{
	return sync_file_range(file, offset, count, SYNC_FILE_RANGE_WRITE);
}

void clinux_tune_allocator(int mapping, int trimming)
{
	if (mapping > 0)
		mallopt(M_MMAP_THRESHOLD, mapping);
	if (trimming > 0)
		mallopt(M_TRIM_THRESHOLD, trimming);
}

int clinux_file_system(const char *path, uint32_t *kind)
{
	struct statfs status;
	if (statfs(path, &status) != 0)
		return -1;
	*kind = (uint32_t)status.f_type;
	return 0;
}

int clinux_close_from(posix_spawn_file_actions_t *actions, int first)
{
	return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
