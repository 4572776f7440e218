"""From the bridge's view on standard input: what it sends for each request, one stream a line."""
import sys

for line in sys.stdin:
    if line.startswith("request "):
        print(line.split()[5])
