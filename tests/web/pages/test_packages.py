"""Looking for packages and at one: what is shown to whom, and that hostile READMEs and addresses do no harm."""

import re
import time
from collections.abc import Mapping

import pytest

from packistry.access.grants import Grant
from packistry.house import House
from packistry.sources.file_pages import FilePages
from packistry.web.pages.readmes import README_BYTES, readme_html
from tests import factories
from tests.web.pages.browser import Browser

README = "# Widgets\n\nThey turn.\n\n```php\necho 1;\n```\n"


@pytest.fixture
def published(house: House) -> House:
    """acme/widgets with three versions and a README in the root, acme/gadgets in /r/customers."""
    factories.repository(house, "customers")
    for version in ("1.0.0", "1.1.0-beta1", "dev-main"):
        archive = factories.package_zip(
            "acme/widgets",
            files={"README.md": README},
            description="Widgets for everybody.",
            require={"php": ">=8.1", "acme/gadgets": "^1.0", "psr/log": "^3.0"},
        )
        branch = version == "dev-main"
        factories.publish(house, "acme/widgets", version, repository="", archive=archive, default_branch=branch)
    factories.publish(house, "acme/gadgets", "1.0.0", repository="customers", description="Gadgets.")
    return house


@pytest.mark.usefixtures("published")
def test_an_administrator_sees_every_package_with_its_latest_version(administrator: Browser) -> None:
    shown = administrator.open("/-/packages")

    assert "acme/widgets" in shown.text
    assert "Widgets for everybody." in shown.text
    assert "/-/r/customers/acme/gadgets" in shown.links


def test_a_user_sees_what_was_given_and_nothing_else(stranger: Browser, published: House) -> None:
    stranger.sign_in(factories.user(published, "bob@example.test", Grant("customers")))

    shown = stranger.open("/-/packages")

    assert "acme/gadgets" in shown.text
    assert "acme/widgets" not in shown.text
    stranger.open("/-/packages/acme/widgets", status=404)
    stranger.open("/-/packages/acme/widgets/versions/1.0.0", status=404)
    stranger.open("/-/r/customers/acme/gadgets")


@pytest.mark.usefixtures("published")
def test_a_package_that_is_hidden_looks_like_one_that_is_not_there(plain_user: Browser) -> None:
    hidden = plain_user.open("/-/packages/acme/widgets", status=404).text
    missing = plain_user.open("/-/packages/acme/nothing", status=404).text

    assert hidden == missing


def test_nothing_yet_and_no_result_are_not_the_same(administrator: Browser) -> None:
    assert "No packages yet." in administrator.open("/-/packages").text
    assert "No package matches “x”." in administrator.open("/-/packages?q=x").text


SEARCHES: Mapping[str, set[str]] = {
    "q=widgets": {"acme/widgets"},
    "q=WIDG+every": {"acme/widgets"},
    "q=acme": {"acme/widgets", "acme/gadgets"},
    "repository=customers": {"acme/gadgets"},
    "repository=/": {"acme/widgets"},
    "repository=nothing": {"acme/widgets", "acme/gadgets"},
    "q=%25": set(),
    "q=a_me": set(),
    "page=999999999999&size=-1&sort=password": {"acme/widgets", "acme/gadgets"},
}


@pytest.mark.parametrize(("query", "names"), SEARCHES.items(), ids=list(SEARCHES))
@pytest.mark.usefixtures("published")
def test_a_list_is_what_its_address_asks_for(administrator: Browser, query: str, names: set[str]) -> None:
    text = administrator.open(f"/-/packages?{query}").text

    assert {name for name in ("acme/widgets", "acme/gadgets") if name in text} == names


@pytest.mark.parametrize(("sort", "first"), [("name", "acme/gadgets"), ("-name", "acme/widgets")])
@pytest.mark.usefixtures("published")
def test_a_list_is_sorted_as_its_address_says(administrator: Browser, sort: str, first: str) -> None:
    text = administrator.open(f"/-/packages?sort={sort}").text

    assert min(["acme/gadgets", "acme/widgets"], key=text.index) == first


@pytest.mark.usefixtures("published")
def test_a_region_alone_is_sent_to_a_script_that_asks_for_it(administrator: Browser) -> None:
    shown = administrator.open("/-/packages", headers={"X-Partial": "packages"})

    assert "acme/widgets" in shown.text
    assert "<html" not in shown.html


@pytest.mark.usefixtures("published")
def test_a_package_says_how_to_install_it_and_what_it_is(administrator: Browser) -> None:
    text = administrator.open("/-/packages/acme/widgets").text

    assert "composer require acme/widgets" in text
    assert "composer config repositories.packistry composer http://packistry.test" in text
    assert "They turn." in text
    assert ">=8.1" in text


@pytest.mark.usefixtures("published")
def test_a_package_elsewhere_is_led_to_where_it_is(administrator: Browser) -> None:
    assert administrator.open("/-/packages/acme/gadgets", status=303).leads_to == "/-/r/customers/acme/gadgets"


@pytest.mark.usefixtures("published")
def test_the_names_of_packages_are_found_in_any_case(administrator: Browser) -> None:
    assert "Widgets for everybody." in administrator.open("/-/packages/Acme/Widgets").text


@pytest.mark.parametrize(
    ("show", "versions"), [("", 3), ("stable", 1), ("pre", 1), ("dev", 1), ("nonsense", 3)], ids=str
)
@pytest.mark.usefixtures("published")
def test_versions_are_told_apart_by_stability(administrator: Browser, show: str, versions: int) -> None:
    html = administrator.open(f"/-/packages/acme/widgets/versions?show={show}").html

    assert html.count('<th scope="row">') == versions


@pytest.mark.usefixtures("published")
def test_a_version_has_a_page_with_its_digests_and_links(administrator: Browser) -> None:
    shown = administrator.open("/-/packages/acme/widgets/versions/dev-main")

    assert "composer require acme/widgets:dev-main" in shown.text
    assert "SHA-256" in shown.text
    assert "/-/r/customers/acme/gadgets" in shown.links
    administrator.open("/-/packages/acme/widgets/versions/9.9", status=404)


@pytest.mark.usefixtures("published")
def test_dependencies_lead_to_those_that_are_here_and_visible(stranger: Browser, house: House) -> None:
    stranger.sign_in(factories.user(house, "bob@example.test", Grant("")))

    shown = stranger.open("/-/packages/acme/widgets/dependencies")

    assert "acme/gadgets" in shown.text
    assert "/-/r/customers/acme/gadgets" not in shown.links


HOSTILE = {
    "script": ("<script>alert(1)</script>", "alert"),
    "handler": ("<img src=x onerror=alert(1)>", "onerror"),
    "javascript link": ("[a](javascript:alert(1))", 'href="javascript'),
    "javascript in html": ('<a href=" JaVaScRiPt:alert(1)">a</a>', "href="),
    "data link": ('<a href="data:text/html,x">a</a>', "href="),
    "style": ('<p style="position:fixed">a</p>', "style"),
    "our own classes": ('<div class="topbar toasts">a</div>', "topbar"),
    "svg": ("<svg><a xlink:href='javascript:1'>x</a></svg>", "svg"),
    "frame": ("<iframe src=//evil.test></iframe>", "iframe"),
    "form": ("<form action=//evil.test><input name=a></form>", "form"),
    "picture as html": ('<img src="http://evil.test/x.png">', "<img"),
    "picture in capitals": ("<IMG SRC=//evil.test/x.png>", "<img"),
    "picture that makes a tag": ("<img src=\"x\" alt='a<script>alert(1)</script>'>", "<script"),
    "picture that makes an attribute": ("<img alt='\" onclick=\"alert(1)' src=x>", 'onclick="alert(1)"'),
    "picture with a script as address": ("<img src='javascript:alert(1)' alt=a>", "href="),
    "picture in a picture": ("<im<img src=x>g src=//evil.test>", "<img"),
    "link out of the project": ("[a](../../../etc/passwd)", "href="),
    "picture of a server that counts": ("![a](http://evil.test/x.png)", "<img"),
    "template": ("{{ visit }} {% include 'base.html' %}", "Visit("),
    "id of ours": ('<p id="main">a</p>', "id="),
    "id of ours on a heading": ('<h3 id="toasts">a</h3>', "id="),
    "code language": ("```<b>x\n1\n```", "<b>"),
}


@pytest.mark.parametrize(("text", "not_there"), HOSTILE.values(), ids=list(HOSTILE))
def test_a_readme_does_no_harm(text: str, not_there: str) -> None:
    assert not_there not in readme_html("README.md", text.encode(), None)


PAGES = FilePages("https://code.test/acme/blob/abc/", "", "")
LINKED = {
    "[a](docs/x.md)": "https://code.test/acme/blob/abc/docs/x.md",
    "[a](/docs/x.md)": "https://code.test/acme/blob/abc/docs/x.md",
    "[a](#use)": "#readme-use",
    "[a](https://example.test/)": "https://example.test/",
    "[a](mailto:a@example.test)": "mailto:a@example.test",
}


@pytest.mark.parametrize(("text", "address"), LINKED.items(), ids=list(LINKED))
def test_links_of_a_readme_lead_to_the_commit_at_the_host(text: str, address: str) -> None:
    assert f'href="{address}"' in readme_html("README.md", text.encode(), PAGES)


PICTURES = {
    "![Build](https://ci.test/b.svg)": '<a href="https://ci.test/b.svg" rel="noopener nofollow ugc">Build</a>',
    "[![Build](https://ci.test/b.svg)](https://ci.test/)": (
        '<a href="https://ci.test/" rel="noopener nofollow ugc">Build</a>'
    ),
    '<p><img alt="Logo" src="art/logo.png"></p>': (
        '<a href="https://code.test/acme/blob/abc/art/logo.png" rel="noopener nofollow ugc">Logo</a>'
    ),
    "<a href='https://a.test/'><img src='https://b.test/x.png'></a>": (
        '<a href="https://b.test/x.png" rel="noopener nofollow ugc">picture</a>'
    ),
}


@pytest.mark.parametrize(("text", "html"), PICTURES.items(), ids=list(PICTURES))
def test_pictures_of_a_readme_are_links_and_load_nothing(text: str, html: str) -> None:
    shown = readme_html("README.md", text.encode(), PAGES)

    assert html in shown
    assert shown.count("<a ") == 1


def test_many_pictures_that_do_not_end_cost_no_more_than_others() -> None:
    began = time.process_time()
    readme_html("README.md", b"<img " * 25_000, None)
    readme_html("README.md", b"![a](b)" * 18_000, None)

    assert time.process_time() - began < 4


def test_headings_of_a_readme_stand_below_those_of_the_page() -> None:
    html = readme_html("README.md", b"# A\n\n## B b\n\n# A\n", None)

    assert '<h3 id="readme-a">A</h3>' in html
    assert '<h4 id="readme-b-b">B b</h4>' in html
    assert '<h3 id="readme-a-1">A</h3>' in html


def test_each_heading_of_a_readme_has_an_id_of_its_own() -> None:
    html = readme_html("README.md", b"# A\n\n# A-1\n\n# A\n\n# A\n", None)

    ids = re.findall(r'id="([^"]+)"', html)
    assert ids == ["readme-a", "readme-a-1", "readme-a-2", "readme-a-3"]


def test_many_equal_headings_of_a_readme_cost_no_more_than_others() -> None:
    def cost(headings: list[str]) -> float:
        began = time.thread_time()
        readme_html("README.md", "".join(f"# {heading}\n" for heading in headings).encode(), None)
        return time.thread_time() - began

    # Each counted from the first took seconds, and ten times as many hours.
    assert cost(["a"] * 4_000) < 3 * cost([f"a{number}" for number in range(4_000)])


def test_a_readme_that_is_no_markdown_is_shown_as_it_is() -> None:
    assert readme_html("README.txt", b"<b># a</b>", None) == "<pre tabindex=0>&lt;b&gt;# a&lt;/b&gt;</pre>"


def test_a_readme_without_end_is_cut() -> None:
    assert len(readme_html("README", b"a" * 10 * README_BYTES, None)) < README_BYTES + 100
