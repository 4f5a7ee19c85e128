"""Shows reports: tables for people, one JSON object for machines."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from app.cli.output import print_json, stdout
from evaluation.report import Report, Sheet


def show_reports(reports: Sequence[Report], *, as_json: bool, floors: bool) -> None:
    """Print what was found and, where they count, which floors were missed."""
    if as_json:
        print_json(
            {
                "reports": [
                    {"scoring": one.scoring, "corpus": one.corpus, **one.record}
                    for one in reports
                ],
                "floors": [
                    {"corpus": one.corpus, **floor.record()}
                    for one in reports
                    for floor in one.floors
                ],
            }
        )
        return
    for report in reports:
        stdout.print(Text(f"{report.scoring} of {report.corpus}", style="bold reverse"))
        for sheet in report.sheets:
            _show(sheet)
    if floors:
        _show(_floors(reports))


def missed(reports: Sequence[Report]) -> bool:
    """Whether any floor was missed."""
    return any(not floor.holds for one in reports for floor in one.floors)


def _show(sheet: Sheet) -> None:
    if not sheet.rows:
        return
    table = Table(
        title=sheet.title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="dim",
    )
    for number, column in enumerate(sheet.columns):
        numeric = all(_is_number(row[number]) for row in sheet.rows)
        table.add_column(column, justify="right" if numeric else "left")
    for row in sheet.rows:
        # As it is: a name out of a corpus may look like markup.
        table.add_row(*(Text(str(value)) for value in row))
    stdout.print(table)
    stdout.print()


def _is_number(value: object) -> bool:
    return isinstance(value, int) or str(value)[:1].isdigit()


def _floors(reports: Sequence[Report]) -> Sheet:
    return Sheet(
        "floors",
        ("", "corpus", "floor", "value", "limit"),
        [
            (
                "holds" if floor.holds else "MISSED",
                one.corpus,
                floor.name,
                f"{floor.value:g}",
                f"{'at most' if floor.at_most else 'at least'} {floor.limit:g}",
            )
            for one in reports
            for floor in one.floors
        ],
    )
