/* Common functions of the benchmarks' programs. */
#ifndef COMMON_H
#define COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Says why on stderr, and ends the process. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* All of the bytes, or -1. */
int read_all(int fd, void *bytes, size_t count);
int write_all(int fd, const void *bytes, size_t count);

/* The address of a socket; ends the process if the path is too long. */
struct sockaddr_un socket_address(const char *path);

void print_hex(const uint8_t *bytes, size_t count);

#endif
