/** The page: studies, the open one, its results. */

import { $, Problem, element, figure, fill, get, notice, part, request, unit } from "./dom.js";
import { converse, onAnalysis } from "./chat.js";
import { openStudy, preferOverlay, showOverlays } from "./viewer.js";

let open = null;

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    notice(error instanceof Problem ? error.message : "The page met an error. Load it again.");
    if (!(error instanceof Problem)) console.error(error);
  }
}

async function listStudies() {
  const { studies } = await get("studies");
  fill($("studies"), studies.map(studyButton));
  $("no-studies").hidden = studies.length > 0;
  return studies;
}

function studyButton(study) {
  const title = [study.modality, study.description || study.body_part || "Study"].filter(Boolean).join(" · ");
  const images = study.image_count === 1 ? "1 image" : `${study.image_count} images`;
  return element("li", {}, element(
    "button",
    { type: "button", "data-uid": study.study_uid, "aria-current": study.study_uid === open, onclick: () => attempt(() => openOne(study.study_uid)) },
    element("strong", {}, title),
    element("span", { class: "quiet" }, [study.patient_id || "no patient id", day(study.started), images].filter(Boolean).join(", ")),
  ));
}

const day = (text) => (text ? text.slice(0, 10) : "");

async function openOne(uid) {
  notice();
  const study = await get(`studies/${part(uid)}`);
  open = uid;
  for (const button of $("studies").querySelectorAll("button")) button.setAttribute("aria-current", button.dataset.uid === uid);
  $("study-title").textContent = study.description || `${study.modality} study`;
  $("study-facts").textContent = [`Patient ${study.patient_id || "without id"}`, study.modality, study.body_part, day(study.started), study.accession && `Accession ${study.accession}`]
    .filter(Boolean).join(", ");
  openStudy(study);
  converse(study);
  $("result").hidden = true;
  await listAnalyses();
}

async function listAnalyses(chosen = null) {
  const uid = open;
  const { analyses } = await get(`studies/${part(uid)}/analyses`);
  if (uid !== open) return;
  $("analyses").replaceChildren(...analyses.map((a) =>
    element("option", { value: a.analysis_id }, `${a.created.slice(0, 16).replace("T", " ")} ${a.indication.slice(0, 40)}`)));
  $("earlier").hidden = analyses.length < 2;
  const shown = chosen ?? analyses[0]?.analysis_id;
  if (!shown) return;
  $("analyses").value = shown;
  await showAnalysis(shown, chosen !== null);
}

async function showAnalysis(id, fresh) {
  const [report, { artifacts }] = await Promise.all([get(`analyses/${part(id)}`), get(`analyses/${part(id)}/artifacts`)]);
  if (report.study_uid !== open) return;
  $("result").hidden = false;
  $("status").textContent = report.status.replace("_", " ");
  $("disclaimer").textContent = report.disclaimer;
  fill($("findings"), report.findings.map(finding), "No finding has enough support to be stated.");
  fill($("masks"), report.masks.map(mask), "No mask was made.");
  $("measurements").tBodies[0].replaceChildren(...measurementRows(report.measurements));
  const warnings = [...report.warnings, ...report.refused.map((r) => `${r.file}: ${r.reason}`)];
  fill($("result-warnings"), warnings.map((text) => element("li", {}, text)));
  $("result-warnings-box").hidden = warnings.length === 0;
  fill($("artifacts"), artifacts.map((a) => element("li", {}, element("a", { href: a.url, target: "_blank", rel: "noopener" }, a.name))));
  const versions = Object.entries(report.model_versions).map(([name, version]) => `${name} ${version}`).join(", ");
  $("models").textContent = versions ? `Models: ${versions}` : "No model was used.";
  showOverlays(artifacts.filter((a) => a.name.endsWith(".overlay.png")).map((a) => ({ name: a.name, path: a.url.replace("/api/v1/", "") })));
  if (fresh) preferOverlay();
}

const percent = (confidence) => (confidence == null ? "" : ` Confidence ${Math.round(confidence * 100)} %.`);

function finding(f) {
  const outcome = typeof f.qa === "object" && f.qa ? f.qa.outcome : f.qa;
  return element("li", { class: outcome ?? "" }, element("span", {}, f.text),
    element("div", { class: "quiet" }, `Evidence: ${f.evidence.join(", ")}.${outcome ? ` QA: ${outcome}.` : ""}${percent(f.confidence)}`));
}

function mask(m) {
  const size = m.volume_ml != null ? `${figure(m.volume_ml)} mL` : m.area_mm2 != null ? `${figure(m.area_mm2)} mm²` : "size unknown";
  const qa = m.qa ?? { outcome: "review", reasons: [] };
  return element("li", { class: qa.outcome }, element("span", { class: "outcome" }, qa.outcome), `${m.target}: ${m.voxel_count} voxels, ${size}.`,
    element("div", { class: "quiet" }, `${(qa.reasons ?? []).join(" ")}${percent(qa.confidence)}`));
}

function measurementRows(measurements) {
  if (!measurements.length) return [element("tr", {}, element("td", { colspan: 5, class: "quiet" }, "Nothing was measured."))];
  return measurements.map((m) => element("tr", {}, element("td", {}, m.target), element("td", {}, m.name.replaceAll("_", " ")),
    element("td", { class: "number" }, `${figure(m.value)} ${unit(m.unit)}`.trim()), element("td", {}, m.method), element("td", {}, m.source)));
}

async function upload(files) {
  if (!files.length) return;
  notice();
  $("uploading").textContent = files.length === 1 ? "Reading 1 file…" : `Reading ${files.length} files…`;
  const form = new FormData();
  for (const file of files) form.append("files", file, file.webkitRelativePath || file.name);
  const described = $("described").value.trim();
  if (described) form.append("described", described);
  try {
    const result = await (await request("studies", { method: "POST", body: form })).json();
    showRefused(result.refused);
    await listStudies();
    await openOne(result.studies[0].study_uid);
  } catch (error) {
    showRefused(error.document?.refused ?? []);
    throw error;
  } finally {
    $("uploading").textContent = "";
    $("files").value = "";
  }
}

function showRefused(refused) {
  $("refused").hidden = refused.length === 0;
  $("refused").open = refused.length > 0 && refused.length < 6;
  fill($("refused").querySelector("ul"), refused.map((r) => element("li", { class: "quiet" }, `${r.file}: ${r.reason} ${r.remedy}`)));
}

$("files").addEventListener("change", (event) => attempt(() => upload([...event.target.files])));
$("analyses").addEventListener("change", (event) => attempt(() => showAnalysis(event.target.value, false)));
for (const kind of ["dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") attempt(() => upload([...event.dataTransfer.files]));
  });
}
onAnalysis((id) => attempt(() => listAnalyses(id)));

attempt(async () => {
  const studies = await listStudies();
  if (studies.length) await openOne(studies[0].study_uid);
});
fetch("/healthz").then((answer) => answer.json()).then(({ version }) => ($("version").textContent = `Version ${version}`), () => {});
