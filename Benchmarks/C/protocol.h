/* How a client asks for one signature, or for one page: the only thing in which the load's services differ. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

enum { REQUEST_MAX = 256 };

struct answer {
	uint64_t id;
	int refused; /* not 0: the service's error code */
	uint8_t signature[512];
	size_t size; /* of the signature */
	char reason[256];
};

struct protocol {
	const char *name;
	/* Writes a request to sign `digest` with `key` (of ssh: its point in hex), or for the path `key`; returns its size. */
	size_t (*request)(uint8_t bytes[REQUEST_MAX], uint64_t id, const uint8_t digest[32], const char *key);
	/* Reads one answer from the start of `bytes`; returns its size, 0 if it is not yet complete, -1 if it is none. */
	long (*answer)(const uint8_t *bytes, size_t count, struct answer *answer);
};

extern const struct protocol agent_protocol, rsa_protocol, skeleton_protocol, http_protocol, ssh_protocol;

#endif
