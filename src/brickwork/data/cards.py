"""Cards of the small data sets: what each holds, where it is from, and what is known of its licence."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DatasetCard:
    """What a person should know about a data set before using it.

    `rows` counts all of them, `inputs` is the shape of one row, `target` says what is asked; `classes` are labels in
    index order (none for numbers), `columns` the names of the input columns (none for pictures).
    """

    name: str
    title: str
    rows: int
    inputs: tuple[int, ...]
    target: Literal["classes", "number"]
    asked: str
    classes: tuple[str | int, ...] | None
    columns: tuple[str, ...] | None
    origin: str
    licence: str
    url: str
    citation: str
    description: str


_UCI = "CC BY 4.0, as stated by the UCI Machine Learning Repository"

_WINE = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
    "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline",
)  # fmt: skip

_CELL = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip

CARDS: dict[str, DatasetCard] = {
    card.name: card
    for card in (
        DatasetCard(
            name="digits",
            title="Handwritten digits, 8 by 8 pixels",
            rows=1797,
            inputs=(8, 8, 1),
            target="classes",
            asked="which digit was written",
            classes=tuple(range(10)),
            columns=None,
            origin="E. Alpaydin and C. Kaynak, Bogazici University, Istanbul, 1998: the writer-independent test part "
            "of Optical Recognition of Handwritten Digits (13 of 43 writers), as bundled with scikit-learn",
            licence=_UCI,
            url="https://doi.org/10.24432/C50P49",
            citation="Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits. "
            "UCI Machine Learning Repository.",
            description="Grey values from 0 (paper) to 16 (ink) in bytes: how many of the 16 pixels of a block of a "
            "32 by 32 bitmap are ink. The digits fill the height; their stroke thickness and slant were evened "
            "out, their width stretched to 20 of 32 pixels, by the preprocessing of NIST's form reader.",
        ),
        DatasetCard(
            name="iris",
            title="Iris flowers",
            rows=150,
            inputs=(4,),
            target="classes",
            asked="which species of iris it is",
            classes=("setosa", "versicolor", "virginica"),
            columns=("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
            origin="R. A. Fisher, 1936, measured by E. Anderson, as bundled with scikit-learn (Fisher's numbers; the "
            "UCI copy differs in two rows)",
            licence=_UCI,
            url="https://doi.org/10.24432/C56C76",
            citation="Fisher, R. A. (1936). The use of multiple measurements in taxonomic problems. "
            "Annals of Eugenics 7, 179-188.",
            description="Four lengths of 50 flowers of each of three species. One species is easily told apart, the "
            "other two overlap.",
        ),
        DatasetCard(
            name="wine",
            title="Wines of three growers",
            rows=178,
            inputs=(13,),
            target="classes",
            asked="which of three growers made the wine",
            classes=("class_0", "class_1", "class_2"),
            columns=_WINE,
            origin="M. Forina and others, PARVUS, Genoa; donated by S. Aeberhard, 1991, as bundled with scikit-learn",
            licence=_UCI,
            url="https://doi.org/10.24432/C5PC7J",
            citation="Aeberhard, S. and Forina, M. (1992). Wine. UCI Machine Learning Repository.",
            description="Thirteen chemical measurements of wines from one region of Italy. The columns have very "
            "different scales: standardise them.",
        ),
        DatasetCard(
            name="breast_cancer",
            title="Breast tumours, Wisconsin (diagnostic)",
            rows=569,
            inputs=(30,),
            target="classes",
            asked="whether the tumour is malignant or benign",
            classes=("malignant", "benign"),
            columns=(
                *(f"mean {name}" for name in _CELL),
                *(f"{name} error" for name in _CELL),
                *(f"worst {name}" for name in _CELL),
            ),
            origin="W. H. Wolberg, W. N. Street and O. L. Mangasarian, University of Wisconsin, 1995, as bundled with "
            "scikit-learn",
            licence=_UCI,
            url="https://doi.org/10.24432/C5DW2B",
            citation="Wolberg, W., Mangasarian, O., Street, N. and Street, W. (1995). Breast Cancer Wisconsin "
            "(Diagnostic). UCI Machine Learning Repository.",
            description="Ten properties of cell nuclei in a picture of a fine needle aspirate: their mean, standard "
            "error and worst value. For learning and teaching; not for diagnosis.",
        ),
        DatasetCard(
            name="diabetes",
            title="Progression of diabetes after one year",
            rows=442,
            inputs=(10,),
            target="number",
            asked="how far the disease progressed in the year after (25 to 346)",
            classes=None,
            columns=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
            origin="B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, 2004, as bundled with scikit-learn",
            licence="not stated by the authors; redistributed with scikit-learn (BSD 3-Clause)",
            url="https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html",
            citation="Efron, B., Hastie, T., Johnstone, I. and Tibshirani, R. (2004). Least Angle Regression. "
            "Annals of Statistics 32(2), 407-499.",
            description="Age, sex, body mass index, blood pressure and six blood serum measurements of 442 patients "
            "in their own units (scikit-learn's default scales them over all rows, test rows included).",
        ),
    )
}
