// Entries as they are written.
"use strict";

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
    heading.dataset.day = day;
    heading.textContent = article.dataset.date;
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
  if (answer.status === 401) sessionEnded();
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

// Milliseconds between attempts to come back.
const RETRY = { first: 1000, longest: 30000 };

// Whether the session has ended, which the stream's error does not say.
async function hasEnded(address) {
  const answer = await fetch(`${address}/entries?ids=-`);
  return answer.status === 401 || answer.status === 403;
}

function live(address) {
  // From where this list ends, so that nothing is missed between the two.
  let last = list.dataset.after;
  let wait = RETRY.first;
  let isInterrupted = false;
  // What comes while entries are fetched is fetched together then; nothing old is put over what is newer.
  let waiting = [];
  let isBusy = false;
  const changed = async (event) => {
    last = event.lastEventId || last;
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
  const connected = (event) => {
    last = event.lastEventId || last;
    wait = RETRY.first;
    list.setAttribute("data-connected", "true");
    if (isInterrupted) say("Connected again: new entries are shown as they are written.");
    isInterrupted = false;
  };
  const comeBack = async () => {
    try {
      if (await hasEnded(address)) {
        sessionEnded();
        return;
      }
    } catch {
      // The server does not answer at all; it may the next time.
    }
    connect();
  };
  function connect() {
    const source = new EventSource(`${address}/live?after=${last}`);
    for (const name of ["created", "changed", "tagged", "removed", "restored", "moved-in", "moved-out"]) {
      source.addEventListener(name, changed);
    }
    source.addEventListener("ready", connected);
    source.addEventListener("reset", async (event) => {
      await reread();
      connected(event);
    });
    source.addEventListener("closed", () => say("This logbook is closed now: it can be read only."));
    source.addEventListener("end", () => {
      source.close();
      list.removeAttribute("data-connected");
      sessionEnded();
    });
    source.addEventListener("error", () => {
      list.removeAttribute("data-connected");
      isInterrupted = true;
      // A browser comes back by itself after a connection that broke off, and never after another answer than 200.
      if (source.readyState !== EventSource.CLOSED) {
        say("The connection was lost; trying again …");
        return;
      }
      source.close();
      say(`New entries are not shown now: the server refused the connection. Trying again in ${Math.round(wait / 1000)} s …`);
      setTimeout(comeBack, wait);
      wait = Math.min(2 * wait, RETRY.longest);
    });
  }
  connect();
}

if (list?.dataset.live) live(list.dataset.live);
