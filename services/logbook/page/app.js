// The page works without this: it adds rich text, pasted images, and entries as they are written.
"use strict";

const say = (text) => {
  const status = document.getElementById("status");
  if (status) status.textContent = text;
};

// Nothing goes on without a new session; what is written stays.
function sessionEnded() {
  const message = document.getElementById("ended");
  message.querySelector("a").href = location.href;
  message.hidden = false;
  message.scrollIntoView({ block: "nearest" });
}

// What somebody is writing, until it is sent: also when they have to log in again in between.
const draftKey = (form) => `draft ${new URL(form.action).pathname}`;

function keepDraft(form, body) {
  const { mode, text, tags, images, version } = body;
  if (text.replace(/<[^>]*>|&nbsp;|\s/g, "") === "" && !text.includes("<img") && tags.trim() === "" && images.length === 0) {
    sessionStorage.removeItem(draftKey(form));
    return;
  }
  const kept = [{ mode, text, tags, images, version }, { mode, text, tags, images: [], version }];
  // Images may be more than a browser keeps.
  for (const draft of kept) {
    try {
      sessionStorage.setItem(draftKey(form), JSON.stringify(draft));
      return;
    } catch {
      continue;
    }
  }
}

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

// What browsers show in a page.
const SHOWN = ["image/png", "image/jpeg", "image/gif", "image/webp"];

// A file that goes with the entry, and a button that takes it out again.
function addFile(waiting, file) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  const button = document.createElement("button");
  name.textContent = file.name;
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Remove";
  button.setAttribute("aria-label", `Remove ${file.name}`);
  button.addEventListener("click", () => item.remove());
  item.append(name, button);
  item.file = file;
  waiting.append(item);
}

// Each file becomes an entry; false if one was refused, which then stays where it is.
async function sendFiles(form, waiting) {
  for (const item of [...waiting.children]) {
    const body = new FormData();
    body.append("file", item.file);
    const answer = await fetch(`${form.action}/file`, { method: "POST", body });
    const html = await answer.text();
    if (answer.status === 401) {
      sessionEnded();
      return false;
    }
    if (!answer.ok) {
      const page = new DOMParser().parseFromString(html, "text/html");
      say(page.querySelector("[role=alert]:not([hidden]), .problem")?.textContent || `${item.file.name} was not attached (${answer.status}).`);
      return false;
    }
    item.remove();
    parsed(html).forEach(put);
  }
  return true;
}

const isSomething = (form, rich) => {
  if (form.elements.mode.value === "html") return rich.textContent.trim() !== "" || rich.querySelector("img") !== null;
  return form.elements.text.value.trim() !== "";
};

function restoreDraft(form, { rich, pasted }) {
  const kept = sessionStorage.getItem(draftKey(form));
  if (!kept) return;
  const draft = JSON.parse(kept);
  // Of a change that somebody else has made meanwhile the form knows nothing; whoever comes back sees what there is now.
  form.elements.mode.value = draft.mode;
  if (draft.mode === "html") rich.replaceChildren(...cleaned(draft.text));
  else form.elements.text.value = draft.text;
  form.elements.tags.value = draft.tags;
  for (const address of draft.images) {
    const image = document.createElement("img");
    image.src = address;
    image.alt = "image";
    pasted.append(removable(image));
  }
  form.closest("details")?.setAttribute("open", "");
  say("What you had written is here again.");
}

// Draft HTML comes from this page's own editor; what would run in it does not, because the page's policy forbids it.
const cleaned = (html) => [...new DOMParser().parseFromString(html, "text/html").body.childNodes];

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
  const waiting = form.querySelector(".waiting");
  const written = () => ({
    mode: mode.value,
    text: isRich() ? rich.innerHTML : text.value,
    tags: form.elements.tags.value,
    images: [...pasted.querySelectorAll("img")].map((image) => image.src),
    version: form.elements.version?.value,
  });
  const addImage = async (file) => {
    const image = document.createElement("img");
    image.src = await asData(file);
    image.alt = file.name || "image";
    if (isRich()) insert(rich, image);
    else pasted.append(removable(image));
  };
  restoreDraft(form, { rich, pasted });
  form.addEventListener("input", () => keepDraft(form, written()));
  const attach = form.querySelector(".attach");
  attach.hidden = false;
  attach.addEventListener("change", async (event) => {
    event.stopPropagation();
    const files = [...event.target.files];
    event.target.value = "";
    for (const file of files) {
      if (SHOWN.includes(file.type)) await addImage(file);
      else addFile(waiting, file);
    }
    say(files.length === 1 ? `${files[0].name} is added.` : `${files.length} files are added.`);
    keepDraft(form, written());
  });
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
    for (const file of images) await addImage(file);
    say(images.length === 1 ? "An image is pasted." : `${images.length} images are pasted.`);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = written();
    const isOnlyFiles = waiting.children.length > 0 && body.images.length === 0 && !isSomething(form, rich);
    const button = form.querySelector("button.main");
    button.disabled = true;
    try {
      if (!(await sendFiles(form, waiting))) return;
      if (isOnlyFiles) {
        say("The files are attached.");
        return;
      }
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      const html = await answer.text();
      if (answer.status === 401) {
        keepDraft(form, body);
        sessionEnded();
        return;
      }
      if (!answer.ok) {
        const page = new DOMParser().parseFromString(html, "text/html");
        say(page.querySelector("[role=alert]:not([hidden]), .problem")?.textContent || `This was not written (${answer.status}).`);
        // Somebody was faster: what is there now is shown, what was written here stays, and may be sent after all.
        const version = page.querySelector(`#${form.id} [name=version]`);
        if (answer.status === 409 && version) {
          form.elements.version.value = version.value;
          document.querySelector("main > article").replaceWith(page.querySelector("main > article"));
        }
        return;
      }
      sessionStorage.removeItem(draftKey(form));
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

// On a telephone the newest entry comes first, and everything else waits until it is asked for.
if (matchMedia("(min-width: 40.01rem)").matches) {
  for (const fold of document.querySelectorAll("details.fold")) fold.open = true;
}
document.querySelectorAll("form.editor").forEach(editor);
// Whoever logs in next has not written it.
document.querySelector("form[action$='/logout']")?.addEventListener("submit", () => sessionStorage.clear());
// What is wider than its entry can be scrolled with the keyboard.
const reach = () => {
  for (const text of document.querySelectorAll(".entry > .text")) {
    if (text.scrollWidth > text.clientWidth) text.tabIndex = 0;
    else text.removeAttribute("tabindex");
  }
};
reach();
addEventListener("resize", reach);
const shown = document.getElementById("entries");
if (shown) new MutationObserver(reach).observe(shown, { childList: true });

// "/" searches and "n" writes, unless somebody is writing already.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = { "/": "#find input[name=search]", n: "#write label:not([hidden]) > textarea, #write .rich:not([hidden])" }[event.key];
  const element = field && document.querySelector(field);
  if (element) {
    event.preventDefault();
    element.closest("details")?.setAttribute("open", "");
    element.focus();
  }
});
