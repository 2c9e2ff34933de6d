"""What all tests share: compiled programs are kept between runs of the tests, away from the user's own."""

import os
from pathlib import Path

os.environ.setdefault("BRICKWORK_CACHE", str(Path(__file__).parent.parent / ".pytest_cache" / "programs"))
