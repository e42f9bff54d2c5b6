// The page can be read without this. It sorts, searches and filters tables, opens what links lead to, marks the section that one
// reads, draws the linked plots so that they answer, and copies texts.

const within = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

// Cells that begin with a number are sorted by it, where all of a column do.
function orderByNumber(table) {
  const rows = [...table.tBodies[0].rows];
  for (const place of [...table.tHead.rows[0].cells].keys()) {
    const cells = rows.map((row) => row.cells[place]);
    const numbers = cells.map((cell) => cell.textContent.replaceAll(",", "").match(/^(-?\d[\d.]*)?/)[0]);
    if (!cells.every((cell, k) => numbers[k] || !cell.textContent)) continue;
    cells.forEach((cell, k) => (cell.dataset.order = numbers[k] || "-1e9"));
  }
}

function addFilters(table, api) {
  const heads = table.querySelectorAll("th[data-filter]");
  const tools = within("div", "");
  tools.className = "tools";
  for (const head of heads) {
    const column = api.column(head);
    const label = tools.appendChild(within("label", head.textContent.trim()));
    const select = label.appendChild(document.createElement("select"));
    select.add(new Option("all", ""));
    const values = new Set(column.nodes().toArray().map((cell) => cell.textContent));
    for (const value of [...values].filter(Boolean).sort()) select.add(new Option(value));
    const chosen = (_, row, index) => !select.value || api.cell(index, column.index()).node().textContent === select.value;
    select.addEventListener("change", () => column.search.fixed("chosen", chosen).draw());
  }
  if (heads.length) table.closest(".dt-container").prepend(tools);
}

// Runs a library, which stands in the page as text, once.
function run(id) {
  const text = document.getElementById(id);
  const script = Object.assign(document.createElement("script"), { textContent: text.textContent });
  if (!text.dataset.run) document.head.append(script);
  text.dataset.run = "yes";
}

// Acts once when an element comes near the window, which those in closed parts do when these are opened.
function whenNear(element, act) {
  const look = (entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    act(element);
  };
  new IntersectionObserver(look, { rootMargin: "800px" }).observe(element);
}

function enhance(table) {
  run("datatables");
  const wide = table.closest(".wide");
  orderByNumber(table);
  const language = { search: "Search", info: "_TOTAL_ rows", infoEmpty: "no rows", infoFiltered: "of _MAX_" };
  const layout = { topStart: "search", topEnd: "info", bottomStart: null, bottomEnd: null };
  const api = window.jQuery(table).DataTable({ paging: false, autoWidth: false, order: [], language, layout });
  const container = table.closest(".dt-container");
  wide.before(container); // the search field stands still while the table is scrolled
  container.append(wide);
  wide.append(table);
  addFilters(table, api);
}

// What a link leads to may lie in a part that is closed.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  target.scrollIntoView();
  target.focus({ preventScroll: true });
}

function followReading() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const mark = (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(target.id).setAttribute("aria-current", "true");
    }
  };
  const observer = new IntersectionObserver(mark, { rootMargin: "-20% 0px -75% 0px" });
  links.forEach((link, id) => observer.observe(document.getElementById(id)));
}

async function drawPlots(drawing) {
  run("vega");
  const description = JSON.parse(document.getElementById("plots-description").textContent);
  const place = drawing.parentElement.appendChild(document.createElement("div"));
  place.ariaHidden = "true"; // what is drawn has no names; its numbers are in the ranking
  const { view } = await window.vegaEmbed(place, description, { actions: false, renderer: "svg" });
  drawing.remove();
  view.addEventListener("click", (_, item) => item?.datum?.place && (location.hash = encodeURIComponent(item.datum.place)));
}

function addCopying() {
  for (const text of document.querySelectorAll("[data-copy]")) {
    const button = within("button", "Copy");
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(text);
      await navigator.clipboard?.writeText(text.textContent);
      button.textContent = "Copied";
    });
    text.before(button);
  }
}

addEventListener("hashchange", reveal);
document.querySelectorAll("table.sortable").forEach((table) => whenNear(table, enhance));
document.querySelectorAll("#plots-drawing").forEach((drawing) => whenNear(drawing, drawPlots));
addCopying();
followReading();
reveal();
