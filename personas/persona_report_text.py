"""A report of personas as lines for the terminal."""

from collections.abc import Iterator
from typing import Any

from personas.quotas import in_order

BAR = 30


def report_lines(report: dict[str, Any]) -> Iterator[str]:
    """The report of a run, or of a set: what it does not hold is left out."""
    if "quotas" in report:
        yield from _quota_lines(report["quotas"])
    if "asked" in report:
        retries = ", ".join(f"{number} after {retry}" for retry, number in report["retries"].items()) or "nobody"
        refused = ", ".join(f"{number} for {kind}" for kind, number in report["refused"].items())
        yield f"people: {report['asked']} asked, {report['valid']} valid, {report['failed']} failed"
        yield f"people by retries: {retries}; answers refused: {refused}"
    yield from _neighbour_lines(report["nearest"])
    yield f"distinct bigrams of the bios: {report['distinct_2']:.3f}"
    yield from _stereotype_lines(report["stereotype"])


def _quota_lines(quotas: dict[str, Any]) -> Iterator[str]:
    yield f"{'attribute':<12}{'value':<18}{'asked':>7}{'got':>7}"
    for attribute, value, (asked, got) in in_order(quotas["attributes"]):
        yield f"{attribute:<12}{value:<18}{asked:>7}{got:>7}{'' if asked == got else '  differs'}"
    verdict = "exact" if quotas["exact"] else f"{quotas['missing']} missing, {quotas['unasked']} not asked for"
    yield f"joint table of {quotas['cells']} cells: {verdict}"


def _neighbour_lines(nearest: dict[str, Any]) -> Iterator[str]:
    yield "cosine to the nearest other person:"
    highest = max(nearest["histogram"]) or 1
    for position, number in enumerate(nearest["histogram"]):
        yield f"  {position / 10:.1f}-{(position + 1) / 10:.1f} {number:>6} {'#' * round(BAR * number / highest)}"
    pair = f" ({' and '.join(nearest['pair'])})" if nearest["pair"] else ""
    yield f"highest {nearest['maximum']:.3f}{pair}; {nearest['pairs_above']} pairs above {nearest['limit']}"


def _stereotype_lines(check: dict[str, Any]) -> Iterator[str]:
    if "reason" in check:
        yield f"gender from style, brands, likes and dislikes: not measured, {check['reason']}"
        return
    yield (
        f"gender from style, brands, likes and dislikes: accuracy {check['accuracy']:.3f} "
        f"(base rate {check['base_rate']:.3f}), AUC {check['auc']:.3f}"
    )
    for gender, words in check["telling"].items():
        yield f"  most telling of {gender}: {', '.join(words) or 'nothing'}"
