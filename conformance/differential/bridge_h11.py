"""What h11 makes of a stream; see bridge.c for what is read and printed."""
import sys

import h11

LIMIT = 1024 * 1024  # of a head: the bridge's own limit is meant to be met first


def digits(data):
    return bytes(data).hex() or "-"


def answer(connection):
    """The next request of a connection is read only after an answer to this one."""
    length = [("Content-Length", "0")]
    connection.send(h11.Response(status_code=200, headers=length))
    connection.send(h11.EndOfMessage())


def read_stream(stream):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=LIMIT)
    request, body = None, b""
    connection.receive_data(stream)
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            why = "refused %s" % error
            break
        if event in (h11.NEED_DATA, h11.PAUSED):
            why = "incomplete" if event is h11.NEED_DATA else "closed"
            break
        if isinstance(event, h11.Request):
            request, body = event, b""
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            end = len(stream) - len(connection.trailing_data[0])
            print("request", end, digits(request.method), digits(request.target), digits(body))
            connect, request = request.method == b"CONNECT", None
            if connect:
                why = "tunnel"
                break
            answer(connection)
            if connection.our_state is not h11.DONE:
                why = "closed"
                break
            connection.start_next_cycle()
    if request is not None:
        print("open", digits(request.method), digits(request.target))
    print("stop", why.replace("\n", " "))


for line in sys.stdin:
    read_stream(bytes.fromhex(line.strip()))
