// signers MODULE LABEL CHILDREN SECONDS: a program that initializes PKCS#11 and forks, as servers do. Each child
// initializes anew and signs with the key of that label until the time is over. Prints a line for each child:
// signatures, failures, and the longest time between two signatures in milliseconds.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <p11-kit-1/p11-kit/pkcs11.h>

static CK_FUNCTION_LIST *functions;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(CK_RV answer, const char *what)
{
	if (answer == CKR_OK)
		return;
	fprintf(stderr, "%s: %#lx\n", what, answer);
	_exit(1);
}

static CK_SESSION_HANDLE begin(const char *label, CK_OBJECT_HANDLE *key)
{
	CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
	check(functions->C_Initialize(&arguments), "C_Initialize");
	CK_SLOT_ID slots[16];
	CK_ULONG count = 16;
	check(functions->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
	for (CK_ULONG place = 0; place < count; place++) {
		CK_SESSION_HANDLE session;
		check(functions->C_OpenSession(slots[place], CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
		CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
		CK_ATTRIBUTE template[] = {
			{CKA_CLASS, &class, sizeof class},
			{CKA_LABEL, (void *)label, strlen(label)},
		};
		CK_ULONG found = 0;
		check(functions->C_FindObjectsInit(session, template, 2), "C_FindObjectsInit");
		check(functions->C_FindObjects(session, key, 1, &found), "C_FindObjects");
		check(functions->C_FindObjectsFinal(session), "C_FindObjectsFinal");
		if (found == 1)
			return session;
	}
	fprintf(stderr, "no key %s\n", label);
	_exit(1);
}

static int sign(const char *label, double end)
{
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session = begin(label, &key);
	CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
	unsigned char digest[32] = {1}, signature[64];
	unsigned long made = 0, failed = 0;
	double last = now(), longest = 0;
	while (now() < end) {
		CK_ULONG length = sizeof signature;
		CK_RV answer = functions->C_SignInit(session, &mechanism, key);
		if (answer == CKR_OK)
			answer = functions->C_Sign(session, digest, sizeof digest, signature, &length);
		if (answer == CKR_OK) {
			made++;
		} else if (failed++ == 0) {
			fprintf(stderr, "C_Sign: %#lx\n", answer);
		}
		double time = now();
		if (time - last > longest)
			longest = time - last;
		last = time;
	}
	functions->C_Finalize(NULL);
	printf("%lu %lu %.0f\n", made, failed, longest * 1000);
	fflush(stdout);
	return failed != 0;
}

int main(int count, char **arguments)
{
	if (count != 5)
		return 2;
	void *module = dlopen(arguments[1], RTLD_NOW);
	CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
	if (!get || get(&functions) != CKR_OK)
		return 2;
	CK_OBJECT_HANDLE key;
	begin(arguments[2], &key);
	double end = now() + atof(arguments[4]);
	// dta-p11 is a child of this program, too, and ends at C_Finalize.
	int number = atoi(arguments[3]), result = 0, status;
	pid_t children[64];
	if (number < 1 || number > 64)
		return 2;
	for (int child = 0; child < number; child++) {
		children[child] = fork();
		if (children[child] == 0)
			_exit(sign(arguments[2], end));
	}
	for (int child = 0; child < number; child++)
		result |= waitpid(children[child], &status, 0) < 0 || status != 0;
	functions->C_Finalize(NULL);
	return result;
}
