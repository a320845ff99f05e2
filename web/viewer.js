/** The open study's pictures: series, slices, windows, overlays. */

import { $, element, fill, notice, part, request } from "./dom.js";

const CT_WINDOWS = ["default", "abdomen", "lung", "liver", "pancreas", "pelvis", "colon", "bone", "brain"];
const OPPOSITE = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };
const KEPT = 64;

let study = null;
let series = null;
let overlays = [];
let overlayShown = false;
let wanted = 0;
const pictures = new Map();

const place = (s, k, window) =>
  `studies/${part(study.study_uid)}/series/${part(s.series_uid)}/slices/${k}.png?window=${part(window)}`;

/** Object URL of a picture; the youngest KEPT stay in memory, nothing goes to the disk. */
async function picture(path) {
  if (!pictures.has(path)) {
    const loading = request(path).then(async (answer) => URL.createObjectURL(await answer.blob()));
    pictures.set(path, loading);
    loading.catch(() => pictures.delete(path));
    if (pictures.size > KEPT) forget(pictures.keys().next().value);
  }
  return pictures.get(path);
}

function forget(path) {
  pictures.get(path).then(URL.revokeObjectURL, () => {});
  pictures.delete(path);
}

/** Show a study: its first series, middle slice. */
export function openStudy(opened) {
  for (const path of [...pictures.keys()]) forget(path);
  study = opened;
  series = null;
  $("viewer").hidden = false;
  showOverlays([]);
  fill($("series"), study.series.map(thumbnail));
  if (study.series.length) openSeries(study.series[0]);
}

function thumbnail(s) {
  const image = element("img", { alt: "" });
  picture(place(s, Math.floor(s.slices / 2), "default")).then((url) => (image.src = url), () => {});
  const name = s.description || s.modality;
  return element(
    "button",
    { type: "button", "data-uid": s.series_uid, "aria-label": `Series ${name}, ${s.slices} images`, onclick: () => openSeries(s) },
    image, element("span", {}, name), element("span", {}, s.slices === 1 ? "1 image" : `${s.slices} images`),
  );
}

function openSeries(chosen) {
  series = chosen;
  overlayShown = false;
  for (const button of $("series").children) button.setAttribute("aria-pressed", button.dataset.uid === series.series_uid);
  const names = series.colour ? [] : series.modality === "CT" ? CT_WINDOWS : ["default"];
  $("window").replaceChildren(...names.map((name) => element("option", { value: name }, name)));
  $("window").parentElement.hidden = names.length < 2;
  $("slices").hidden = series.slices < 2;
  $("slice").max = series.slices - 1;
  $("slice").value = Math.floor(series.slices / 2);
  fill($("warnings"), [...study.warnings, ...series.warnings].map((text) => element("li", {}, text)));
  show();
}

const overlayOf = (s) => overlays.find((o) => o.name.startsWith(`${s.series_uid}.overlay`));

/** Offer the overlay pictures of an analysis, [{name, path}]; a series shows its own only. */
export function showOverlays(found) {
  overlays = found;
  if (series) show();
}

/** Show what was just made: the overlay of the open series, else of the first that has one. */
export function preferOverlay() {
  const shown = overlayOf(series) ? series : study.series.find(overlayOf);
  if (!shown) return;
  if (shown !== series) openSeries(shown);
  overlayShown = true;
  show();
}

async function show() {
  const ticket = ++wanted;
  const index = Number($("slice").value);
  const offered = overlayOf(series);
  $("show-overlay").disabled = !offered;
  const overlay = overlayShown ? offered : null;
  const path = overlay ? overlay.path : place(series, index, $("window").value || "default");
  try {
    const url = await picture(path);
    if (ticket !== wanted) return;
    $("picture").src = url;
    describe(index, overlay);
    if (!overlay && index + 1 < series.slices) picture(place(series, index + 1, $("window").value || "default")).catch(() => {});
  } catch (error) {
    if (ticket === wanted) notice(error.message);
  }
}

function describe(index, overlay) {
  $("show-image").setAttribute("aria-pressed", !overlay);
  $("show-overlay").setAttribute("aria-pressed", Boolean(overlay));
  $("slices").style.visibility = overlay ? "hidden" : "visible";
  $("slice-number").textContent = `${index + 1} of ${series.slices}`;
  $("picture").alt = overlay
    ? "Overlay of the analysis' masks on the image"
    : `${series.modality} ${series.description}, slice ${index + 1} of ${series.slices}`;
  $("caption").textContent = overlay ? `Overlay: ${overlay.name}` : facts();
  shape(overlay);
  const [across, down] = overlay ? [null, null] : [series.columns_towards, series.rows_towards];
  mark("right-mark", across);
  mark("left-mark", OPPOSITE[across]);
  mark("bottom-mark", down);
  mark("top-mark", OPPOSITE[down]);
}

/** Pixels that are not square are shown in millimetres. */
function shape(overlay) {
  const spacing = overlay ? null : series.pixel_spacing_mm;
  $("picture").classList.toggle("measured", Boolean(spacing));
  $("picture").style.aspectRatio = spacing ? `${series.columns * spacing[1]} / ${series.rows * spacing[0]}` : "";
}

function mark(id, letter) {
  $(id).textContent = letter ?? "";
}

function facts() {
  const spacing = series.pixel_spacing_mm
    ? `${series.pixel_spacing_mm.map((mm) => mm.toFixed(3)).join(" × ")} mm (${series.spacing_source})`
    : "pixel size unknown";
  const gap = series.slice_spacing_mm ? `, ${series.slice_spacing_mm.toFixed(2)} mm between slices` : "";
  return `${series.rows} × ${series.columns} pixels, ${spacing}${gap}`;
}

$("slice").addEventListener("input", show);
$("window").addEventListener("change", show);
$("show-image").addEventListener("click", () => { overlayShown = false; show(); });
$("show-overlay").addEventListener("click", () => { overlayShown = true; show(); });
