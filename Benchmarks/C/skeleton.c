/* The yardstick: the least that a signing agent of this shape can cost.
 *
 *     skeleton create MODULE PIN KEYS          makes a token and its keys, prints the public point in hex
 *     skeleton serve  MODULE PIN SOCKET        signs for every client
 *
 * As in dtad, a few threads share all connections in one epoll set and parse nothing they need not; each has a process
 * of its own that holds PIN and key. Unlike dtad it has no frames, no protobuf, no caller, no policy, no audit, no
 * deadline and no recovery. What dtad costs beyond this is what those cost. */
#include "skeleton.h"

#include "common.h"
#include "token.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PROCESSES = 2 };

/* A client. Its requests may be with several threads at a time: the last one to release it frees it. */
struct connection {
	int fd;
	atomic_int holders;
	pthread_mutex_t writing;
};

static int epoll, listener;

static void let_go(struct connection *c)
{
	if (atomic_fetch_sub(&c->holders, 1) == 1) {
		close(c->fd);
		free(c);
	}
}

static void watch(int operation, int fd, struct connection *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = c};
	if (epoll_ctl(epoll, operation, fd, &event))
		fail("epoll_ctl: %s", strerror(errno));
}

static void accept_one(void)
{
	int fd = accept(listener, NULL, NULL);
	watch(EPOLL_CTL_MOD, listener, NULL);
	if (fd < 0)
		return;
	struct connection *c = calloc(1, sizeof *c);
	if (!c)
		fail("out of memory");
	c->fd = fd;
	c->holders = 1; /* the epoll set */
	pthread_mutex_init(&c->writing, NULL);
	watch(EPOLL_CTL_ADD, fd, c);
}

static void *serve(void *argument)
{
	int custodian = (int)(intptr_t)argument;
	for (;;) {
		struct epoll_event event;
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		struct connection *c = event.data.ptr;
		if (!c) {
			accept_one();
			continue;
		}
		uint8_t message[MESSAGE_SIZE];
		if (read_all(c->fd, message, sizeof message)) {
			let_go(c);
			continue;
		}
		atomic_fetch_add(&c->holders, 1);
		watch(EPOLL_CTL_MOD, c->fd, c); /* its next request need not wait for this one */
		if (write_all(custodian, message, sizeof message) || read_all(custodian, message, sizeof message))
			fail("a process that holds the key ended");
		pthread_mutex_lock(&c->writing);
		write_all(c->fd, message, sizeof message); /* a client that left is seen when it is read */
		pthread_mutex_unlock(&c->writing);
		let_go(c);
	}
}

/* The process that holds the key: says that it is ready, then signs one digest at a time. */
static _Noreturn void hold(int front, const char *module, const char *pin)
{
	uint8_t message[MESSAGE_SIZE] = {0}, signature[64];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	token_login(module, pin);
	while (!write_all(front, message, sizeof message) && !read_all(front, message, sizeof message)) {
		if (token_sign(message, signature))
			fail("the token does not sign");
		memcpy(message, signature, sizeof signature);
	}
	exit(0);
}

/* One after the other: SoftHSM fails some of several simultaneous logins. */
static int start_custodian(const char *module, const char *pin)
{
	int ends[2];
	uint8_t ready[MESSAGE_SIZE];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		fail("socketpair: %s", strerror(errno));
	switch (fork()) {
	case -1:
		fail("fork: %s", strerror(errno));
	case 0:
		close(ends[0]);
		hold(ends[1], module, pin);
	}
	close(ends[1]);
	if (read_all(ends[0], ready, sizeof ready))
		fail("a process that holds the key did not start");
	return ends[0];
}

static _Noreturn void run(const char *module, const char *pin, const char *path)
{
	int custodians[PROCESSES];
	for (int i = 0; i < PROCESSES; i++)
		custodians[i] = start_custodian(module, pin);
	struct sockaddr_un address = socket_address(path);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (epoll < 0 || listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address)
	    || listen(listener, SOMAXCONN))
		fail("%s: %s", path, strerror(errno));
	watch(EPOLL_CTL_ADD, listener, NULL);
	for (int i = 0; i < PROCESSES; i++) {
		pthread_t thread;
		if ((errno = pthread_create(&thread, NULL, serve, (void *)(intptr_t)custodians[i])))
			fail("pthread_create: %s", strerror(errno));
	}
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 5 && !strcmp(argv[1], "create")) {
		uint8_t point[65];
		token_create(argv[2], argv[3], atoi(argv[4]), point);
		print_hex(point, sizeof point);
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "serve"))
		run(argv[2], argv[3], argv[4]);
	fail("usage: skeleton create MODULE PIN KEYS\n       skeleton serve MODULE PIN SOCKET");
}
