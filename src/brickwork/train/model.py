"""Model: a network with its loss and metrics; what a user trains, asks, saves and loads."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

from brickwork.bricks.ensemble import Ensemble
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick
from brickwork.core.errors import DataError, SettingError
from brickwork.core.paths import Patterns
from brickwork.core.plan import Plan
from brickwork.core.precision import FloatType
from brickwork.core.variables import Variables
from brickwork.data import Examples, encode_labels
from brickwork.data.arrays import is_ready
from brickwork.losses import Loss, resolve_loss
from brickwork.metrics import Metric, resolve_metric
from brickwork.storage.bundle import Bundle, load_bundle, save_bundle
from brickwork.train.class_weights import with_class_weights
from brickwork.train.engine import Run
from brickwork.train.ensembles import Together, ensemble_of, require_folds, spread
from brickwork.train.events import Listener
from brickwork.train.members import Members, MembersState, Settings
from brickwork.train.outcome import Outcome
from brickwork.train.predicting import Predictor, Probabilities
from brickwork.train.progress import ProgressBar
from brickwork.train.recipe import Recipe
from brickwork.train.segments import Measuring
from brickwork.train.sequences import fit_sequences, on_values
from brickwork.train.starting import first_state
from brickwork.train.stored import described, read_description
from brickwork.train.supervised import Supervised, TrainState, raw
from brickwork.train.update import Update


class Scores(dict[str, float]):
    """Scores by name; prints as one line."""

    def __str__(self) -> str:
        return "  ".join(f"{name} {value:.4g}" for name, value in self.items())


class Model:
    """A network, the loss it is trained with, and the metrics it is judged by.

    ```python
    model = Model(Sequential(Flatten(), Dense(10)), loss="cross_entropy", metrics=["accuracy"])
    model.fit(digits.train, valid=digits.valid, epochs=10)
    model.evaluate(digits.test)
    model.predict(digits.test.inputs[:5])
    ```

    Args:
        net: the network.
        loss: a name (`"cross_entropy"`, `"mse"`...), a `Loss`, or a function (outputs, targets) -> loss per row.
        metrics: names, `Metric`s, or functions (outputs, targets) -> value per row, of which the mean is reported.
        frozen: patterns of paths that training leaves alone (`"body/**"`).
        variables: arrays to start from; drawn at the first `fit` when not given.
        classes: what the outputs of a classifier stand for; found in the data when not given.
        augment: a brick that changes inputs and targets of training batches at random alike (`RandomFlip()`,
            `Sequential(...)`, `Mixup(classes=10)`); it gets an `Annotated`. Held-out data are never changed.
        members: how many networks of this kind to train side by side, each from its own weights and on its own order
            of the rows, and to ask together: a deep ensemble. The network is then an `Ensemble`.
    """

    def __init__(
        self,
        net: Brick,
        loss: str | Loss | Callable[..., Any],
        metrics: Sequence[str | Metric | Callable[..., Any]] = (),
        *,
        frozen: Patterns = (),
        variables: Variables | None = None,
        classes: Sequence[Any] | None = None,
        augment: Brick | None = None,
        members: int = 1,
    ):
        if not isinstance(net, Brick):
            raise SettingError(f"A model needs a network made of bricks, got {net!r} ({type(net).__name__}).")
        if not isinstance(augment, Brick | None):
            raise SettingError(f"augment= takes a brick, or bricks in a Sequential(...), got {augment!r}.")
        if isinstance(metrics, str | Metric):
            metrics = [metrics]
        self.loss = resolve_loss(loss)
        self.net = ensemble_of(net, self.loss, members)
        self.metrics = tuple(resolve_metric(metric) for metric in metrics)
        self.frozen = frozen if isinstance(frozen, str) else tuple(frozen)
        self.variables = variables
        self.classes = None if classes is None else tuple(classes)
        self.augment = augment
        self.recipe = Recipe()
        self.history: list[dict[str, float]] = []
        self.example: Any = None
        self.extra: dict[str, Any] = {}
        self.held_out: Any = None
        self.seeds: tuple[int, ...] | None = None
        self.settings: Settings = ()
        self._state: TrainState | MembersState | None = None
        self._learner: Supervised | Members | None = None
        self._epochs = self._steps = 0
        self._plans: dict[Any, Plan] = {}
        self._predictors: dict[str, Predictor] = {}

    # ------------------------------------------------------------------------------------------------ training

    def fit(
        self,
        data: Any,
        targets: Any = None,
        *,
        valid: Any = None,
        folds: Any = None,
        recipe: Recipe | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
        listeners: Sequence[Listener] = (),
        progress: bool = True,
        **settings: Any,
    ) -> Outcome:
        """Train, and keep the best weights; called again, it goes on from where it was.

        Going on keeps the optimizer's state too, unless the optimizer or the network's frozen parts are others now.

        Args:
            data: `Examples`, or the inputs with `targets`: arrays, data frames, lists, `Padded` sequences, or a dict
                of them.
            targets: the targets, when `data` is inputs alone.
            valid: held-out `Examples` or a pair (inputs, targets) to judge each epoch by: the weights of the best
                epoch are kept, and `patience=` stops when it is long past. For an ensemble also "folds": every member
                leaves out other rows of the data and goes by them, so that all rows are learnt from, and
                `held_out` has for each row the outputs of the members that have never seen it.
            folds: into how many parts the rows are dealt for that, every class in its proportion: as many as there
                are members unless given; or a number for each row, the same for rows that belong together.
            recipe: all settings of the run; any of them may be given by name as well (`epochs=5`,
                `optimizer="sgd"`, `rate=0.1`, `class_weights="balanced"`, `rates={"body/**": 0.1}`).
            folder: where `history.jsonl` and checkpoints go; nothing is written without it.
            resume: go on from the folder's checkpoint, if there is one, to the same final weights.
            listeners: functions that are told every event and may ask to stop.
            progress: show a progress bar on a terminal.

        Returns:
            How the run ended, with its history.

        Raises:
            DataError: data is empty or not finite, labels are out of range, inputs and targets do not fit.
            ShapeError: the network does not fit the inputs, or ends in the wrong size for the targets.
            DivergenceError: numbers stopped being finite; the best weights from before are kept.
        """
        recipe = (recipe or self.recipe).changed(**settings)
        before = self.classes, self.example, self.metrics
        fold = isinstance(valid, str)
        if fold or folds is not None:
            require_folds(self.net, valid)
        try:
            train = self._examples(data, targets, fitting=True)
            held_out = None if valid is None or fold else self._examples(valid, None)
            plan = self._planned(train, recipe.precision)
            train, held_out = (self._fitted(plan, part) for part in (train, held_out))
            train = with_class_weights(train, recipe.class_weights, self.classes, self.loss.question)
            self.metrics = tuple(metric.fitted(train.targets, self.loss.question) for metric in self.metrics)
            learner = self._learner_for(recipe)
            together = None
            if isinstance(self.net, Ensemble):
                own = self.net, learner, recipe, plan, self.seeds, self.settings
                together = Together.of(*own, train, held_out, folds if fold else False)
        except BaseException:
            self.classes, self.example, self.metrics = before
            raise
        options: dict[str, Any] = {
            "folder": None if folder is None else Path(folder),
            "listeners": [*([ProgressBar()] if progress else []), *listeners],
            "first_epoch": self._epochs,
            "first_step": self._steps,
        }
        run = together.run(**options) if together else Run(learner, recipe, train, held_out, **options)
        steps, learner = run.steps * recipe.epochs, cast(Supervised | Members, run.learner)
        run.state = first_state(learner, plan, recipe.seed, steps, self.variables, (self._learner, self._state))
        self.recipe = recipe
        try:
            outcome = run.go(resume)
        except BaseException:
            outcome = run.outcome()
            if outcome.steps_done > self._steps:  # nothing is lost
                self._keep(learner, outcome, together)
            raise
        self._keep(learner, outcome, together)
        if outcome.error is not None:
            raise outcome.error
        return outcome

    def _keep(self, learner: Supervised | Members, outcome: Outcome, together: Together | None) -> None:
        if any(leaf.is_deleted() for leaf in jax.tree.leaves(outcome.best)):  # stopped while the device had them
            return
        state: Any = outcome.best
        if together is not None and isinstance(learner, Members):
            self.held_out = together.held_out(learner, outcome)
            self.net, learner, state = together.kept(learner, outcome)
            if self.seeds is not None:
                self.seeds, self.settings = learner.seeds, learner.settings
        self._state, self._learner = state, learner
        self.variables = learner.view(state)
        self.history.extend(dict(record) for record in outcome.history)
        self._epochs, self._steps = outcome.epochs_done, outcome.steps_done

    def _learner_for(self, recipe: Recipe) -> Supervised:
        update = Update(
            recipe.optimizer, recipe.schedule, recipe.clip_norm, recipe.clip_value, recipe.accumulate, recipe.rates
        )
        return Supervised(
            self.net,
            self.loss,
            self.metrics,
            update,
            l1=recipe.l1,
            l2=recipe.l2,
            ema=recipe.ema,
            precision=recipe.precision,
            frozen=self.frozen,
            augment=self.augment,
        )

    # ----------------------------------------------------------------------------------------------- answering

    def evaluate(self, data: Any, targets: Any = None) -> Scores:
        """Return the loss and every metric over held-out data."""
        examples = self._examples(data, targets)
        if examples.targets is None:
            raise DataError("To evaluate, give targets too: evaluate(inputs, targets).")
        variables = self._trained()
        examples = self._fitted(self._planned(examples, self.recipe.precision), examples)
        metrics = tuple(metric.fitted(examples.targets, self.loss.question) for metric in self.metrics)
        learner = replace(self._learner_for(self.recipe), metrics=metrics)
        measured = Measuring(learner, variables, examples)(variables, jax.random.key(self.recipe.seed))
        return Scores() if measured is None else Scores(learner.summarize(measured.sums, measured.rows))

    def logits(self, inputs: Any) -> Any:
        """Return the network's raw outputs, row by row: an array, or `Padded` where the network gives sequences."""
        return self._answered("predict", raw, inputs)

    def _answered(self, name: str, function: Callable[..., Any], inputs: Any) -> Any:
        variables = self._trained()
        predictor = self._predictors.get(name)
        now = (function, self.net, self.recipe.precision)
        if predictor is None or not predictor.computes(*now):
            predictor = self._predictors[name] = Predictor(name, *now)
        answer = predictor.at_once(variables, inputs)
        if answer is not None:
            return answer
        return predictor(variables, inputs if is_ready(inputs) else Examples.of(inputs).inputs)

    def predict_proba(self, inputs: Any) -> Any:
        """Return probabilities: (rows, classes), or (rows, outputs) for yes-or-no outputs; `Padded` for sequences."""
        return self._answered("probabilities", Probabilities(self.loss), inputs)

    def spread(self, inputs: Any) -> Any:
        """Return how much the members of an ensemble differ: the standard deviation of their probabilities or numbers.

        It has the shape of the outputs; where it is large, the rows are unlike what was learnt from.
        """
        if not isinstance(self.net, Ensemble):
            raise SettingError("One network alone has no spread: say Model(..., members=8), or use an ensemble.")
        return self._answered("spread", spread, inputs)

    def predict(self, inputs: Any) -> Any:
        """Return answers: the most probable class (by its name, when the data had names), or numbers.

        They are an array, or `Padded` where the network gives sequences: a loop over that gives one array a row.
        """

        def answers(outputs: Any) -> np.ndarray:
            found = np.asarray(self.loss.answers(outputs))
            return found if self.classes is None else np.asarray(self.classes)[found]

        outputs = self.logits(inputs)
        return self.loss.answers(outputs) if self.loss.sequences == "unaligned" else on_values(answers, outputs)

    # ------------------------------------------------------------------------------------------- saving, loading

    def save(self, path: str | Path) -> Path:
        """Write the model into one file (a bundle of JSON and weights), atomically; return its path."""
        extra = {**self.extra, "model": described(self), "history": self.history}
        bundle = Bundle(self.net, self._trained(), inputs=(self.example,), extra=extra)
        save_bundle(path, bundle)
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> "Model":
        """Read a model that `save` wrote. No code from the file runs; raises `BundleError` when it cannot be used."""
        bundle = load_bundle(path)
        settings, precision, epochs, steps = read_description(path, bundle.extra)
        model = cls(bundle.spec, variables=bundle.variables, **settings)
        model.recipe = Recipe().changed(precision=precision)
        model._epochs, model._steps = epochs, steps
        model.history = list(bundle.extra.get("history", []))
        model.example = bundle.inputs[0]
        model.extra = {name: value for name, value in bundle.extra.items() if name not in ("model", "history")}
        return model

    # ------------------------------------------------------------------------------------------------- internals

    @property
    def plan(self) -> Plan:
        """The network's plan for one row of the data it was fitted to."""
        if self.example is None:
            raise SettingError("The model has seen no data yet: fit it, or use net.plan(example).")
        return self.net.plan(self.example)

    def _trained(self) -> Variables:
        if self.variables is None:
            raise SettingError("The model has no weights yet: call fit first, or give variables=.")
        return self.variables

    def _examples(self, data: Any, targets: Any, fitting: bool = False) -> Examples:
        examples = Examples.of(data, targets)
        if examples.targets is None:
            if fitting:
                raise DataError("To fit, give targets too: fit(inputs, targets), or Examples with targets.")
            return examples
        if self.loss.question == "class" and not isinstance(examples.targets, dict):
            if fitting and self.classes is None:
                self.classes = examples.classes
            labels = examples.targets.values if isinstance(examples.targets, Padded) else examples.targets
            if labels.dtype.kind not in "iufb":
                if not fitting and self.classes is None:
                    label = labels.ravel()[0]
                    raise DataError(f"The label {label!r} is a text, but the model knows its classes by number only.")
                encoded, classes = encode_labels(
                    examples.targets, None if fitting and self.classes is None else self.classes
                )
                self.classes = tuple(classes)
                examples = examples.replace(targets=encoded)
        return examples

    def _planned(self, examples: Examples, precision: FloatType = "float32") -> Plan:
        example = jax.tree.map(lambda a: jax.ShapeDtypeStruct((1, *a.shape[1:]), a.dtype), examples.inputs)
        if self.example is None:
            self.example = example
        key = (precision, jax.tree.structure(example), *((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(example)))
        if key not in self._plans:
            self._plans[key] = self.net.plan(example, precision=precision)
        return self._plans[key]

    def _fitted(self, plan: Plan, examples: Examples | None) -> Any:
        if examples is None:
            return None
        targets = examples.targets
        if self.loss.sequences != "unaligned":  # those have lengths of their own
            targets = fit_sequences(examples.inputs, plan.output, targets)
        values = plan.output.values if isinstance(plan.output, Padded) else plan.output
        output = jax.tree.map(lambda leaf: (len(examples), *leaf.shape[1:]), values)
        self.loss.check(output, targets)
        return examples.replace(targets=self.loss.fit_targets(output, targets))
