"""The blocks of a spec; the text under a field is its description in the JSON Schema.

A union's members are told apart by tags, since trying each in turn would report the faults of all of them.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from lrdoctor.engines import ENGINES, NAMED
from lrdoctor.spec.class_paths import file_of
from lrdoctor.spec.faults import shown
from lrdoctor.spec.types import (
    Betas,
    Block,
    ClassPath,
    Count,
    Counts,
    Decay,
    NonNegative,
    Positive,
    Rate,
    Rates,
    component,
    name_or_class_path,
    named,
    range_or_values,
    whole,
)

MAX_POINTS = 1000
"""A grid finer than this is a slip of the keyboard: no sweep gains from it."""
SIGNIFICANT_DIGITS = 4
"""Swept rates are rounded to this many, far finer than any grid's spacing, so that tables stay readable."""

AUTO = "auto"
"""Stands for the rates of a sweep that lrdoctor finds by itself."""

CLASS_PATH = "a class_path"
"""Tag of a callable in a union, worded for a list in a message; the other tags are names."""


class Component(Block):
    """A callable of the user's, or of a library, and the arguments it is called with."""

    class_path: ClassPath
    """What to call: `module:attr`, `module.attr`, or `./file.py:attr` from the spec's folder."""
    init_args: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the call, as plain values."""


class OptimizerComponent(Component):
    """A torch optimizer, or a function that makes one."""

    group_rates: Literal["relative", "absolute"] = "relative"
    """What becomes of parameter groups that are given a learning rate (`lr`) of their own. relative: the optimizer is
    made with lr=1, so that it is a factor on the rate of the trial. absolute: it is made with the trial's base learning
    rate, and each group keeps what it was given at every swept rate, times the schedule."""


class Data(Component):
    """The factory of the training and validation data."""

    batch_size: Count | None = None
    """Examples in a batch, needed when the factory returns datasets or tensors. Null: it returns batches."""


class UpdateRule(Block):
    """An update rule known by name; the learning rate comes from the sweep."""

    name: str
    """The rule's short name."""
    weight_decay: NonNegative = 0.0
    """Factor of the weights that each update adds to the gradient (L2); 0 for none."""


class Sgd(UpdateRule):
    """Plain stochastic gradient descent."""

    name: Literal["sgd"]
    """Plain stochastic gradient descent."""


class Momentum(UpdateRule):
    """Stochastic gradient descent with heavy-ball or Nesterov momentum."""

    name: Literal["momentum", "nesterov"]
    """Stochastic gradient descent with heavy-ball (`momentum`) or Nesterov (`nesterov`) momentum."""
    momentum: Decay = 0.9
    """Share of the velocity kept from one update to the next."""


class RmsProp(UpdateRule):
    """RMSProp with momentum."""

    name: Literal["rmsprop"]
    """RMSProp with momentum."""
    rho: Decay = 0.9
    """Share of the mean squared gradient kept from one update to the next."""
    momentum: Decay = 0.9
    """Share of the velocity kept from one update to the next; 0 for none."""
    eps: Positive = 1e-8
    """Added to the denominator, so that it is never 0."""


class Moments(UpdateRule):
    """What the Adam family shares."""

    betas: Betas = (0.9, 0.999)
    """Shares of the mean gradient and of the mean squared gradient kept from one update to the next."""
    eps: Positive = 1e-8
    """Added to the denominator, so that it is never 0."""


class Adam(Moments):
    """Adam, or Adam with Nesterov's momentum."""

    name: Literal["adam", "nadam"]
    """Adam, or Adam with Nesterov's momentum (`nadam`)."""


class AdamW(Moments):
    """Adam with decoupled weight decay."""

    name: Literal["adamw"]
    """Adam with decoupled weight decay."""
    weight_decay: NonNegative = 0.01
    """Share of the weights that each update takes off, times the learning rate; 0 for none."""


class NamedSchedule(Block):
    """A schedule known by name."""

    name: Literal["constant", "cosine", "linear"]
    """What multiplies the base learning rate: 1 throughout, or a decay from 1 to 0 over max_train_steps."""


class SweepRange(Block):
    """Learning rates evenly spaced in the logarithm."""

    min: Rate = 1e-4
    """Lowest base learning rate."""
    max: Rate = 1.0
    """Highest base learning rate."""
    points: Annotated[int, BeforeValidator(whole), Field(ge=2, le=MAX_POINTS)] = 10
    """Number of rates, both ends included."""

    @field_validator("max")
    @classmethod
    def _above_min(cls, value: float, info: ValidationInfo) -> float:
        low = info.data.get("min", 0.0)
        if value <= low:
            raise ValueError(f"found max {shown(value)} with min {shown(low)}, expected max above min")
        return value

    @field_validator("points")
    @classmethod
    def _told_apart(cls, value: int, info: ValidationInfo) -> int:
        if "min" in info.data and "max" in info.data:
            rates = _log_spaced(info.data["min"], info.data["max"], value)
            if any(a >= b for a, b in itertools.pairwise(rates)):
                raise ValueError(
                    f"found {value} points between {shown(rates[0])} and {shown(rates[-1])}, which coincide "
                    f"when rounded to {SIGNIFICANT_DIGITS} digits; expected fewer points or a wider range"
                )
        return value

    def rates(self) -> tuple[float, ...]:
        """The base learning rates, ascending, both ends as given and the others rounded."""
        return _log_spaced(self.min, self.max, self.points)


class SweepValues(Block):
    """Learning rates given one by one."""

    values: Rates
    """Base learning rates, sorted when they are not."""

    def rates(self) -> tuple[float, ...]:
        """The base learning rates, ascending, as given."""
        return self.values


class Probe(Block):
    """The short run that shows how an instability begins."""

    factor: Positive = 2.0
    """Its base learning rate, as a multiple of best_learning_rate."""
    steps: Count = 500
    """Its length in updates, after warmup_steps where the training has them; both losses are measured at every one."""


class Warmup(Block):
    """The search for the shortest warmup that holds."""

    factor: Positive = 10.0
    """Its base learning rate, as a multiple of unstable_base_learning_rate."""
    steps: Counts = (10, 1000, 10_000, 100_000)
    """The warmup_steps to try, in updates, sorted when they are not. Those above a tenth of max_train_steps, the
    playbook's cap, are left out, and the report says so where the list is not the default."""


class Clip(Block):
    """The study of gradient clipping."""

    percentile: Annotated[float, Field(gt=0, le=100)] = 90.0
    """The clipping threshold, as a percentile of the gradient norms before clipping."""


if TYPE_CHECKING:
    EngineName = str
else:  # a choice whose members are listed elsewhere is nothing that a type checker knows
    EngineName = Literal[tuple(NAMED)]


class Engine(Block):
    """Where trials run."""

    name: EngineName = "local"
    """local: worker processes of this machine. dask: workers of a Dask cluster, each with one trial at a time."""
    address: Annotated[str, Field(min_length=1)] | None = None
    """Of the scheduler of a Dask cluster that runs already, such as tcp://10.0.0.1:8786. Null: a cluster is started."""
    cluster: Annotated[Component, BeforeValidator(component, json_schema_input_type=str | Component)] | None = None
    """What starts the Dask cluster, such as dask_jobqueue.SLURMCluster, with its arguments. Null: processes of this
    machine."""
    jobs: Count | None = None
    """Number of workers to start, or of trials at a time on a cluster that runs already; `--jobs` goes before. Null:
    one a core, or one a visible GPU; on a cluster that runs already, as many as it has workers."""

    @field_validator("address", "cluster")
    @classmethod
    def _of_another_engine(cls, value: Any, info: ValidationInfo) -> Any:
        name, key = info.data.get("name"), info.field_name or ""
        if value is not None and name is not None and key not in ENGINES[name].accepts:
            others = " or ".join(other for other, kind in NAMED.items() if key in kind.accepts)
            raise ValueError(
                f"found {shown(_text_of(value))} with the engine {name}, expected name: {others} beside it"
            )
        if isinstance(value, Component) and file_of(value.class_path) is not None:
            raise ValueError(f"found {shown(value.class_path)}, expected a class of an installed module")
        if isinstance(value, Component) and info.data.get("address") is not None:
            raise ValueError(
                f"found {shown(value.class_path)} beside address, expected one of the two: a cluster to start, or one "
                "that runs already"
            )
        return value

    def where(self) -> dict[str, Any]:
        """What the engine is told beside the number of workers."""
        given = self.model_dump()
        return {key: given[key] for key in ENGINES[self.name].accepts}


def _text_of(value: str | Component) -> str:
    return value if isinstance(value, str) else value.class_path


def _tag(value: Any) -> str:
    """The tag of an optimizer or schedule, as plain values or as a block."""
    if isinstance(value, dict):
        return CLASS_PATH if "class_path" in value else str(value["name"])
    return CLASS_PATH if isinstance(value, Component) else str(value.name)


def _sweep_tag(value: Any) -> str:
    if isinstance(value, str):
        return AUTO
    given = value if isinstance(value, dict) else type(value).model_fields
    return "values" if "values" in given else "range"


def _log_spaced(low: float, high: float, points: int) -> tuple[float, ...]:
    step = (math.log(high) - math.log(low)) / (points - 1)
    between = (math.exp(math.log(low) + i * step) for i in range(1, points - 1))
    return (low, *(float(f"{rate:.{SIGNIFICANT_DIGITS}g}") for rate in between), high)


_Optimizer = Annotated[
    Annotated[Sgd, Tag("sgd")]
    | Annotated[Momentum, Tag("momentum")]
    | Annotated[Momentum, Tag("nesterov")]
    | Annotated[RmsProp, Tag("rmsprop")]
    | Annotated[Adam, Tag("adam")]
    | Annotated[Adam, Tag("nadam")]
    | Annotated[AdamW, Tag("adamw")]
    | Annotated[OptimizerComponent, Tag(CLASS_PATH)],
    Discriminator(_tag),
]
_Schedule = Annotated[
    Annotated[NamedSchedule, Tag("constant")]
    | Annotated[NamedSchedule, Tag("cosine")]
    | Annotated[NamedSchedule, Tag("linear")]
    | Annotated[Component, Tag(CLASS_PATH)],
    Discriminator(_tag),
]
_Sweep = Annotated[
    Annotated[SweepRange, Tag("range")] | Annotated[SweepValues, Tag("values")] | Annotated[Literal["auto"], Tag(AUTO)],
    Discriminator(_sweep_tag),
]

AnyEngine = Annotated[Engine, BeforeValidator(named, json_schema_input_type=EngineName | Engine)]
AnyComponent = Annotated[Component, BeforeValidator(component, json_schema_input_type=str | Component)]
AnyData = Annotated[Data, BeforeValidator(component, json_schema_input_type=str | Data)]
Optimizer = Annotated[_Optimizer, BeforeValidator(name_or_class_path, json_schema_input_type=str | _Optimizer)]
Schedule = Annotated[_Schedule, BeforeValidator(name_or_class_path, json_schema_input_type=str | _Schedule)]
Sweep = Annotated[_Sweep, BeforeValidator(range_or_values)]
