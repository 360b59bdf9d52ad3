"""Children that end with their parent and that, started by root, run as a plain user."""

import ctypes
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# linux/prctl.h and linux/capability.h
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522

LIBC = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def tether(
    at_parent_death: signal.Signals, user: pwd.struct_passwd | None = None, closed: bool = False
) -> Callable[[], None]:
    """Make a `preexec_fn`: become `user`, and get a signal when the parent dies, however it died.

    Linux only for the signal (prctl(2)); it follows the thread that started the
    child, so start children from a thread that lives. `closed` says that `user`
    may not pass the folders on its way: it then keeps the right to read them.
    """
    parent = os.getpid()

    def in_the_child() -> None:
        if user is not None:
            _become(user, closed)
        follow_parent(at_parent_death)
        if sys.platform == "linux" and os.getppid() != parent:
            os._exit(1)

    return in_the_child


def follow_parent(at_parent_death: signal.Signals) -> None:
    """Get a signal when the parent dies, however it dies: prctl(2), Linux only."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, int(at_parent_death), 0, 0, 0)


def open_to_all(path: Path) -> bool:
    """Tell whether any user may read and enter `path` and pass all folders above it."""
    readable = stat.S_IROTH | stat.S_IXOTH
    if path.stat().st_mode & readable != readable:
        return False
    return passable(path)


def passable(path: Path) -> bool:
    """Tell whether any user may pass all folders above `path`."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


def _become(user: pwd.struct_passwd, closed: bool) -> None:
    if closed and sys.platform == "linux":
        LIBC.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    if closed and sys.platform == "linux":
        _keep_right_to_read()


def _keep_right_to_read() -> None:
    """Keep one capability over the exec that follows (capabilities(7), ambient set) and drop all others.

    Without it root's own folders would have to be opened to everybody. Containers
    often lack CAP_DAC_READ_SEARCH but have CAP_DAC_OVERRIDE.
    """
    header, data = _Header(CAPABILITY_VERSION_3, 0), (_Data * 2)()
    LIBC.capget(ctypes.byref(header), data)
    held = data[0].permitted
    kept = CAP_DAC_READ_SEARCH if held >> CAP_DAC_READ_SEARCH & 1 else CAP_DAC_OVERRIDE
    data[0].permitted = data[0].inheritable = data[0].effective = held & 1 << kept
    data[1].permitted = data[1].inheritable = data[1].effective = 0
    LIBC.capset(ctypes.byref(header), data)
    LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept, 0, 0)


def start_tethered(command: list[str], at_parent_death: signal.Signals) -> "subprocess.Popen[bytes]":
    """Start one of our own commands as the leader of a session that ends with this process."""
    return subprocess.Popen(  # noqa: S603 -- our own command
        command,
        start_new_session=True,
        preexec_fn=tether(at_parent_death),  # noqa: PLW1509 -- it only sets ids and a signal
    )
