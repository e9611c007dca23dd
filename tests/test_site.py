"""The site of `make html` in a real browser: opened from its folder, with the network cut."""

import json
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from collections import Counter
from html import unescape
from io import BytesIO
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import matplotlib
import nbformat
import numpy as np
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect
from pypdf import PdfReader
from scipy.ndimage import generate_binary_structure, grey_dilation, grey_erosion

import digits_lr
from digits_lr import load_mnist

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {
    f"notebooks/{path.stem}": nbformat.read(path, as_version=4)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}
MEASURED = [f"benchmarks/{path.stem}" for path in sorted((ROOT / "benchmarks").glob("*.md"))]
PAGES = ["index", *NOTEBOOKS, "try_it", "helpers", "measured", *MEASURED, "search"]
PHONE, DESKTOP = 390, 1280
# What may be wider than its box, and scrolls in it.
SCROLLERS = "pre, .pst-scrollable-table-container, .text_html"
# A wide font that is forced on everything, formulas included, whatever the machine has.
WIDE = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSansMono-Bold.ttf")
IN_WIDE = f"""@font-face {{ font-family: Wide; src: url("{WIDE.as_uri()}"); }}
    html * {{ font-family: Wide !important; }}"""
# Contrast takes axe nine tenths of its time, most of it for words that look alike: three of each
# look are enough. A look is what is set for a word, and behind it.
CONTRAST = """;(() => {
    const looks = new Map([[null, ""]]), times = {};
    const look = e => {
        if (!looks.has(e)) {
            const s = getComputedStyle(e);
            const own = [s.color, s.backgroundColor, s.backgroundImage, s.opacity, s.fontSize,
                         s.fontWeight, s.display, s.visibility, s.position, s.clip, s.clipPath];
            looks.set(e, own + look(e.parentElement));
        }
        return looks.get(e);
    };
    for (const e of document.querySelectorAll("*")) {
        const has_words = e.matches("input, select, textarea")
            || [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        if (has_words) times[look(e)] = (times[look(e)] || 0) + 1;
        e.toggleAttribute("data-axe", has_words && times[look(e)] <= 3);
    }
    axe.configure({rules: [{id: "color-contrast", selector: "[data-axe]"}]});
})()"""

every_page = pytest.mark.parametrize("name", PAGES)
every_chapter = pytest.mark.parametrize("name", NOTEBOOKS)
both_looks = pytest.mark.parametrize(("scheme", "width"), [("light", DESKTOP), ("dark", PHONE)])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of a freshly built site."""
    html = tmp_path_factory.mktemp("site") / "html"
    command = ["-m", "sphinx", "--quiet", "--fail-on-warning", "-c", ROOT / "docs"]
    done = subprocess.run(
        [sys.executable, *command, "-d", html.with_name("doctrees"), ROOT, html],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return html


@pytest.fixture(scope="module")
def tab(browser):
    """Return an offline tab; what goes wrong is in its `log`."""
    page = browser.new_context(offline=True).new_page()
    page.on("request", lambda request: _note_request(page, request.url))
    page.on("requestfailed", lambda request: page.log.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: page.log.append(f"error: {error}"))
    page.on("console", lambda line: _note_console(page, line))
    return page


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

    def visit(name, width=DESKTOP, scheme="light"):
        tab.goto("about:blank")  # whatever the last page still asks for is not this one's
        tab.files, tab.log = set(), []
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme, media="screen", reduced_motion="reduce")
        tab.goto((site / f"{name}.html").as_uri())
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


def pages_of(site):
    """Return the names of all pages, the helpers' sources included."""
    names = [str(path.relative_to(site))[:-5] for path in site.rglob("*.html")]
    return [name for name in names if not name.startswith("_static/")]  # a template of the theme's


def test_pages_are_the_ones_that_these_tests_open(site):
    # Should docs/index.html be here, see what docs/conf.py says of Sphinx's `path2doc`.
    assert {name for name in pages_of(site) if not name.startswith("_modules/")} == set(PAGES)


@every_page
@both_looks
def test_a_page_is_accessible_fits_its_window_and_asks_for_nothing_outside(
    name, scheme, width, visit, site
):
    page = visit(name, width, scheme)

    assert page.locator("html").get_attribute("data-theme") == scheme
    assert_axe_finds_nothing(page)
    assert too_wide(page) == []
    assert page.log == []
    assert all(path.is_relative_to(site) for path in page.files)
    assert len(page.files) > 5
    assert sum(path.stat().st_size for path in page.files) < 2_000_000  # with all that it loads
    page.add_style_tag(content=IN_WIDE)
    assert page.evaluate("document.fonts.load('9px Wide').then(fonts => fonts.length)") == 1
    assert too_wide(page) == []


def assert_axe_finds_nothing(page):
    # What passes is left out of the answer, which takes half the time; style sheets are not fetched
    # once more, which browsers refuse to a page in a folder.
    axe = Axe(AXE_SCRIPT + CONTRAST)
    results = axe.run(page, options={"resultTypes": ["violations"], "preload": False})
    assert results.violations_count == 0, results.generate_report()


def too_wide(page):
    """Return what is wider than its box and does not scroll in it."""
    return page.evaluate(
        """scrollers => [...document.querySelectorAll(`:not(${scrollers})`)]
            .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1)
            .filter(e => e === document.documentElement
                         || /auto|scroll|hidden/.test(getComputedStyle(e).overflowX))
            .map(e => `${e.tagName} ${e.className}: ${e.scrollWidth} in ${e.clientWidth}`)""",
        SCROLLERS,
    )


def test_axe_finds_no_violation_in_dark_sidebars_which_a_phone_hides(visit):
    assert_axe_finds_nothing(visit(next(iter(NOTEBOOKS)), DESKTOP, "dark"))


@every_chapter
@both_looks
def test_figures_are_the_notebooks_crisp_and_on_white(name, scheme, width, visit):
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


def test_every_link_and_anchor_lands(site):
    ids, links = {}, set()
    for name in pages_of(site):
        page = site / f"{name}.html"
        html = page.read_text()
        ids[page.as_uri()] = {*map(unescape, re.findall(r'\bid="([^"]+)"', html))}
        targets = map(unescape, re.findall(r'<a\b[^>]*?\bhref="([^"]+)"', html))
        links.update(urljoin(page.as_uri(), unquote(target)) for target in targets)
    lost = []
    for link in (link for link in links if link.startswith("file:")):
        address, fragment = urldefrag(link)
        if address.endswith(".ipynb"):  # to download
            found = Path(urlsplit(address).path).exists()
        else:
            found = address in ids and (not fragment or fragment in ids[address])
        if not found:
            lost.append(link)

    assert len(links) > 20
    assert lost == []


@every_chapter
def test_a_chapter_has_its_file_its_tables_heads_and_its_helpers_descriptions(name, visit, site):
    page = visit(name)
    code = "\n".join(cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "code")
    file = (site / name).parent / page.locator("a[download]").get_attribute("href")
    heads = page.locator("table.dataframe thead")
    links = page.locator(".cell_input a.helper")
    pairs = links.evaluate_all("all => all.map(a => [a.textContent, a.hash])")

    assert file.read_bytes() == (ROOT / f"{name}.ipynb").read_bytes()
    assert set(heads.evaluate_all("all => all.map(head => head.rows.length)")) == {1}
    assert sorted(text for text, _ in pairs) == sorted(re.findall(r"\bdl\.\w+", code))
    assert all(address == f"#digits_lr.{text[3:]}" for text, address in pairs)


def test_helpers_page_has_every_public_name_with_its_source(visit):
    page = visit("helpers")
    named = page.locator("dt.sig").evaluate_all("all => all.map(e => e.id)")

    assert sorted(named) == sorted(f"digits_lr.{name}" for name in digits_lr.__all__)
    assert page.locator("dt.sig a:has(.viewcode-link)").count() == len(named)


def test_search_finds_a_word_and_opens_the_chapter_where_it_stands(visit):
    *others, name = NOTEBOOKS
    words = {key: re.findall(r"\b[a-z]{5,}\b", prose_of(NOTEBOOKS[key])) for key in NOTEBOOKS}
    word = next(word for word in words[name] if not any(word in words[key] for key in others))

    page = visit("index")
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    page.locator("#search-results", has_text="Search finished").wait_for()
    page.locator(f"#search-results li a[href*='{name}.html']").first.click()

    expect(page.locator("article .highlighted").first).to_be_in_viewport()
    assert page.log == []


@every_chapter
def test_no_word_of_a_chapter_is_lost_on_its_page(name, visit):
    # As a line would be that begins with a per cent sign, which to MyST is a comment.
    no_words = r"\$\$.+?\$\$|\$.+?\$|!\[.+?\]|```python"
    prose = re.sub(no_words, "", prose_of(NOTEBOOKS[name]), flags=re.DOTALL)
    shown = visit(name).locator("article").text_content()

    lost = Counter(re.findall(r"\w+", prose)) - Counter(re.findall(r"\w+", shown))
    assert lost == Counter()


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


@pytest.mark.parametrize("name", PAGES[:-1])
def test_paper_is_light_and_ends_with_the_last_words(name, visit):
    colour = "getComputedStyle(document.querySelector('article')).color"
    page = visit(name, scheme="dark")
    on_screen = page.evaluate(colour)
    page.emulate_media(media="print")
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {colour}; }})")
    paper = PdfReader(BytesIO(page.pdf(format="A4")))
    text = normalize("NFKC", "".join(sheet.extract_text() for sheet in paper.pages))  # no ligatures
    words = normalize("NFKC", page.locator("article").inner_text())

    assert "".join(words.split())[-20:] in "".join(text.split())
    dark_ink, pale_ink = (
        sum(map(int, re.findall(r"\d+", rgb))) for rgb in (page.evaluate("printed"), on_screen)
    )
    assert dark_ink < 200 < 500 < pale_ink  # of 765
    assert page.locator("html").get_attribute("data-theme") == "dark"  # again


@pytest.fixture
def try_it(visit):
    """Return the page on which one draws, with its functions and the image in the box."""
    page = visit("try_it")
    page.image = lambda: np.reshape(page.evaluate("now.image"), (28, 28))
    page.call = lambda name, *args: page.evaluate(
        "([name, args]) => eval(name)(...args)",
        [name, [a.ravel().tolist() if isinstance(a, np.ndarray) else a for a in args]],
    )
    return page


@pytest.fixture
def examples(published):
    """Return the digits that the page holds, as images, those that pixels get right first."""
    packed = published["digits"]["right"] + published["digits"]["wrong"]
    return np.frombuffer(b"".join(map(b64decode, packed)), np.uint8).reshape(20, 28, 28).astype(int)


@pytest.mark.network
@pytest.mark.parametrize(("model", "atol"), [("pixels", 0), ("strokes", 0.02)])
def test_page_scores_test_images_as_scikit_learn_does(
    model, atol, try_it, page_models, page_features
):
    images = load_mnist()[0][60_000:].reshape(10_000, 784)
    said = try_it.evaluate(
        """([model, packed]) => {
            const bytes = atob(packed), all = [];
            for (let i = 0; i < bytes.length; i += 784)
                all.push(scores(model, [...bytes.slice(i, i + 784)].map(b => b.charCodeAt())));
            return JSON.stringify(all);
        }""",
        [model, b64encode(images.tobytes()).decode()],
    )
    said = np.array(json.loads(said))
    wanted = page_models[model].decision_function(page_features[model](images))

    np.testing.assert_allclose(said, wanted, rtol=1e-9, atol=atol)
    assert (said.argmax(axis=1) == wanted.argmax(axis=1)).all()


@pytest.mark.parametrize("model", ["pixels", "strokes"])
def test_all_evidence_and_the_intercepts_are_the_margin(model, try_it, examples, page_models):
    z, sums = try_it.evaluate(
        """([model, images]) => {
            const z = images.map(image => scores(model, image));
            const best = z.map(all => all.indexOf(Math.max(...all)));
            return [z, images.map((image, i) => z[i].map((_, rival) =>
                sum(evidence(model, image, best[i], rival))))];
        }""",
        [model, examples.reshape(20, 784).tolist()],
    )
    intercepts = page_models[model].intercept_
    margins = np.max(z, axis=1)[:, None] - z
    offsets = intercepts[np.argmax(z, axis=1)][:, None] - intercepts

    np.testing.assert_allclose(sums + offsets, margins, rtol=1e-9, atol=1e-9)


def shown(page, model):
    """Return the part of the page that shows what a model says."""
    return page.locator(f"[data-model={model}]")


def colours(page, model):
    """Return how blue, less how red, and how light the picture of a model's evidence is."""
    png = shown(page, model).locator("canvas").evaluate("c => c.toDataURL().split(',')[1]")
    picture = Image.open(BytesIO(b64decode(png))).convert("RGB")
    red, _, blue = np.moveaxis(np.asarray(picture, dtype=int), 2, 0)
    return blue - red, blue + red


def test_pixels_show_the_margin_of_chapter_2_as_a_sum_and_a_map_in_blue_and_red(try_it):
    try_it.locator("#centring").uncheck()
    try_it.call("bring", "wrong", 1)  # a 1 taken for a 2: one of the chapter's surest errors
    shares = np.array(try_it.call("evidence", "pixels", try_it.image(), 2, 1))
    pixels = shown(try_it, "pixels")
    hue, light = (part.ravel() for part in colours(try_it, "pixels"))
    (worst,) = (
        cell for cell in NOTEBOOKS["notebooks/02_mnist_l1_saga"].cells if cell.id == "worst"
    )

    assert re.search(r"1 +2 +18\.28 +18\.28", worst.outputs[-1].data["text/plain"])
    assert pixels.locator("td").all_inner_texts() == [
        f"+{shares[shares > 0].sum():.2f}",
        f"\N{MINUS SIGN}{-shares[shares < 0].sum():.2f}",
        "+0.00",
        "+18.28",
    ]
    strong = abs(shares) > 0.05
    assert strong.sum() > 50
    assert (np.sign(hue) == np.sign(shares))[strong].all()
    assert (light == 510)[shares == 0].all()
    assert pixels.locator(".try-verdict").inner_text() == "2, with 100.0 %"
    assert pixels.locator("select").input_value() == "1"


def test_strokes_are_drawn_where_they_are_and_as_they_run(try_it):
    image = np.zeros((28, 28), int)
    image[12:14, 4:24] = 255  # a level bar
    try_it.locator("#centring").uncheck()
    try_it.call("change", image, "")
    digit = int(shown(try_it, "strokes").locator(".try-verdict").inner_text()[0])
    rival = int(shown(try_it, "strokes").locator("option").first.inner_text()[0])
    shares = np.array(try_it.call("evidence", "strokes", image, digit, rival)).reshape(4, 64)
    hue, _ = colours(try_it, "strokes")
    checked = set()
    for cell, way in enumerate(abs(shares).argmax(axis=0)):
        if abs(share := shares[way, cell]) < 0.5:
            continue
        along = np.array([np.cos(way * np.pi / 4), -np.sin(way * np.pi / 4)])  # rows, columns
        across = along[::-1] * [1, -1]
        centre = 32 + 64 * np.array(divmod(cell, 8))
        for off in (-12, 12):
            assert np.sign(hue[tuple(np.rint(centre + off * along).astype(int))]) == np.sign(share)
            assert hue[tuple(np.rint(centre + off * across).astype(int))] == 0
        checked.add(way)

    assert len(checked) > 1


def test_a_reader_chooses_the_rival_which_is_never_the_winner(try_it):
    pixels = shown(try_it, "pixels")
    margin = pixels.locator(".try-margin").inner_text()
    pixels.locator("select").select_option("3")
    assert pixels.locator(".try-margin").inner_text() != margin
    pixels.locator("select").select_option("6")
    assert pixels.locator("select").input_value() == ""
    assert pixels.locator(".try-margin").inner_text() == margin


def draw_by_pointer(page, kind, points, end="End"):
    """Draw along points of the box, given in pixels of the image, with a mouse, pen or finger."""
    browser = page.context.new_cdp_session(page)
    page.locator("#drawing").scroll_into_view_if_needed()
    box = page.locator("#drawing").bounding_box()
    places = [
        {"x": box["x"] + x * box["width"] / 28, "y": box["y"] + y * box["height"] / 28}
        for x, y in points
    ]
    start, *moves = places
    for name, place in [("Start", start), *(("Move", p) for p in moves), (end, places[-1])]:
        if kind == "touch":
            touch = {"type": f"touch{name}", "touchPoints": [place] * (name != end)}
            browser.send("Input.dispatchTouchEvent", touch)
        else:
            what = {"Start": "mousePressed", "Move": "mouseMoved", "End": "mouseReleased"}[name]
            button = {"button": "left", "buttons": int(name != "End"), "clickCount": 1}
            event = {"type": what, "pointerType": kind, **place, **button}
            browser.send("Input.dispatchMouseEvent", event)


def draw_by_keyboard(page, _kind, points):
    """Draw straight down from the first of the points to the last."""
    (column, top), (_, bottom) = points[0], points[-1]
    page.locator("#centring").focus()
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
    draw(try_it, kind, [(14.5, 4.5), (14.5, 12), (14.5, 23.5)])  # in the place of the 6

    image = try_it.image()
    assert (image[4:24, 14] == 255).all()
    assert 20 * 150 < image[4:24, [13, 15]].sum() / 2 < 20 * 255
    assert not image[:2].any()
    assert not image[26:].any()
    assert not image[:, [*range(12), *range(17, 28)]].any()
    expect(try_it.locator("#label")).to_be_empty()
    for verdict in try_it.locator(".try-verdict").all():
        expect(verdict).to_contain_text("1, with")
    expect(try_it.locator("#told")).to_have_text("Pixels say 1, strokes say 1.")


@pytest.mark.parametrize("end", ["End", "Cancel"])
def test_a_stroke_begins_where_the_pen_is_put_down_and_undo_takes_it_back(end, try_it):
    try_it.locator("#clear").click()
    draw_by_pointer(try_it, "touch", [(4, 4), (4, 8)], end)
    first = try_it.image()
    draw_by_pointer(try_it, "touch", [(24, 4), (24, 8)])

    assert try_it.image().any(axis=0).tolist() == [2 <= x < 6 or 22 <= x < 26 for x in range(28)]
    try_it.locator("#undo").click()
    assert (try_it.image() == first).all()
    expect(try_it.locator(".try-blank")).to_have_count(0)
    for _ in range(2):
        try_it.locator("#undo").click()
    expect(try_it.locator("#label")).to_have_text("The label of this one is 6.")


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
    try_it.locator("#centring").uncheck()
    wanted = try_it.image()
    for _ in range(8):  # far enough to lose ink at the frame
        try_it.get_by_role("button", name=button).click()
        wanted = becomes(wanted)
        assert (try_it.image() == wanted).all()
    for model in ["pixels", "strokes"]:
        says = f"{np.argmax(try_it.call('scores', model, wanted))}, with "
        assert says in shown(try_it, model).locator(".try-verdict").inner_text()


@pytest.mark.parametrize(("kind", "right"), [("Easy", True), ("Hard", False)])
def test_ten_digits_come_once_each_and_are_easy_or_hard_for_the_pixels(kind, right, try_it):
    labels = []
    for _ in range(10):
        try_it.get_by_role("button", name=f"{kind} digit").click()
        labels.append(int(try_it.locator("#label").inner_text().split()[-1].strip(".")))
        said = np.argmax(try_it.call("scores", "pixels", try_it.image()))
        assert (said == labels[-1]) == right

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
    def says(*texts):
        for model, text in zip(["pixels", "strokes"], texts, strict=True):
            assert shown(try_it, model).locator(".try-verdict").inner_text().startswith(text)

    def right(images):
        seen = [np.array(try_it.call("centred", image)) for image in images]
        answers = [
            [np.argmax(try_it.call("scores", model, image)) for image in seen]
            for model in ["pixels", "strokes"]
        ]
        return (np.array(answers) == range(10)).sum(axis=1).tolist()

    says("6", "6")
    moves = [try_it.get_by_role("button", name="Move right").click for _ in range(2)]
    for step in [try_it.locator("#centring").uncheck, *moves]:
        step()
    says("2", "6")
    moved = try_it.image()
    try_it.locator("#centring").check()
    says("6", "6")
    assert (try_it.image() == moved).all()
    thin = grey_erosion(examples[:10], footprint=CROSS["footprint"][None], mode="constant")
    assert [right(images) for images in (examples[10:], thin)] == [[0, 9], [5, 9]]
    try_it.locator("#clear").click()
    says("5, with 10.0 %", "1, with 100.0 %")


@pytest.mark.parametrize(
    ("width", "height"), [(320, 568), (390, 844), (844, 390), (768, 1024), (1440, 900)]
)
def test_the_switch_is_in_sight_of_the_drawing_and_both_models_beside_each_other(
    width, height, visit
):
    page = visit("try_it")
    page.set_viewport_size({"width": width, "height": height})
    page.locator("#drawing").evaluate("box => box.scrollIntoView()")
    parts = [".bd-header", "#drawing", "#centring", "[data-model=pixels]", "[data-model=strokes]"]
    header, paper, switch, pixels, strokes = (page.locator(p).bounding_box() for p in parts)

    assert header["y"] + header["height"] <= paper["y"] + 1
    assert paper["y"] + paper["height"] <= switch["y"] <= height - switch["height"]
    assert paper["width"] == pytest.approx(paper["height"], abs=1)
    assert pixels["y"] == strokes["y"]
    assert pixels["x"] + pixels["width"] <= strokes["x"]
    assert strokes["x"] + strokes["width"] <= width


def test_screen_readers_hear_a_new_verdict_once_the_drawing_rests(try_it):
    expect(try_it.locator("#told")).to_have_text("Pixels say 6, strokes say 6.")
    heard = try_it.evaluate(
        """new Promise(done => {
            const heard = [];
            new MutationObserver(() => {
                heard.push(find('#told').textContent);
                if (heard.at(-1).startsWith('Pixels say 3')) done(heard);
            }).observe(find('#told'), {childList: true});
            for (const digit of [0, 1, 2, 3]) bring('right', digit);
        })"""
    )

    assert heard == ["Pixels say 3, strokes say 3."]
    assert try_it.locator("#told").get_attribute("role") == "status"


@both_looks
def test_axe_finds_nothing_while_one_draws(scheme, width, visit):
    page = visit("try_it", width, scheme)
    page.get_by_role("button", name="Hard digit").click()
    draw_by_pointer(page, "mouse", [(5, 5), (20, 20)])
    page.locator("#drawing").press("ArrowUp")

    assert_axe_finds_nothing(page)
