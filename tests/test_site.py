"""The site of `make html` in a real browser: opened from its folder, with the network cut."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import matplotlib
import nbformat
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
NOTEBOOKS = {
    f"notebooks/{path.stem}": nbformat.read(path, as_version=4)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}
MEASURED = [f"benchmarks/{path.stem}" for path in sorted((ROOT / "benchmarks").glob("*.md"))]
PAGES = ["index", *NOTEBOOKS, *MEASURED, "search"]
PHONE, DESKTOP = 390, 1280
# What may be wider than its box, and scrolls in it.
SCROLLERS = "pre, .pst-scrollable-table-container, .text_html"
# Fonts forced on everything, formulas included, whatever the machine has.
FONTS = {
    name: Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    for name, font in [("narrow", "STIXGeneral"), ("wide", "DejaVuSansMono-Bold")]
}

every_page = pytest.mark.parametrize("name", PAGES)
every_chapter = pytest.mark.parametrize("name", NOTEBOOKS)
every_width = pytest.mark.parametrize("width", [PHONE, DESKTOP])


def build(source, html, *options):
    """Build the site of the folder `source` into the folder `html`."""
    command = ["-m", "sphinx", "--quiet", "--fail-on-warning", "-c", ROOT / "docs", *options]
    done = subprocess.run(
        [sys.executable, *command, "-d", html.with_name("doctrees"), source, html],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return html


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of a freshly built site; beside it is one for each of FONTS."""
    html = build(ROOT, tmp_path_factory.mktemp("site") / "html")
    for name, path in FONTS.items():
        copy = shutil.copytree(html, html.with_name(name))
        with (copy / "_static" / "site.css").open("a") as css:
            css.write(f'@font-face {{ font-family: Forced; src: url("{path.as_uri()}"); }}')
            css.write("html * { font-family: Forced !important; }")
    return html


@pytest.fixture(scope="module")
def tab():
    """Return a tab of the machine's own Chromium, offline; what goes wrong is in its `log`."""
    if CHROMIUM is None:
        reason = "no Chromium on this machine"
        if "DIGITS_LR_BROWSER_REQUIRED" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_context(offline=True).new_page()
        page.on("request", lambda request: _note_request(page, request.url))
        page.on("requestfailed", lambda request: page.log.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: page.log.append(f"error: {error}"))
        page.on("console", lambda line: _note_console(page, line))
        yield page
        browser.close()


def _note_request(page, url):
    if url.startswith("file:"):
        page.files.add(Path(unquote(urlsplit(url).path)))
    elif not url.startswith("data:"):
        page.log.append(f"asked for: {url}")


def _note_console(page, line):
    if line.type in {"error", "warning"}:
        page.log.append(f"console: {line.text}")


@pytest.fixture
def visit(tab, site):
    """Return a function that opens a page of the site in the tab."""

    def visit(name, width=DESKTOP, scheme="light", folder=site):
        tab.goto("about:blank")  # whatever the last page still asks for is not this one's
        tab.files, tab.log = set(), []
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme, media="screen", reduced_motion="reduce")
        tab.goto((folder / f"{name}.html").as_uri())
        # Colours that are still fading in are not the page's.
        tab.evaluate("Promise.allSettled(document.getAnimations().map(a => a.finished))")
        return tab

    return visit


def figures_of(notebook):
    """Return the metadata of a notebook's pictures, in order."""
    return [
        output.metadata["image/png"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def prose_of(notebook):
    """Return the Markdown of a notebook, without the targets of its links."""
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.sub(r"\]\([^)]*\)", "]", prose)


def test_pages_are_the_ones_that_these_tests_open(site):
    assert {str(path.relative_to(site))[:-5] for path in site.rglob("*.html")} == {
        *PAGES,
        "_static/webpack-macros",  # a template that the theme leaves among its files
    }


@every_page
def test_page_is_light_and_asks_for_nothing_outside_its_folder(name, visit, site):
    page = visit(name)
    page.wait_for_load_state("networkidle")

    assert page.log == []
    assert all(path.is_relative_to(site) for path in page.files)
    assert len(page.files) > 5
    assert sum(path.stat().st_size for path in page.files) < 2_000_000  # with all that it loads


def assert_axe_finds_nothing(page):
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@every_page
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", DESKTOP), ("dark", DESKTOP), ("dark", PHONE)]
)
def test_axe_finds_no_violation(name, scheme, width, visit):
    page = visit(name, width, scheme)

    assert page.locator("html").get_attribute("data-theme") == scheme
    assert_axe_finds_nothing(page)


@every_page
def test_there_is_one_title_and_it_comes_first(name, visit):
    levels = visit(name).evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => h.tagName)"
    )

    assert levels.index("H1") == 0
    assert levels.count("H1") == 1


@every_chapter
def test_contents_list_every_section(name, visit):
    page = visit(name)
    sections = re.findall(r"^###? (.+)$", prose_of(NOTEBOOKS[name]), flags=re.MULTILINE)

    assert sections
    assert page.locator("#pst-page-toc-nav a").all_inner_texts() == sections


@every_chapter
@every_width
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_the_notebooks_crisp_and_on_white(name, width, scheme, visit):
    figures = figures_of(NOTEBOOKS[name])
    shown = visit(name, width, scheme).evaluate(
        """[...document.querySelectorAll('article .cell_output img')].map(img => ({
            alt: img.alt, width: img.getBoundingClientRect().width,
            height: img.getBoundingClientRect().height, pixels: img.naturalWidth,
            column: img.closest('.cell_output').getBoundingClientRect().width,
            filter: getComputedStyle(img).filter, paper: getComputedStyle(img).backgroundColor,
        }))"""
    )

    assert figures
    assert [image["alt"] for image in shown] == [figure["alt"] for figure in figures]
    for image, figure in zip(shown, figures, strict=True):
        assert image["pixels"] == 2 * figure["width"]
        assert image["width"] <= min(figure["width"], image["column"])
        assert image["width"] >= min(figure["width"], image["column"] - 20)
        ratio = figure["height"] / figure["width"]
        assert image["height"] == pytest.approx(image["width"] * ratio, abs=1)
        assert image["filter"] == "none"
        assert scheme == "light" or image["paper"] == "rgb(255, 255, 255)"


def test_start_page_shows_a_figure_of_each_chapter(visit):
    shown = visit("index").locator("article img").evaluate_all("images => images.map(i => i.alt)")

    for alt, notebook in zip(shown, NOTEBOOKS.values(), strict=True):
        assert alt in [figure["alt"] for figure in figures_of(notebook)]


def test_results_are_those_that_the_chapters_print(visit):
    results = visit("index").locator("article table td").all_inner_texts()
    lines = [
        line
        for notebook in NOTEBOOKS.values()
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for line in output.get("text", "").splitlines()
    ]

    scores = [result for result in results if re.match(r"\d\.\d", result)]
    assert len(scores) == 7
    assert [score for score in scores if not any(line.endswith(score) for line in lines)] == []


@every_page
@every_width
@pytest.mark.parametrize("fonts", ["html", *FONTS])
def test_what_is_too_wide_scrolls_in_a_box_that_the_keyboard_reaches(
    name, width, fonts, visit, site
):
    page = visit(name, width, folder=site.with_name(fonts))
    loaded = page.evaluate(
        """document.fonts.ready.then(all => {
            dispatchEvent(new Event('resize'));
            return [...all].filter(f => f.status === 'loaded').map(f => f.family);
        })"""
    )

    assert fonts not in FONTS or loaded == ["Forced"]
    assert sideways(page, f":not({SCROLLERS})") == []
    page.wait_for_function(  # the theme looks a moment after a change of width
        """boxes => [...document.querySelectorAll(boxes)].every(
            e => e.scrollWidth <= e.clientWidth || e.tabIndex === 0)""",
        arg=SCROLLERS,
        timeout=5000,
    )


def sideways(page, boxes):
    """Return what is wider than its box, of those that the selector `boxes` matches."""
    return page.evaluate(
        """boxes => [...document.querySelectorAll(boxes)]
            .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1)
            .filter(e => e === document.documentElement
                         || /auto|scroll|hidden/.test(getComputedStyle(e).overflowX))
            .map(e => `${e.tagName} ${e.className}: ${e.scrollWidth} in ${e.clientWidth}`)""",
        boxes,
    )


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return the folder of a page that shows a narrow and a wide table of pandas."""
    folder = tmp_path_factory.mktemp("tables")
    cell = nbformat.v4.new_code_cell("tables", execution_count=1)
    for columns in (2, 20):
        table = pd.DataFrame(0.9556, index=["train", "test"], columns=range(columns))
        data = {"text/html": table.to_html(), "text/plain": repr(table)}
        cell.outputs.append(nbformat.v4.new_output("display_data", data))
    heading = nbformat.v4.new_markdown_cell("# Tables")
    notebook = nbformat.v4.new_notebook(cells=[heading, cell])
    notebook.metadata.language_info = {"name": "python"}
    (folder / "notebooks").mkdir()
    nbformat.write(notebook, folder / "notebooks" / "tables.ipynb")
    return build(
        folder,
        folder / "html",
        *["-D", "root_doc=notebooks/tables", "-D", "include_patterns=notebooks/*.ipynb"],
    )


@every_width
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_tables_of_pandas_are_read_by_eye_keyboard_and_axe(width, scheme, visit, tables):
    page = visit("notebooks/tables", width, scheme, tables)
    boxes = page.locator(".text_html")
    tab_stops = boxes.evaluate_all("all => all.map(e => e.tabIndex === 0)")

    assert sideways(page, ":not(.text_html)") == []
    assert len(sideways(page, ".text_html")) == 1
    assert tab_stops == [False, True]
    aligned = page.locator("th, td").evaluate_all("a => a.map(e => getComputedStyle(e).textAlign)")
    assert set(aligned) == {"right"}
    assert_axe_finds_nothing(page)


@every_page
@every_width
def test_keyboard_reaches_everything_and_shows_where_it_is(name, width, visit):
    page = visit(name, width)
    page.evaluate(
        """boxes => {
            const all = document.querySelectorAll(`a[href], button, input, select, ${boxes}`);
            window.wanted = [...all]
                .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled)
                .filter(e => !e.matches(boxes) || e.scrollWidth > e.clientWidth);
            window.reached = new Set();
            window.unseen = [];
            document.activeElement.blur();
        }""",
        SCROLLERS,
    )
    wanted = page.evaluate("wanted.length")
    for _ in range(wanted + 10):
        page.keyboard.press("Tab")
        page.evaluate(
            """() => {
                const here = document.activeElement;
                reached.add(here);
                // A field shows its focus on the box around it.
                const rings = [here, here.parentElement].map(e => getComputedStyle(e))
                    .filter(s => s.boxShadow !== 'none' || s.outlineStyle !== 'none');
                if (here !== document.body && !rings.length) unseen.push(here.outerHTML);
            }"""
        )

    assert wanted > 3
    assert page.evaluate("wanted.filter(e => !reached.has(e)).map(e => e.outerHTML)") == []
    assert page.evaluate("unseen") == []


@pytest.mark.parametrize(
    ("button", "link"),
    [
        (".primary-toggle", "nav a:has-text('2. All of MNIST')"),
        (".secondary-toggle", "#pst-page-toc-nav a:visible >> nth=-1"),
    ],
)
def test_menus_of_a_phone_open_by_keyboard(button, link, visit):
    page = visit(next(iter(NOTEBOOKS)), PHONE)
    page.locator(button).press("Enter")

    target = page.locator(f"dialog[open] {link}")
    href = target.evaluate("a => a.href")
    target.press("Enter")

    page.wait_for_url(href)


def test_every_link_and_anchor_lands(visit):
    pages = {}
    for name in PAGES:
        page = visit(name)
        pages[urldefrag(page.url).url] = page.evaluate(
            """({ids: [...document.querySelectorAll('[id]')].map(e => e.id),
                 links: [...document.querySelectorAll('a[href]')].map(a => a.href)})"""
        )
    links = {link for page in pages.values() for link in page["links"] if link.startswith("file:")}
    lost = []
    for link in links:
        address, fragment = urldefrag(link)
        if address not in pages or (fragment and fragment not in pages[address]["ids"]):
            lost.append(link)

    assert len(links) > 20
    assert lost == []


@every_chapter
def test_search_finds_a_word_of_the_chapter(name, visit):
    words = {
        key: re.findall(r"\b[a-z]{5,}\b", prose_of(notebook)) for key, notebook in NOTEBOOKS.items()
    }
    others = {word for key in words if key != name for word in words[key]}
    word = next(word for word in words[name] if word not in others)

    page = visit("index")
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    page.locator("#search-results li a").first.wait_for()

    found = page.locator("#search-results li a").evaluate_all("links => links.map(a => a.href)")
    assert any(f"{name}.html" in href for href in found), word
    assert page.log == []


@pytest.mark.parametrize("name", list(NOTEBOOKS)[:2])
def test_formulas_are_drawn_without_a_script(name, visit):
    prose = re.sub(r"`[^`]*`", "", prose_of(NOTEBOOKS[name]))
    formulas = re.findall(r"\$\$.+?\$\$|\$.+?\$", prose, flags=re.DOTALL)
    page = visit(name)
    drawn = page.locator("article math").evaluate_all(
        "all => all.map(m => [m.getBoundingClientRect().width, m.textContent])"
    )

    assert formulas
    assert len(drawn) == len(formulas)
    assert all(width > 5 for width, _ in drawn)
    assert [text for _, text in drawn if "\\" in text] == []
    assert fonts_of(page, "article math :is(mi, mn, mo, mtext)") == {("STIX Two Math", True)}


def fonts_of(page, selector):
    """Return the fonts that draw the text of elements: the name of each, and if the site has it."""
    page.evaluate("document.fonts.ready")
    browser = page.context.new_cdp_session(page)
    browser.send("DOM.enable")
    browser.send("CSS.enable")
    root = browser.send("DOM.getDocument")["root"]["nodeId"]
    query = {"nodeId": root, "selector": selector}
    return {
        (font["familyName"], font["isCustomFont"])
        for node in browser.send("DOM.querySelectorAll", query)["nodeIds"]
        for font in browser.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    }


@every_chapter
def test_paper_shows_whole_lines_and_no_menus(name, visit):
    page = visit(name, 750, "dark")
    page.emulate_media(media="print")

    assert not page.locator("header.bd-header").is_visible()
    assert page.locator("body").evaluate("b => getComputedStyle(b).color") == "rgb(0, 0, 0)"
    assert not page.locator("article pre").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth).length"
    )
