/* Processes that sign through a PKCS#11 module, each as soon as it has its last signature.
 *
 *     processes create MODULE PIN                                    makes a token with one RSA-3072 key, prints its modulus
 *     processes run MODULE PIN|- ec|rsa token|copy PROCESSES SECONDS prints one JSON line, as load does
 *     processes sign MODULE PIN|- ec|rsa token|copy DIGEST_HEX       prints the signature in hex
 *
 * The key is the private one with the label bench-signs; `copy`: a copy of it in the session, which needs no file for each
 * signature. RSA signs by PKCS#1 v1.5. `-`: nobody logs in. */
#include "common.h"
#include "must.h"

#include <dlfcn.h>
#include <errno.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES_MAX = 64, SAMPLES_MAX = 1 << 18, RSA_BITS = 3072 };

static CK_FUNCTION_LIST_PTR pkcs11;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key;
static int is_rsa;
static char label[] = "bench-signs";

static double now_on(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void load_module(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = handle ? (CK_C_GetFunctionList)dlsym(handle, "C_GetFunctionList") : NULL;
	if (!get)
		fail("%s is no PKCS#11 module", path);
	MUST(get(&pkcs11));
	MUST(pkcs11->C_Initialize(NULL)); /* one thread */
}

/* Looks for the key on all tokens. */
static void find_key(const char *pin)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = sizeof slots / sizeof *slots;
	MUST(pkcs11->C_GetSlotList(CK_TRUE, slots, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;
		MUST(pkcs11->C_GetTokenInfo(slots[i], &info));
		if (!(info.flags & CKF_TOKEN_INITIALIZED))
			continue;
		MUST(pkcs11->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
		if (strcmp(pin, "-"))
			MUST(pkcs11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)));
		CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
		CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, label, sizeof label - 1}};
		CK_ULONG found = 0;
		MUST(pkcs11->C_FindObjectsInit(session, wanted, 2));
		MUST(pkcs11->C_FindObjects(session, &key, 1, &found));
		MUST(pkcs11->C_FindObjectsFinal(session));
		if (found == 1)
			return;
		MUST(pkcs11->C_CloseSession(session));
	}
	fail("no token has a key %s", label);
}

static void begin(const char *module, const char *pin, const char *where)
{
	load_module(module);
	find_key(pin);
	if (!strcmp(where, "copy")) {
		CK_BBOOL no = CK_FALSE;
		CK_ATTRIBUTE in_memory[] = {{CKA_TOKEN, &no, sizeof no}};
		CK_OBJECT_HANDLE copy;
		MUST(pkcs11->C_CopyObject(session, key, in_memory, 1, &copy));
		key = copy;
	}
}

/* Returns the signature's size; 0 if it failed. */
static CK_ULONG sign(const uint8_t digest[32], uint8_t signature[512])
{
	/* DigestInfo of SHA-256: RFC 8017, section 9.2, note 1. */
	static const uint8_t prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
	                                 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
	CK_BYTE input[sizeof prefix + 32];
	CK_MECHANISM mechanism = {is_rsa ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
	CK_ULONG length = 512, skipped = is_rsa ? 0 : sizeof prefix;
	memcpy(input, prefix, sizeof prefix);
	memcpy(input + sizeof prefix, digest, 32);
	if (pkcs11->C_SignInit(session, &mechanism, key) != CKR_OK)
		return 0;
	return pkcs11->C_Sign(session, input + skipped, sizeof input - skipped, signature, &length) == CKR_OK ? length : 0;
}

/* --- The load --- */

struct client {
	long done, errors;
	double ended, cpu;
	float samples[SAMPLES_MAX]; /* µs, the first SAMPLES_MAX signatures */
};

static struct shared {
	pthread_barrier_t start_line;
	pthread_mutex_t logging_in; /* SoftHSM fails some of several simultaneous logins */
	double deadline;
	struct client clients[];
} *shared;

static _Noreturn void run_client(struct client *c, const char *module, const char *pin, const char *where)
{
	uint8_t digest[32] = {1}, signature[512];
	pthread_mutex_lock(&shared->logging_in);
	begin(module, pin, where);
	pthread_mutex_unlock(&shared->logging_in);
	if (!sign(digest, signature))
		fail("the key does not sign");
	pthread_barrier_wait(&shared->start_line); /* all are ready */
	pthread_barrier_wait(&shared->start_line); /* the clock runs */
	double cpu = now_on(CLOCK_PROCESS_CPUTIME_ID);
	for (double asked = now_on(CLOCK_MONOTONIC); asked < shared->deadline; asked = c->ended) {
		digest[c->done % 32]++; /* another digest each time */
		CK_ULONG size = sign(digest, signature);
		c->ended = now_on(CLOCK_MONOTONIC);
		if (!size) {
			c->errors++;
			usleep(1000);
			continue;
		}
		if (c->done < SAMPLES_MAX)
			c->samples[c->done] = (float)((c->ended - asked) * 1e6);
		c->done++;
	}
	c->cpu = now_on(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	pkcs11->C_Finalize(NULL);
	_exit(0);
}

static int ascending(const void *a, const void *b)
{
	float left = *(const float *)a, right = *(const float *)b;
	return left < right ? -1 : left > right;
}

static void report(int count, double started)
{
	long done = 0, errors = 0;
	double ended = started, cpu = 0;
	for (int i = 0; i < count; i++) {
		done += shared->clients[i].done;
		errors += shared->clients[i].errors;
		cpu += shared->clients[i].cpu;
		ended = shared->clients[i].ended > ended ? shared->clients[i].ended : ended;
	}
	float *all = malloc(((size_t)done + 1) * sizeof *all);
	if (!all || !done)
		fail("nothing was signed");
	size_t kept = 0;
	for (int i = 0; i < count; i++)
		for (long j = 0; j < shared->clients[i].done && j < SAMPLES_MAX; j++)
			all[kept++] = shared->clients[i].samples[j];
	qsort(all, kept, sizeof *all, ascending);
	printf("{\"ops\":%ld,\"seconds\":%.4f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"errors\":%ld,\"server_cpu_us_per_op\":null,"
	       "\"client_cpu_us_per_op\":%.2f}\n", done, ended - started, (double)all[kept / 2],
	       (double)all[kept * 99 / 100], errors, cpu / (double)done * 1e6);
	free(all);
}

static int run(char **words, int count, double seconds)
{
	if (count < 1 || count > PROCESSES_MAX || seconds <= 0)
		fail("1 to %d processes, more than 0 seconds", PROCESSES_MAX);
	shared = mmap(NULL, sizeof *shared + (size_t)count * sizeof(struct client), PROT_READ | PROT_WRITE,
	              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fail("out of memory");
	pthread_barrierattr_t barrier;
	pthread_mutexattr_t mutex;
	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->start_line, &barrier, (unsigned)count + 1);
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->logging_in, &mutex);
	pid_t pids[PROCESSES_MAX];
	for (int i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			fail("fork: %s", strerror(errno));
		if (pids[i] == 0) {
			alarm(120 + (unsigned)seconds); /* the others may have failed */
			run_client(&shared->clients[i], words[0], words[1], words[3]);
		}
	}
	alarm(120 + (unsigned)seconds);
	pthread_barrier_wait(&shared->start_line);
	double started = now_on(CLOCK_MONOTONIC);
	shared->deadline = started + seconds;
	pthread_barrier_wait(&shared->start_line);
	for (int i = 0; i < count; i++) {
		int status;
		if (waitpid(pids[i], &status, 0) < 0 || status)
			fail("a process that signs failed");
	}
	report(count, started);
	return 0;
}

/* --- The other commands --- */

static int sign_one(char **words, const char *hex)
{
	uint8_t digest[32], signature[512];
	for (int i = 0; i < 32; i++)
		if (sscanf(hex + (size_t)2 * (size_t)i, "%2hhx", &digest[i]) != 1)
			fail("a digest is 64 hexadecimal digits");
	begin(words[0], words[1], words[3]);
	CK_ULONG size = sign(digest, signature);
	if (!size)
		fail("the key does not sign");
	print_hex(signature, size);
	pkcs11->C_Finalize(NULL);
	return 0;
}

static int create(const char *module, const char *pin)
{
	CK_UTF8CHAR name[32], so_pin[] = "bench-so-pin";
	CK_SLOT_ID slots[8];
	CK_ULONG count = sizeof slots / sizeof *slots;
	memset(name, ' ', sizeof name);
	memcpy(name, "bench", 5);
	load_module(module);
	MUST(pkcs11->C_GetSlotList(CK_TRUE, slots, &count));
	MUST(pkcs11->C_InitToken(slots[0], so_pin, sizeof so_pin - 1, name));
	count = sizeof slots / sizeof *slots;
	MUST(pkcs11->C_GetSlotList(CK_TRUE, slots, &count)); /* SoftHSM gives it another slot */
	MUST(pkcs11->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	MUST(pkcs11->C_Login(session, CKU_SO, so_pin, sizeof so_pin - 1));
	MUST(pkcs11->C_InitPIN(session, (CK_UTF8CHAR *)pin, strlen(pin)));
	MUST(pkcs11->C_Logout(session));
	MUST(pkcs11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)));
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG bits = RSA_BITS;
	CK_BYTE exponent[] = {1, 0, 1}, modulus[RSA_BITS / 8];
	CK_ATTRIBUTE public[] = {
		{CKA_TOKEN, &yes, sizeof yes}, {CKA_LABEL, label, sizeof label - 1}, {CKA_MODULUS_BITS, &bits, sizeof bits},
		{CKA_PUBLIC_EXPONENT, exponent, sizeof exponent}, {CKA_VERIFY, &yes, sizeof yes},
	};
	CK_ATTRIBUTE private[] = {
		{CKA_TOKEN, &yes, sizeof yes}, {CKA_LABEL, label, sizeof label - 1}, {CKA_PRIVATE, &yes, sizeof yes},
		{CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no}, {CKA_SIGN, &yes, sizeof yes},
	};
	CK_MECHANISM generate = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE public_key;
	MUST(pkcs11->C_GenerateKeyPair(session, &generate, public, sizeof public / sizeof *public, private,
	                               sizeof private / sizeof *private, &public_key, &key));
	CK_ATTRIBUTE read[] = {{CKA_MODULUS, modulus, sizeof modulus}};
	MUST(pkcs11->C_GetAttributeValue(session, public_key, read, 1));
	print_hex(modulus, sizeof modulus);
	MUST(pkcs11->C_Finalize(NULL));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "create"))
		return create(argv[2], argv[3]);
	is_rsa = argc > 4 && !strcmp(argv[4], "rsa");
	if (argc == 8 && !strcmp(argv[1], "run"))
		return run(argv + 2, atoi(argv[6]), atof(argv[7]));
	if (argc == 7 && !strcmp(argv[1], "sign") && strlen(argv[6]) == 64)
		return sign_one(argv + 2, argv[6]);
	fail("usage: processes create MODULE PIN\n"
	     "       processes run MODULE PIN|- ec|rsa token|copy PROCESSES SECONDS\n"
	     "       processes sign MODULE PIN|- ec|rsa token|copy DIGEST_HEX");
}
