#!/usr/bin/env python3
"""A web server for test_download.sh: serve_ranges.py FOLDER PORT_FILE LOG_FILE.

Serves the files of FOLDER on a free port of 127.0.0.1, which it writes to PORT_FILE, and understands
`Range: bytes=N-`, which http.server does not. Paths under /no-ranges/ ignore ranges; paths under /breaks-off/ end
after half of the file. Each request adds a line `path first-byte` to LOG_FILE.
"""

import http.server
import os
import re
import sys

folder, port_file, log_file = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path
        ranges = not path.startswith("/no-ranges/")
        breaks_off = path.startswith("/breaks-off/")
        name = os.path.join(folder, os.path.basename(path))
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(match.group(1)) if match and ranges else 0
        with open(log_file, "a") as log:
            log.write(f"{path} {first}\n")
        if not os.path.isfile(name):
            self.send_error(404)
            return
        with open(name, "rb") as file:
            content = file.read()
        if first and first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        body = content[first:]
        self.wfile.write(body[: len(body) // 2] if breaks_off else body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
