"""The result of `farpair.analyse`: the analysis of a cluster, for a notebook. Torch is not imported here."""

import io

from ..events import Histogram, PairFound, Summary, Triangle
from ..journal.record import RunRecord
from ..text.numbers import distance
from .html_report import as_html
from .json_report import as_json, run_report
from .json_schema import (
    AnalysisPart,
    BatchPart,
    Certificate,
    DuplicatesPart,
    LadderPart,
    MeasurePart,
    OutlierPart,
    PairPart,
    RunReport,
    WarningPart,
)
from .sentences import label
from .text_report import print_report


class Analysis:
    """The results for a cluster. Distances are in the units of the rows, angles in degrees.

    `report` holds all results, as `json_schema` describes them; the other attributes are its parts. A notebook
    shows the report, and `print` prints it.
    """

    def __init__(self, record: RunRecord) -> None:
        """The analysis with the events in `record`, from RunStarted to the last."""
        self._record = record
        self.report: RunReport = run_report(record)

    @property
    def pair(self) -> PairPart:
        """The farthest pair: `i`, `j` (each with `index`, `id`, `text`) and `distance`."""
        assert self.report.pair is not None, "an analysis has a pair"
        return self.report.pair

    @property
    def certificate(self) -> Certificate:
        """The pair's certificate: the error bound, the number of ties, the runner-up, the pairs evaluated."""
        assert self.report.certificate is not None, "an analysis has a certificate"
        return self.report.certificate

    @property
    def found(self) -> PairFound:
        """The pair and its certificate as `farthest_pair` returns them, and `farpair.verify` takes them."""
        assert self._record.pair is not None, "an analysis has a pair"
        return self._record.pair

    @property
    def batches(self) -> tuple[BatchPart, ...]:
        """The maximum of every batch, with the pair that attains it."""
        return self.report.batches

    @property
    def farthest_pairs(self) -> tuple[PairPart, ...]:
        """The farthest pairs, farthest first, as many as the setting `pairs`."""
        return self.report.farthest_pairs or (self.pair,)

    @property
    def measures(self) -> tuple[MeasurePart, MeasurePart]:
        """The measures of the pair's two tokens, the larger norm first."""
        return self._analysis.outlier, self._analysis.other

    @property
    def outliers(self) -> tuple[OutlierPart, ...]:
        """The tokens that the ladder removes before the diameter collapses, the farthest first."""
        return self.report.outliers or ()

    @property
    def triangle(self) -> Triangle:
        """The triangle of the centroid and the pair: its sides and its angles."""
        return self._analysis.triangle

    @property
    def norms(self) -> Summary:
        """The minimum, maximum, median and mean of the rows' norms."""
        return self._analysis.norms

    @property
    def distances(self) -> Summary:
        """The minimum, maximum, median and mean of the rows' distances from the centroid."""
        return self._analysis.distances

    @property
    def histogram(self) -> Histogram | None:
        """The histogram of the rows' distances from the centroid."""
        return self._analysis.histogram

    @property
    def duplicates(self) -> DuplicatesPart:
        """The bit-identical rows."""
        return self._analysis.duplicates

    @property
    def ladder(self) -> LadderPart:
        """The diameter as the outermost rows are removed one by one."""
        assert self.report.ladder is not None, "an analysis has a ladder"
        return self.report.ladder

    @property
    def warnings(self) -> tuple[WarningPart, ...]:
        """The warnings of the analysis."""
        return self.report.warnings

    def to_dict(self) -> dict[str, object]:
        """`report` as plain JSON values, with the keys of `json_schema`."""
        return as_json(self._record)

    def __repr__(self) -> str:
        one, other = (label(self._record, token.index) for token in (self.pair.i, self.pair.j))
        return f"<Analysis of {len(self)} rows: {one} and {other} are {distance(self.pair.distance)} apart>"

    def __str__(self) -> str:
        page = io.StringIO()
        print_report(self._record, page)
        return page.getvalue()

    def __len__(self) -> int:
        """The number of rows of the cluster."""
        return self.report.rows.n if self.report.rows else 0

    def _repr_html_(self) -> str:
        return as_html(self._record)

    @property
    def _analysis(self) -> AnalysisPart:
        assert self.report.analysis is not None, "an analysis has its parts"
        return self.report.analysis
