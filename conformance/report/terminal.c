#include "report/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

size_t cf_terminal_columns(FILE *out, size_t usual)
{
    struct winsize size = {0};
    int fd = fileno(out); /* -1 for a stream in memory */
    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return usual;
    return size.ws_col < 60 ? 60 : size.ws_col;
}
