#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

int clinux_write_after_end(int descriptor, const void *bytes, size_t count)
{
	int self = clinux_pidfd_open(getpid());
	if (self < 0)
		return -1;
	pid_t child = fork();
	if (child < 0) {
		int reason = errno;
		close(self);
		errno = reason;
		return -1;
	}
	if (child > 0)
		_exit(0);
	// A second: the end takes less than a millisecond.
	struct pollfd end = {.fd = self, .events = POLLIN};
	while (poll(&end, 1, 1000) < 0 && errno == EINTR)
		;
	const char *rest = bytes;
	while (count > 0) {
		ssize_t written = write(descriptor, rest, count);
		if (written < 0 && errno != EINTR)
			break;
		if (written > 0) {
			rest += written;
			count -= (size_t)written;
		}
	}
	_exit(0);
}
