"""The report in Chromium, without a network: sorted, searched, filtered, read by keyboard, on a phone, on paper, and aloud.

A page answers a click or a key when it comes to it, so what follows one is waited for (`expect`). A table moves once, when it
is made sortable, and a click on it is lost then, so this is waited for, too (`ready`).
"""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import NEEDED, chromium, opened
from PIL import Image
from playwright.sync_api import expect
from report_tables import NAMES, small_run

from dormouse.paper.pictures import picture

pytestmark = NEEDED
RANKING = "#ranking table"
ALIKE = ".network ~ .network, .method ~ .method, #made details ~ details"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory, write_page):
    """Return the path of a report with one figure that was drawn and one that was not."""
    folder = tmp_path_factory.mktemp("report")
    Image.new("RGB", (1440, 600), "navy").save(folder / "scores.png")
    figure = {
        "name": "scores",
        "section": "rankings",
        "title": "Scores",
        "caption": "A point for each network.",
        "not_drawn": "",
    }
    missing = figure | {"title": "Training", "section": "mousenet", "not_drawn": "this run trains no network."}
    figures = {"rankings": [figure | picture(folder / "scores.png")], "mousenet": [missing]}
    return write_page(small_run(), figures)


def ready(page, table=RANKING):
    """Go to a table and wait until it can be sorted."""
    page.locator(table).scroll_into_view_if_needed()
    page.wait_for_selector(f"{table}.dataTable")


def drawn(page):
    """Go to the linked plots and wait until they answer."""
    page.locator("#plots").scroll_into_view_if_needed()
    page.wait_for_selector("#plots-drawing", state="detached")


def column(page, place, table=RANKING):
    """Return the cells of a column of a table, of rows that are shown."""
    return page.locator(f"{table} tbody tr > :nth-child({place + 1})")


def test_the_ranking_is_sorted_searched_and_filtered(browser, report):
    with opened(browser, report) as page:
        networks = column(page, 0)
        expect(networks).to_have_text(list(NAMES.values()))  # best first
        ready(page)
        head = page.locator(f"{RANKING} thead th").first
        head.click()
        expect(head).to_have_attribute("aria-sort", "ascending")
        expect(networks).to_have_text(["<Pixels>", "AlexNet", "ResNet18", "ResNet18 (random)"])
        parameters = page.locator(f"{RANKING} thead th", has_text="parameters").get_by_role("button")
        parameters.press("Enter")  # by keyboard
        expect(networks).to_have_text(["<Pixels>", re.compile("^ResNet18"), re.compile("^ResNet18"), "AlexNet"])
        page.get_by_label("Search").first.fill("resnet")
        expect(networks).to_have_count(2)
        assert sorted(networks.all_text_contents()) == ["ResNet18", "ResNet18 (random)"]
        page.get_by_label("Search").first.fill("")
        families = page.get_by_role("combobox", name="family")
        families.select_option("AlexNet")
        expect(networks).to_have_text(["AlexNet"])
        families.select_option("all")
        expect(networks).to_have_count(len(NAMES))


def test_tables_in_closed_parts_are_sorted_once_they_are_opened(browser, report):
    table = "#scores .method:first-of-type details:nth-of-type(1) table"
    with opened(browser, report) as page:
        expect(page.locator(table)).to_have_class("sortable")
        page.locator("#scores summary", has_text="Scores at every site").first.press("Enter")
        ready(page, table)
        page.locator(table).locator("thead th", has_text="mean").click()
        names = ["noise ceiling", "<Pixels>", "ResNet18 (random)", "ResNet18", "AlexNet"]  # no mean comes first
        expect(page.locator(table).locator("tbody th")).to_have_text(names)


def test_a_name_leads_to_its_network_and_back(browser, report):
    with opened(browser, report) as page:
        ready(page)
        page.get_by_role("link", name="ResNet18 (random)").first.click()
        part = page.locator("#network-resnet18-random0")
        expect(part).to_be_visible()
        expect(part.locator("svg.depth")).to_have_count(2)
        expect(page.locator("#network-alexnet-in1k")).to_be_hidden()
        expect(part.locator("table.sortable:not(.dataTable)")).to_have_count(0)
        part.get_by_role("link", name="AlexNet").first.click()  # a relative
        expect(page.locator("#network-alexnet-in1k")).to_be_visible()
        page.locator("#network-alexnet-in1k").get_by_role("link", name="Back to the ranking").click()
        expect(page).to_have_url(re.compile("#ranking$"))
        expect(page.locator("#ranking")).to_be_in_viewport()
    with opened(browser, report, place="#network-pixels") as page:
        expect(page.locator("#network-pixels")).to_be_visible()


def test_all_is_reached_by_keyboard(browser, report):
    with opened(browser, report) as page:
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        networks = page.get_by_role("link", name="Networks", exact=True)
        networks.focus()
        page.keyboard.press("Enter")
        expect(networks).to_have_attribute("aria-current", "true")
        expect(page.locator("nav a[aria-current]")).to_have_count(1)
        page.locator(".network summary").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".network[open]")).to_have_count(1)


def test_what_is_framed_in_one_plot_is_marked_in_the_other(browser, report):
    with opened(browser, report) as page:
        drawn(page)
        points = page.locator("#plots .mark-symbol.role-mark path")
        grey = page.locator("#plots .mark-symbol.role-mark path[fill='#d0d0d0']")
        expect(points).to_have_count(7)  # four networks, of which three have parameters
        expect(grey).to_have_count(0)
        points.nth(0).scroll_into_view_if_needed()
        at = points.nth(0).bounding_box()  # the first point of the first plot
        page.mouse.move(at["x"] + 3, at["y"] + 3)
        expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("AlexNet")
        page.mouse.move(at["x"] - 8, at["y"] - 8)
        page.mouse.down()
        page.mouse.move(at["x"] + 14, at["y"] + 14, steps=4)
        page.mouse.up()
        expect(grey).to_have_count(5)  # all but one network in each plot


def test_without_scripts_everything_stands_in_the_page(browser, report):
    with opened(browser, report, java_script_enabled=False, place="#network-alexnet-in1k") as page:
        expect(page.locator("#network-alexnet-in1k")).to_be_visible()  # Chromium opens what an address leads to
        expect(page.locator(f"{RANKING} tbody tr")).to_have_count(len(NAMES))
        expect(page.locator("#plots-drawing svg")).to_be_visible()
        expect(page.locator("figure img")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_nothing_hinders_those_who_do_not_see_it(browser, report, width, scheme):
    with opened(browser, report, width, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing moves the page sideways
        # one of a kind is enough: of methods, of networks, and of the tables whose columns are told
        page.evaluate(f"document.querySelectorAll('{ALIKE}').forEach(part => part.open = false)")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_on_paper_there_is_no_navigation_and_nothing_is_cut(browser, report, tmp_path):
    with opened(browser, report) as page:
        page.locator(".network summary").first.click()
        ready(page)
        page.emulate_media(media="print")
        expect(page.locator("nav")).to_be_hidden()
        expect(page.get_by_label("Search").first).to_be_hidden()
        expect(page.get_by_text("Not in this run: it does not have the method")).to_be_visible()  # of a part that is closed
        expect(page.locator("#network-pixels")).to_be_hidden()
        page.set_viewport_size({"width": 688, "height": 1000})  # of A4 within its margins
        widths = "parts => parts.filter(part => part.scrollWidth > part.clientWidth + 1).length"
        assert page.locator(".wide").evaluate_all(widths) == 0
        assert page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True).startswith(b"%PDF")
