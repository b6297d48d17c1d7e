// The page works without this: it adds rich text, pasted images, and entries as they are written.
"use strict";

const say = (text) => {
  const status = document.getElementById("status");
  if (status) status.textContent = text;
};

const asData = (file) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result);
  reader.onerror = () => failed(reader.error);
  reader.readAsDataURL(file);
});

// An element from what the server rendered.
const parsed = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.querySelectorAll("article[data-entry]")];
};

// Where one is writing, or else at the end.
function insert(rich, image) {
  const selection = document.getSelection();
  if (selection.rangeCount && rich.contains(selection.anchorNode)) {
    const range = selection.getRangeAt(0);
    range.deleteContents();
    range.insertNode(image);
    range.setStartAfter(image);
  } else {
    rich.append(image);
  }
}

// An image with a button that takes it out again.
function removable(image) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Remove";
  button.setAttribute("aria-label", `Remove ${image.alt}`);
  const figure = document.createElement("figure");
  figure.append(image, button);
  button.addEventListener("click", () => figure.remove());
  return figure;
}

function editor(form) {
  const { text, mode } = form.elements;
  const rich = form.querySelector(".rich");
  const tools = form.querySelector(".tools");
  const pasted = form.querySelector(".pasted");
  const isRich = () => mode.value === "html";
  const show = () => {
    rich.hidden = tools.hidden = !isRich();
    text.closest("label").hidden = isRich();
  };
  mode.addEventListener("change", () => {
    show();
    (isRich() ? rich : text).focus();
  });
  show();
  for (const button of tools.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      rich.focus();
      document.execCommand(button.dataset.do);
    });
  }
  form.addEventListener("paste", async (event) => {
    const images = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
    if (images.length === 0) return;
    event.preventDefault();
    for (const file of images) {
      const image = document.createElement("img");
      image.src = await asData(file);
      image.alt = file.name || "pasted image";
      if (isRich()) insert(rich, image);
      else pasted.append(removable(image));
    }
    say(images.length === 1 ? "An image is pasted." : `${images.length} images are pasted.`);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = {
      mode: mode.value,
      text: isRich() ? rich.innerHTML : text.value,
      tags: form.elements.tags.value,
      images: [...pasted.querySelectorAll("img")].map((image) => image.src),
      version: form.elements.version?.value,
    };
    const button = form.querySelector("button.main");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      const html = await answer.text();
      if (!answer.ok) {
        const page = new DOMParser().parseFromString(html, "text/html");
        say(page.querySelector("[role=alert], .problem")?.textContent || `This was not written (${answer.status}).`);
        // Somebody was faster: what is there now is shown, what was written here stays, and may be sent after all.
        const version = page.querySelector(`#${form.id} [name=version]`);
        if (answer.status === 409 && version) {
          form.elements.version.value = version.value;
          document.querySelector("main > article").replaceWith(page.querySelector("main > article"));
        }
        return;
      }
      if (form.id !== "write") {
        location.reload();
        return;
      }
      parsed(html).forEach(put);
      form.reset();
      rich.textContent = pasted.textContent = "";
      show();
      say("Written.");
    } catch {
      say("The server does not answer. Your text is still here; try again.");
    } finally {
      button.disabled = false;
    }
  });
}

const list = document.getElementById("entries");

const when = (article) => Date.parse(article.querySelector("time").dateTime);

// Shows an entry where it belongs: in the place of its earlier version, or at the top of its day.
function put(article) {
  const known = list.querySelector(`article[data-entry="${article.dataset.entry}"]`);
  if (known) {
    known.replaceWith(article);
    return;
  }
  // What is older than this list belongs to a later page of it.
  const last = [...list.querySelectorAll(":scope > article")].at(-1);
  if (document.querySelector("a.more") && last && when(article) < when(last)) return;
  document.getElementById("nothing")?.remove();
  article.classList.add("fresh");
  const day = article.dataset.day;
  let heading = list.querySelector(`h2[data-day="${day}"]`);
  if (!heading) {
    heading = document.createElement("h2");
    heading.className = "day";
    heading.dataset.day = heading.textContent = day;
    const later = [...list.querySelectorAll("h2[data-day]")].find((other) => other.dataset.day < day);
    list.insertBefore(heading, later ?? null);
  }
  let place = heading.nextElementSibling;
  while (place?.matches("article") && when(place) > when(article)) place = place.nextElementSibling;
  list.insertBefore(article, place);
}

function remove(id) {
  const article = list.querySelector(`article[data-entry="${id}"]`);
  const heading = article && list.querySelector(`h2[data-day="${article.dataset.day}"]`);
  article?.remove();
  if (heading && !heading.nextElementSibling?.matches("article")) heading.remove();
}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.text();
}

// All of them anew; what somebody is writing stays.
async function reread() {
  const page = new DOMParser().parseFromString(await fetched(location.href), "text/html");
  const entries = page.getElementById("entries");
  // Somebody who is logged out gets a form.
  if (entries) list.replaceChildren(...entries.children);
}

// As many as the server answers at once.
const FETCHED = 200;

// What records of changes say, in their order.
async function take(address, records) {
  if (records.some(({ many }) => many)) {
    await reread();
    return;
  }
  const shown = new Set();
  for (const { entries, gone } of records) {
    for (const id of gone) {
      shown.delete(id);
      remove(id);
    }
    for (const { _id } of entries) shown.add(_id);
  }
  const ids = [...shown];
  for (let n = 0; n < ids.length; n += FETCHED) {
    parsed(await fetched(`${address}/entries?ids=${ids.slice(n, n + FETCHED)}`)).forEach(put);
  }
}

function live(address) {
  // From where this list ends, so that nothing is missed between the two.
  const source = new EventSource(`${address}/live?after=${list.dataset.after}`);
  // What comes while entries are fetched is fetched together then; nothing old is put over what is newer.
  let waiting = [];
  let isBusy = false;
  const changed = async (event) => {
    waiting.push(JSON.parse(event.data));
    if (isBusy) return;
    isBusy = true;
    while (waiting.length > 0) {
      const records = waiting;
      waiting = [];
      await take(address, records).catch(reread).catch(() => say("Something new could not be shown; load the page again."));
    }
    isBusy = false;
  };
  for (const name of ["created", "changed", "tagged", "removed", "restored", "moved-in", "moved-out"]) {
    source.addEventListener(name, changed);
  }
  source.addEventListener("ready", () => list.setAttribute("data-connected", "true"));
  source.addEventListener("reset", async () => {
    await reread();
    list.setAttribute("data-connected", "true");
  });
  source.addEventListener("closed", () => say("This logbook is closed now: it can be read only."));
  source.addEventListener("end", () => {
    source.close();
    say("You are logged out; log in again to see new entries.");
  });
  source.addEventListener("error", () => list.removeAttribute("data-connected"));
}

document.querySelectorAll("form.editor").forEach(editor);
if (list?.dataset.live) live(list.dataset.live);

// What is wider than its entry can be scrolled with the keyboard.
const reach = () => {
  for (const text of document.querySelectorAll(".entry > .text")) {
    if (text.scrollWidth > text.clientWidth) text.tabIndex = 0;
    else text.removeAttribute("tabindex");
  }
};
reach();
addEventListener("resize", reach);
if (list) new MutationObserver(reach).observe(list, { childList: true });

// "/" searches and "n" writes, unless somebody is writing already.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = { "/": "#find input[name=search]", n: "#write label:not([hidden]) > textarea, #write .rich:not([hidden])" }[event.key];
  const element = field && document.querySelector(field);
  if (element) {
    event.preventDefault();
    element.focus();
  }
});
