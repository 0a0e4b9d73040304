#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

// Newer than Debian 12's headers; these have one number on every architecture.
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#endif
#ifndef SYS_removexattrat
#define SYS_removexattrat 466
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469
#endif
#define LANDLOCK_RESTRICT_SELF 446

// Between fork and exec of a process with threads nothing may be called that is not async-signal-safe
// (signal-safety(7)): so this is C, and everything that needs memory is made before.

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the filter reads the low half of an argument where it is on little-endian machines"
#endif

#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)
#define PERMIT ANSWER(SECCOMP_RET_ALLOW)
#define REFUSE ANSWER(SECCOMP_RET_ERRNO | EPERM)
// Skips instructions unless the number of the call is this one.
#define UNLESS(call, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, skipped)
// Skips instructions if the loaded value is value.
#define IF(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skipped, 0)
// An argument's low half, which holds a pid, and all flags of clone, open and mmap.
#define ARGUMENT(number) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[number]))
#define FIRST ARGUMENT(0)
// Refuses a call if the bits of an argument that the mask names are these; 6 instructions.
#define UNLESS_BITS(call, number, mask, value)                                                                                     \
	UNLESS(call, 5), ARGUMENT(number), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1), \
		REFUSE, PERMIT,
#define REFUSED(call) UNLESS(call, 1), REFUSE,

// CLONE_NEW* of sched.h but CLONE_NEWTIME, which clone cannot mean.
#define NAMESPACES 0x7e020000

// Everything is permitted except the calls of refused_calls.h, namespaces, and access to other processes. Numbers are
// those of the architecture that this is built for; only x86-64's were run, and CLinuxCalls.c says what is known of
// AArch64's.
static int refuse_calls(void)
{
	const unsigned own = (unsigned)getpid(); // the group's number as well
#if defined(__x86_64__)
	const unsigned architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
	const unsigned architecture = AUDIT_ARCH_AARCH64;
#else
	errno = ENOSYS;
	return -1;
#endif
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		// x32 has numbers of its own for all of these.
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
#include "refused_calls.h"
#if defined(__x86_64__)
		REFUSED(iopl) REFUSED(ioperm) REFUSED(modify_ldt)
		REFUSED(unlink) REFUSED(rename) REFUSED(link) REFUSED(symlink) REFUSED(mkdir) REFUSED(rmdir) REFUSED(mknod) REFUSED(chmod)
		REFUSED(chown) REFUSED(lchown) REFUSED(utime) REFUSED(utimes) REFUSED(futimesat)
		UNLESS_BITS(open, 1, O_ACCMODE | O_TRUNC, O_TRUNC)
#endif
		// Their flags are in memory, which a filter cannot read: C libraries then use clone and openat.
		UNLESS(clone3, 1), ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
		UNLESS(openat2, 1), ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
		// Opened for reading, and emptied: Landlock refuses that from its third version on.
		UNLESS_BITS(openat, 2, O_ACCMODE | O_TRUNC, O_TRUNC)
		// A file that is mapped and shared can be written past RLIMIT_FSIZE, also one that is mapped for reading first.
		UNLESS_BITS(mmap, 3, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED)
		// Each of these ends with a result, so the number of the call is not loaded again.
		UNLESS(clone, 4), FIRST, BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1), REFUSE, PERMIT,
		UNLESS(kill, 6), FIRST, IF(own, 3), IF(0, 2), IF(-own, 1), REFUSE, PERMIT,
		UNLESS(tgkill, 4), FIRST, IF(own, 1), REFUSE, PERMIT,
		UNLESS(prlimit64, 5), FIRST, IF(0, 2), IF(own, 1), REFUSE, PERMIT,
		PERMIT,
	};
	struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
	// prctl and not seccomp(2): a unit's filter may leave that out.
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int limit(int resource, uint64_t value)
{
	struct rlimit now, wanted;
	if (getrlimit(resource, &now))
		return -1;
	// Lowering needs no privilege; lower limits stay.
	wanted.rlim_max = value < now.rlim_max ? value : now.rlim_max;
	wanted.rlim_cur = wanted.rlim_max;
	return setrlimit(resource, &wanted);
}

static void close_others(void)
{
	struct rlimit files;
	if (syscall(436 /* close_range, Linux 5.9 */, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &files))
		files.rlim_cur = 65536;
	for (rlim_t number = 3; number < files.rlim_cur; number++)
		fcntl((int)number, F_SETFD, FD_CLOEXEC);
}

static int confine(const struct clinux_confinement *how, pid_t parent)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;
	int channel, errors, ruleset = -1;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &plain, NULL); // fails for SIGKILL and SIGSTOP, which cannot be changed
	if (setsid() < 0)
		return -1;
	// The thread that waits for it ends it at its deadline. If that thread is gone, the kernel does.
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return -1;
	if (getppid() != parent) {
		errno = ESRCH;
		return -1;
	}
	// Moves the descriptors away from 0, 1 and 2 first.
	if ((channel = fcntl(how->channel, F_DUPFD_CLOEXEC, 3)) < 0 || (errors = fcntl(how->errors, F_DUPFD_CLOEXEC, 3)) < 0)
		return -1;
	if (how->ruleset >= 0 && (ruleset = fcntl(how->ruleset, F_DUPFD_CLOEXEC, 3)) < 0)
		return -1;
	if (dup2(channel, 0) < 0 || dup2(channel, 1) < 0 || dup2(errors, 2) < 0)
		return -1;
	if (chdir("/"))
		return -1;
	umask(077);
	if (limit(RLIMIT_CORE, 0) || limit(RLIMIT_CPU, how->cpu_seconds) || limit(RLIMIT_FSIZE, 0) ||
	    limit(RLIMIT_NOFILE, how->files) || limit(RLIMIT_NPROC, how->processes) || limit(RLIMIT_AS, how->memory))
		return -1;
	close_others();
	// Root drops its capabilities, because some of them bypass Landlock. Other users have none, and the calls fail.
	for (int capability = 0; capability < 64; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	if (ruleset >= 0 && syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0))
		return -1;
	if (refuse_calls())
		return -1;
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

int clinux_spawn_confined(const struct clinux_confinement *how)
{
	int report[2], failure = 0;
	sigset_t all, before;
	pid_t pid, parent = getpid();
	ssize_t got;

	if (pipe2(report, O_CLOEXEC))
		return -1;
	// No handler of ours runs in the child.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		// Above the numbers that the child takes for itself.
		int told = fcntl(report[1], F_DUPFD_CLOEXEC, 3);
		if (told >= 0 && confine(how, parent) == 0)
			execve(how->program, how->arguments, how->environment);
		failure = errno;
		if (write(told, &failure, sizeof failure) < 0)
			_exit(126);
		_exit(127);
	}
	failure = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		errno = failure;
		return -1;
	}
	// Closed by exec after a success.
	failure = 0;
	while ((got = read(report[0], &failure, sizeof failure)) < 0 && errno == EINTR)
		;
	close(report[0]);
	if (got == 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	errno = got == sizeof failure ? failure : EIO;
	return -1;
}
