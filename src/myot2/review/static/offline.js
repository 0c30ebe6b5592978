"use strict";
// The same without a server: cases lie beside the page as scripts, decisions stay in the browser until they are
// exported as a file. Nothing can be drawn.

const offline = { list: null, cases: {}, urls: [], decisions: {}, exported: true };
const KEPT = `myot2-review-${document.querySelector("meta[name=word]").content}`;

// what the scripts beside the page call
const myot2List = (list) => (offline.list = list);
const myot2Case = (number, content) => (offline.cases[number] = content);

function script(name) {
  return new Promise((done, failed) => {
    const made = document.createElement("script");
    made.onload = () => {
      made.remove();
      done();
    };
    made.onerror = () => failed(new Error(`${name} is missing; keep the whole folder together`));
    made.src = name;
    document.head.append(made);
  });
}

function bytes(base64) {
  const text = atob(base64);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

// closing the browser loses nothing where it lets pages from files keep something
function keep() {
  const rater = document.getElementById("rater-name").value;
  try {
    localStorage.setItem(KEPT, JSON.stringify({ rater, decisions: offline.decisions }));
  } catch {}
}

function restore() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) || "{}");
    offline.decisions = kept.decisions || {};
    document.getElementById("rater-name").value = kept.rater || "";
  } catch {}
}

const source = {
  draws: false,
  async list() {
    await script("data/list.js");
    restore();
    const cases = offline.list.cases.map((one) => ({ ...one, done: Boolean(offline.decisions[one.number]) }));
    return { ...offline.list, cases };
  },
  async facts(number) {
    for (const url of offline.urls) URL.revokeObjectURL(url);
    offline.urls = [];
    offline.cases = {}; // one case at a time is in memory
    await script(`data/case-${number}.js`);
    return { ...offline.cases[number].facts, before: offline.decisions[number] || {} };
  },
  file(number, name) {
    const url = URL.createObjectURL(new Blob([bytes(offline.cases[number].files[name])]));
    offline.urls.push(url);
    return url;
  },
  async save(number, said) {
    const time = new Date().toISOString().slice(0, 19) + "Z";
    offline.decisions[number] = { ...said, time, repeat: offline.cases[number].facts.repeat };
    offline.exported = false;
    keep();
  },
};

function exportDecisions() {
  const rater = document.getElementById("rater-name").value.trim();
  if (!/^[A-Za-z0-9]{1,32}$/.test(rater)) return "Say who you are: letters and digits.";
  const decisions = Object.values(offline.decisions);
  if (!decisions.length) return "Nothing was decided yet.";
  const text = JSON.stringify({ format: "myot2-decisions", version: 1, rater, decisions }, null, 2);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `decisions-${rater}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
  offline.exported = true;
  return `Exported: ${decisions.length} decisions in ${link.download}`;
}

document.getElementById("export").onclick = () => say(exportDecisions());
document.getElementById("rater-name").onchange = keep;
window.addEventListener("beforeunload", (event) => !offline.exported && event.preventDefault());
