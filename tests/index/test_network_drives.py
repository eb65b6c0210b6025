"""A data folder on another computer is refused unless a person insists."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import StorageError
from index.network_drives import drive_kind, refuse_network_drive

MOUNTS = r"""/dev/sda1 / ext4 rw,relatime 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/ann/disk ext4 rw 0 0
//nas/share /mnt/my\040share cifs rw 0 0
me@box: /media/box fuse.sshfs rw 0 0
share /mnt/c 9p rw 0 0
tmpfs /over tmpfs rw 0 0
server:/over /over nfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/ann/footnote", "nfs4"),
        ("/home/ann/disk/footnote", ""),
        ("/homes/ann", ""),
        ("/mnt/my share/footnote", "cifs"),
        ("/media/box", "fuse.sshfs"),
        ("/mnt/c/footnote", ""),  # the disk of the same computer, seen from a virtual one
        ("/over/footnote", "nfs"),
        ("/", ""),
    ],
)
@pytest.mark.skipif(not Path("/proc").exists(), reason="Linux says it by a table")
def test_requirement_14_the_drive_that_a_folder_is_on_is_known(folder: str, kind: str) -> None:
    assert drive_kind(Path(folder), MOUNTS) == kind


@pytest.mark.skipif(not Path("/proc").exists(), reason="Linux says it by a table")
def test_requirement_14_a_network_drive_is_refused_unless_forced(tmp_path: Path) -> None:
    mounts = f"server:/x {tmp_path.resolve()}/share nfs rw 0 0\n"
    data = tmp_path / "share" / "footnote"  # not made yet
    with pytest.raises(StorageError, match="network drive") as caught:
        refuse_network_drive(data, forced=False, mounts=mounts)
    assert "FOOTNOTE_DATA_ON_NETWORK=true" in caught.value.hint
    refuse_network_drive(data, forced=True, mounts=mounts)
    refuse_network_drive(tmp_path / "disk", forced=False, mounts=mounts)
