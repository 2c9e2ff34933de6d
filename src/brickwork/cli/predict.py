"""`brickwork predict`: ask a saved model."""

from pathlib import Path

from brickwork.cli.output import Json, Quiet, percent, print_json
from brickwork.services import predict as predict_service


def predict(model: Path, /, *pictures: Path, json: Json = False, quiet: Quiet = False) -> int:
    """Ask a saved model about pictures.

    A model of digits reads a drawn digit of any size, dark on light or light on dark.

    Examples:

        brickwork predict runs/digits-1/model.brickwork picture.png

        brickwork predict runs/digits-1/model.brickwork scans/*.png --json

    Parameters
    ----------
    model
        A saved model (`model.brickwork`).
    pictures
        One or more picture files: PNG, JPEG, GIF, BMP, TIFF, WebP...
    """
    answers = predict_service(model, pictures)
    if json:
        print_json(
            [
                {
                    "source": answer.source,
                    "answer": answer.answer,
                    "probability": answer.probability,
                    "probabilities": {str(label): p for label, p in answer.ranking},
                }
                for answer in answers
            ]
        )
        return 0
    for answer in answers:
        if quiet:
            print(answer.answer)
        elif answer.probability is None:
            print(f"{answer.source}: {answer.answer}")
        else:
            others = [f"{label} {percent(p)}" for label, p in answer.ranking[1:3] if p >= 0.0005]
            then = f"; then {', '.join(others)}" if others else ""
            print(f"{answer.source}: {answer.answer}  ({percent(answer.probability)} sure{then})")
    return 0
