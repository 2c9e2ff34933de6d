"""What a person asks: of which data, what, and how the answers are to be judged. Kept with the run and the model."""

from brickwork.core.spec import Spec, registered
from brickwork.explain.findings import Question


@registered
class Asked(Spec):
    """A question to data, as it was put.

    Attributes:
        source: a file, a folder, or the name of a data set.
        target: the columns to learn; none where folders name the classes.
        question: "classes", "labels" or "number"; recognised by the target where it is not said.
        leave_out: columns that are not to be learnt from.
        group: a column whose rows of one value stay in one part (a person, a place, a machine).
        time: a column to split by, so that what is tested is later than what was learnt from.
        split_seed: which rows are for training, validating and testing: a number for each way to split.
        size: pixels a side that pictures are brought to; chosen by the pictures where it is not said.
        files: the folder with the published files of a data set that is too large to come with Brickwork.
        separator: what stands between the fields of delimited text; guessed where it is not said.
        encoding: of text; guessed where it is not said.
        members: networks that answer together; chosen for the data where it is not said.
        compare: whether linear models and boosted trees are to be fitted to the same rows.
        by: columns by whose groups the answers are audited.
        unsure_below: answers less probable than this go to a person.
    """

    kind = "asked"

    source: str
    target: tuple[str, ...] = ()
    question: Question | None = None
    leave_out: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    split_seed: int = 0
    size: int | None = None
    files: str | None = None
    separator: str | None = None
    encoding: str | None = None
    members: int | None = None
    compare: bool = False
    by: tuple[str, ...] = ()
    unsure_below: float | None = None

    def validate(self) -> None:
        """Check the ranges, and that the rows are split in one way only."""
        self.require(self.split_seed >= 0, "split_seed", "0 or more")
        self.require(self.size is None or 4 <= self.size <= 1024, "size", "from 4 to 1024 pixels")
        self.require(self.members is None or 1 <= self.members <= 1024, "members", "from 1 to 1024")
        below = self.unsure_below
        self.require(below is None or 0 < below <= 1, "unsure_below", "a probability above 0, at most 1")
        self.require(
            self.group is None or self.time is None,
            "time",
            "left alone where `group` is given: rows are split in one way",
        )
