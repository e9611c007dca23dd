"""The site of `make html` in a real browser: opened from its folder, with the network cut."""

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import matplotlib
import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright
from scipy.ndimage import generate_binary_structure, grey_dilation, grey_erosion

from digits_lr import load_mnist

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
NOTEBOOKS = {
    f"notebooks/{path.stem}": nbformat.read(path, as_version=4)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}
MEASURED = [f"benchmarks/{path.stem}" for path in sorted((ROOT / "benchmarks").glob("*.md"))]
PAGES = ["index", *NOTEBOOKS, "try_it", *MEASURED, "search"]
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
    # Should docs/index.html be here, see what docs/conf.py says of Sphinx's `path2doc`.
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


@pytest.mark.parametrize(
    ("scheme", "width", "name"),
    [
        *[("light", DESKTOP, name) for name in PAGES],
        *[("dark", PHONE, name) for name in PAGES],
        ("dark", DESKTOP, next(iter(NOTEBOOKS))),  # for the sidebars, which a phone hides
    ],
)
def test_axe_finds_no_violation(scheme, width, name, visit):
    page = visit(name, width, scheme)

    assert page.locator("html").get_attribute("data-theme") == scheme
    assert_axe_finds_nothing(page)


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


@every_page
@every_width
@pytest.mark.parametrize("fonts", ["html", *FONTS])
def test_what_is_too_wide_scrolls_in_its_box(name, width, fonts, visit, site):
    page = visit(name, width, folder=site.with_name(fonts))
    loaded = page.evaluate(
        """document.fonts.ready.then(all =>
            [...all].filter(f => f.status === 'loaded').map(f => f.family))"""
    )

    assert fonts not in FONTS or loaded == ["Forced"]
    assert sideways(page, f":not({SCROLLERS})") == []


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
    page.locator("#search-results", has_text="Search finished").wait_for()

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


@pytest.fixture
def try_it(visit):
    """Return the page on which one draws, with its functions and the image in the box."""
    page = visit("try_it")
    page.image = lambda: np.reshape(page.evaluate("drawing"), (28, 28))
    page.call = lambda name, *args: page.evaluate(
        "([name, args]) => eval(name)(...args)",
        [name, [a.ravel().tolist() if isinstance(a, np.ndarray) else a for a in args]],
    )
    return page


@pytest.fixture
def examples(published):
    """Return the digits that the page holds, as images, those it gets right first."""
    packed = published["digits"]["right"] + published["digits"]["wrong"]
    return np.frombuffer(b"".join(map(b64decode, packed)), np.uint8).reshape(20, 28, 28).astype(int)


@pytest.mark.network
def test_page_scores_every_test_image_as_scikit_learn_does(try_it, page_model):
    images = load_mnist()[0][60_000:].reshape(10_000, 784)
    said = try_it.evaluate(
        """packed => {
            const bytes = atob(packed), all = [];
            for (let i = 0; i < bytes.length; i += 784)
                all.push(scores(Array.from(bytes.slice(i, i + 784), byte => byte.charCodeAt())));
            return JSON.stringify(all);
        }""",
        b64encode(images.tobytes()).decode(),
    )

    np.testing.assert_allclose(json.loads(said), page_model.decision_function(images), rtol=1e-9)


def test_every_evidence_map_and_its_intercepts_are_the_margin(try_it, examples, page_model):
    images = examples.reshape(20, 784)
    z = np.array([try_it.call("scores", image) for image in images])
    winners = z.argmax(axis=1)
    maps = try_it.evaluate(
        """([images, winners]) => JSON.stringify(images.map((image, i) =>
            INTERCEPTS.map((_, rival) => evidence(image, winners[i], rival))))""",
        [images.tolist(), winners.tolist()],
    )
    maps = np.array(json.loads(maps))
    intercepts = page_model.intercept_
    margins = z.max(axis=1)[:, None] - z
    offsets = intercepts[winners][:, None] - intercepts

    assert maps.shape == (20, 10, 784)
    np.testing.assert_allclose(maps.sum(axis=2) + offsets, margins, rtol=1e-9, atol=1e-12)
    assert not maps[(images == 0)[:, None].repeat(10, axis=1)].any()


def test_page_shows_the_margin_of_chapter_2_as_a_sum_and_the_map_in_blue_and_red(try_it):
    try_it.call("bring", "wrong", 1)  # a 1 taken for a 2: one of the chapter's surest errors
    shares = np.array(try_it.call("evidence", try_it.image(), 2, 1))
    parts = try_it.locator(".try-sum td").all_inner_texts()
    read = "[...find('#evidence').getContext('2d').getImageData(0, 0, 28, 28).data]"
    red, _, blue, _ = np.reshape(try_it.evaluate(read), (784, 4)).astype(int).T
    (worst,) = (
        cell for cell in NOTEBOOKS["notebooks/02_mnist_l1_saga"].cells if cell.id == "worst"
    )

    assert re.search(r"1 +2 +18\.28 +18\.28", worst.outputs[-1].data["text/plain"])
    assert parts == [
        f"+{shares[shares > 0].sum():.2f}",
        f"\N{MINUS SIGN}{-shares[shares < 0].sum():.2f}",
        "+0.00",
        "+18.28",
    ]
    strong = abs(shares) > 0.05
    assert strong.sum() > 50
    assert (np.sign(blue - red) == np.sign(shares))[strong].all()
    assert (red + blue == 510)[shares == 0].all()
    assert try_it.locator("#verdict").inner_text() == "It says 2, with 100.0 %"
    assert try_it.locator("#rival").input_value() == "1"


def test_a_reader_chooses_the_rival_which_is_never_the_winner(try_it):
    try_it.locator("#rival").select_option("3")
    assert try_it.locator(".try-rival").all_inner_texts() == ["3", "3"]
    try_it.locator("#rival").select_option("6")
    assert try_it.locator("#rival").input_value() == ""
    assert "6" not in try_it.locator(".try-rival").all_inner_texts()


def draw_by_pointer(page, kind, points):
    """Draw along points of the box, given in pixels of the image, with a mouse, pen or finger."""
    browser = page.context.new_cdp_session(page)
    page.locator("#drawing").scroll_into_view_if_needed()
    box = page.locator("#drawing").bounding_box()
    places = [
        {"x": box["x"] + x * box["width"] / 28, "y": box["y"] + y * box["height"] / 28}
        for x, y in points
    ]
    start, *moves = places
    for name, place in [("Start", start), *(("Move", p) for p in moves), ("End", places[-1])]:
        if kind == "touch":
            touch = {"type": f"touch{name}", "touchPoints": [place] * (name != "End")}
            browser.send("Input.dispatchTouchEvent", touch)
        else:
            what = {"Start": "mousePressed", "Move": "mouseMoved", "End": "mouseReleased"}[name]
            button = {"button": "left", "buttons": int(name != "End"), "clickCount": 1}
            event = {"type": what, "pointerType": kind, **place, **button}
            browser.send("Input.dispatchMouseEvent", event)


def draw_by_keyboard(page, _kind, points):
    """Draw straight down from the first of the points to the last."""
    (column, top), (_, bottom) = points[0], points[-1]
    page.locator("#clear").focus()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#cursor")).to_be_visible()
    expect(page.locator("#drawing")).to_have_accessible_description(re.compile("arrows draw"))
    for key, times in [("ArrowUp", 13 - int(top)), ("ArrowRight", int(column) - 13), (" ", 1)]:
        for _ in range(times):
            page.keyboard.press(key)
    for _ in range(int(bottom) - int(top)):
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#place")).to_have_text(f"Row {bottom + 0.5:.0f}, column 15: ink.")


@pytest.mark.parametrize(
    ("draw", "kind"),
    [(draw_by_pointer, kind) for kind in ("mouse", "pen", "touch")] + [(draw_by_keyboard, "")],
)
def test_a_stroke_down_the_middle_is_a_one(draw, kind, try_it):
    try_it.locator("#clear").click()
    assert not try_it.image().any()
    expect(try_it.locator("#verdict")).to_contain_text("On blank paper it says")
    draw(try_it, kind, [(14.5, 4.5), (14.5, 12), (14.5, 23.5)])

    image = try_it.image()
    assert (image[4:24, 14] == 255).all()
    assert 20 * 150 < image[4:24, [13, 15]].sum() / 2 < 20 * 255
    assert not image[:2].any()
    assert not image[26:].any()
    assert not image[:, [*range(12), *range(17, 28)]].any()
    expect(try_it.locator("#verdict")).to_contain_text("It says 1, with")
    expect(try_it.locator("#told")).to_have_text("It says 1")


def test_a_stroke_begins_where_the_pen_is_put_down(try_it):
    try_it.locator("#clear").click()
    for x in (4, 24):
        draw_by_pointer(try_it, "mouse", [(x, 4), (x, 8)])

    assert try_it.image().any(axis=0).tolist() == [2 <= x < 6 or 22 <= x < 26 for x in range(28)]


CROSS = {"footprint": generate_binary_structure(2, 1), "mode": "constant"}


@pytest.mark.parametrize(
    ("button", "becomes"),
    [
        ("Clear", lambda image: 0 * image),
        ("Move left", lambda image: np.pad(image, 1)[1:-1, 2:]),
        ("Move right", lambda image: np.pad(image, 1)[1:-1, :-2]),
        ("Move up", lambda image: np.pad(image, 1)[2:, 1:-1]),
        ("Move down", lambda image: np.pad(image, 1)[:-2, 1:-1]),
        ("Thicker", lambda image: grey_dilation(image, **CROSS)),
        ("Thinner", lambda image: grey_erosion(image, **CROSS)),
    ],
)
def test_a_button_changes_the_drawing(button, becomes, try_it):
    wanted = try_it.image()
    for _ in range(8):  # far enough to lose ink at the frame
        try_it.get_by_role("button", name=button).click()
        wanted = becomes(wanted)
        assert (try_it.image() == wanted).all()
    says = f"it says {np.argmax(try_it.call('scores', wanted))}, with "
    assert says in try_it.locator("#verdict").inner_text().replace("It", "it")


@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_ten_digits_come_once_each_and_are_what_the_button_says(kind, try_it):
    labels = []
    for _ in range(10):
        try_it.get_by_role("button", name=f"A digit it gets {kind}").click()
        labels.append(int(try_it.locator("#label").inner_text().split()[-1].strip(".")))
        said = np.argmax(try_it.call("scores", try_it.image()))
        assert (said == labels[-1]) == (kind == "right")

    assert sorted(labels) == list(range(10))


def test_centring_leaves_mnists_digits_alone_and_brings_others_to_their_size(try_it, examples):
    corner = np.zeros((28, 28), int)
    corner[2:12, 3:9] = 10 * np.arange(1, 61).reshape(10, 6) % 256
    doubled = np.kron(corner[2:12, 3:9], np.ones((2, 2), int))
    in_the_middle = np.reshape(try_it.call("centred", corner), (28, 28))
    rows, columns = np.nonzero(in_the_middle)
    mass = np.stack([rows, columns]) @ in_the_middle[rows, columns] / in_the_middle.sum()

    for image in examples:
        assert try_it.call("centred", image) == image.ravel().tolist()
        room = np.nonzero(image)[1].min()
        away = np.roll(image, -room, axis=1)
        assert try_it.call("centred", away) == image.ravel().tolist()
    assert (
        in_the_middle[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] == doubled
    ).all()
    assert abs(mass - 14).max() <= 0.5
    assert try_it.call("centred", 0 * corner) == [0] * 784


def test_what_the_page_tells_to_try_is_so(try_it, examples):
    def says(text):
        assert f"It says {text}" in try_it.locator("#verdict").inner_text()

    says("6")
    try_it.get_by_role("button", name="Move right").click()
    says("2")
    try_it.get_by_role("switch", name="Centre it as MNIST does.").click()
    says("6")
    try_it.get_by_role("switch", name="Centre it as MNIST does.").click()
    for _ in range(20):
        try_it.get_by_role("button", name="Thicker").click()
    says("5, with 100.0 %")
    thin = grey_erosion(examples[:10], footprint=CROSS["footprint"][None], mode="constant")
    assert sum(np.argmax(try_it.call("scores", image)) != k for k, image in enumerate(thin)) == 5


def test_on_a_phone_the_verdict_stays_in_sight_of_the_controls(visit):
    page = visit("try_it", PHONE)
    page.locator("#centring").scroll_into_view_if_needed()
    page.locator("#centring").check()

    header, verdict, switch = (
        page.locator(selector).bounding_box()
        for selector in (".bd-header", "#verdict", "#centring")
    )
    assert header["y"] + header["height"] <= verdict["y"]
    assert verdict["y"] + verdict["height"] <= switch["y"] < 900


def test_the_switch_centres_what_the_model_sees_and_not_the_drawing(try_it):
    verdict = try_it.locator("#verdict").inner_text()
    for _ in range(4):
        try_it.get_by_role("button", name="Move right").click()
    moved = try_it.image()
    assert try_it.locator("#verdict").inner_text() != verdict
    try_it.get_by_role("switch", name="Centre it as MNIST does.").check()

    assert try_it.locator("#verdict").inner_text() == verdict
    assert (try_it.image() == moved).all()


def test_screen_readers_hear_a_new_digit_once_the_drawing_rests(try_it):
    expect(try_it.locator("#told")).to_have_text("It says 6")
    heard = try_it.evaluate(
        """new Promise(done => {
            const heard = [];
            new MutationObserver(() => {
                heard.push(find('#told').textContent);
                if (heard.at(-1) === 'It says 3') done(heard);
            }).observe(find('#told'), {childList: true});
            for (const digit of [0, 1, 2, 3]) bring('right', digit);
        })"""
    )

    assert heard == ["It says 3"]
    assert try_it.locator("#told").get_attribute("role") == "status"


@every_width
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_while_one_draws(width, scheme, visit):
    page = visit("try_it", width, scheme)
    page.locator("#centring").check()
    page.get_by_role("button", name="A digit it gets wrong").click()
    draw_by_pointer(page, "mouse", [(5, 5), (20, 20)])
    page.locator("#drawing").press("ArrowUp")

    assert_axe_finds_nothing(page)
