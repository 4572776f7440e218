"""A full-screen program in a guest, seen from the caller's terminal: screen.py COMMAND...

COMMAND is firma-run with its options. The program draws the size it sees and each key it gets, and
ends with 7 when told to. Prints "ok", or what was wrong.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios

# It asks for the size with every key: ncurses loses a SIGWINCH that comes just before it reads, and
# that the signal arrives is a row of the suite.
GUEST = """
import curses, os
def main(screen):
    curses.raw()
    key = 'none'
    while key != 'q':
        curses.resize_term(*reversed(os.get_terminal_size()))
        screen.clear()
        screen.addstr(2, 4, 'size %dx%d key %s.' % (*screen.getmaxyx(), key))
        key = screen.getkey()
    raise SystemExit(7)
curses.wrapper(main)
"""
PATIENCE = 20  # seconds, for a boot that takes two on an idle machine


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def expect(terminal, word, seen=b"", keep=False):
    """Reads until WORD has come; returns what came after it, or with KEEP what came up to its end."""
    while word not in seen:
        if not select.select([terminal], [], [], PATIENCE)[0]:
            sys.exit(f"not seen: {word!r}; last: {seen[-200:]!r}")
        try:
            seen += os.read(terminal, 65536)
        except OSError:
            sys.exit(f"ended without {word!r}; last: {seen[-200:]!r}")
    end = seen.index(word) + len(word)
    return seen[:end] if keep else seen[end:]


def main():
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm"
        words = sys.argv[1:] + ["--env", "TERM=xterm", "--", "/usr/bin/python3", "-c", GUEST]
        os.execv(words[0], words)
    before = termios.tcgetattr(terminal)
    resize(terminal, 31, 97)
    rest = expect(terminal, b"size 31x97 key none.")
    os.write(terminal, b"\x1bOA")  # an arrow, as keypad mode has it
    rest = expect(terminal, b"size 31x97 key KEY_UP.", rest)
    os.write(terminal, b"\x03")  # Ctrl-C is a key to a raw program
    rest = expect(terminal, b"size 31x97 key ^C.", rest)
    resize(terminal, 24, 80)
    for _ in range(200):  # a key may overtake the size
        os.write(terminal, b"r")
        rest = expect(terminal, b" key r.", rest, keep=True)
        if rest.endswith(b"size 24x80 key r."):
            break
        rest = b""
    else:
        sys.exit("the new size has not arrived")
    os.write(terminal, b"q")
    while True:
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:
            break
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 7:
        sys.exit(f"status {status}, not 7")
    if termios.tcgetattr(terminal) != before:
        sys.exit("the terminal's mode is another one than before")
    print("ok")


main()
