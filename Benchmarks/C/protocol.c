#define _GNU_SOURCE /* memmem */
#include "protocol.h"

#include "skeleton.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ECDSA = 64, RSA_3072 = 384 }; /* bytes of a signature */

/* --- The yardstick --- */

static size_t skeleton_request(uint8_t bytes[REQUEST_MAX], uint64_t id, const uint8_t digest[32], const char *key)
{
	(void)key;
	memset(bytes, 0, MESSAGE_SIZE);
	memcpy(bytes, digest, 32);
	memcpy(bytes + MESSAGE_ID, &id, sizeof id);
	return MESSAGE_SIZE;
}

static long skeleton_answer(const uint8_t *bytes, size_t count, struct answer *answer)
{
	if (count < MESSAGE_SIZE)
		return 0;
	answer->refused = 0;
	answer->size = ECDSA;
	memcpy(answer->signature, bytes, ECDSA);
	memcpy(&answer->id, bytes + MESSAGE_ID, sizeof answer->id);
	return MESSAGE_SIZE;
}

const struct protocol skeleton_protocol = {"skeleton", skeleton_request, skeleton_answer};

/* --- dtad: docs/protocol.md. A length (4 bytes, big-endian), then a protobuf message, here made by hand. --- */

enum { VARINT = 0, BYTES = 2 };
enum { REQUEST_ID = 1, REQUEST_VERSION = 2, REQUEST_OPERATION = 3, REQUEST_SUBJECT = 4, REQUEST_DATA = 5,
       REQUEST_PREHASHED = 6, REQUEST_FORMAT = 8, REQUEST_DETAILS = 15, DETAILS_SCHEME = 24 };
enum { ANSWER_ID = 1, ANSWER_CODE = 2, ANSWER_MESSAGE = 3, ANSWER_DATA = 5 };
enum { VERSION = 1, SIGN = 20, RAW = 1, RSA_PKCS1_SHA256 = 1, FRAME_MAX = (1 << 20) + (1 << 16) };

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
	for (; value > 127; value >>= 7)
		*at++ = (uint8_t)(value | 128);
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *put_number(uint8_t *at, int field, uint64_t value)
{
	return put_varint(put_varint(at, (uint64_t)field << 3 | VARINT), value);
}

static uint8_t *put_bytes(uint8_t *at, int field, const void *bytes, size_t count)
{
	at = put_varint(put_varint(at, (uint64_t)field << 3 | BYTES), count);
	memcpy(at, bytes, count);
	return at + count;
}

/* `scheme`: of an RSA key; 0: none. */
static size_t sign_request(uint8_t bytes[REQUEST_MAX], uint64_t id, const uint8_t digest[32], const char *key, int scheme)
{
	uint8_t *at = bytes + 4;
	at = put_number(at, REQUEST_ID, id);
	at = put_number(at, REQUEST_VERSION, VERSION);
	at = put_number(at, REQUEST_OPERATION, SIGN);
	at = put_bytes(at, REQUEST_SUBJECT, key, strnlen(key, 64));
	at = put_bytes(at, REQUEST_DATA, digest, 32);
	at = put_number(at, REQUEST_PREHASHED, 1);
	at = put_number(at, REQUEST_FORMAT, RAW);
	if (scheme) {
		uint8_t details[8];
		at = put_bytes(at, REQUEST_DETAILS, details,
		               (size_t)(put_number(details, DETAILS_SCHEME, (uint64_t)scheme) - details));
	}
	size_t length = (size_t)(at - bytes) - 4;
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(length >> (24 - 8 * i));
	return length + 4;
}

static size_t agent_request(uint8_t bytes[REQUEST_MAX], uint64_t id, const uint8_t digest[32], const char *key)
{
	return sign_request(bytes, id, digest, key, 0);
}

static size_t rsa_request(uint8_t bytes[REQUEST_MAX], uint64_t id, const uint8_t digest[32], const char *key)
{
	return sign_request(bytes, id, digest, key, RSA_PKCS1_SHA256);
}

/* Reads a varint; NULL past the end. */
static const uint8_t *get_varint(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
	*value = 0;
	for (int shift = 0; at < end && shift < 64; shift += 7) {
		*value |= (uint64_t)(*at & 127) << shift;
		if (*at++ < 128)
			return at;
	}
	return NULL;
}

/* `wanted`: the bytes of a signature. */
static long sign_answer(const uint8_t *bytes, size_t count, struct answer *answer, size_t wanted)
{
	if (count < 4)
		return 0;
	size_t length = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
	if (length > FRAME_MAX)
		return -1;
	if (count < length + 4)
		return 0;

	int signed_ = 0;
	answer->id = 0;
	answer->refused = 0;
	answer->reason[0] = 0;
	const uint8_t *at = bytes + 4, *end = at + length;
	while (at && at < end) {
		uint64_t tag, value;
		if (!(at = get_varint(at, end, &tag)) || !(at = get_varint(at, end, &value)))
			return -1;
		if ((tag & 7) == VARINT) {
			if (tag >> 3 == ANSWER_ID)
				answer->id = value;
			if (tag >> 3 == ANSWER_CODE)
				answer->refused = (int)value;
			continue;
		}
		if ((tag & 7) != BYTES || value > (uint64_t)(end - at))
			return -1;
		if (tag >> 3 == ANSWER_DATA && value == wanted) {
			memcpy(answer->signature, at, wanted);
			answer->size = wanted;
			signed_ = 1;
		}
		if (tag >> 3 == ANSWER_MESSAGE) {
			size_t room = sizeof answer->reason - 1, size = value < room ? value : room;
			memcpy(answer->reason, at, size);
			answer->reason[size] = 0;
		}
		at += value;
	}
	return answer->refused || signed_ ? (long)length + 4 : -1;
}

static long agent_answer(const uint8_t *bytes, size_t count, struct answer *answer)
{
	return sign_answer(bytes, count, answer, ECDSA);
}

static long rsa_answer(const uint8_t *bytes, size_t count, struct answer *answer)
{
	return sign_answer(bytes, count, answer, RSA_3072);
}

const struct protocol agent_protocol = {"agent", agent_request, agent_answer};
const struct protocol rsa_protocol = {"rsa", rsa_request, rsa_answer};

/* --- HTTP/1.1, as far as a GET and an answer with its length go. One request at a time: the answers have no id. --- */

static size_t http_request(uint8_t bytes[REQUEST_MAX], uint64_t id, const uint8_t digest[32], const char *key)
{
	(void)id, (void)digest;
	int size = snprintf((char *)bytes, REQUEST_MAX, "GET %.128s HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n", key);
	return (size_t)size;
}

static long http_answer(const uint8_t *bytes, size_t count, struct answer *answer)
{
	const char *text = (const char *)bytes, *end = memmem(bytes, count, "\r\n\r\n", 4);
	if (!end)
		return 0;
	if (strncmp(text, "HTTP/1.1 ", 9))
		return -1;
	size_t head = (size_t)(end - text) + 4, body = 0;
	int known = 0;
	for (const char *line = text; line && line < end; line = memmem(line, (size_t)(end - line), "\r\n", 2)) {
		line += line == text ? 0 : 2;
		if (!strncasecmp(line, "content-length:", 15)) {
			body = strtoul(line + 15, NULL, 10);
			known = 1;
		}
	}
	if (!known)
		return -1;
	if (count < head + body)
		return 0;
	int status = atoi(text + 9);
	answer->id = 1;
	answer->refused = status == 200 ? 0 : status;
	snprintf(answer->reason, sizeof answer->reason, "%.60s", text);
	return (long)(head + body);
}

const struct protocol http_protocol = {"http", http_request, http_answer};

/* --- The agent protocol of SSH (RFC 9987): a length, a type, strings with lengths. The agent hashes what it signs. One
 * request at a time: the answers have no id. --- */

enum { SSH_SIGN = 13, SSH_SIGNATURE = 14, POINT = 65 };

static uint8_t *put_u32(uint8_t *at, size_t value)
{
	for (int i = 0; i < 4; i++)
		*at++ = (uint8_t)(value >> (24 - 8 * i));
	return at;
}

static uint8_t *put_string(uint8_t *at, const void *bytes, size_t count)
{
	memcpy(put_u32(at, count), bytes, count);
	return at + 4 + count;
}

static size_t ssh_request(uint8_t bytes[REQUEST_MAX], uint64_t id, const uint8_t digest[32], const char *key)
{
	(void)id;
	static const char type[] = "ecdsa-sha2-nistp256";
	uint8_t point[POINT];
	for (int i = 0; i < POINT; i++) {
		unsigned byte = 0;
		sscanf(key + 2 * i, "%2x", &byte);
		point[i] = (uint8_t)byte;
	}
	uint8_t *at = bytes + 4;
	*at++ = SSH_SIGN;
	uint8_t *blob = at;
	at = put_string(at + 4, type, sizeof type - 1);
	at = put_string(at, type + 11, 8);
	at = put_string(at, point, POINT);
	put_u32(blob, (size_t)(at - blob) - 4);
	at = put_string(at, digest, 32);
	at = put_u32(at, 0);
	put_u32(bytes, (size_t)(at - bytes) - 4);
	return (size_t)(at - bytes);
}

/* A string at *at, which moves behind it; NULL if it goes beyond the end. */
static const uint8_t *get_string(const uint8_t **at, const uint8_t *end, size_t *size)
{
	if (!*at || end - *at < 4)
		return *at = NULL;
	const uint8_t *p = *at;
	*size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (*size > (size_t)(end - p) - 4)
		return *at = NULL;
	*at = p + 4 + *size;
	return p + 4;
}

/* A number of at most 32 bytes, in full length. */
static int get_scalar(const uint8_t **at, const uint8_t *end, uint8_t scalar[32])
{
	size_t size = 0;
	const uint8_t *number = get_string(at, end, &size);
	for (; number && size && !*number; size--)
		number++;
	if (!number || size > 32)
		return -1;
	memset(scalar, 0, 32 - size);
	memcpy(scalar + 32 - size, number, size);
	return 0;
}

static long ssh_answer(const uint8_t *bytes, size_t count, struct answer *answer)
{
	if (count < 5)
		return 0;
	size_t length = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
	if (!length || length > FRAME_MAX)
		return -1;
	if (count < length + 4)
		return 0;
	answer->id = 1;
	answer->refused = bytes[4] == SSH_SIGNATURE ? 0 : bytes[4];
	snprintf(answer->reason, sizeof answer->reason, "an answer of type %d", bytes[4]);
	if (answer->refused)
		return (long)length + 4;
	size_t size = 0;
	const uint8_t *at = bytes + 5, *end = bytes + 4 + length;
	const uint8_t *signature = get_string(&at, end, &size);
	end = signature ? signature + size : NULL;
	get_string(&signature, end, &size); /* the algorithm's name */
	const uint8_t *numbers = get_string(&signature, end, &size);
	end = numbers ? numbers + size : NULL;
	if (get_scalar(&numbers, end, answer->signature) || get_scalar(&numbers, end, answer->signature + 32))
		return -1;
	answer->size = ECDSA;
	return (long)length + 4;
}

const struct protocol ssh_protocol = {"ssh", ssh_request, ssh_answer};
