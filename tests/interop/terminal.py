"""A program as somebody at a terminal meets it: what it prints is read, questions are answered."""

import os
import pty
import select
import signal
import time

GUARD_SECONDS = 120


class Terminal:
    def __init__(self, command, cwd, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(str(command[0]), [str(part) for part in command], env)
        # Everything that was printed, and how much of it has been looked at.
        self.printed = ""
        self.seen = 0
        self.code = None

    def read(self, seconds):
        """Reads what comes next; false at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            bytes = os.read(self.fd, 65536)
        except OSError:
            # The other side has closed the terminal.
            return False
        self.printed += bytes.decode(errors="replace").replace("\r\n", "\n")
        return bool(bytes)

    def expect(self, text):
        """Waits until it prints the text; what it printed before it."""
        end = time.monotonic() + GUARD_SECONDS
        while text not in self.printed[self.seen :]:
            assert time.monotonic() < end, f"`{text}` was not printed:\n{self.printed}"
            assert self.read(1), f"it ended before it printed `{text}`:\n{self.printed}"
        at = self.printed.index(text, self.seen)
        before = self.printed[self.seen : at]
        self.seen = at + len(text)
        return before

    def type(self, line=""):
        os.write(self.fd, (line + "\n").encode())

    def answer(self, question, line=""):
        """Waits for a question and types a line."""
        self.expect(question)
        self.expect(": ")
        self.type(line)

    def end(self):
        """Waits until it has ended; its exit code."""
        end = time.monotonic() + GUARD_SECONDS
        while self.read(1):
            assert time.monotonic() < end, f"it does not end:\n{self.printed}"
        return self.wait()

    def stop(self):
        """Ctrl-C, as at a terminal; its exit code."""
        os.write(self.fd, b"\x03")
        return self.end()

    def wait(self):
        if self.code is None:
            _, status = os.waitpid(self.pid, 0)
            self.code = os.waitstatus_to_exitcode(status)
            os.close(self.fd)
        return self.code

    def kill(self):
        if self.code is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()
