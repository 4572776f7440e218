"""Inside the guest: many tunnels at once, or two long streams at once. Exit 0: every byte came back.

    traffic_guest.py connections PORT COUNT     COUNT tunnels, all open before any is used
    traffic_guest.py streams PORT BYTES         BYTES through a tunnel while standard input is copied
                                                to standard output
"""
import hashlib
import os
import socket
import sys
import threading

PROXY = os.environ["http_proxy"].removeprefix("http://").split(":")


def tunnel(port):
    link = socket.create_connection((PROXY[0], int(PROXY[1])))
    link.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (port, port))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = link.recv(1)
        if not byte:
            raise SystemExit("the tunnel was not opened: %r" % head)
        head += byte
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise SystemExit("the tunnel was refused: %r" % head)
    return link


def connections(port, count):
    links = [tunnel(port) for _ in range(count)]
    sent = [os.urandom(4096) for _ in links]
    for link, data in zip(links, sent):
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
    equal = 0
    for link, data in zip(links, sent):
        got = b""
        while part := link.recv(65536):
            got += part
        equal += hashlib.sha256(got).digest() == hashlib.sha256(data).digest()
    print("%d of %d equal" % (equal, count), flush=True)
    return equal == count


def push(link, total, digest):
    block = os.urandom(65536)
    for _ in range(total // len(block)):
        link.sendall(block)
        digest.update(block)
    link.shutdown(socket.SHUT_WR)


def copy():
    while part := os.read(0, 65536):
        while part:
            part = part[os.write(1, part):]


def streams(port, total):
    link = tunnel(port)
    sent, got = hashlib.sha256(), hashlib.sha256()
    threads = [threading.Thread(target=push, args=(link, total, sent)), threading.Thread(target=copy)]
    for thread in threads:
        thread.start()
    size = 0
    while part := link.recv(65536):
        got.update(part)
        size += len(part)
    for thread in threads:
        thread.join()
    print("%d bytes through the tunnel" % size, file=sys.stderr, flush=True)
    return size == total and sent.digest() == got.digest()


work = {"connections": connections, "streams": streams}[sys.argv[1]]
sys.exit(0 if work(int(sys.argv[2]), int(sys.argv[3])) else 1)
