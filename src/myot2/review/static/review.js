"use strict";
// The review page. Every text from its source goes into the page as text, never as markup.

const byId = (id) => document.getElementById(id);
const state = { cases: [], labels: [], number: 0, facts: null, pen: 1, hidden: new Set(), began: 0, original: null, tool: "look", correction: false, steps: 0 };
const views = { image: null, t2: null };
const UNDO_STEPS = 25;
const T2_LOOK = { cal_min: 20, cal_max: 80 }; // ms

function say(text, bad = false) {
  byId("message").textContent = text;
  byId("message").classList.toggle("bad", bad);
}

function element(kind, text, more = {}) {
  const made = document.createElement(kind);
  made.textContent = text;
  return Object.assign(made, more);
}

function colours(alpha) {
  const map = { R: [0], G: [0], B: [0], A: [0], I: [0] };
  for (const label of state.labels) {
    const value = parseInt(label.colour.slice(1), 16);
    map.R.push(value >> 16);
    map.G.push((value >> 8) & 255);
    map.B.push(value & 255);
    map.A.push(state.hidden.has(label.index) ? 0 : alpha);
    map.I.push(label.index);
  }
  return map;
}

function showLabels() {
  if (!state.number) return;
  if (views.image.drawBitmap) views.image.setDrawColormap(colours(255));
  if (views.t2.volumes.length > 1) {
    views.t2.volumes[1].setColormapLabel(colours(255));
    views.t2.updateGLVolume();
  }
}

function setOpacity(share) {
  byId("opacity").value = share;
  views.image.setDrawOpacity(share);
  if (views.t2.volumes.length > 1) views.t2.setOpacity(1, share);
}

function listCases() {
  const done = state.cases.filter((one) => one.done).length;
  byId("progress").textContent = `${done} of ${state.cases.length} done`;
  byId("cases").replaceChildren(
    ...state.cases.map((one) => {
      const risk = one.risk === null ? "" : `, risk ${one.risk.toFixed(2)}`;
      const flags = one.flags.length ? `, ${one.flags.length} flags` : "";
      const button = element("button", `Case ${one.number}${risk}${flags}`, { onclick: () => open(one.number) });
      button.classList.toggle("done", one.done);
      button.setAttribute("aria-current", one.number === state.number);
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}

function listMuscles() {
  const svg = "http://www.w3.org/2000/svg";
  byId("muscles").replaceChildren(
    ...state.labels.map((label) => {
      const item = document.createElement("li");
      item.classList.toggle("chosen", label.index === state.pen);
      const box = element("input", "", { type: "checkbox", checked: !state.hidden.has(label.index) });
      box.setAttribute("aria-label", `show ${label.name}`);
      box.onchange = () => {
        box.checked ? state.hidden.delete(label.index) : state.hidden.add(label.index);
        showLabels();
      };
      const patch = document.createElementNS(svg, "svg");
      const square = document.createElementNS(svg, "rect");
      square.setAttribute("width", "100%");
      square.setAttribute("height", "100%");
      square.setAttribute("fill", label.colour);
      patch.append(square);
      const name = element("button", label.name, { onclick: () => choosePen(label.index) });
      item.append(box, patch, name);
      return item;
    }),
  );
}

function choosePen(index) {
  state.pen = index;
  listMuscles();
  useTool(state.tool);
}

function useTool(tool) {
  state.tool = tool;
  for (const name of ["look", "brush", "fill", "eraser"]) byId(name).setAttribute("aria-pressed", name === tool);
  // without the bitmap NiiVue would begin an empty drawing
  if (!source.draws || !views.image.drawBitmap) return;
  views.image.setDrawingEnabled(tool !== "look");
  views.image.setPenValue(tool === "eraser" ? 0 : state.pen, tool === "fill");
  views.image.opts.penSize = Number(byId("size").value);
}

function changedVoxels() {
  const now = views.image.drawBitmap;
  if (!now || !state.original) return 0;
  let count = 0;
  for (let i = 0; i < now.length; i++) if (now[i] !== state.original[i]) count++;
  return count;
}

function tellChanged() {
  const count = changedVoxels();
  byId("changed").textContent = `${count} voxels changed`;
  byId("accept").textContent = redrawn() ? "Accept with correction" : "Accept";
  return count;
}

function redrawn() {
  return source.draws && Boolean(views.image.drawBitmap) && (state.correction || changedVoxels() > 0);
}

// What is shown and drawn on: the image, or where a correction lies on the grid of the T2 map, that one.
async function load(number, grid, labels) {
  views.image.closeDrawing();
  state.original = null;
  state.steps = 0;
  const onT2 = grid === "T2";
  byId("image-title").textContent = onT2 ? "T2 map and labels: the correction lies on this grid" : "Image and labels";
  const shown = onT2 ? { ...T2_LOOK, colormap: "gray" } : { colormap: "gray" };
  await views.image.loadVolumes([{ url: source.file(number, onT2 ? "t2" : "image"), name: "image.nii.gz", ...shown }]);
  if (!grid) return;
  const drawn = await niivue.NVImage.loadFromUrl({ url: source.file(number, labels), name: "labels.nii.gz" });
  if (!views.image.loadDrawing(drawn)) throw new Error("the labels do not fit the image");
  state.original = views.image.drawBitmap.slice();
}

async function open(number) {
  if (state.number && number !== state.number && changedVoxels() && !confirm("Leave the changes to this case unsaved?")) return;
  say("Loading");
  document.body.dataset.ready = "no";
  try {
    const facts = (state.facts = await source.facts(number));
    await load(number, facts.grid, "labels");
    state.correction = facts.correction;
    const labels = { url: source.file(number, "t2labels"), name: "t2labels.nii.gz", opacity: Number(byId("opacity").value) };
    await views.t2.loadVolumes([{ url: source.file(number, "t2"), name: "t2.nii.gz", colormap: "viridis", ...T2_LOOK }, labels]);
    state.number = number;
    state.began = Date.now();
    for (const name of ["reason", "comment"]) byId(name).value = facts.before[name] || "";
    byId("flags").replaceChildren(...facts.flags.map((flag) => element("li", flag)));
    settle();
    listCases();
    const decided = facts.before.decision ? `, decided before: ${facts.before.decision}` : "";
    say(facts.problem || `Case ${number}${decided}`, Boolean(facts.problem));
    document.body.dataset.ready = "yes";
  } catch (error) {
    say(`Case ${number} cannot be shown: ${error.message}`, true);
  }
}

function settle() {
  showLabels();
  setOpacity(byId("opacity").value);
  useTool("look");
  byId("own").disabled = !state.correction;
  tellChanged();
}

// Back to the labels that the run made; an acceptance then takes an earlier correction back.
async function startOver() {
  if (!state.number || !state.correction) return;
  await load(state.number, "labelled", "own");
  state.correction = false;
  settle();
  say("The run's own labels. Accepting them takes the correction back.");
}

function inBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}

async function packed(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Nothing where the table of decisions would read nothing.
function typed(id) {
  const text = byId(id).value.trim();
  return /^(n\/a|N\/A|NA|NaN|nan|)$/.test(text) ? null : text;
}

async function decide(decision) {
  if (!state.number) return;
  const said = {
    decision,
    reason: typed("reason"),
    comment: typed("comment"),
    minutes: Math.round((Date.now() - state.began) / 6000) / 10,
    image_sha256: state.facts.image_sha256,
    mask_sha256: state.facts.mask_sha256,
  };
  if (decision.startsWith("reject") && !said.reason) {
    byId("reason").focus();
    return say("Say why: a rejection needs a reason.", true);
  }
  if (decision === "accept" && state.correction) {
    return say("A correction lies there that cannot be shown. Accepting takes it back: show the run's own labels first (o).", true);
  }
  if (decision === "reject muscle") said.muscles = state.labels.find((label) => label.index === state.pen).name;
  if (decision === "corrected") {
    said.mask = inBase64(await packed(await views.image.saveImage({ filename: "", isSaveDrawing: true })));
  }
  try {
    await source.save(state.number, said);
  } catch (error) {
    return say(`Not saved: ${error.message}`, true);
  }
  state.correction = decision === "corrected";
  if (views.image.drawBitmap) state.original = views.image.drawBitmap.slice();
  byId("own").disabled = !state.correction;
  state.facts.before = { ...said, mask: undefined };
  state.cases[state.number - 1].done = true;
  tellChanged();
  listCases();
  say(`Saved: ${decision}`);
}

function next(step) {
  const to = state.number + step;
  if (to >= 1 && to <= state.cases.length) open(to);
}

// Not NiiVue's own filling, which blends every label's first and last slice over all that lies between.
function betweenSlices() {
  const bitmap = views.image.drawBitmap;
  if (!source.draws || !bitmap) return;
  const size = views.image.volumes[0].dimsRAS.slice(1, 4);
  const spacing = views.image.volumes[0].pixDimsRAS.slice(1, 4);
  const shown = views.image.frac2vox(views.image.scene.crosshairPos)[2];
  const area = size[0] * size[1];
  const has = new Array(size[2]).fill(false);
  const changed = new Array(size[2]).fill(false);
  for (let i = 0; i < bitmap.length; i++) {
    const slice = Math.floor(i / area);
    if (bitmap[i] === state.pen) has[slice] = true;
    if ((bitmap[i] === state.pen) !== (state.original[i] === state.pen)) changed[slice] = true;
  }
  const name = state.labels.find((label) => label.index === state.pen).name;
  const between = slicesAround(shown, has, changed);
  if (!between) return say(`Draw ${name} on two slices with others between them, then show one of these.`, true);
  fillBetween(bitmap, size, spacing, state.pen, between.low, between.high);
  views.image.drawAddUndoBitmap();
  views.image.refreshDrawing(true);
  drawn();
  say(`${name}: filled between slices ${between.low + 1} and ${between.high + 1}`);
}

// NiiVue keeps its steps in a ring and would go round it, back to the newest.
function undo() {
  if (!source.draws || !views.image.drawBitmap) return;
  if (!state.steps) return say("Nothing more to undo.");
  state.steps -= 1;
  views.image.drawUndo();
  tellChanged();
}

function drawn() {
  state.steps = Math.min(state.steps + 1, UNDO_STEPS);
  tellChanged();
}

// NiiVue takes the other view along only from the one that has the focus.
function moveSlice(step) {
  views.image.moveCrosshairInVox(0, 0, step);
  views.image.doSync2d(views.t2);
  views.t2.drawScene();
}

let opacityBefore = 0.5;
const actions = {
  n: () => next(1),
  p: () => next(-1),
  v: () => useTool("look"),
  b: () => useTool("brush"),
  f: () => useTool("fill"),
  e: () => useTool("eraser"),
  z: undo,
  i: betweenSlices,
  o: startOver,
  a: () => decide(redrawn() ? "corrected" : "accept"),
  x: () => decide("reject scan"),
  m: () => decide("reject muscle"),
  " ": () => {
    const now = Number(byId("opacity").value);
    setOpacity(now ? 0 : opacityBefore);
    if (now) opacityBefore = now;
  },
  ArrowUp: () => moveSlice(1),
  ArrowDown: () => moveSlice(-1),
};

function connect() {
  const buttons = { look: "v", brush: "b", fill: "f", eraser: "e", undo: "z", between: "i", own: "o", accept: "a", "reject-scan": "x", "reject-muscle": "m" };
  for (const [id, key] of Object.entries(buttons)) byId(id).onclick = () => actions[key]();
  byId("size").oninput = () => useTool(state.tool);
  byId("opacity").oninput = () => setOpacity(Number(byId("opacity").value));
  const show = (hidden) => {
    state.hidden = hidden;
    listMuscles();
    showLabels();
  };
  byId("all").onclick = () => show(new Set());
  byId("none").onclick = () => show(new Set(state.labels.map((label) => label.index)));
  byId("only").onclick = () => show(new Set(state.labels.map((label) => label.index).filter((index) => index !== state.pen)));
  document.addEventListener(
    "keydown",
    (event) => {
      const typing = /^(INPUT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox" && event.target.type !== "range";
      if (typing || event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
      event.preventDefault();
      event.stopPropagation(); // NiiVue has keys of its own
      actions[event.key]();
    },
    true,
  );
  window.addEventListener("beforeunload", (event) => changedVoxels() && event.preventDefault());
}

async function start() {
  const options = { isRadiologicalConvention: true, show3Dcrosshair: false, isColorbar: false, loadingText: "", dragAndDropEnabled: false, isOrientationTextVisible: true, logLevel: "error" };
  for (const name of ["image", "t2"]) {
    views[name] = new niivue.Niivue({ ...options });
    await views[name].attachTo(name);
    views[name].setSliceType(views[name].sliceTypeAxial);
  }
  views.image.drawFillOverwrites = true;
  document.body.classList.toggle("draws", source.draws);
  views.image.broadcastTo([views.t2], { "2d": true, "3d": false });
  views.t2.broadcastTo([views.image], { "2d": true, "3d": false });
  views.image.opts.maxDrawUndoBitmaps = UNDO_STEPS + 1;
  views.image.onDrawingChanged = (action) => action === "draw" && drawn();
  const told = await source.list();
  state.cases = told.cases;
  state.labels = told.labels;
  if (told.rater) byId("rater").textContent = `Rater ${told.rater}`;
  connect();
  listMuscles();
  listCases();
  const first = state.cases.find((one) => !one.done) || state.cases[0];
  if (first) await open(first.number);
  else say("No case to review: run the workflow first.", true);
}

start().catch((error) => say(error.message, true));
