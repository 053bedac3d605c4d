/* Opens the service manager's notification socket for a program that cannot, and becomes that program.
 *
 * notify-exec PROGRAM ARGS...: connects a datagram socket to NOTIFY_SOCKET (sd_notify(3)), names its descriptor in HOLDFAST_NOTIFY_FD, and executes PROGRAM in its
 * place: same process, so that NotifyAccess=main holds and every message is one write(2). The socket does not block, so that a manager that is slow to read cannot stop
 * the program. Without NOTIFY_SOCKET, or if it cannot be reached, PROGRAM runs without the descriptor. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A connected socket above the standard descriptors, or -1. A name that begins with @ is in the abstract name space. */
static int open_socket(const char *name) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  size_t length = strlen(name);
  if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof address.sun_path) return -1;
  memcpy(address.sun_path, name, length);
  if (name[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (fd <= 2 || connect(fd, (struct sockaddr *) &address, offsetof(struct sockaddr_un, sun_path) + length) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

int main(int count, char **words) {
  if (count < 2) {
    fprintf(stderr, "usage: notify-exec PROGRAM ARGS...\n");
    return 2;
  }
  const char *name = getenv("NOTIFY_SOCKET");
  int fd = name != NULL ? open_socket(name) : -1;
  unsetenv("HOLDFAST_NOTIFY_FD");
  if (fd >= 0) {
    char text[16];
    snprintf(text, sizeof text, "%d", fd);
    setenv("HOLDFAST_NOTIFY_FD", text, 1);
  } else if (name != NULL) {
    fprintf(stderr, "notify-exec: %s: %s\n", name, strerror(errno));
  }
  execvp(words[1], words + 1);
  fprintf(stderr, "notify-exec: %s: %s\n", words[1], strerror(errno));
  return 127;
}
