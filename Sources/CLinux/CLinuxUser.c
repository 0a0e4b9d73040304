#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int clinux_fork(void)
{
	return fork();
}

int clinux_become(uint32_t uid, uint32_t gid, const char *name)
{
	if ((name ? initgroups(name, gid) : setgroups(0, NULL)) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	// If root can be regained, it was not given up.
	if (uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

int clinux_end_with_parent(int parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return -1;
	if (getppid() == parent)
		return 0;
	errno = ESRCH;
	return -1;
}

// CAP_IPC_LOCK, which has no limit.
static int may_lock_all(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & (1U << CAP_IPC_LOCK)) != 0;
}

int clinux_lock_memory(void)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit now;
	if (getrlimit(RLIMIT_MEMLOCK, &now))
		return -1;
	// With a limit, later allocations would fail in a process that cannot go on without them.
	if (now.rlim_cur != RLIM_INFINITY && !may_lock_all() && setrlimit(RLIMIT_MEMLOCK, &all))
		return -1;
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}
