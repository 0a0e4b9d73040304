/* How often a second the token does the operations of envelopes. Opening: one AES-256-GCM decryption of a sealed seed, and
 * one X25519 agreement. Sealing: one Ed25519 signature. In one process, one session, with session keys: no program
 * between. And how often a second another process can be asked for anything and answer. */
#include "common.h"
#include "must.h"
#include "token.h"

#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SEED = 64, TAG = 16 };

static CK_FUNCTION_LIST_PTR pkcs11;
static CK_SESSION_HANDLE session;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double rate(double seconds, void (*body)(void))
{
	body();
	double begin = now(), end = begin + seconds;
	long count = 0;
	do {
		body();
		count++;
	} while (now() < end);
	return (double)count / (now() - begin);
}

static CK_OBJECT_HANDLE seal_key;
static CK_BYTE sealed[SEED + TAG];
static CK_BYTE nonce[12], aad[80];

static CK_MECHANISM gcm(CK_GCM_PARAMS *parameters)
{
	*parameters = (CK_GCM_PARAMS){.pIv = nonce, .ulIvLen = sizeof nonce, .ulIvBits = sizeof nonce * 8,
	                              .pAAD = aad, .ulAADLen = sizeof aad, .ulTagBits = TAG * 8};
	return (CK_MECHANISM){CKM_AES_GCM, parameters, sizeof *parameters};
}

static void make_sealed(void)
{
	CK_ULONG length = 32;
	CK_ATTRIBUTE attributes[] = {
		{CKA_VALUE_LEN, &length, sizeof length}, {CKA_TOKEN, &no, sizeof no}, {CKA_PRIVATE, &yes, sizeof yes},
		{CKA_ENCRYPT, &yes, sizeof yes}, {CKA_DECRYPT, &yes, sizeof yes},
	};
	CK_MECHANISM generate = {CKM_AES_KEY_GEN, NULL, 0};
	MUST(pkcs11->C_GenerateKey(session, &generate, attributes, sizeof attributes / sizeof *attributes, &seal_key));
	CK_GCM_PARAMS parameters;
	CK_MECHANISM mechanism = gcm(&parameters);
	CK_BYTE seed[SEED] = {1};
	CK_ULONG size = sizeof sealed;
	MUST(pkcs11->C_EncryptInit(session, &mechanism, seal_key));
	MUST(pkcs11->C_Encrypt(session, seed, sizeof seed, sealed, &size));
}

static void unseal(void)
{
	CK_GCM_PARAMS parameters;
	CK_MECHANISM mechanism = gcm(&parameters);
	CK_BYTE seed[SEED + TAG];
	CK_ULONG size = sizeof seed;
	MUST(pkcs11->C_DecryptInit(session, &mechanism, seal_key));
	MUST(pkcs11->C_Decrypt(session, sealed, sizeof sealed, seed, &size));
}

static CK_OBJECT_HANDLE x25519_key;
/* An OCTET STRING around the base point, as SoftHSM wants it. */
static CK_BYTE peer[34] = {0x04, 32, 9};

static void make_x25519(void)
{
	CK_BYTE curve[] = {0x06, 0x03, 0x2b, 0x65, 0x6e}; /* OID, DER: RFC 8410 */
	CK_ATTRIBUTE public[] = {{CKA_TOKEN, &no, sizeof no}, {CKA_EC_PARAMS, curve, sizeof curve}};
	CK_ATTRIBUTE private[] = {
		{CKA_TOKEN, &no, sizeof no}, {CKA_PRIVATE, &yes, sizeof yes}, {CKA_SENSITIVE, &yes, sizeof yes},
		{CKA_DERIVE, &yes, sizeof yes},
	};
	CK_MECHANISM generate = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE public_key;
	MUST(pkcs11->C_GenerateKeyPair(session, &generate, public, 2, private, 4, &public_key, &x25519_key));
}

static void agree(void)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ULONG length = 32;
	CK_ATTRIBUTE attributes[] = {
		{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_TOKEN, &no, sizeof no},
		{CKA_SENSITIVE, &no, sizeof no}, {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_VALUE_LEN, &length, sizeof length},
	};
	CK_ECDH1_DERIVE_PARAMS parameters = {CKD_NULL, 0, NULL, sizeof peer, peer};
	CK_MECHANISM derive = {CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
	CK_OBJECT_HANDLE secret;
	MUST(pkcs11->C_DeriveKey(session, &derive, x25519_key, attributes, sizeof attributes / sizeof *attributes, &secret));
	CK_BYTE value[32];
	CK_ATTRIBUTE read[] = {{CKA_VALUE, value, sizeof value}};
	MUST(pkcs11->C_GetAttributeValue(session, secret, read, 1));
	MUST(pkcs11->C_DestroyObject(session, secret));
}

static CK_OBJECT_HANDLE ed25519_key;
/* As long as what an envelope's sender signs: its context, a zero byte and a hash. */
static CK_BYTE message[14 + 1 + 32] = "dta/envelope/1";

static void make_ed25519(void)
{
	CK_BYTE curve[] = {0x06, 0x03, 0x2b, 0x65, 0x70}; /* OID, DER: RFC 8410 */
	CK_ATTRIBUTE public[] = {{CKA_TOKEN, &no, sizeof no}, {CKA_EC_PARAMS, curve, sizeof curve}};
	CK_ATTRIBUTE private[] = {
		{CKA_TOKEN, &no, sizeof no}, {CKA_PRIVATE, &yes, sizeof yes}, {CKA_SENSITIVE, &yes, sizeof yes},
		{CKA_SIGN, &yes, sizeof yes},
	};
	CK_MECHANISM generate = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE public_key;
	MUST(pkcs11->C_GenerateKeyPair(session, &generate, public, 2, private, 4, &public_key, &ed25519_key));
}

static void sign(void)
{
	CK_MECHANISM eddsa = {CKM_EDDSA, NULL, 0};
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	MUST(pkcs11->C_SignInit(session, &eddsa, ed25519_key));
	MUST(pkcs11->C_Sign(session, message, sizeof message, signature, &size));
}

static int echo;

/* Another process that sends back what it gets, until this one ends. */
static void make_echo(void)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		fail("socketpair: %s", strerror(errno));
	pid_t child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (child == 0) {
		CK_BYTE bytes[64];
		close(ends[0]);
		while (read_all(ends[1], bytes, sizeof bytes) == 0 && write_all(ends[1], bytes, sizeof bytes) == 0)
			;
		_exit(0);
	}
	close(ends[1]);
	echo = ends[0];
}

static void ask(void)
{
	CK_BYTE bytes[64] = {1};
	if (write_all(echo, bytes, sizeof bytes) || read_all(echo, bytes, sizeof bytes))
		fail("the other process is gone");
}

int main(int count, char **words)
{
	if (count != 4)
		fail("usage: calls MODULE PIN SECONDS");
	token_login(words[1], words[2]);
	pkcs11 = token_module();
	session = token_session();
	make_sealed();
	make_x25519();
	make_ed25519();
	make_echo();
	double seconds = atof(words[3]);
	printf("{\"unseal\": %f, \"x25519\": %f, \"ed25519\": %f, \"round_trip\": %f}\n", rate(seconds, unseal),
	       rate(seconds, agree), rate(seconds, sign), rate(seconds, ask));
	return 0;
}
