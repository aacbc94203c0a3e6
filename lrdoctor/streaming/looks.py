"""When a growing curve is judged anew: at lengths that grow by a factor, and between them when a value stands out.

A look costs as much as the curve is long. Lengths that grow by a factor make all looks together cost a fixed number of
steps a point; looks between them are bought by what stands out, a bounded number for each of these lengths.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite

from lrdoctor.measures import noise, view


@dataclass(frozen=True)
class Thresholds:
    first: int = view.THRESHOLDS.fewest_points
    """Points of the first look of its own: with fewer the rules see none but an enormous rise, which is looked at
    before."""
    factor: float = 1.25
    """From the length of one look to the next. All looks up to n points then read 5 n points, and what nothing else
    gives away is seen a quarter of the run too late at most."""
    between: int = 4
    """Looks at most between two of these lengths: what stands out may do so again and again."""
    settles: int = noise.SIDE
    """Points after one that stands out at which it is looked at: the rules compare a point with the medians of so many
    on either side, and one that has no other side yet looks like a rise that stays. At a look that an odd batch itself
    had called for, every odd batch would be one."""
    enormous: float = 10.0
    """Times the highest loss so far, from which it is looked at at once: a model that does ten times worse than ever
    before, untrained included, has diverged. Before the first look of its own, when it has another side."""
    deviations: float = 4.0
    """Of the noise of neighbours, above the lowest level so far, from which a value stands out. It decides when to
    look and nothing else; a lower one costs looks, a higher one makes an alarm late."""
    share: float = 0.05
    """Of the lowest level; a smaller rise is never worth a word to the rules."""
    higher: float = 1.5
    """Times what stood out before: noise makes records now and then, and by such a factor hardly ever."""
    forgets: float = 0.5
    """Factor on what stood out before, at every look of a length of its own, so that an old record hides nothing for
    long."""
    fewest: int = 8
    """Values of a level before one of them may stand out."""
    memory: int = 32
    """Values over which the noise is averaged."""
    levels: int = 12
    """Of medians of three of medians of three ...: the last one holds 3^11 points each."""


THRESHOLDS = Thresholds()


def spent(look: int, alpha: float) -> float:
    """The risk of a false alarm that a look may take: alpha / (k (k + 1)) for the k-th, counted from 1.

    The risks of all looks add up to alpha however many there will be (1/2 + 1/6 + 1/12 + ... = 1), so by Boole's
    inequality a healthy run is called unstable at any of them with at most alpha, whatever the looks have in common.
    No end of the run has to be known, as the boundaries of O'Brien and Fleming need it. Since lengths grow by a
    factor, k grows as the logarithm of the length: at a million points it is about 50, and limits that go with the
    logarithm of the risk are higher by a quarter or so.

    Looks share most of their points, so this is strict. To take all looks of a doubling for one test that is made again
    was tried: of healthy curves of 1000 points with noise of Student's t with 3 degrees of freedom 3.5 % were called
    unstable on the way then, of 200, in place of 1.5 %.

    >>> [spent(look, 0.01) for look in (1, 2, 3)]
    [0.005, 0.0016666666666666668, 0.0008333333333333334]
    >>> round(sum(spent(look, 0.01) for look in range(1, 100_000)), 6)
    0.01
    """
    return alpha / (look * (look + 1))


@dataclass(eq=False)
class _Level:
    """The values of one scale: how low they were, how much they vary, how far one has stood out."""

    n: int = 0
    last: float = 0.0
    lowest: float = 0.0
    noise: float = 0.0
    """Mean distance of neighbours, those far beyond it cut off."""
    record: float = 1.0
    """The furthest that a value stood out, in what it takes to stand out."""
    held: list[float] = field(default_factory=list)


class Excess:
    """Whether the values of a series begin to stand out above its lowest level, at any scale; O(1) a value.

    A scale holds medians of three values of the scale below it. So a single spike stands out at the first, a jump that
    stays at the second after three points more, a slow drift at a late one.
    """

    def __init__(self) -> None:
        self._levels = [_Level() for _ in range(THRESHOLDS.levels)]

    def add(self, value: float) -> bool:
        """Takes the next value, which is finite; whether it stands out further than any before at its scale."""
        found = False
        for level in self._levels:
            found = _stands_out(level, value) or found
            held = level.held
            held.append(value)
            if len(held) < 3:
                return found
            value = sorted(held)[1]
            held.clear()
        return found

    def forget(self) -> None:
        """Lets what stood out long ago count for less."""
        for level in self._levels:
            level.record = max(1.0, level.record * THRESHOLDS.forgets)


def _stands_out(level: _Level, value: float) -> bool:
    """Whether it does, by a new record; the level then knows the value."""
    found = False
    if level.n == 0:
        level.lowest = value
    else:
        # what is far away is no noise: a rise would hide itself
        apart = abs(value - level.last)
        cut = min(apart, THRESHOLDS.deviations * level.noise) if level.n > THRESHOLDS.fewest else apart
        level.noise += (cut - level.noise) / min(level.n, THRESHOLDS.memory)
        needed = max(THRESHOLDS.deviations * level.noise, THRESHOLDS.share * abs(level.lowest))
        above = value - level.lowest
        if level.n >= THRESHOLDS.fewest and above > needed * level.record:
            level.record = THRESHOLDS.higher * above / needed if needed > 0 else float("inf")
            found = True
        if value < level.lowest:
            level.lowest = value
    level.last = value
    level.n += 1
    return found


class Looks:
    """Decides, point by point, when a run is to be judged anew; O(1) a point."""

    def __init__(self) -> None:
        self.n = 0
        """Points so far."""
        self.made = 0
        """Looks so far."""
        self._next = THRESHOLDS.first
        self._left = THRESHOLDS.between
        self._loss, self._norm = Excess(), Excess()
        self._bad: set[str] = set()
        self._highest = 0.0
        self._pending: int | None = None
        """Points at which what stood out is looked at."""

    def again(self, points: int) -> None:
        """Asks for a look after so many points more, which is not rationed."""
        self._pending = self.n + points

    def due(self, loss: float | None, gradient_norm: float | None = None) -> bool:
        """Takes the next point, None for what it does not have; whether to look now."""
        stands_out = is_enormous = False
        if loss is not None and isfinite(loss) and loss > self._highest:
            is_enormous = loss > THRESHOLDS.enormous * self._highest > 0
            self._highest = loss
        for name, value, excess in (("loss", loss, self._loss), ("norm", gradient_norm, self._norm)):
            if value is None:
                continue
            if isfinite(value):
                stands_out = excess.add(value) or stands_out
            elif name not in self._bad:  # the first one is no question of risk, and is never rationed
                self._bad.add(name)
                self.made += 1
                self.n += loss is not None
                return True
        if loss is None:
            return False
        self.n += 1
        if self.n >= self._next:
            self._next = max(self.n + 1, int(self.n * THRESHOLDS.factor))
            self._left = THRESHOLDS.between
            self._loss.forget()
            self._norm.forget()
        elif self._pending is not None and self.n >= self._pending:
            self._pending = None
        elif is_enormous and self._left and self.n >= THRESHOLDS.first:
            self._left -= 1
        else:
            is_worth_it = is_enormous or (stands_out and self.n + THRESHOLDS.settles >= THRESHOLDS.first)
            if is_worth_it and self._left and self._pending is None:
                self._left -= 1
                self._pending = self.n + THRESHOLDS.settles
            return False
        self.made += 1
        return True
