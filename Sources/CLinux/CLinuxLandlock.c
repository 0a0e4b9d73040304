#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// landlock(7). Debian 12's headers end at the second version of the interface: names and numbers are those of the kernel's
// include/uapi/linux/landlock.h, and the calls have one number on every architecture.
#define CREATE_RULESET 444
#define ADD_RULE 445
#define VERSION 1U
#define PATH_BENEATH 1

#define EXECUTE (1ULL << 0)
#define WRITE_FILE (1ULL << 1)
#define READ_FILE (1ULL << 2)
#define READ_DIR (1ULL << 3)
// Removing and making names, which only a directory has.
#define NAMES (((1ULL << 13) - 1) & ~(EXECUTE | WRITE_FILE | READ_FILE | READ_DIR))
#define REFER (1ULL << 13)     // version 2
#define TRUNCATE (1ULL << 14)  // version 3
#define IOCTL_DEV (1ULL << 15) // version 5

struct ruleset {
	uint64_t files, network, scoped;
};

struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

int clinux_landlock_version(void)
{
	return (int)syscall(CREATE_RULESET, NULL, 0, VERSION);
}

static uint64_t all_files(int version)
{
	return EXECUTE | WRITE_FILE | READ_FILE | READ_DIR | NAMES | (version >= 2 ? REFER : 0) | (version >= 3 ? TRUNCATE : 0) |
	       (version >= 5 ? IOCTL_DEV : 0);
}

int clinux_landlock_ruleset(void)
{
	int version = clinux_landlock_version();
	if (version < 1)
		return -1;
	struct ruleset rules = {
		.files = all_files(version),
		.network = version >= 4 ? 3 : 0, // TCP: bind, connect
		.scoped = version >= 6 ? 3 : 0,  // abstract sockets, signals
	};
	// An older kernel takes a shorter structure; what it does not know is zero.
	size_t size = version >= 6 ? sizeof rules : version >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, network);
	// The kernel closes it on exec.
	return (int)syscall(CREATE_RULESET, &rules, size, 0);
}

int clinux_landlock_allow(int ruleset, const char *path, int what)
{
	struct stat status;
	struct path_beneath rule = {.parent = open(path, O_PATH | O_CLOEXEC)};
	int result = -1, code;

	if (rule.parent < 0)
		return -1;
	if (fstat(rule.parent, &status) == 0) {
		if (what & CLINUX_READ)
			rule.allowed |= READ_FILE | (S_ISDIR(status.st_mode) ? READ_DIR : 0);
		if (what & CLINUX_EXECUTE)
			rule.allowed |= EXECUTE;
		if (what & CLINUX_WRITE)
			rule.allowed |= WRITE_FILE | (clinux_landlock_version() >= 3 ? TRUNCATE : 0);
		result = (int)syscall(ADD_RULE, ruleset, PATH_BENEATH, &rule, 0);
	}
	code = errno;
	close(rule.parent);
	errno = code;
	return result;
}
