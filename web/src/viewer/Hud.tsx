import { opposite, placeOf } from "./engine/geometry";
import { edgeLetters } from "./engine/plane";
import type { Stack } from "./engine/stack";
import { spoken, unitOf, type Window } from "./engine/windows";
import type { PaneSpec } from "./state";
import { texts } from "#texts/viewer";

export interface Pointed {
  value: string;
  place: string;
}

interface Shown {
  spec: PaneSpec;
  stack: Stack;
  index: number;
  window: Window | null;
  zoom: number;
  loaded: number;
  pointed: Pointed | null;
  link: string;
}

/** What stands on the picture: whose it is, which slice, how it is shown, where the pointer is, which way is which. */
export function Hud({ spec, stack, index, window, zoom, loaded, pointed, link }: Shown) {
  const { series, study } = spec;
  const { right, bottom } = edgeLetters(stack.plane, series);
  const said = window ? spoken(window) : null;
  const digits = said && said.width < 10 ? 2 : 0;
  const date = study.started?.slice(0, 10) ?? "";
  const percent = Math.floor((100 * loaded) / Math.max(1, stack.slices.count));
  return (
    <>
      <p className="hud top left">
        {/* Two marks of whose picture it is, in each pane: one that is mistaken for another shows. */}
        <b>{study.patient_id || `${texts.patient} ${texts.unknown}`}</b>
        {second(study) && <span>{second(study)}</span>}
        <span>{series.description || series.body_part || texts.unnamed}</span>
        {date && <span>{date}</span>}
      </p>
      <p className="hud top right">
        {spec.title && <b>{spec.title}</b>}
        {link && <span>{link}</span>}
        {percent < 100 && <span>{texts.loading(percent)}</span>}
      </p>
      <p className="hud bottom left">
        <b className="slice-number">{texts.slice(index + 1, stack.count)}</b>
        <span>
          {said && `${texts.window(said.centre.toFixed(digits), said.width.toFixed(digits))} · `}
          {texts.zoomed(zoom.toFixed(1))}
        </span>
        {note(stack) && <span className="caution">{note(stack)}</span>}
      </p>
      <p className="hud bottom right" aria-hidden="true">
        <span>{pointed?.value}</span>
        <span>{pointed?.place}</span>
      </p>
      {right && (
        <>
          <b className="edge west">{opposite(right)}</b>
          <b className="edge east">{right}</b>
        </>
      )}
      {bottom && (
        <>
          <b className="edge north">{opposite(bottom)}</b>
          <b className="edge south">{bottom}</b>
        </>
      )}
    </>
  );
}

/** The second mark beside the patient's id: the accession, as no name or date of birth leaves the server. */
const second = (study: PaneSpec["study"]): string => (study.accession ? `${texts.accession} ${study.accession}` : "");

function note(stack: Stack): string {
  if (!stack.spacing) return texts.noSpacing;
  return stack.series.spacing_source === "ImagerPixelSpacing" ? texts.detector : "";
}

/** Value and place under the pointer; null outside of the picture. */
export function pointedAt(stack: Stack, index: number, pixel: { down: number; across: number } | null): Pointed | null {
  const voxel = pixel && stack.voxel(index, Math.round(pixel.down), Math.round(pixel.across));
  const values = voxel && stack.slices.now(voxel[0]);
  if (!voxel || !values) return null;
  const { series } = stack;
  const at = voxel[1] * series.columns + voxel[2];
  const unit = unitOf(series) && ` ${unitOf(series)}`;
  const number = (value: number | undefined) => (value === undefined ? "" : Number.isInteger(value) ? String(value) : value.toPrecision(4));
  const value = series.colour ? [0, 1, 2].map((part) => number(values[3 * at + part])).join(" ") : number(values[at]) + unit;
  const mm = placeOf(series, voxel);
  const place = mm ? `${mm.map((part) => part.toFixed(1)).join(" ")} mm` : `${voxel[2]}, ${voxel[1]} px`;
  return { value, place };
}
