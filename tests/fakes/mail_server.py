"""A mail server that keeps what it is given, or refuses it: as much of SMTP (RFC 5321) as smtplib asks for."""

import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class MailServerFake(socketserver.ThreadingTCPServer):
    """On this machine, at a port of its own."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        # Each mail as it came, and what the server says to the next ones.
        self.mails: list[str] = []
        self.refusal: str | None = None

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @contextmanager
    def running(self) -> Generator["MailServerFake"]:
        """Answers until the end of the scope."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        self._say("220 fake")
        while line := self.rfile.readline().decode().strip().upper():
            match line.split()[0]:
                case "EHLO" | "HELO":
                    self._say("250 fake")
                case "RCPT" if server.refusal is not None:
                    self._say(server.refusal)
                case "DATA":
                    self._say("354 go on")
                    server.mails.append(self._data())
                    self._say("250 kept")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 fine")

    def _data(self) -> str:
        lines: list[str] = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        return "\n".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
