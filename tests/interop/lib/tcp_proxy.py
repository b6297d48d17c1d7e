"""A network between a program and a server, which a test cuts."""

import contextlib
import socket
import threading


class TcpProxy:
    """Listens at `port` and passes bytes on to `target`, until it is cut: "hang" passes nothing on and keeps connections open, as a
    network that loses packets; "close" ends all connections and refuses new ones, as a machine without the server."""

    def __init__(self, target):
        self.target, self.how = target, None
        self.connections, self.lock = set(), threading.Lock()
        self.passing = threading.Event()
        self.passing.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept_all, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut("close")
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def cut(self, how="hang"):
        self.how = how
        self.passing.clear()
        if how == "close":
            self.close_all()

    def mend(self):
        """What was sent meanwhile over connections that are still open arrives."""
        self.how = None
        self.passing.set()

    @contextlib.contextmanager
    def outage(self, how="hang"):
        self.cut(how)
        try:
            yield
        finally:
            self.mend()

    def accept_all(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            if self.how == "close":
                return
            # A hanging network does not even lead to the server.
            self.passing.wait()
            with socket.create_connection(self.target) as server:
                pair = (client, server)
                with self.lock:
                    self.connections.add(pair)
                back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
                back.start()
                self.pump(client, server)
                back.join()
                with self.lock:
                    self.connections.discard(pair)

    def pump(self, source, sink):
        with contextlib.suppress(OSError):
            while chunk := source.recv(1 << 16):
                self.passing.wait()
                sink.sendall(chunk)
        self.passing.wait()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close_all(self):
        with self.lock:
            for pair in self.connections:
                for end in pair:
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
