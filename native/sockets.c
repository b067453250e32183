#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CARRIED = 4 };

/* Aligned as the kernel wants its control messages. */
union control {
  char bytes[CMSG_SPACE(CARRIED * sizeof(int))];
  struct cmsghdr alignment;
};

static napi_value make_pair(napi_env env, napi_callback_info info, int type) {
  int ends[2];
  if (!read_integers(env, info, 0, NULL)) return NULL;
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) return throw_errno(env, errno, "make a pair of sockets");
  return make_integers(env, (int64_t[]){ends[0], ends[1]}, 2);
}

napi_value carom_socket_pair(napi_env env, napi_callback_info info) { return make_pair(env, info, SOCK_STREAM); }

napi_value carom_packet_pair(napi_env env, napi_callback_info info) {
  return make_pair(env, info, SOCK_SEQPACKET | SOCK_NONBLOCK);
}

napi_value carom_send_descriptors(napi_env env, napi_callback_info info) {
  int64_t arguments[2 + CARRIED];
  if (!read_integers(env, info, 2 + CARRIED, arguments)) return NULL;
  int carried[CARRIED];
  for (int i = 0; i < CARRIED; i++) carried[i] = (int)arguments[2 + i];

  union control control = {{0}};
  struct iovec body = {.iov_base = &arguments[1], .iov_len = sizeof arguments[1]};
  struct msghdr message = {
      .msg_iov = &body, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof carried);
  memcpy(CMSG_DATA(header), carried, sizeof carried);
  if (sendmsg((int)arguments[0], &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    return throw_errno(env, errno, "send descriptors");
  }
  return make_undefined(env);
}

static void close_carried(struct cmsghdr *header) {
  size_t count = header->cmsg_len > CMSG_LEN(0) ? (header->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
  int *carried = (int *)(void *)CMSG_DATA(header);
  for (size_t i = 0; i < count; i++) close(carried[i]);
}

napi_value carom_receive_descriptors(napi_env env, napi_callback_info info) {
  int64_t socket, number = 0;
  if (!read_integers(env, info, 1, &socket)) return NULL;
  union control control;
  struct iovec body = {.iov_base = &number, .iov_len = sizeof number};
  struct msghdr message = {
      .msg_iov = &body, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t length = recvmsg((int)socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0 && errno == EAGAIN) return make_null(env);
  if (length < 0) return throw_errno(env, errno, "receive descriptors");
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  bool is_rights = header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS;
  /* Cut short where this process has no descriptors left. */
  if (length != sizeof number || !is_rights || header->cmsg_len != CMSG_LEN(CARRIED * sizeof(int))) {
    if (is_rights) close_carried(header);
    return throw_errno(env, length == 0 ? EPIPE : EMFILE, "receive descriptors");
  }
  int carried[CARRIED];
  memcpy(carried, CMSG_DATA(header), sizeof carried);
  int64_t result[1 + CARRIED] = {number};
  for (int i = 0; i < CARRIED; i++) result[1 + i] = carried[i];
  return make_integers(env, result, 1 + CARRIED);
}

napi_value carom_move_descriptor(napi_env env, napi_callback_info info) {
  int64_t fds[2];
  if (!read_integers(env, info, 2, fds)) return NULL;
  if (dup3((int)fds[0], (int)fds[1], O_CLOEXEC) < 0) return throw_errno(env, errno, "move a descriptor");
  close((int)fds[0]);
  return make_undefined(env);
}

napi_value carom_close_descriptor(napi_env env, napi_callback_info info) {
  int64_t fd;
  if (!read_integers(env, info, 1, &fd)) return NULL;
  if (close((int)fd) != 0) return throw_errno(env, errno, "close a descriptor");
  return make_undefined(env);
}
