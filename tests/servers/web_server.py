"""A web server that is not ours: nginx on a folder, with range requests."""

import os
import signal
from pathlib import Path

from tests.servers.programs import Program, find_program, free_port

_CONF = """
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log {home}/access.log combined;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    types {{ image/tiff tif tiff; application/json json; }}
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        root {root};
    }}
}}
"""


def missing_parts() -> str:
    """Return what a web server lacks on this machine, or ""."""
    return "" if find_program("nginx") else "nginx"


class WebServer:
    """nginx on a folder.

    Parameters
    ----------
    root : Path
        What it serves.
    home : Path
        For its configuration and logs.
    """

    def __init__(self, root: Path, home: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = home / "access.log"
        conf = home / "nginx.conf"
        user = "user root;\n" if os.geteuid() == 0 else ""  # else nobody, who does not see root's temporary folders
        conf.write_text(user + _CONF.format(home=home, port=port, root=root), encoding="utf-8")
        nginx = find_program("nginx")
        assert nginx is not None
        self.program = Program(
            command=[nginx, "-p", str(home), "-c", str(conf)],
            port=port,
            log=home / "said.log",
            stop_signal=signal.SIGTERM,
        )

    def requests(self) -> list[tuple[str, int]]:
        """Return method and status of each request so far."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        parts = [line.split('"') for line in lines if line.count('"') >= 4]  # the last one may be half written
        return [(part[1].partition(" ")[0], int(part[2].split()[0])) for part in parts]
