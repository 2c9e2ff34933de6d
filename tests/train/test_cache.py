"""Compiled programs are kept in a private folder, all of them, and never in one that others may write in."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from brickwork.core.errors import StorageError
from brickwork.train import programs
from brickwork.train.programs import bucket, use_cache_on_disk

PROGRAM = """
import jax, numpy as np, sys
events = []
def listen(name, **_):
    events.append(name.split("/")[-1])
jax.monitoring.register_event_listener(listen)
from brickwork.bricks import Dense
from brickwork.ops import implementation
from brickwork.train import Model
if "before" in sys.argv:
    jax.jit(lambda x: x * 3)(np.ones(3))  # compiled before the cache is chosen: that must not switch it off
    events.clear()
x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
model = Model(Dense(2), "cross_entropy", ["accuracy"])
y = (x[:, 0] > 0).astype(int)
model.fit(x, y, valid=(x, y), epochs=2, progress=False)
model.evaluate(x, y)
model.predict(x)
with implementation("xla"):
    model.predict(x)
print(events.count("cache_hits"), events.count("cache_misses"), jax.config.jax_compilation_cache_dir)
"""


def run(*arguments: str, **environment: str) -> tuple[int, int, str]:
    others = {k: v for k, v in os.environ.items() if k not in ("BRICKWORK_CACHE", "JAX_COMPILATION_CACHE_DIR")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        env={**others, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    hits, misses, folder = done.stdout.split()
    return int(hits), int(misses), folder


def test_every_program_is_kept_and_found_again(tmp_path):
    folder = tmp_path / "deep" / "cache"
    hits, misses, used = run("before", BRICKWORK_CACHE=str(folder))
    assert misses > 4
    assert used == str(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    kept = {path.name for path in folder.iterdir() if path.name.endswith("-cache")}
    assert len(kept) >= misses
    assert {"jit_segment", "jit_run", "jit_predict"} <= {name.rsplit("-", 2)[0] for name in kept}
    hits, misses, _ = run(BRICKWORK_CACHE=str(folder))
    assert misses == 0
    assert hits > 4


@pytest.mark.slow
def test_a_folder_that_the_user_chose_for_jax_is_respected(tmp_path):
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    *_, used = run(JAX_COMPILATION_CACHE_DIR=str(theirs), BRICKWORK_CACHE=str(ours))
    assert used == str(theirs)
    assert not ours.exists()


@pytest.fixture
def no_folder_yet(monkeypatch):
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.delenv("BRICKWORK_CACHE", raising=False)
    yield monkeypatch
    jax.config.update("jax_compilation_cache_dir", before)


def test_a_folder_that_others_may_write_in_is_refused(no_folder_yet, tmp_path):
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o777)
    no_folder_yet.setenv("BRICKWORK_CACHE", str(loose))
    with pytest.raises(StorageError, match=r"Others may write in the folder .* chmod go-w"):
        use_cache_on_disk()
    assert jax.config.jax_compilation_cache_dir is None


def test_where_no_folder_can_be_made_nothing_is_kept(no_folder_yet, tmp_path):
    (tmp_path / "file").write_text("in the way")
    no_folder_yet.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    no_folder_yet.setattr(programs, "_given_up", [])
    with pytest.warns(UserWarning, match="Compiled programs are not kept.*BRICKWORK_CACHE may name a folder"):
        use_cache_on_disk()
    use_cache_on_disk()  # said once
    assert jax.config.jax_compilation_cache_dir is None


def test_the_cache_may_be_elsewhere_or_off(no_folder_yet, tmp_path):
    no_folder_yet.setenv("BRICKWORK_CACHE", "")
    use_cache_on_disk()
    assert jax.config.jax_compilation_cache_dir is None
    no_folder_yet.delenv("BRICKWORK_CACHE")
    no_folder_yet.setenv("XDG_CACHE_HOME", str(tmp_path))
    use_cache_on_disk()
    folder = Path(jax.config.jax_compilation_cache_dir)
    assert folder == tmp_path / "brickwork" / "programs"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert jax.config.jax_persistent_cache_min_compile_time_secs == 0.0


def test_sizes_share_programs():
    assert [bucket(n) for n in (1, 15, 16, 17, 33, 1258, 1280, 1281)] == [1, 15, 16, 18, 36, 1280, 1280, 1408]
    for n in range(1, 5000, 7):
        assert n <= bucket(n) <= 1.125 * n + 1
        assert bucket(bucket(n)) == bucket(n)
