"""Decides the pairs of a tile: bounds discard pairs, float64 evaluates the rest, and results raise the
thresholds."""

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor

from .block_sizes import Blocks
from .candidates import Candidates
from .centered_rows import CenteredRows
from .duplicates import DuplicateGroups
from .float64_tiles import Float64Tiles
from .int8 import product as int8_product
from .int8_level import Int8Level
from .level_selection import AnyLevel, only_full_level
from .matmul import products_at
from .pair_counts import PairCounts
from .precision import Choice
from .rounding import squared_distances
from .screening_levels import Factors, Level
from .survivors import most_within, reaching, where_at_most, where_not_positive
from .thresholds import Thresholds
from .workspace import Workspace, aligned

FEW_PAIRS = 1 << 13  # pairs evaluated one by one; with more left, all pairs of a tile are evaluated
_TAKEN = 1 << 12  # pairs evaluated at once, before those that can no longer win are dropped
_MOST_CHECKED = 1 << 15  # pairs of a tile that are examined one by one: a quarter of a MB for each array of them
_MANY = 0.25  # pairs for each of a tile's columns: more are checked by the full level before they are evaluated
_STEPS = 4  # steps of a diagonal tile's product, so that few pairs are computed twice
_MOST_FAILURES = 2  # more failures than successes in a strip, after which a level is not used any more
_RISE = 1e-6  # of the threshold: a pair that promises less of a rise is not evaluated for it


@dataclass(frozen=True)
class Tile:
    """The `left` rows (a,) against a `part` (b,) of the `right` ones, both by decreasing radius."""

    left: Factors
    right: Factors
    part: slice

    @property
    def rows(self) -> Tensor:
        """The rows (a,)."""
        return self.left.rows

    @property
    def partners(self) -> Tensor:
        """The partners (b,)."""
        return self.right.rows[self.part]

    @property
    def is_diagonal(self) -> bool:
        """Whether the rows are the first partners, in the same order, so that their pairs are there twice. A row
        that the part leaves out reaches none of the rows."""
        return bool(self.rows[0] == self.partners[0])

    def factors(self, level: Level, less: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The rows' factors of a level, behind their witness (1 + a, width), and the partners' (b, width); the
        rows' with thresholds `less` (a,)."""
        return self.left.at(level, less), self.right.at(level)[self.part]


class Tiles:
    """The state of the pairs decided so far, and the means to decide more.

    `thresholds` say what a row's pairs must reach to matter; `candidates` are the evaluated pairs that may still
    win; `verified` (n,) marks rows with a pair that was evaluated in float64.
    """

    def __init__(
        self,
        centered: CenteredRows,
        thresholds: Thresholds,
        pair_counts: PairCounts,
        choice: Choice,
        most: int | None,
    ) -> None:
        self.choice = choice
        self.thresholds = thresholds
        self.selection = only_full_level(centered, choice.precision)
        self.candidates = Candidates(centered.rows, centered.shift, thresholds.groups, most)
        self.verified = torch.zeros(len(centered.rows), dtype=torch.bool)
        self.workspace = Workspace(centered.rows.device)
        self._centered, self._pair_counts, self._most = centered, pair_counts, most
        self._aside: list[tuple[Tensor, Tensor]] = []
        self._aside_pairs = 0
        self._failures = Counter[AnyLevel]()

    def use(self, blocks: Blocks) -> None:
        """Use the sizes of `blocks`."""
        self.workspace.reserve(blocks.reserved(*self._centered.rows.shape))
        self.float64_tiles = Float64Tiles(self._centered, blocks.float64_tile, self._most)

    def merge(self, groups: DuplicateGroups) -> None:
        """Use `groups` from now on."""
        self.thresholds.merge(groups)
        self.candidates.groups = groups

    def snapshot(self) -> Candidates:
        """The candidates as they are, for `restore`."""
        return self.candidates.copy()

    def restore(self, candidates: Candidates) -> None:
        """Go back to the candidates of a snapshot; thresholds stay, since they are true in any case."""
        self.candidates = candidates
        self._aside.clear()
        self._aside_pairs = 0

    def begin_strip(self) -> None:
        """Clear the state of the strip before: which rows were verified, and which levels failed."""
        self.verified.zero_()
        self._failures.clear()

    def take_over(self, pairs: Tensor) -> None:
        """Continue with the candidates of an earlier search, rows (i, j, ties) of `pairs` (m, 3), and no
        others."""
        squares = self.candidates.replace(pairs)
        self.thresholds.evaluated(pairs[:, 0], pairs[:, 1], squares)

    def take_tile(self, left: Factors, right: Factors, start: int, lowest: float) -> None:
        """Decide the pairs of the `left` rows with the `right` rows, by decreasing radius, from `start` on.

        `lowest` is the lowest threshold of the `right` rows, a squared distance; where it is 0 every pair is
        evaluated.
        """
        radius = self._centered.radius[right.rows[start:]]
        lacking = self.thresholds.of(left.rows).clamp_max(lowest).sqrt() - self._centered.radius[left.rows]
        within = int((~(radius < lacking.min())).sum())
        if not within:
            return
        tile = Tile(left, right, slice(start, start + within))
        for level in self.selection.choose(tile.rows, tile.partners, self.thresholds):
            if self._failures[level] > _MOST_FAILURES:
                continue
            if self._take_by(level, tile):
                self._failures[level] = max(0, self._failures[level] - 1)
                return
            self._failures[level] += 1
        self._take_by_full(self.selection.last, tile)

    def _product(self, level: Level, tile: Tile, less: Tensor | None = None) -> Tensor:
        """A level's product (b, a) for a tile, with thresholds `less` (a,); in a diagonal tile most pairs that are
        there twice are infinite once."""
        left, right = tile.factors(level, less)
        rows = len(tile.rows)
        # Partners down and rows across: a tall product is up to a fifth faster on a CPU than a wide one. The
        # witness stands before the first cache line.
        dtype = level.precision.product_dtype(left.device)
        line = aligned(1, dtype)
        block = self.workspace.block("product", len(right), line + aligned(rows, dtype), dtype)
        whole = block[:, line - 1 : line + rows]
        done = 0
        if tile.is_diagonal:
            step = -(-rows // _STEPS)
            for start in range(0, rows - step, step):
                done = start + step
                level.precision.product(right[start:done], left[: 1 + done], out=whole[start:done, : 1 + done])
                whole[start:done, 1 + done :] = torch.inf
        level.precision.product(right[done:], left, out=whole[done:])
        return whole[:, 1:]

    def _int8_product(self, level: Int8Level, tile: Tile, less: Tensor) -> Tensor:
        """The product (b, a) in whole numbers, with thresholds `less` (a,). Pairs of a diagonal tile that are
        there twice are multiplied twice, which costs little."""
        rows, _ = tile.left.in_int8(level, less)
        partners, checksum = (side[tile.part] for side in tile.right.in_int8(level))
        out = self.workspace.block("product", len(partners), len(rows), torch.int32)
        return int8_product(partners, rows, checksum, out)

    def _largest(self, tile: Tile) -> float:
        """The largest r_i + r_j of a tile's pairs."""
        return float(self._centered.radius[tile.rows[0]] + self._centered.radius[tile.partners[0]])

    def _left_by(self, level: AnyLevel, tile: Tile, least: Tensor) -> tuple[Tensor, Tensor] | None:
        """The pairs of a tile that a level leaves, as partners and rows (m,), if each row's pairs must reach at
        `least` (a,) to matter; None where they are many."""
        if isinstance(level, Int8Level):
            less = least - level.slack_for(self._largest(tile))
            return where_not_positive(self._int8_product(level, tile, less), _MOST_CHECKED)
        less = least - level.slack_for(self._largest(tile), float(least.max()))
        return where_not_positive(self._product(level, tile, less), _MOST_CHECKED)

    def _take_by(self, level: AnyLevel, tile: Tile) -> bool:
        """Decide a tile by a level: the few pairs that it leaves are checked by the full level one by one, and the
        remaining ones are set aside. False where they are not few."""
        least = self._least(tile.rows, tile.partners)
        found = self._left_by(level, tile, least)
        if found is None:
            return False
        column, row = (at.cpu() for at in found)
        if tile.is_diagonal:
            column, row = column[row < column], row[row < column]
        counted = row, column
        if len(row) > _MANY * len(tile.partners):  # else it does not pay to gather the factors of all rows
            full = self.selection.last
            left, right = tile.factors(full)
            products = products_at(left[1:], right, row, column).cpu()
            mattering = ~(products > most_within(least, full.slack_for(self._largest(tile)))[row])
            row, column = row[mattering], column[mattering]
            if len(row) > FEW_PAIRS:
                return False
        self._pair_counts.count_pairs(tile.rows, tile.partners, *counted)
        i, j = tile.rows[row], tile.partners[column]
        self._set_aside(torch.minimum(i, j), torch.maximum(i, j))
        return True

    def _least(self, rows: Tensor, partners: Tensor) -> Tensor:
        """The least threshold of a pair of each of `rows` (a,) with any of the `partners` (b,): (a,) float64."""
        return self.thresholds.of(rows).clamp_max(float(self.thresholds.of(partners).min()))

    def _take_by_full(self, full: Level, tile: Tile) -> None:
        """Decide a tile by the full level. Where that leaves many pairs, the most promising first raise the
        thresholds, and the remaining ones are evaluated together."""
        self._pair_counts.count_tile(tile.rows, tile.partners)
        product, slack = self._product(full, tile), full.slack_for(self._largest(tile))
        pairs = self._mattering(tile, product, slack)
        if pairs is None:
            row_least, column_least = (product.amin(dim=dim).cpu().to(torch.float64) for dim in (0, 1))
            self._learn_nearest(tile, product, row_least, column_least)
            pairs = self._mattering(tile, product, slack)
            if pairs is None:
                rows = tile.rows[reaching(row_least, slack, self._least(tile.rows, tile.partners))]
                partners = tile.partners[reaching(column_least, slack, self._least(tile.partners, tile.rows))]
                if len(rows) and len(partners):
                    self._take_together(rows.sort().values, partners.sort().values)
                return
        self.take(*pairs)

    def _learn_nearest(self, tile: Tile, product: Tensor, row_least: Tensor, column_least: Tensor) -> None:
        """Raise the thresholds by the most promising pair of a tile for each batch."""
        rows, partners = tile.rows, tile.partners
        best = self._likeliest(rows, row_least)
        nearest = product[:, best.to(product.device)].argmin(dim=0).cpu()
        also = self._likeliest(partners, column_least)
        nearest_row = product[also.to(product.device)].argmin(dim=1).cpu()
        if len(best) + len(also):
            self.learn(torch.cat([rows[best], rows[nearest_row]]), torch.cat([partners[nearest], partners[also]]))

    def _likeliest(self, rows: Tensor, least: Tensor) -> Tensor:
        """For each batch that is the first of some of `rows` (m,), the row with the `least` (m,) product, if that
        promises more than the batch's threshold; as indices into `rows`."""
        raising = (least * -2 > self.thresholds.of(rows) * (1 + _RISE)).nonzero().flatten()
        order = raising[least[raising].argsort()]
        groups = self.thresholds.groups
        batch = groups.first_batch(rows[order])
        first = torch.full((groups.batches,), len(order), dtype=torch.int64)
        first.scatter_reduce_(0, batch, torch.arange(len(order)), "amin")
        return order[first[first < len(order)]]

    def _mattering(self, tile: Tile, product: Tensor, slack: float) -> tuple[Tensor, Tensor] | None:
        """The pairs (m,), i < j, of a tile that matter by the full level's product, each once; None where they are
        many."""
        rows, partners = tile.rows, tile.partners
        found = where_at_most(product, most_within(self._least(rows, partners), slack), _MOST_CHECKED)
        if found is None:
            return None
        reach = product[found].cpu().to(torch.float64).mul_(-2).add_(slack)
        i, j = rows[found[1].cpu()], partners[found[0].cpu()]
        mattering = ~(reach < torch.minimum(self.thresholds.of(i), self.thresholds.of(j)))
        i, j = i[mattering], j[mattering]
        return self._once(i, j) if len(i) <= FEW_PAIRS else None

    def _take_together(self, rows: Tensor, partners: Tensor) -> None:
        """Evaluate each pair of `rows` (a,) with `partners` (b,), both ascending; some may be in both."""
        others = partners[~torch.isin(partners, rows)]
        if len(others) < len(partners):
            self.take_in_float64(rows, rows)
        self.take_in_float64(rows, others)

    def _once(self, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
        """The pairs (m,) with i < j, each once."""
        n = len(self._centered.rows)
        keys = torch.unique(torch.minimum(i, j) * n + torch.maximum(i, j))
        i, j = keys // n, keys % n
        return i[i != j], j[i != j]

    def learn(self, i: Tensor, j: Tensor) -> None:
        """Evaluate pairs (m,) only to raise the thresholds."""
        i, j = self._once(i, j)
        self.thresholds.evaluated(i, j, squared_distances(self._centered.rows, i, j, self._centered.shift))

    def _set_aside(self, i: Tensor, j: Tensor) -> None:
        """Set aside pairs (m,), i < j, to be evaluated together with others."""
        self._aside.append((i, j))
        self._aside_pairs += i.numel()
        if self._aside_pairs > FEW_PAIRS:
            self.take_aside()

    def take_aside(self) -> None:
        """Evaluate the pairs that were set aside."""
        if self._aside:
            i, j = (torch.cat(parts) for parts in zip(*self._aside, strict=True))
            self._aside.clear()
            self._aside_pairs = 0
            self.take(i, j)

    def take(self, i: Tensor, j: Tensor) -> None:
        """Evaluate pairs (m,), i < j, and keep them as candidates."""
        for start in range(0, len(i), _TAKEN):
            part = slice(start, start + _TAKEN)
            squares = squared_distances(self._centered.rows, i[part], j[part], self._centered.shift)
            self.thresholds.evaluated(i[part], j[part], squares)
            self.candidates.add(i[part], j[part], squares)
            self.verified[i[part]] = True
            self.verified[j[part]] = True
            if len(i) > _TAKEN:
                self.forget()

    def take_in_float64(self, left: Tensor, right: Tensor) -> None:
        """Decide a tile with too many pairs left in float64; rows as for `Float64Tiles.tiles`."""
        for tile in self.float64_tiles.tiles(left, right, self.thresholds):
            if tile.square is None or tile.ties is None:
                self.take(tile.i, tile.j)
            else:
                self.thresholds.evaluated(tile.i, tile.j, tile.square)
                self.candidates.add_exact(tile.i, tile.j, tile.square, tile.ties)
            self.forget()

    def forget(self) -> None:
        """Drop the candidates that can no longer win."""
        i, j = self.candidates.rows
        self.candidates.keep(self.thresholds.of(i), self.thresholds.of(j))
