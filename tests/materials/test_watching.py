"""What is looked at for changes, and that every way of changing a file is seen."""

from __future__ import annotations

import os
from pathlib import Path

from bank_configuration import SCRIPT, settings
from bank_files import bank_folder

from dcrgw.materials.watching import digests, is_changed, stamps, watched_files, widened


def one(path: Path) -> str:
    return digests([path])[path]


def test_every_named_file_is_watched_and_what_we_write_is_not(tmp_path: Path) -> None:
    folder = bank_folder(tmp_path)
    found = settings(
        {
            "directory[0].transport_keystore_password": "file:transport.password",
            "directory[0].trust_keystore": "directory.p12",
            "admin.socket": "admin.sock",
            "script": [{**SCRIPT, "properties": {"token": "file:script.token"}}],
        },
        folder / "dcrgw.toml",
    )
    names = {path.name for path in watched_files(found) if path.parent == folder}
    assert names == {
        "dcrgw.toml", "server.pem", "server.key", "signing.key", "transport.p12", "transport.password", "roots.pem",
        "directory.p12", "script.token",
    }  # fmt: skip
    assert any(path.name == "obuk-3.2.toml" for path in watched_files(found))


def test_a_file_renamed_over_another_of_the_same_length_and_time_is_seen(tmp_path: Path) -> None:
    path, fresh = tmp_path / "store", tmp_path / "fresh"
    for each, content in ((path, b"one"), (fresh, b"two")):
        each.write_bytes(content)
        os.utime(each, (1, 1))
    before = one(path)
    fresh.rename(path)
    assert one(path) != before


def test_a_folder_swapped_by_its_link_is_seen(tmp_path: Path) -> None:
    """As Kubernetes renews a mounted secret: file -> ..data/file, ..data -> ..1, then ..data -> ..2 by a rename."""
    for name in ("..1", "..2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tls.key").write_text(name)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "tls.key").symlink_to("..data/tls.key")
    before = one(tmp_path / "tls.key")
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert one(tmp_path / "tls.key") != before


def test_a_new_time_stamp_alone_is_no_change_and_a_new_mode_is_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"key")
    path.chmod(0o600)
    before = one(path)
    os.utime(path, (1, 1))
    assert one(path) == before
    path.chmod(0o644)
    assert one(path) != before


def test_what_cannot_be_read_has_a_digest_too_and_holds_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"")
    told = digests([tmp_path / "pipe", tmp_path / "none", tmp_path, tmp_path / "file"])
    assert len(set(told.values())) == 3 + (told[tmp_path] != told[tmp_path / "pipe"])


def test_a_file_that_changed_since_it_was_seen_is_found_changed_though_others_join(tmp_path: Path) -> None:
    config, store = tmp_path / "config", tmp_path / "store"
    config.write_text("one")
    seen = digests([config])
    config.write_text("two")
    store.write_text("new")
    wider = widened(seen, [config, store])
    assert is_changed(wider, digests([config]))
    assert not is_changed(wider, digests([store]))


def test_a_file_that_is_looked_at_no_more_is_no_change(tmp_path: Path) -> None:
    config, store = tmp_path / "config", tmp_path / "store"
    config.write_text("one")
    store.write_text("gone soon")
    seen = digests([config, store])
    store.unlink()
    assert not is_changed(seen, digests([config]))
    assert is_changed(seen, digests([config, store]))
    assert is_changed(digests([config]), digests([config, store]))


def test_a_file_that_says_the_same_again_was_written_all_the_same(tmp_path: Path) -> None:
    path, fresh = tmp_path / "config", tmp_path / "config.new"
    path.write_text("right")
    said, before = digests([path]), stamps([path, tmp_path / "absent"])
    assert stamps(before) == before
    fresh.write_text("right")
    fresh.rename(path)
    assert digests([path]) == said
    assert stamps(before) != before
