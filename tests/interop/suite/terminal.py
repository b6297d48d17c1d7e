"""A program as somebody at a terminal meets it: what it prints is read, questions are answered."""

import codecs
import os
import pty
import signal
import termios
import threading

from suite import wait_until

GUARD_SECONDS = 120


class Terminal:
    """What is printed is read all the time, as a terminal does: a program whose output nobody reads stops."""

    def __init__(self, command, cwd, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(str(command[0]), [str(part) for part in command], env)
        # Everything that was printed, and how much of it has been looked at.
        self.printed = ""
        self.seen = 0
        self.code = None
        self.has_ended = False
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        while True:
            try:
                bytes = os.read(self.fd, 65536)
            except OSError:
                # The other side has closed the terminal.
                bytes = b""
            with self.news:
                self.printed += decoder.decode(bytes).replace("\r\n", "\n")
                self.has_ended = not bytes
                self.news.notify_all()
                if self.has_ended:
                    return

    def wait_for(self, what, state):
        with self.news:
            if not self.news.wait_for(lambda: state() or self.has_ended, GUARD_SECONDS):
                raise AssertionError(f"{what} did not happen within {GUARD_SECONDS} s:\n{self.printed}")
            assert state(), f"it ended before {what}:\n{self.printed}"

    def expect(self, text):
        """Waits until it prints the text."""
        self.wait_for(f"`{text}` was printed", lambda: text in self.printed[self.seen :])
        self.seen = self.printed.index(text, self.seen) + len(text)

    def type(self, line=""):
        os.write(self.fd, (line + "\n").encode())

    def answer(self, question, line=""):
        """Waits for a question and types a line."""
        self.expect(question)
        self.expect(": ")
        self.type(line)

    def answer_secretly(self, question, line=""):
        """The same for a password: what is typed before the program has turned the echo off is thrown away."""
        self.expect(question)
        self.expect(": ")
        wait_until("the echo is off", lambda: not termios.tcgetattr(self.fd)[3] & termios.ECHO)
        self.type(line)

    def end(self):
        """Waits until it has ended; its exit code."""
        self.wait_for("its end", lambda: self.has_ended)
        return self.collect()

    def stop(self):
        """Ctrl-C, as at a terminal; its exit code."""
        os.write(self.fd, b"\x03")
        return self.end()

    def collect(self):
        if self.code is None:
            _, status = os.waitpid(self.pid, 0)
            self.code = os.waitstatus_to_exitcode(status)
            self.reader.join()
            os.close(self.fd)
        return self.code

    def kill(self):
        if self.code is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.collect()
