"""Whether a folder lies on another computer: locks there do not hold, and an index needs them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from index.errors import StorageError

# As the system names them. 9p is left out: virtual machines show the disk of their own computer by it.
_NETWORK = {
    *(
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "gfs2",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
    ),
    *("orangefs", "panfs", "smb3", "smbfs", "webdav"),
    *("fuse.davfs2", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
}
_MOUNTS = Path("/proc/self/mounts")
_OCTAL = re.compile(r"\\([0-7]{3})")  # how a space stands in the table
_SHARE = "network share"
_REMOTE_DRIVE = 4  # DRIVE_REMOTE, see GetDriveTypeW


def refuse_network_drive(data: Path, *, forced: bool, mounts: str | None = None) -> None:
    """Refuse a data folder on another computer, see https://www.sqlite.org/useovernet.html.

    Args:
        data: It need not exist yet.
        forced: Take it all the same.
        mounts: As for :func:`drive_kind`.

    Raises:
        StorageError: It lies there.
    """
    kind = "" if forced else drive_kind(data, mounts)
    if kind:
        raise StorageError(
            f"{data} is on a network drive ({kind}), where an index can be damaged: locks do not hold there.",
            hint="Choose a folder on a disk of this computer with --data or FOOTNOTE_DATA; documents may stay"
            " on the drive. FOOTNOTE_DATA_ON_NETWORK=true takes the folder all the same.",
        )


def drive_kind(folder: Path, mounts: str | None = None) -> str:
    """How the system calls the network drive that a folder is on; "" on a disk, and where nobody knows.

    Args:
        folder: It need not exist.
        mounts: What is mounted where, as Linux lists it; None: as it is now.
    """
    kind = file_system(folder, mounts)
    return kind if kind in _NETWORK or kind == _SHARE else ""


def file_system(folder: Path, mounts: str | None = None) -> str:
    """How the system calls the file system that a folder is on; "" where nobody knows.

    Args:
        folder: It need not exist.
        mounts: As for :func:`drive_kind`.
    """
    real = os.path.realpath(folder)
    if sys.platform == "win32":
        import ctypes

        remote = real.startswith("\\\\") or (
            ctypes.windll.kernel32.GetDriveTypeW(f"{os.path.splitdrive(real)[0]}\\") == _REMOTE_DRIVE
        )
        return _SHARE if remote else ""
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return ""
    found = ("", "")
    for line in mounts.splitlines():
        _, point, kind, *_ = (*line.split(" "), "", "")
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), point)
        if Path(real).is_relative_to(point or "/dev/null") and len(point) >= len(found[0]):
            found = (point, kind)  # of two on one place the later one is seen
    return found[1]
