/* The yardstick's protocol: request and answer are one message of this size. A request is a digest (32 bytes), an
 * answer a signature (64 bytes); the last 8 bytes of a request come back in its answer. */
#ifndef SKELETON_H
#define SKELETON_H

enum { MESSAGE_SIZE = 128, MESSAGE_ID = MESSAGE_SIZE - 8 };

#endif
