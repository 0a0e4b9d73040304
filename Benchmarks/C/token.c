#include "token.h"

#include "common.h"
#include "must.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

static CK_FUNCTION_LIST_PTR pkcs11;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE signing_key;
static char signing_label[] = "bench-signs";

static void load_module(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		fail("%s", dlerror());
	CK_C_GetFunctionList get_list = (CK_C_GetFunctionList)dlsym(handle, "C_GetFunctionList");
	if (!get_list)
		fail("%s is no PKCS#11 module", path);
	MUST(get_list(&pkcs11));
	MUST(pkcs11->C_Initialize(NULL)); /* one thread */
}

/* The slot of the one token that is, or is not yet, initialized. */
static CK_SLOT_ID find_slot(bool initialized)
{
	CK_SLOT_ID slots[8];
	CK_ULONG count = sizeof slots / sizeof *slots;
	MUST(pkcs11->C_GetSlotList(CK_TRUE, slots, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;
		MUST(pkcs11->C_GetTokenInfo(slots[i], &info));
		if (!!(info.flags & CKF_TOKEN_INITIALIZED) == initialized)
			return slots[i];
	}
	fail("no token that is %s", initialized ? "initialized" : "new");
}

static void open_session(CK_USER_TYPE user, const char *pin)
{
	MUST(pkcs11->C_OpenSession(find_slot(true), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	MUST(pkcs11->C_Login(session, user, (CK_UTF8CHAR *)pin, strlen(pin)));
}

static CK_OBJECT_HANDLE make_key(char *label, size_t length)
{
	static CK_BYTE id; /* ssh-pkcs11-helper finds a key's other half by it */
	id++;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}; /* OID, DER: RFC 5480 */
	CK_ATTRIBUTE public[] = {
		{CKA_TOKEN, &yes, sizeof yes}, {CKA_LABEL, label, length}, {CKA_ID, &id, sizeof id},
		{CKA_EC_PARAMS, p256, sizeof p256}, {CKA_VERIFY, &yes, sizeof yes},
	};
	CK_ATTRIBUTE private[] = {
		{CKA_TOKEN, &yes, sizeof yes}, {CKA_LABEL, label, length}, {CKA_ID, &id, sizeof id},
		{CKA_PRIVATE, &yes, sizeof yes},
		{CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no}, {CKA_SIGN, &yes, sizeof yes},
	};
	CK_MECHANISM generate = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE public_key, private_key;
	MUST(pkcs11->C_GenerateKeyPair(session, &generate, public, sizeof public / sizeof *public,
	                               private, sizeof private / sizeof *private, &public_key, &private_key));
	return public_key;
}

void token_create(const char *module, const char *pin, int keys, uint8_t point[65])
{
	CK_UTF8CHAR label[32], so_pin[] = "bench-so-pin";
	memset(label, ' ', sizeof label);
	memcpy(label, "bench", 5);
	load_module(module);
	MUST(pkcs11->C_InitToken(find_slot(false), so_pin, sizeof so_pin - 1, label));
	open_session(CKU_SO, (char *)so_pin);
	MUST(pkcs11->C_InitPIN(session, (CK_UTF8CHAR *)pin, strlen(pin)));
	MUST(pkcs11->C_Logout(session));
	MUST(pkcs11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)));

	char other[] = "bench-other";
	for (int i = 1; i < keys; i++)
		make_key(other, sizeof other - 1);
	CK_OBJECT_HANDLE public_key = make_key(signing_label, sizeof signing_label - 1);
	CK_BYTE wrapped[67]; /* an OCTET STRING around the point */
	CK_ATTRIBUTE read[] = {{CKA_EC_POINT, wrapped, sizeof wrapped}};
	MUST(pkcs11->C_GetAttributeValue(session, public_key, read, 1));
	memcpy(point, wrapped + 2, 65);
	MUST(pkcs11->C_Finalize(NULL));
}

void token_login(const char *module, const char *pin)
{
	load_module(module);
	open_session(CKU_USER, pin);

	CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted[] = {
		{CKA_CLASS, &private, sizeof private}, {CKA_LABEL, signing_label, sizeof signing_label - 1},
	};
	CK_OBJECT_HANDLE found;
	CK_ULONG count = 0;
	MUST(pkcs11->C_FindObjectsInit(session, wanted, 2));
	MUST(pkcs11->C_FindObjects(session, &found, 1, &count));
	MUST(pkcs11->C_FindObjectsFinal(session));
	if (count != 1)
		fail("the token has no key %s", signing_label);

	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE in_memory[] = {{CKA_TOKEN, &no, sizeof no}};
	MUST(pkcs11->C_CopyObject(session, found, in_memory, 1, &signing_key));
}

int token_sign(const uint8_t digest[32], uint8_t signature[64])
{
	CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
	CK_ULONG length = 64;
	if (pkcs11->C_SignInit(session, &ecdsa, signing_key) != CKR_OK)
		return -1;
	if (pkcs11->C_Sign(session, (CK_BYTE *)digest, 32, signature, &length) != CKR_OK)
		return -1;
	return length == 64 ? 0 : -1;
}

CK_FUNCTION_LIST_PTR token_module(void)
{
	return pkcs11;
}

CK_SESSION_HANDLE token_session(void)
{
	return session;
}
