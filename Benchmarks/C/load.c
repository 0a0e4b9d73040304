/* The load: clients that ask for signatures or for pages, each again as soon as it has its answer.
 *
 *     load agent|rsa|skeleton run SOCKET KEY CLIENTS SECONDS DEPTH SERVER_PID    prints one JSON line
 *     load http run SOCKET PATH CLIENTS SECONDS 1 SERVER_PID                 the same, of a GET
 *     load ssh run SOCKET POINT_HEX CLIENTS SECONDS 1 SERVER_PID             the same, by an agent of ssh
 *     load agent|rsa|skeleton|ssh sign SOCKET KEY DIGEST_HEX                 prints r and s, or RSA's signature, in hex
 *     load agent|skeleton idle SOCKET CONNECTIONS                            opens them, says so, ends with its stdin
 *
 * A client is a thread with a connection of its own and DEPTH requests in flight on it. Time runs from a common start,
 * when all are connected, to the last answer. */
#include "common.h"
#include "protocol.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 256, DEPTH_MAX = 64, IDLE_MAX = 1000, SAMPLES_MAX = 1 << 20, BUFFER = 1 << 16 };

static const struct protocol *protocol;
static const char *socket_path, *key = "";
static double deadline;
static int depth;
static pthread_barrier_t start_line;

struct client {
	pthread_t thread;
	int fd;
	long done, errors;
	double ended, cpu;
	float *samples; /* µs, the first SAMPLES_MAX answers */
	struct { double sent; int waiting; } slot[DEPTH_MAX];
	uint8_t digest[32];
	char reason[256];
};

static double now_on(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int dial(void)
{
	struct sockaddr_un address = socket_address(socket_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
		fail("%s: %s", socket_path, strerror(errno));
	return fd;
}

/* --- CPU time of the service --- */

/* Seconds of CPU that a process and all its descendants have used; -1 if there is no such process. */
static double cpu_of(long pid)
{
	char path[300], text[2048];
	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	size_t count = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[count] = 0;
	char *rest = strrchr(text, ')'); /* the name before it may hold anything */
	unsigned long user, system, ended_user, ended_system;
	if (!rest || sscanf(rest, ") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu %lu %lu", &user, &system,
	                    &ended_user, &ended_system) != 4)
		return -1;
	double total = (double)(user + system + ended_user + ended_system) / (double)sysconf(_SC_CLK_TCK);

	snprintf(path, sizeof path, "/proc/%ld/task", pid);
	DIR *tasks = opendir(path);
	for (struct dirent *task; tasks && (task = readdir(tasks));) {
		snprintf(path, sizeof path, "/proc/%ld/task/%s/children", pid, task->d_name);
		FILE *children = fopen(path, "re");
		for (long child; children && fscanf(children, "%ld", &child) == 1;) {
			double more = cpu_of(child);
			total += more > 0 ? more : 0;
		}
		if (children)
			fclose(children);
	}
	if (tasks)
		closedir(tasks);
	return total;
}

/* --- A client --- */

/* Sends a request from a free slot; its id is the slot's number and one, for 0 looks like no id on the wire. */
static int ask(struct client *c, uint64_t slot)
{
	uint8_t bytes[REQUEST_MAX];
	c->digest[slot % 32]++; /* another digest each time */
	size_t size = protocol->request(bytes, slot + 1, c->digest, key);
	c->slot[slot].sent = now_on(CLOCK_MONOTONIC);
	c->slot[slot].waiting = 1;
	return write_all(c->fd, bytes, size);
}

/* One answer was read: notes it, and asks again unless the time is over. Returns how many are in flight after it. */
static int take(struct client *c, const struct answer *answer, int in_flight)
{
	double now = now_on(CLOCK_MONOTONIC);
	uint64_t id = answer->id - 1;
	if (id >= (uint64_t)depth || !c->slot[id].waiting)
		fail("an answer to no request: %llu", (unsigned long long)answer->id);
	c->slot[id].waiting = 0;
	if (answer->refused) {
		c->errors++;
		memcpy(c->reason, answer->reason, sizeof c->reason);
		usleep(1000); /* a service that refuses everything is not to be called as fast as it can refuse */
	} else {
		if (c->done < SAMPLES_MAX)
			c->samples[c->done] = (float)((now - c->slot[id].sent) * 1e6);
		c->done++;
	}
	c->ended = now;
	if (now >= deadline)
		return in_flight - 1;
	if (ask(c, id))
		fail("the service closed a connection");
	return in_flight;
}

static void *run_client(void *argument)
{
	struct client *c = argument;
	static _Thread_local uint8_t buffer[BUFFER];
	size_t held = 0;
	pthread_barrier_wait(&start_line); /* all are connected */
	pthread_barrier_wait(&start_line); /* the clock runs */
	double cpu = now_on(CLOCK_THREAD_CPUTIME_ID);
	int in_flight = depth;
	for (int id = 0; id < depth; id++)
		if (ask(c, (uint64_t)id))
			fail("the service closed a connection");
	while (in_flight > 0) {
		ssize_t got = read(c->fd, buffer + held, sizeof buffer - held);
		if (got <= 0)
			fail("the service closed a connection");
		held += (size_t)got;
		size_t used = 0;
		struct answer answer;
		long size;
		while ((size = protocol->answer(buffer + used, held - used, &answer)) > 0) {
			used += (size_t)size;
			in_flight = take(c, &answer, in_flight);
		}
		if (size < 0)
			fail("an answer that is none");
		memmove(buffer, buffer + used, held -= used);
	}
	c->cpu = now_on(CLOCK_THREAD_CPUTIME_ID) - cpu;
	return NULL;
}

/* --- The report --- */

static int ascending(const void *a, const void *b)
{
	float left = *(const float *)a, right = *(const float *)b;
	return left < right ? -1 : left > right;
}

static void print_member(const char *name, double value, int known)
{
	if (known)
		printf(",\"%s\":%.2f", name, value);
	else
		printf(",\"%s\":null", name);
}

static void report(struct client *clients, int count, double started, double server_cpu)
{
	long done = 0, errors = 0;
	double ended = started, cpu = 0;
	const char *reason = "";
	for (int i = 0; i < count; i++) {
		done += clients[i].done;
		errors += clients[i].errors;
		cpu += clients[i].cpu;
		ended = clients[i].ended > ended ? clients[i].ended : ended;
		if (clients[i].errors)
			reason = clients[i].reason;
	}
	float *all = malloc(((size_t)done + 1) * sizeof *all);
	if (!all)
		fail("out of memory");
	size_t kept = 0;
	for (int i = 0; i < count; i++)
		for (long j = 0; j < clients[i].done && j < SAMPLES_MAX; j++)
			all[kept++] = clients[i].samples[j];
	qsort(all, kept, sizeof *all, ascending);
	printf("{\"ops\":%ld,\"seconds\":%.4f", done, ended - started);
	print_member("p50_us", kept ? all[kept / 2] : 0, kept > 0);
	print_member("p99_us", kept ? all[kept * 99 / 100] : 0, kept > 0);
	printf(",\"errors\":%ld", errors);
	print_member("server_cpu_us_per_op", done ? server_cpu / (double)done * 1e6 : 0, done && server_cpu >= 0);
	print_member("client_cpu_us_per_op", done ? cpu / (double)done * 1e6 : 0, done > 0);
	printf("}\n");
	if (errors)
		fprintf(stderr, "%ld requests were refused: %s\n", errors, reason);
	free(all);
}

static int run(int count, double seconds, long server)
{
	if (count < 1 || count > CLIENTS_MAX || seconds <= 0 || depth < 1 || depth > DEPTH_MAX)
		fail("1 to %d clients, more than 0 seconds, a depth of 1 to %d", CLIENTS_MAX, DEPTH_MAX);
	struct client *clients = calloc((size_t)count, sizeof *clients);
	pthread_barrier_init(&start_line, NULL, (unsigned)count + 1);
	for (int i = 0; i < count; i++) {
		/* calloc of this size is pages that cost nothing until they are written */
		clients[i].samples = calloc(SAMPLES_MAX, sizeof *clients[i].samples);
		if (!clients[i].samples || getrandom(clients[i].digest, 32, 0) != 32)
			fail("out of memory");
		clients[i].fd = dial();
		if ((errno = pthread_create(&clients[i].thread, NULL, run_client, &clients[i])))
			fail("pthread_create: %s", strerror(errno));
	}
	pthread_barrier_wait(&start_line);
	double cpu = cpu_of(server), started = now_on(CLOCK_MONOTONIC);
	if (cpu < 0)
		fail("the service, process %ld, is not running", server);
	deadline = started + seconds;
	pthread_barrier_wait(&start_line);
	for (int i = 0; i < count; i++)
		pthread_join(clients[i].thread, NULL);
	double cpu_after = cpu_of(server);
	report(clients, count, started, cpu_after < 0 ? -1 : cpu_after - cpu);
	return 0;
}

/* --- The other commands --- */

static int sign_one(const char *hex)
{
	struct client c = {.fd = dial()};
	uint8_t bytes[REQUEST_MAX], buffer[BUFFER];
	struct answer answer;
	size_t held = 0;
	for (int i = 0; i < 32; i++)
		if (sscanf(hex + (size_t)2 * (size_t)i, "%2hhx", &c.digest[i]) != 1)
			fail("a digest is 64 hexadecimal digits");
	if (write_all(c.fd, bytes, protocol->request(bytes, 1, c.digest, key)))
		fail("the service closed the connection");
	for (long size = 0; size == 0;) {
		ssize_t got = read(c.fd, buffer + held, sizeof buffer - held);
		if (got <= 0)
			fail("the service closed the connection");
		held += (size_t)got;
		if ((size = protocol->answer(buffer, held, &answer)) < 0)
			fail("an answer that is none");
	}
	if (answer.refused)
		fail("refused (%d): %s", answer.refused, answer.reason);
	print_hex(answer.signature, answer.size);
	return 0;
}

static int stay_idle(int count)
{
	if (count < 1 || count > IDLE_MAX)
		fail("1 to %d connections", IDLE_MAX);
	for (int i = 0; i < count; i++)
		dial();
	printf("%d connections\n", count);
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 5) {
		protocol = !strcmp(argv[1], "agent") ? &agent_protocol : !strcmp(argv[1], "http") ? &http_protocol
			   : !strcmp(argv[1], "ssh") ? &ssh_protocol : !strcmp(argv[1], "rsa") ? &rsa_protocol
			   : &skeleton_protocol;
		socket_path = argv[3];
		if (argc == 9 && !strcmp(argv[2], "run")) {
			key = argv[4];
			depth = atoi(argv[7]);
			return run(atoi(argv[5]), atof(argv[6]), atol(argv[8]));
		}
		if (argc == 6 && !strcmp(argv[2], "sign") && strlen(argv[5]) == 64) {
			key = argv[4];
			return sign_one(argv[5]);
		}
		if (argc == 5 && !strcmp(argv[2], "idle"))
			return stay_idle(atoi(argv[4]));
	}
	fail("usage: load agent|rsa|skeleton run SOCKET KEY CLIENTS SECONDS DEPTH SERVER_PID\n"
	     "       load http run SOCKET PATH CLIENTS SECONDS 1 SERVER_PID\n"
	     "       load agent|rsa|skeleton|ssh sign SOCKET KEY DIGEST_HEX\n"
	     "       load agent|skeleton idle SOCKET CONNECTIONS");
}
