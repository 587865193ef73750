// Small comforts on top of pages that are whole without them: copy, print, keys, menus that close, and two sheets that
// show pages of their own (search and help) over the page in hand.

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

const showCopies = (root) => {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
};
showCopies(document);
document.addEventListener("htmx:after:swap", () => showCopies(document));

// Ticks of a list: all at once, and buttons that say how many they are for.
const picking = document.querySelector(".picking");
if (picking) {
  const boxes = [...picking.querySelectorAll("td.pick input")];
  const all = picking.querySelector("[data-all]");
  const show = () => {
    const number = boxes.filter((box) => box.checked).length;
    picking.querySelector("[data-picked]").textContent = `${number} / ${boxes.length}`;
    all.checked = number === boxes.length;
    for (const button of picking.querySelectorAll(".picked button")) button.disabled = !number;
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  picking.addEventListener("change", show);
  show();
}

const field = document.querySelector("[data-palette]");
const help = document.querySelector("[data-help]");

// One part of another page of ours, as this visitor sees it; nothing where there is no such page.
const part = async (address, selector) => {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector(selector);
};

const sheet = (name, label) => {
  const dialog = document.createElement("dialog");
  dialog.className = name;
  dialog.setAttribute("aria-label", label);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  return dialog;
};

const openHelp = async () => {
  const found = await part(help.href, ".helping");
  if (!found || document.querySelector("dialog[open]")) return;
  const dialog = sheet("helpsheet", help.textContent.trim());
  const close = document.createElement("button");
  close.className = "btn small";
  close.textContent = help.dataset.help;
  close.addEventListener("click", () => dialog.close());
  dialog.append(close, found);
  dialog.showModal();
};

const openPalette = () => {
  const dialog = sheet("palette", field.dataset.palette);
  const form = field.form.cloneNode(true);
  const input = form.querySelector("input");
  const hits = document.createElement("div");
  input.id = "palette";
  form.querySelector("label").htmlFor = "palette";
  form.querySelector("kbd").textContent = "Esc";
  hits.setAttribute("aria-live", "polite");
  dialog.append(form, hits);

  let last = 0;
  const ask = async () => {
    const mine = ++last;
    const found = input.value.trim() ? await part(`/search?q=${encodeURIComponent(input.value)}`, ".hits") : null;
    if (mine === last) hits.replaceChildren(...(found ? [found] : []));
  };
  let pause = 0;
  input.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(ask, 150);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const stops = [input, ...hits.querySelectorAll("a")];
    const step = event.key === "ArrowDown" ? 1 : -1;
    stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length].focus();
  });
  dialog.showModal();
  input.focus();
  input.select();
  ask();
};

help?.addEventListener("click", (event) => {
  event.preventDefault();
  openHelp();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1200);
  }
  for (const menu of document.querySelectorAll("details.pop[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog");
  const bare = !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
  const wanted = (event.key === "/" && bare) || (event.key === "k" && (event.ctrlKey || event.metaKey));
  if (wanted && field && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    openPalette();
  } else if (event.key === "?" && bare && help) {
    event.preventDefault();
    openHelp();
  } else if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.pop[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});
