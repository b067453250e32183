#ifndef CAROM_SOCKETS_H
#define CAROM_SOCKETS_H

#include "values.h"

/* socketPair(): two connected stream sockets, [fd, fd], closed in programs that this process starts. */
napi_value carom_socket_pair(napi_env env, napi_callback_info info);

/* packetPair(): the same, where each message stays one message, and no end waits. */
napi_value carom_packet_pair(napi_env env, napi_callback_info info);

/* sendDescriptors(packet socket, number, fd, fd, fd, fd): sends copies of four descriptors, marked with a number. */
napi_value carom_send_descriptors(napi_env env, napi_callback_info info);

/* receiveDescriptors(packet socket): [number, fd, fd, fd], or null if there is no message. */
napi_value carom_receive_descriptors(napi_env env, napi_callback_info info);

/* moveDescriptor(from, to): `to` becomes what `from` was, and `from` is closed. */
napi_value carom_move_descriptor(napi_env env, napi_callback_info info);

/* closeDescriptor(fd): Node's own close() warns, in a Worker, of what it has not opened. */
napi_value carom_close_descriptor(napi_env env, napi_callback_info info);

#endif
