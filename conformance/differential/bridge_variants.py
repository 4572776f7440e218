"""Writes COUNT different streams of requests, most with one or two things that parsers are known to
read differently, as lines of hexadecimal digits: bridge_variants.py SEED COUNT.

A stream is built from its grammar: each part has one plain form, nearly always taken, and its
suspicious forms. What could be smuggled is always there: bodies look like requests, and a request
follows whatever came before. The same seed gives the same streams.
"""
import random
import sys

EVIL = b"GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"
LAST = b"GET http://last.test/ HTTP/1.1\r\nHost: last.test\r\n\r\n"

METHODS = [b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"CONNECT", b"TRACE", b"get", b"M-SEARCH",
           b"PRI", b"PURGE", b"FOO", b"X!#$%&'*+-.^_`|~1", b"", b" GET", b"GET\t", b"G ET", b"G\0T",
           b"G\rT", b"G\nT", b"G(T", b"G\x80T", b"GET/", b'"GET"', b"\x0bGET", b"A" * 300]
TARGETS = [b"http://a.test", b"http://a.test?q", b"http://a.test/?q=http://b.test/", b"HTTP://a.test/",
           b"https://a.test/", b"http://a.test:80/", b"http://a.test:/", b"http://a.test:0/",
           b"http://a.test:65536/", b"http://a.test:+80/", b"http://[::1]/", b"http://[::1]:8080/x",
           b"http://[::1/", b"http://user@a.test/", b"http://a.test@b.test/", b"http://a.test#f",
           b"http://a.test/#f", b"http://a.test/\\..", b"http://a.test\\b.test/", b"http:/a.test/",
           b"http:///x", b"http://", b"//a.test/", b"/", b"*", b"a.test:443", b"a.test:80", b"ftp://a.test/",
           b"http://a.test/ x", b"http://a.test/\tx", b"http://a.test/\x0bx", b"http://a.test/\0",
           b"http://a.test/\x7f", b"http://a.test/\x80", b"http://a.test/\xc3\xa9", b"http://a.test/%00",
           b"http://a.test/%0d%0aX:1", b"http://a.test/%zz", b"http://a.test/" + b"a" * 9000,
           b"http://a_b.test/", b"http://-/", b"http://a.test./", b"http://a.test,b.test/", b"http://\"/",
           b"http://a.test/{}|^`\"<>", b"http://a.test/\r\nX: y", b"", b"http://127.1/", b"http://0x7f000001/"]
SPACES = [b"  ", b"\t", b"\x0b", b"\x0c", b"\xa0", b"", b" \t", b"\r", b"\0"]
VERSIONS = [b"HTTP/1.0", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1", b"HTTP/1.", b"HTTP/1.1 ",
            b"HTTP/1.1\t", b"http/1.1", b"HTTP/01.1", b"HTTP/1.10", b"HTTP/1.01", b"HTTP/1,1", b"HTTP/+1.1",
            b"HTTP /1.1", b"HTTPS/1.1", b"ICY/1.1", b"HTTP/1.1 HTTP/1.1", b"HTTP/1.1\0", b"", b"RTSP/1.0"]
ENDS = [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n ", b"\x0b\r\n", b"\0\r\n", b"\xc2\x85", b"\r\0\n", b" \r\n", b"\t\r\n"]
BEFORE = [b"\r\n", b"\n", b"\r\n\r\n", b" ", b"\0", b"\r", b"\xef\xbb\xbf", b"x\r\n"]
HOSTS = [[], [b"Host: a.test", b"Host: a.test"], [b"Host: a.test", b"Host: b.test"], [b"Host: b.test"],
         [b"Host:"], [b"Host: a.test, b.test"], [b"Host : a.test"], [b" Host: a.test"], [b"host: a.test"],
         [b"Host: a.test:80"], [b"Host: a.test:x"], [b"Host: u@a.test"], [b"Host: a test"],
         [b"Host: a.test", b"host: a.test"], [b"Host:\ta.test\t"], [b"Host: a.test\0"], [b"Host: [::1]"],
         [b"Host: a.test/x"], [b"Host: a.test", b"X-Host: b.test"], [b"Host: \r\n a.test"]]
FIELDS = [b"Connection: close", b"Connection: keep-alive", b"Connection: Close", b"Connection: close, x",
          b"Connection: x, close", b"Connection: content-length", b"Connection: transfer-encoding",
          b"Connection: host", b"Connection: x-firma-sandbox-id", b"Connection: a b", b"Connection:",
          b"Connection: ,,", b"Connection: upgrade", b"Proxy-Connection: keep-alive", b"Keep-Alive: timeout=5",
          b"Upgrade: h2c", b"Upgrade: websocket", b"HTTP2-Settings: AAMAAABkAAQAAP__", b"Expect: 100-continue",
          b"Expect: 200-ok", b"Expect: 100-continue, x", b"TE: trailers", b"Trailer: Content-Length",
          b"X-Firma-Sandbox-Id: evil", b"x_firma_sandbox_id: evil", b"X-FIRMA-USER: evil",
          b"Proxy-Authorization: Basic eDp5", b"X: a\r\n folded", b"X: a\r\n\tfolded", b"X: a\r\n \r\n",
          b"X : a", b"X\t: a", b"X: a\0b", b"X: a\x01b", b"X: a\x7fb", b"X: a\x80\xff", b"X: a\rb", b"X: a\nb",
          b"X: a\x0bb", b": a", b"X", b"X Y: a", b"X\0: a", b"X(: a", b"X\x80: a", b"X:", b"X:a", b"X: \ta\t ",
          b'X: "a\r\n"', b"X: " + b"a" * 20000, b"A" * 300 + b": x", b"X: a: b", b"=X: a", b"X;: a", b"/: a",
          b"Via: 1.1 x", b"Cookie: a; b", b"Set-Cookie: a", b"Content-Type: x/y", b"Content-Encoding: gzip",
          b"Max-Forwards: 0", b"X: 1\r\nX: 2", b"X: 1\r\nY: 2\r\nX: 3"]
NAMES = [b"content-length", b"CONTENT-LENGTH", b"Content_Length", b"Content-Length ", b"Content-Length\t",
         b" Content-Length", b"\tContent-Length", b"Content-Length\0", b"Content-Lengt\xe8", b"Content Length",
         b"Content-Length\x0b", b"Content--Length", b"X-Content-Length", b"Content-Length:", b"\x0cContent-Length"]
CODING_NAMES = [b"transfer-encoding", b"TRANSFER-ENCODING", b"Transfer_Encoding", b"Transfer-Encoding ",
                b"Transfer-Encoding\t", b" Transfer-Encoding", b"Transfer-Encoding\0", b"Transfer Encoding",
                b"X: y\r\n Transfer-Encoding", b"X: y\rTransfer-Encoding", b"X: y\nTransfer-Encoding",
                b"Transfer-Encodin\xe7", b"\x0bTransfer-Encoding", b"Transfer-Encoding\r\n", b"TE"]
CODINGS = [b"Chunked", b"CHUNKED", b"chunked ", b"\tchunked", b"chunked\t", b"\x0bchunked", b"chunked\x0b",
           b"chunked,", b",chunked", b", chunked", b"chunked, chunked", b"identity", b"identity, chunked",
           b"chunked, identity", b"gzip, chunked", b"gzip", b"chunked;q=1", b"chunked; x", b'"chunked"',
           b"xchunked", b"chunkedx", b"x-chunked", b"cow", b"", b"chun\r\n ked", b"\r\n chunked", b"chunked\0",
           b"\xa0chunked", b"chunke\x64\x80", b"'chunked'", b"chunked chunked", b"ch\tunked", b"deflate,chunked"]
SIZES = ["%x", "%X", "0%x", "000000%x", "%016x", "%017x", "10000000000000000%x", "+%x", "-%x", "0x%x", "0X%x",
         " %x", "\t%x", "%x ", "%x\t", "%x_", "%xg", "", "g", "%x.0", "%x,", "\0%x", "%x\0", "%x\x0b", "1_%x", "%o"]
EXTENSIONS = [b";", b";a", b";a=b", b';a="b"', b';a="b;c"', b';a="\r\n"', b'; a = b', b" ;a", b"\t;a=b", b";;", b";=",
              b";a=b;c=d", b";\n", b";\r", b";a\0", b";a\x7f", b";a=\x80", b";" + b"a" * 200, b";" + b"a" * 300,
              b";a=b\nX", b";a=b\r\r", b';a="', b";a b", b";\x0b", b" a", b",a"]
DATA_ENDS = [b"\n", b"\r", b"", b"x\r\n", b"\r\r\n", b"\r\n\r\n", b"\n\r\n", b"xx", b"\0\0"]
FINALS = [b"00\r\n", b"000000000000000\r\n", b"0000000000000000\r\n", b"0;a=b\r\n", b"0;\n", b"0\n", b"0\r", b"0 \r\n",
          b"-0\r\n", b"+0\r\n", b"0x0\r\n", b"", b"0\r\r\n", b"0\0\r\n", b"\r\n", b" 0\r\n"]
TRAILERS = [b"X: y\r\n", b"X: y\r\nZ: w\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
            b"X-Firma-Sandbox-Id: evil\r\n", b"Host: evil.test\r\n", b"Content-Length: +5\r\n",
            b"Content-Length: 1\r\nContent-Length: 2\r\n", b"Transfer-Encoding: gzip\r\n", b" folded\r\n", b"X: y\r\n folded\r\n",
            b"X : y\r\n", b"X\r\n", b": y\r\n", b"X: y\n", b"X: y\r", b"X: \0\r\n", b"X: \x01\r\n", b"X: \x80\r\n",
            b"GET / HTTP/1.1\r\n", b"GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n",
            b"X: " + b"a" * 9000 + b"\r\n", b"X:\r\n", b"0\r\n", b"X Y: z\r\n"]
CLOSINGS = [b"\n", b"\r", b"", b"\r\r\n", b"\n\r\n", b" \r\n", b"x\r\n", b"\r\nx"]

PARTS = ["method", "target", "space", "version", "end", "before", "host", "field", "length", "length name",
         "coding", "coding name", "both", "twice", "size", "extension", "data end", "final", "trailer", "closing",
         "cut", "repeat", "flip"]


class Stream:
    def __init__(self, rng):
        self.rng = rng
        self.odd = set(rng.sample(PARTS, rng.choice([0, 1, 1, 1, 1, 2, 2, 3])))

    def pick(self, part, plain, forms):
        """The plain form, or one of the others if this part of the stream is to be odd."""
        return self.rng.choice(forms) if part in self.odd else plain

    def lengths(self, n):
        number = b"%d" % n
        return [b"+" + number, b"-" + number, b"0" + number, b"0000000000000000000000" + number, number + b" ",
                b"\t" + number, number + b" " + number, number + b"," + number, number + b", " + number,
                number + b",", b"," + number, number + b";", b"0x%x" % n, number + b".0", number + b"L",
                b"1e1", "٣".encode(), b"", b" ", number + b"\0", number + b"\x0b", b"\x0b" + number,
                b"%d" % (n + 1), b"%d" % max(n - 1, 0), b"0", b"18446744073709551616", b"18446744073709551615",
                b"999999999999999999", b"1000000000000000000", b"4294967296", b"\r\n " + number,
                number + b"\r\n " + number, number + b"_0", b'"' + number + b'"', number[:-1] + b" " + number[-1:],
                b"\xc2\xa0" + number, b"\xd9\xa3"]

    def chunk(self, data):
        size = self.pick("size", "%x", SIZES)
        size = (size % len(data) if "%" in size else size).encode("latin-1")
        return size + self.pick("extension", b"", EXTENSIONS) + b"\r\n" + data + \
            self.pick("data end", b"\r\n", DATA_ENDS)

    def chunked(self, body):
        cut = self.rng.randrange(1, len(body)) if len(body) > 1 and self.rng.random() < 0.5 else len(body)
        chunks = b"".join(self.chunk(part) for part in (body[:cut], body[cut:]) if part)
        return chunks + self.pick("final", b"0\r\n", FINALS) + self.pick("trailer", b"", TRAILERS) + \
            self.pick("closing", b"\r\n", CLOSINGS)

    def framing(self, body):
        """Fields that say how long the body is, and the body."""
        rng = self.rng
        length = self.pick("length name", b"Content-Length", NAMES) + b": " + \
            self.pick("length", b"%d" % len(body), self.lengths(len(body)))
        coding = self.pick("coding name", b"Transfer-Encoding", CODING_NAMES) + b": " + \
            self.pick("coding", b"chunked", CODINGS)
        fields = [rng.choice([length, coding])]
        wanted = self.odd & {"size", "extension", "data end", "final", "trailer", "closing", "coding", "coding name"}
        if wanted:
            fields = [coding]
        elif self.odd & {"length", "length name"}:
            fields = [length]
        if "both" in self.odd:
            fields = rng.choice([[length, coding], [coding, length]])
        if "twice" in self.odd:
            fields.append(rng.choice([fields[0], b"Content-Length: %d" % (len(body) + 1), b"Content-Length: 0",
                                      b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"]))
        is_chunked = any(field is coding for field in fields) and rng.random() < 0.95
        return fields, self.chunked(body) if is_chunked else body

    def request(self, number):
        rng = self.rng
        has_body = number == 0 and rng.random() < 0.75 or bool(self.odd & set(PARTS[8:20]))
        method = self.pick("method", b"POST" if has_body else b"GET", METHODS)
        target = self.pick("target", b"http://a.test/%d" % number, TARGETS)
        space = self.pick("space", b" ", SPACES)
        line = method + rng.choice([b" ", space]) + target + rng.choice([b" ", space]) + \
            self.pick("version", b"HTTP/1.1", VERSIONS)
        fields = [line] + self.pick("host", [b"Host: a.test"], HOSTS)
        body = b""
        if "field" in self.odd:
            fields.append(rng.choice(FIELDS))
        if has_body:
            framing, body = self.framing(rng.choice([b"abc", b"x=1", EVIL, EVIL[:5], b"0\r\n\r\n" + EVIL, b"\r\n"]))
            fields += framing
        if "field" in self.odd and rng.random() < 0.5:
            fields.append(rng.choice(FIELDS))
        bad_line = rng.randrange(len(fields) + 1) if "end" in self.odd else -1
        head = b"".join(field + (rng.choice(ENDS) if i == bad_line else b"\r\n") for i, field in enumerate(fields))
        head += rng.choice(ENDS) if bad_line == len(fields) else b"\r\n"
        return self.pick("before", b"", BEFORE) + head + body

    def build(self):
        rng = self.rng
        stream = b"".join(self.request(number) for number in range(rng.choice([1, 1, 2, 3]))) + LAST
        if "repeat" in self.odd:
            start = rng.randrange(len(stream))
            stream = stream[:start] + stream[start:start + rng.randrange(1, 40)] + stream[start:]
        if "flip" in self.odd:
            at = rng.randrange(len(stream))
            stream = stream[:at] + bytes([rng.choice(b"\r\n\0 \t:;,=0x\x0b\x7f\x80\xff")]) + \
                stream[at + rng.choice([0, 1]):]
        if "cut" in self.odd:
            stream = stream[:rng.randrange(1, len(stream))]
        return stream


def main():
    rng, wanted = random.Random(int(sys.argv[1])), int(sys.argv[2])
    seen = set()
    while len(seen) < wanted:
        stream = Stream(rng).build()
        if stream not in seen:
            seen.add(stream)
            print(stream.hex())


main()
