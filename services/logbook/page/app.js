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
      (isRich() ? rich : pasted).append(image);
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
        const problem = new DOMParser().parseFromString(html, "text/html").querySelector("[role=alert], .problem");
        say(problem?.textContent || `This was not written (${answer.status}).`);
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

// Shows an entry where it belongs: in the place of its earlier version, or at the top of its day.
function put(article) {
  const known = list.querySelector(`article[data-entry="${article.dataset.entry}"]`);
  if (known) {
    known.replaceWith(article);
    return;
  }
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
  const when = (other) => other.querySelector("time").dateTime;
  let place = heading.nextElementSibling;
  while (place?.matches("article") && when(place) > when(article)) place = place.nextElementSibling;
  list.insertBefore(article, place);
}

function remove(id) {
  list.querySelector(`article[data-entry="${id}"]`)?.remove();
}

function live(address) {
  const source = new EventSource(`${address}/live`);
  const changed = async (event) => {
    const { entries, gone, many } = JSON.parse(event.data);
    if (many) {
      location.reload();
      return;
    }
    gone.forEach(remove);
    if (entries.length === 0) return;
    const ids = entries.map((entry) => entry._id).join(",");
    const answer = await fetch(`${address}/entries?ids=${ids}`);
    if (answer.ok) parsed(await answer.text()).forEach(put);
  };
  for (const name of ["created", "changed", "tagged", "removed", "restored", "moved-in", "moved-out"]) {
    source.addEventListener(name, changed);
  }
  source.addEventListener("ready", () => list.setAttribute("data-connected", "true"));
  source.addEventListener("reset", () => location.reload());
  source.addEventListener("end", () => {
    source.close();
    say("You are logged out; log in again to see new entries.");
  });
  source.addEventListener("error", () => list.removeAttribute("data-connected"));
}

document.querySelectorAll("form.editor").forEach(editor);
if (list?.dataset.live) live(list.dataset.live);

// "/" searches and "n" writes, unless somebody is writing already.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = { "/": "#find input[name=search]", n: "#write textarea" }[event.key];
  const element = field && document.querySelector(field);
  if (element) {
    event.preventDefault();
    element.focus();
  }
});
