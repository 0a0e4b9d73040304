/* One P-256 key on a PKCS#11 token, in the calling process. */
#ifndef TOKEN_H
#define TOKEN_H

#include <p11-kit/pkcs11.h>
#include <stdint.h>

/* Makes a token, its user's PIN and `keys` P-256 keys. The last one signs. Writes that key's public point
 * (uncompressed, 65 bytes). The module's own configuration must allow one new token. */
void token_create(const char *module, const char *pin, int keys, uint8_t point[65]);

/* Logs in and copies the signing key into a session object, which needs no file for each signature. */
void token_login(const char *module, const char *pin);

/* Signs a 32-byte digest: r and s, 32 bytes each. Not 0 if it failed. */
int token_sign(const uint8_t digest[32], uint8_t signature[64]);

/* The module and the session of token_login, for other calls. */
CK_FUNCTION_LIST_PTR token_module(void);
CK_SESSION_HANDLE token_session(void);

#endif
