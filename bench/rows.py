"""What a benchmark prints: one row per figure, as a table and as JSON."""

from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One figure beside the raw limit of the same run: `ratio` is ours / raw."""

    group: str
    name: str
    ours: float
    raw: float
    unit: str
    ratio: float
    aim: str = ""

    def json(self) -> dict[str, object]:
        """The row for machines."""
        fields = asdict(self)
        del fields["aim"]
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in fields.items()}


def rates(group: str, name: str, ours: list[float], raw: list[float], unit: str, aim: str) -> Row:
    """A row from interleaved repeats of two rates: their medians and the ratio of these."""
    return Row(group, name, median(ours), median(raw), unit, median(ours) / median(raw), aim)


def percentile(values: list[float], share: float) -> float:
    """The value that `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
