"""The report: what is on the page, that data cannot act on it, and that everyone can read it."""

import base64
import dataclasses
import hashlib
import io
import math
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from brickwork.core.errors import StorageError
from brickwork.explain.findings import (
    Confusion,
    Contribution,
    GroupScores,
    Importance,
    Interval,
    Mistake,
    Reliability,
    Residuals,
    Score,
)
from brickwork.services.report import (
    Audit,
    ColumnCard,
    Compared,
    Curve,
    DataCard,
    Distribution,
    Gallery,
    LabelScores,
    Making,
    PictureMap,
    Report,
    ShownMistake,
    Step,
    Unsure,
    report_html,
    write_report,
)
from brickwork.services.report.axes import Axes, tick_texts, ticks
from brickwork.services.report.pictures import map_tag, picture_tag
from brickwork.services.report.wording import difference_text, duration, number, score_text

HOSTILE = "\"'></style></title><script>alert(1)</script><img src=x onerror=alert(2)>&#60;\u202e\x00\ud800" + "W" * 90

VOID = {"meta", "img", "br", "col"}


class Page(HTMLParser):
    """A page as a browser takes it: tags with their attributes, and the text of each."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))
        if self.rows and ("td" in self.open or "th" in self.open):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return "".join(data for tag, data in self.texts if tag != "style")

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def share(name: str, value: float, low: float = math.nan, high: float = math.nan) -> Score:
    return Score(name, Interval(value, low, high), higher_is_better=True, share=True)


def confused(labels, counts) -> Confusion:
    counts = np.asarray(counts)
    with np.errstate(invalid="ignore"):
        return Confusion(tuple(labels), counts, np.diag(counts) / counts.sum(1), np.diag(counts) / counts.sum(0))


def reliable(confidence, frequency, rows, error: float) -> Reliability:
    return Reliability(np.array(confidence), np.array(frequency), np.array(rows, int), error)


def full(word: str) -> Report:
    """Return a report with every part, in which each text that can come from data is `word`."""
    score = share("accuracy", 0.9, 0.8, 0.95)
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    words = Distribution(word, (3.0, 1.0), (word, "other"))
    column = ColumnCard(word, word, word, 0.1, word, words)
    mistake = ShownMistake(
        Mistake(3, word, word, 0.9), {word: word, "b": ""}, name=word, because=(Contribution(word, word, 0.2),)
    )
    return Report(
        asked=(word, "b"),
        kind="classes",
        source=word,
        why=word,
        test_rows=100,
        scores=(score, share(word, 0.5)),
        compared=(
            Compared(word, (score,), {"accuracy": Interval(0.1, 0.05, 0.2)}, trivial=True, saying=word),
            Compared(word, (score,), {"accuracy": Interval(0.1, -0.05, 0.2)}),
        ),
        confusion=confused([word, "b", "c", "d"], np.diag([40, 30, 20, 10]) + np.eye(4, k=1, dtype=int)),
        label_scores=(LabelScores(word, 3, (score,)),),
        residuals=(Residuals(word, np.arange(9.0), np.arange(9.0)[::-1], 2.0, 0.9, 0.8),),
        reliability={word: reliable([0.6, 0.9], [0.5, 1.0], [5, 9], 0.1), "b": reliable([0.5], [0.5], [4], 0.0)},
        unsure=Unsure(0.8, 4, score, score, word),
        importances=(Importance(word, Interval(0.2, 0.1, 0.3)),),
        importance_of=word,
        maps=(PictureMap(grey, grey - 32.0, word, word, 0.7),),
        mistakes=(mistake,),
        audits=(Audit(word, (GroupScores(word, 5, (score,), {"accuracy": Interval(0.1, 0.05, 0.2)}),) * 2, (word,)),),
        data=DataCard(
            word, {"train": 7, word: 3}, word, (column, dataclasses.replace(column, kind="none")),
            (words, Distribution(word, (1.0, 2.0), edges=(0.0, 1.0, 2.0))), (Gallery(word, (grey,)),), (word,), (word,),
        ),
        curves=(Curve(word, [1, 2, 3], [3.0, 2.0, 1.0], [3.0, 2.5, 2.6], best=2),),
        next_steps=(Step(word, word),),
        making=Making(
            word, word, word, {word: 2.0}, 0, {word: word, "b": {word: [1]}}, {word: word},
            ({"layer": word, "kind": word, "shape": [3, 2], "parameters": 7},), 7, 2, {word: word}, {word: word},
        ),
    )  # fmt: skip


@pytest.mark.parametrize("inputs", ["table", "pictures"])
def test_nothing_in_the_data_acts_on_the_page(inputs):
    report = dataclasses.replace(full(HOSTILE), inputs=inputs)
    page = Page(report_html(report))
    assert not page.open
    known = "html head meta title style body a header nav main section div p h1 h2 h3 ul ol li dl dt dd strong small"
    known += " span bdi code pre table thead tbody tr th td details summary figure figcaption img"
    known += " svg g rect line circle path text"
    assert {tag for tag, _ in page.tags} <= set(known.split())
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")
    assert "<script>alert(1)" in page.text  # it is shown as it was written
    assert "\x00" not in page.text


def test_only_its_own_style_is_let_through():
    page = report_html(full("x"))
    parsed = Page(page)
    policy = next(m["content"] for m in parsed.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert policy is not None
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert "http:" not in page
    assert "https:" not in page


def test_everyone_can_read_it():
    page = Page(report_html(full("x")))
    names = Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    assert max(names.values()) == 1
    links = [link["href"] for link in page.all("a")]
    assert len(links) > 10
    assert {str(link).removeprefix("#") for link in links} <= set(names)
    assert all(image["alt"] for image in page.all("img"))
    assert all("scope" in cell for cell in page.all("th"))
    for drawing in page.all("svg"):
        assert drawing.get("aria-hidden") or drawing.get("aria-label") or "viewbox" in drawing
    frames = [frame for frame in page.all("div") if frame.get("class") == "scroll"]
    assert all(frame["tabindex"] == "0" and frame["aria-label"] for frame in frames)
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_stands_out_from_what_is_behind_it():
    style = report_html(Report(("x",), "number"))
    themes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(themes) == 3  # light, dark, print
    for theme in themes:
        colors = dict(re.findall(r"--([a-z-]+): (#\w{6})\b", re.sub(r"#(\w)(\w)(\w)\b", r"#\1\1\2\2\3\3", theme)))
        for front in ("ink", "quiet", "blue", "red"):
            for back in ("page", "panel", "alarm"):
                light, dark = sorted((luminance(colors[front]), luminance(colors[back])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (front, back)


def verdict(**parts) -> str:
    page = report_html(Report(("x",), parts.pop("kind", "classes"), **parts))
    found = re.search('<p class="verdict">(.*?)</p>', page)
    assert found is not None
    return Page(found[1]).text


def test_the_result_in_a_sentence():
    ours, trivial = share("accuracy", 0.97769, 0.9537, 0.9901), share("accuracy", 0.1004)
    least = Compared("most frequent", (trivial,), trivial=True, saying="always saying the most frequent class")
    assert verdict(test_rows=269, scores=(ours,), compared=(least,)) == (
        "On 269 rows it has not seen, the network is right in 97.8% (95.4 to 99.0%); "
        "always saying the most frequent class would be right in 10.0%."
    )
    other = Compared("boosting", (share("accuracy", 0.99, 0.97, 1.0),), {"accuracy": Interval(-0.012, -0.02, -0.004)})
    assert verdict(test_rows=1, scores=(ours,), compared=(other,)).endswith(
        " Boosting is right in 99.0% (97.0 to 100.0%) and is ahead of the network by 1.2 points. "
        "Where the score is all that counts, use that."
    )
    worse = dataclasses.replace(least, gains={"accuracy": Interval(-0.3, -0.4, -0.2)})
    assert verdict(scores=(ours,), compared=(worse,)).endswith("It does worse than that: do not use it.")
    chance = dataclasses.replace(least, gains={"accuracy": Interval(0.01, -0.4, 0.2)})
    assert verdict(scores=(ours,), compared=(chance,)).endswith("The gain may be mere chance.")


def test_the_result_of_numbers_in_a_sentence():
    r2 = Score("R2", Interval(0.456, 0.401, 0.51), higher_is_better=True)
    mean = Compared("mean", (Score("R2", Interval(-0.01, -0.02, 0), higher_is_better=True),), trivial=True, saying="it")
    assert verdict(kind="number", scores=(r2,), compared=(mean,)) == (
        "The network explains 45.6% (40.1 to 51.0%) of the differences between rows (R²); it would explain nothing."
    )
    rmse = Score("RMSE", Interval(53.24, 48.1, 58.2), higher_is_better=False)
    # An error that is lower is better: the best of the others is the one with the least.
    others = tuple(
        Compared(name, (Score("RMSE", Interval(value, value - 5, value + 5), higher_is_better=False),))
        for name, value in (("a", 70.0), ("b", 60.0))
    )
    assert "B is off by 60.0 (55.0 to 65.0) on the same rows." in verdict(
        kind="number", scores=(rmse,), compared=others
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1234.5, "1,234"), (141136.2, "141,100"), (0.000123456, "0.0001235"), (-2.5, "−2.5"), (3.0, "3"),
        (1e-7, "1.00e−7"), (99.996, "100"), (2.5e12, "2.50e12"), (math.nan, "–"), (math.inf, "∞"),
    ],
)  # fmt: skip
def test_numbers_have_as_many_digits_as_matter(value, text):
    assert number(value) == text


def test_scores_have_as_many_digits_as_their_intervals_are_worth():
    assert score_text(Score("RMSE", Interval(53.2417, 48.13, 58.21), False)) == "53.2 (48.1 to 58.2)"
    assert score_text(Score("RMSE", Interval(220123.4, 204600, 237600), False)) == "220,123 (204,600 to 237,600)"
    assert score_text(Score("log loss", Interval(0.03712, 0.0318, 0.0423), False)) == "0.0371 (0.0318 to 0.0423)"
    assert score_text(Score("log loss", Interval(2.302585, 2.302585, 2.302586), False)) == "2.303 (2.303 to 2.303)"
    assert score_text(Score("R2", Interval(-2.16e-5, -0.0726, -2.05e-5), True)) == "0.000 (−0.073 to 0.000)"
    assert score_text(share("accuracy", 1.0)) == "100.0%"
    assert difference_text(Interval(0.0071, -0.021, 0.035), share=True) == "+0.7 points"
    assert difference_text(Interval(-0.00001, -0.02, 0.03), share=True) == "0.0 points"
    assert [duration(seconds) for seconds in (0.84, 75.2, 7384)] == ["0.8 s", "1 min 15 s", "2 h 3 min"]


def test_axes_have_round_numbers():
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(-1.3, 97) == pytest.approx([0, 20, 40, 60, 80])
    assert tick_texts([0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert tick_texts([-200000.0, 0.0, 200000.0]) == ["−200k", "0", "200k"]
    assert tick_texts([0.95, 0.96], share=True) == ["95%", "96%"]
    assert tick_texts([0.9, 0.925, 0.95], share=True) == ["90.0%", "92.5%", "95.0%"]
    axes = Axes((0, 10), (0, 2), width=152, height=156, left=52)
    assert axes.at(0, 0) == (52, 156 - 44)
    assert axes.at(10, 2) == (152 - 14, 12)


def test_a_report_of_nothing_has_no_parts():
    page = Page(report_html(Report(("x",), "labels")))
    assert not page.all("section")
    assert not page.all("nav")
    empty = Report(
        ("x",), "number", confusion=confused(["a", "b"], np.zeros((2, 2), int)), audits=(Audit("a", ()),),
        residuals=(Residuals("x", np.array([np.nan]), np.array([1.0])),), curves=(Curve("loss", [], []),),
        reliability={"": reliable([], [], [], math.nan)}, data=DataCard("", {}),
    )  # fmt: skip
    assert not Page(report_html(empty)).all("section")


def test_what_is_not_known_is_a_dash_and_no_nan():
    unknown = Interval(math.nan, math.nan, math.nan)
    score = Score("ROC AUC", unknown, True, True)
    report = dataclasses.replace(
        full("x"),
        scores=(score, share("accuracy", 1.0)),
        compared=(Compared("other", (score,), {"ROC AUC": unknown}, trivial=True),),
        confusion=confused(["a", "b", "c"], [[5, 1, 0], [0, 0, 0], [0, 0, 4]]),  # no row of class b was tested
        label_scores=(LabelScores("x", 0, (score,)),),
        importances=(Importance("x", unknown), Importance("y", Interval(0.1, math.nan, math.nan))),
        audits=(Audit("x", (GroupScores("a", 1, (score,), {"ROC AUC": unknown}),)),),
        curves=(Curve("loss", [1, 2], [math.nan, 1.0], [math.nan, math.nan], best=9),),
        residuals=(Residuals("x", np.array([1.0]), np.array([1.0]), math.nan, 0.9, math.nan),),
    )
    page = report_html(report)
    assert not re.search(r"\b(nan|inf)\b", page.split("</style>")[1], re.IGNORECASE)
    rows = [[cell.strip() for cell in row] for row in Page(page).rows]
    assert ["b", "0", "–", "0.0%"] in rows


def test_the_matrix_and_the_classes_say_what_was_counted():
    page = Page(report_html(Report(("x",), "classes", confusion=confused(["no", "yes"], [[199, 16], [32, 53]]))))
    assert ["no", "19993%", "167%", "215"] in page.rows
    assert ["yes", "3238%", "5362%", "85"] in page.rows
    assert ["yes", "85", "62.4%", "76.8%"] in page.rows
    assert "Of 85 rows that are yes, 53 are found (62.4%), 32 taken for the other." in page.text
    bars = [bar["width"] for bar in page.all("rect") if bar.get("class") == "fill"]
    assert bars == ["92.6%", "86.1%", "62.4%", "76.8%"]


def test_many_classes_are_a_drawing_and_the_frequent_mix_ups():
    counts = np.diag(np.full(100, 9))
    counts[7, 65] = 3
    report = Report(("x",), "classes", confusion=confused([f"kind {k}" for k in range(100)], counts))
    page = Page(report_html(report))
    assert ["kind 7", "kind 65", "3", "25.0%"] in page.rows
    wrong = [mark for mark in page.all("rect") if str(mark.get("class")).startswith("wrong")]
    assert len(wrong) == 1
    assert float(str(wrong[0]["x"])) > float(str(wrong[0]["y"]))  # the answer to the right of the truth


def test_labels_are_listed_with_the_least_found_first():
    entries = tuple(
        LabelScores(label, rows, (Score("macro F1", Interval(value, value, value), True, True),))
        for label, rows, value in (("a", 30, 0.9), ("b", 4, 0.25), ("c", 0, math.nan))
    )
    found = Confusion(("a", "b", "c"), np.array([[27, 2, 0], [0, 1, 0], [0, 0, 0]]), np.array([0.9, 0.25, np.nan]),
                      np.array([1.0, 1 / 3, 0.0]))  # fmt: skip
    page = Page(report_html(Report(("x",), "labels", label_scores=entries, confusion=found)))
    start = next(place for place, row in enumerate(page.rows) if row[:3] == ["Label", "Rows", "F1"])
    assert [row[:2] + row[3:] for row in page.rows[start + 1 : start + 4]] == [
        ["b", "4", "25.0%", "33.3%"], ["a", "30", "90.0%", "100.0%"], ["c", "0", "–", "0.0%"],
    ]  # fmt: skip
    assert ["a", "b", "2"] in page.rows  # a was missed where b was said


def test_what_rates_of_groups_mean():
    names = ("accuracy", "answered yes", "yes where true", "mean error of price")
    groups = (GroupScores("a", 40, tuple(share(name, 0.5) for name in names)),)
    text = Page(report_html(Report(("x",), "classes", audits=(Audit("town", groups),)))).text
    assert "Answered yes: how often the answer is yes, whatever the truth" in text
    assert "Yes where true: of the rows that are yes, the share that are found" in text
    assert "Mean error: answer minus truth" in text
    many = tuple(share(f"answered {k}", 0.1) for k in range(15))
    page = Page(report_html(Report(("x",), "classes", audits=(Audit("town", (GroupScores("a", 40, many),)),))))
    assert "9 more scores" in page.text
    assert max(len(row) for row in page.rows) <= 9


def test_large_tables_stay_small_pages():
    rng = np.random.default_rng(0)
    bars = [tuple(rng.integers(0, 99, 24).astype(float)) for _ in range(500)]
    columns = tuple(
        ColumnCard(f"measure_{k}", "number", "its values are numbers", 0.1, "0 to 99, median 12", Distribution("x", b))
        for k, b in enumerate(bars)
    )
    values = {f"measure_{k}": "1.2345" for k in range(500)}
    numbers = rng.normal(size=(3, 2, 30_000))
    report = Report(
        ("x",), "number", data=DataCard("big.csv", {"train": 30_000}, columns=columns),
        importances=tuple(Importance(f"measure_{k}", Interval(k / 500, 0.0, 1.0)) for k in range(500)),
        mistakes=tuple(ShownMistake(Mistake(k, "1", "2", distance=1.0), values) for k in range(12)),
        residuals=tuple(Residuals(f"y{k}", *pair) for k, pair in enumerate(numbers)),
        curves=(Curve("loss", range(1, 5001), rng.random(5000), rng.random(5000), best=4000),),
    )  # fmt: skip
    page = report_html(report)
    assert len(page) < 600_000
    assert page.count("measure_499") >= 2
    shown = next(row for row in Page(page).rows if row[:3] == ["Row", "True", "Answered"])
    assert shown[4] == "measure_499"  # what matters most stands first
    assert len(shown) == 14
    assert "490 further columns are not shown here." in page


@pytest.mark.parametrize(
    ("gap", "arrow"), [((-0.2, -0.3, -0.1), "lower"), ((0.2, 0.1, 0.3), "higher"), ((0.2, -0.1, 0.3), None)]
)
def test_gaps_are_marked_where_chance_does_not_explain_them(gap, arrow):
    groups = tuple(
        GroupScores(name, 40, (share("accuracy", value, value - 0.1, value + 0.1),), {"accuracy": Interval(*given)})
        for name, value, given in (("a", 0.6, gap), ("b", 0.8, (0.0, -0.1, 0.1)))
    )
    page = Page(report_html(Report(("x",), "classes", audits=(Audit("town", groups),))))
    marked = [span["aria-label"] for span in page.all("span") if span.get("role") == "img"]
    assert marked == ([arrow] if arrow else [])
    assert "about one is marked" in page.text


def test_warnings_stand_at_the_top():
    page = report_html(Report(("x",), "number", data=DataCard("a.csv", {"train": 3}, warnings=("column leaks",))))
    assert page.index("column leaks") < page.index("<main")


def picture_of(tag: str) -> Image.Image:
    found = re.search('src="data:image/(png|jpeg);base64,([^"]+)"', tag)
    assert found is not None
    return Image.open(io.BytesIO(base64.b64decode(found[2])))


def test_pictures_are_shown_as_they_are():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (8, 9), dtype=np.uint8)
    assert np.array_equal(np.asarray(picture_of(picture_tag(grey, "x"))), grey)
    assert np.array_equal(np.asarray(picture_of(picture_tag(grey[:, :, None] / 255, "x"))), grey)
    colors = rng.integers(0, 256, (8, 9, 4), dtype=np.uint8)
    assert np.array_equal(np.asarray(picture_of(picture_tag(colors, "x"))), colors)
    large = picture_of(picture_tag(np.zeros((600, 300, 3), np.uint8), "x"))
    assert large.size == (64, 128)
    assert "no picture" in picture_tag(np.zeros((3, 3, 7)), "x")
    colored = picture_of(map_tag(np.array([[-1.0, 0.0, 1.0, np.nan]]), "x"))
    red, _, blue = np.asarray(colored).astype(int).transpose(2, 0, 1)
    assert (red < blue).tolist() == [[True, False, False, False]]  # blue is against
    assert (red > blue + 100).tolist() == [[False, False, True, False]]  # orange is for


def test_the_file_is_written_whole_or_not_at_all(tmp_path):
    path = write_report(full(HOSTILE), tmp_path / "report.html")
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    with pytest.raises(StorageError, match="folder does not exist"):
        write_report(full("x"), tmp_path / "nowhere" / "report.html")
