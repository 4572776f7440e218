"""Holds the bridge's view of each stream against the views of other parsers.

    bridge_compare.py DIFFERENCES STREAMS OURS NAME=VIEW…          what guests send
    bridge_compare.py --sent DIFFERENCES STREAMS OURS NAME=VIEW…   what the bridge sends

Wherever the bridge accepts a request, every other parser must see it end at the same byte, with the
same method, target and body; and where it waits for the rest of a body, none may see an end. What
may differ is listed, with its reason, in DIFFERENCES: who, a pattern for what is seen instead, a
pattern for the request, the reason. An entry that never applies to many streams is an error, too.

What the bridge sends for a request is one request to everybody, ending where it ends, with the
guest's method, target and body. With --sent, STREAMS are those (bridge_sent.py).

Prints the numbers; a line with the stream in hexadecimal for each disagreement. Exit 1 if any.
"""
import collections
import re
import sys

SHOWN = 10  # disagreements
FEWEST = 500  # accepted requests: fewer show nothing
MANY = 10000  # streams: enough for every entry to apply

View = collections.namedtuple("View", "requests open why")
Request = collections.namedtuple("Request", "end method target body sent")


def word(text):
    return b"" if text == "-" else bytes.fromhex(text)


def read_views(path):
    """One view for each stream."""
    views, requests, unfinished = [], [], None
    with open(path, encoding="latin-1") as lines:
        for line in lines:
            what, _, rest = line.rstrip("\n").partition(" ")
            words = rest.split(" ")
            if what == "request":
                sent = word(words[4]) if len(words) > 4 else b""
                requests.append(Request(int(words[0]), word(words[1]), word(words[2]), word(words[3]), sent))
            elif what == "open":
                unfinished = (word(words[0]), word(words[1]))
            else:
                views.append(View(requests, unfinished, rest))
                requests, unfinished = [], None
    return views


def read_streams(path):
    with open(path, encoding="ascii") as lines:
        return [bytes.fromhex(line) for line in lines]


def differs(ours, theirs, number):
    """What another parser makes of our request NUMBER; None: the same."""
    if number >= len(theirs.requests):
        return theirs.why
    mine, other = ours.requests[number], theirs.requests[number]
    for name in ("end", "method", "target", "body"):
        if getattr(mine, name) != getattr(other, name):
            return "another %s: %r" % (name, getattr(other, name))
    return None


class Differences:
    def __init__(self, path):
        self.entries = []
        with open(path, encoding="ascii") as lines:
            for line in lines:
                if line.strip() and not line.startswith("#"):
                    who, seen, request, reason = line.rstrip("\n").split("\t")
                    self.entries.append([who, re.compile(seen), re.compile(request.encode(), re.S), reason, 0])

    def explain(self, who, seen, request):
        """True when an entry says why WHO sees the bytes REQUEST so."""
        for entry in self.entries:
            if entry[0] == who and entry[1].search(seen) and entry[2].search(request):
                entry[4] += 1
                return True
        return False


class Tally:
    def __init__(self, differences):
        self.differences = differences
        self.accepted = self.agreed = self.explained = self.disagreed = 0

    def disagree(self, who, seen, mine, stream):
        self.disagreed += 1
        if self.disagreed <= SHOWN:
            print("DISAGREEMENT %s: %s\n    the bridge: %s\n    stream: %s" % (who, seen, mine, stream.hex()))

    def compare(self, who, stream, ours, theirs):
        start = 0
        for number, request in enumerate(ours.requests):
            seen = differs(ours, theirs, number)
            self.accepted += 1
            if seen is None:
                self.agreed += 1
            elif self.differences.explain(who, seen, stream[start:request.end]):
                self.explained += 1
                return  # it has stopped, or is out of step: what follows tells nothing
            else:
                return self.disagree(who, seen, "request %d ends at %d" % (number, request.end), stream)
            start = request.end
        number = len(ours.requests)
        if ours.open is not None and ours.why == "incomplete" and len(theirs.requests) > number:
            self.disagree(who, "request %d ends at %d" % (number, theirs.requests[number].end), "it has no end", stream)

    def print(self, who):
        print("%-6s %6d accepted, %6d agreed, %5d differ for a reason, %3d disagreements"
              % (who, self.accepted, self.agreed, self.explained, self.disagreed))


def views_of(arguments):
    return [(name, read_views(path)) for name, path in (argument.split("=", 1) for argument in arguments)]


def compare_guests(differences_path, streams_path, ours_path, *others):
    streams, ours, others = read_streams(streams_path), read_views(ours_path), views_of(others)
    differences, good = Differences(differences_path), True
    accepted = sum(len(view.requests) for view in ours)
    print("%d streams, %d requests accepted by the bridge in %d of them"
          % (len(streams), accepted, sum(bool(view.requests) for view in ours)))
    for who, views in others:
        tally = Tally(differences)
        if len(views) != len(streams) or len(ours) != len(streams):
            sys.exit("%s: %d views of %d streams" % (who, len(views), len(streams)))
        for stream, mine, theirs in zip(streams, ours, views):
            tally.compare(who, stream, mine, theirs)
        tally.print(who)
        good = good and tally.disagreed == 0
    print("%d streams are read in more than one way by the others"
          % sum(len({tuple(r.end for r in view.requests) for view in trio}) > 1
                for trio in zip(*(views for _, views in others))))
    for who, _, _, reason, uses in differences.entries:
        print("%s, %d times: %s" % (who, uses, reason))
        good = good and (uses > 0 or len(streams) < MANY)
    return good and accepted >= FEWEST


def compare_sent(differences_path, streams_path, ours_path, *others):
    streams, differences, good = read_streams(streams_path), Differences(differences_path), True
    requests = [request for view in read_views(ours_path) for request in view.requests]
    for who, views in views_of(others):
        tally = Tally(differences)
        if not len(views) == len(streams) == len(requests):
            sys.exit("%s: %d views of %d requests" % (who, len(views), len(requests)))
        for stream, request, theirs in zip(streams, requests, views):
            whole = View([request._replace(end=len(stream))], None, "")
            tally.compare(who, stream, whole, theirs)
            if len(theirs.requests) > 1 or theirs.open is not None:
                tally.disagree(who, "more than one request", "sent one", stream)
        tally.print(who)
        good = good and tally.disagreed == 0
    return good and len(requests) >= FEWEST


def main():
    if sys.argv[1] == "--sent":
        return compare_sent(*sys.argv[2:])
    return compare_guests(*sys.argv[1:])


sys.exit(0 if main() else 1)
