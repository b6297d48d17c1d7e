// Completes the word at the end of the box; "/" outside of a field leads into the box.
"use strict";

const box = document.getElementById("q");
const offered = document.getElementById("paths");
// A keystroke ends the question about the text before it.
let asking = new AbortController();
let waiting = 0;

async function complete() {
  asking.abort();
  asking = new AbortController();
  const text = box.value;
  // A path, a field, or a quoted text with one of them.
  if (!/[\/\\.]\S*$|"[^"]*[\/\\.][^"]*$|\.\S*:"[^"]*$/.test(text)) {
    offered.replaceChildren();
    return;
  }
  try {
    const parameters = new URLSearchParams({ text, in: box.form.elements.in?.value ?? "" });
    const answer = await fetch(`/search/app/complete?${parameters}`, { signal: asking.signal });
    if (!answer.ok) return;
    const texts = await answer.json();
    offered.replaceChildren(...texts.map((value) => new Option(value, value)));
  } catch (error) {
    if (error.name !== "AbortError") console.warn("the text cannot be completed", error);
  }
}

if (box) {
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(complete, 150);
  });
  document.addEventListener("keydown", (event) => {
    const inField = event.target.closest("input:not([type=checkbox]), select, textarea");
    if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey || inField) return;
    event.preventDefault();
    box.focus();
  });
}
