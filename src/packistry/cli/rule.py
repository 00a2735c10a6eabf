"""`packistry rule`: what adds the projects of an organisation or group, those of tomorrow too."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from packistry.cli.asking import confirm
from packistry.cli.imports import Wait, document_of, told
from packistry.cli.opening import opened, operator
from packistry.cli.options import AsJSON, Yes
from packistry.cli.printing import answer, moment, table
from packistry.cli.verbs import noun, verb
from packistry.documents.sources import GatheredDocument, GatheredProjectDocument, RuleDocument, rule_document
from packistry.documents.subjects import DeletedDocument

if TYPE_CHECKING:
    from packistry.house import House
    from packistry.sources.gathering import Gathered

app = noun("rule", "What adds the projects of an organisation or group, those of tomorrow too.")

Number = Annotated[int, typer.Argument(metavar="RULE", help="Its number.")]

_WORDS: Final = {
    "added": "added",
    "there": "there already",
    "deleted": "deleted by hand, and so not added again",
    "archived": "archived",
    "fork": "a fork, which is added by its name only",
    "left_out": "left out by a pattern",
    "no_package": "without composer.json on the default branch",
    "unknown": "not looked at",
}


@verb(app, "list", "rule list", "rule list --source github", prints=RuleDocument, several=True)
def list_all(
    *,
    source: Annotated[str | None, typer.Option(metavar="SOURCE", help="Only those of this source.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Show the rules, and what kept the last look at the host from its end. `package add --all` makes them."""
    from packistry.sources.queries import find_source
    from packistry.sources.rules import list_rules

    with opened() as house, house.database.read() as session:
        found = None if source is None else find_source(session, operator(), source)
        documents = [rule_document(each) for each in list_rules(session, operator(), source=found)]
    rows = [
        (each.id, each.source, each.owner or "all", _patterns(each), each.repository, each.projects,
         moment(each.looked_at), each.problem or "")
        for each in documents
    ]  # fmt: skip
    headers = ("RULE", "SOURCE", "OWNER", "PROJECTS", "REPOSITORY", "ADDED", "LAST LOOK", "PROBLEM")
    answer(documents, table(headers, rows, empty="There is no rule; `packistry package add --all`."), as_json=as_json)


@verb(app, "run", "rule run 1", "rule run 1 --wait", prints=GatheredDocument)
def run(rule: Number, *, wait: Wait = False, as_json: AsJSON = False) -> None:
    """Look at the host now, and not within half an hour; add what is new, and say what became of each project."""
    with opened() as house:
        tell_gathered(house, house.gatherer.run(operator(), rule), wait=wait, as_json=as_json)


@verb(app, "delete", "rule delete 1 --yes", prints=DeletedDocument)
def delete(rule: Number, *, yes: Yes = False, as_json: AsJSON = False) -> None:
    """Add no more projects by a rule. Those it added stay."""
    from packistry.sources.rules import delete_rule, find_rule

    with opened() as house:
        with house.database.read() as session:
            find_rule(session, operator(), rule)
        confirm(f"Delete rule {rule}? The projects it added stay.", yes=yes)
        with house.database.write() as session:
            delete_rule(session, operator(), find_rule(session, operator(), rule))
    answer(DeletedDocument("rule", rule, str(rule)), [f"Rule {rule} was deleted; its projects stay."], as_json=as_json)


def tell_gathered(house: "House", gathered: "Gathered", *, wait: bool, as_json: bool) -> None:
    """Prints what a rule did. Ends with 1 when it did not come to its end, or an import that was waited for failed."""
    runs = [each.run for each in gathered.projects if each.run is not None]
    if wait:
        from packistry.cli.waiting import wait_for

        wait_for(house, runs)
    document = _document(house, gathered)
    imports = [document_of(house, run) for run in runs] if wait else []
    answer(document, [*_gathered(document), *told(imports, waited=True)], as_json=as_json)
    if document.rule.problem or any(each.state != "done" or each.counts.get("failed") for each in imports):
        raise typer.Exit(1)


def _document(house: "House", gathered: "Gathered") -> GatheredDocument:
    from packistry.sources.rules import find_rule, list_rules

    with house.database.read() as session:
        rule = find_rule(session, operator(), gathered.rule_id)
        [summary] = list_rules(session, operator(), rule=rule)
    projects = [
        GatheredProjectDocument(each.project.full_name, each.fate, each.reason, each.run) for each in gathered.projects
    ]
    return GatheredDocument(rule_document(summary), projects)


def _gathered(document: GatheredDocument) -> Iterator[str]:
    rows = [(each.project, _WORDS[each.state], each.reason or "") for each in document.projects]
    yield from table(("PROJECT", "WHAT BECAME OF IT", "WHY"), rows, empty="The host shows no project.")
    yield ""
    counts = Counter(each.state for each in document.projects)
    summary = ", ".join(f"{counts[state]} {words}" for state, words in _WORDS.items() if counts[state]) or "nothing"
    rule = document.rule
    yield f"Rule {rule.id} ({rule.source}, {rule.owner or 'all that it shows'}, to {rule.repository}): {summary}."
    if rule.problem:
        yield f"It did not come to its end: {rule.problem}"


def _patterns(document: RuleDocument) -> str:
    return ", ".join([*document.include, *(f"!{pattern}" for pattern in document.exclude)]) or "all"
