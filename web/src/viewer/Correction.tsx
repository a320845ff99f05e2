import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { client, dataOf, type Schemas } from "../api/client";
import { Problem } from "../parts/Problem";
import { difference, type Mask } from "./engine/mask";
import { IconButton } from "./Toolbar";
import { BRUSHES, type Correcting, isBrush, type Tool } from "./state";
import { spokenSlices } from "./spoken";
import { texts } from "#texts/viewer";

type Role = Schemas["ReviewerRole"];
const ROLES = Object.keys(texts.roles) as Role[];
const ROLE_KEY = "medimage.role";

interface Props {
  analysisId: string;
  correcting: Correcting;
  original: Mask;
  /** Of the mask that is changed: with it, what is said of it is worked out again. */
  version: number;
  tool: Tool;
  /** In `unit`. */
  radius: number;
  unit: string;
  range: readonly [number, number];
  onTool: (tool: Tool) => void;
  onRadius: (radius: number) => void;
  onRange: (range: readonly [number, number]) => void;
  onUndo: () => void;
  onRedo: () => void;
  onDiscard: () => void;
  onStored: (key: string, version: number) => void;
}

/** The brush, and the way of a corrected mask to the server. */
export function Correction(props: Props) {
  const { correcting, original, analysisId } = props;
  const { structure, editing } = correcting;
  const [role, setRole] = useState<Role>(() => ROLES.find((name) => name === localStorage.getItem(ROLE_KEY)) ?? "radiologist");
  const [note, setNote] = useState("");
  const [words, setWords] = useState("");
  // The mask stays the same object: its version says when it is another.
  const changed = useMemo(() => difference(original, editing.mask), [original, editing.mask, props.version]);
  const send = useMutation({
    mutationFn: async () => {
      const [sentSlices, version] = [changed.slices, editing.mask.version];
      const feedback = await dataOf(
        client.POST("/api/v1/feedback", {
          body: {
            kind: "mask_correction",
            analysis_id: analysisId,
            mask_id: structure.id,
            role,
            note,
            ...(words.trim() && { better: { prompt: words.trim() } }),
            corrected_mask: { shape: [...editing.mask.shape], runs: editing.mask.encode() },
          } as Schemas["FeedbackBody"],
        }),
      );
      return { feedback, slices: sentSlices, version };
    },
    onSuccess: ({ version }) => props.onStored(structure.key, version),
  });
  return (
    <section className="correction" aria-label={texts.correction}>
      <h2>{texts.editing(structure.target)}</h2>
      <div className="row">
        {BRUSHES.map((name) => (
          <IconButton
            key={name}
            icon={name}
            label={texts.tools[name]}
            title={texts.tip(texts.tools[name], texts.keys[name])}
            pressed={props.tool === name}
            onClick={() => props.onTool(name)}
          />
        ))}
        <IconButton icon="undo" label={texts.undo} title={texts.undoTip} disabled={!editing.canUndo} onClick={props.onUndo} />
        <IconButton icon="redo" label={texts.redo} title={texts.redoTip} disabled={!editing.canRedo} onClick={props.onRedo} />
      </div>
      {isBrush(props.tool) && (
        <label className="row">
          <span>{texts.size}</span>
          <input type="range" min="1" max="40" step="0.5" value={props.radius} aria-valuetext={texts.sized(props.radius, props.unit)} onChange={(event) => props.onRadius(Number(event.target.value))} />
          <span>{texts.sized(props.radius, props.unit)}</span>
        </label>
      )}
      {props.tool === "threshold" && (
        <div className="row">
          <label>
            {texts.range} <Bound value={props.range[0]} onChange={(low) => props.onRange([low, props.range[1]])} />
          </label>
          <label>
            {texts.to} <Bound value={props.range[1]} onChange={(high) => props.onRange([props.range[0], high])} />
          </label>
        </div>
      )}
      <p className="quiet-text" role="status">
        {changed.voxels === 0 ? texts.nothingChanged : texts.changed(spokenSlices(changed.slices), changed.voxels)}
      </p>
      <label className="row">
        <span>{texts.role}</span>
        <select
          value={role}
          onChange={(event) => {
            setRole(event.target.value as Role);
            localStorage.setItem(ROLE_KEY, event.target.value);
          }}
        >
          {ROLES.map((name) => (
            <option key={name} value={name}>
              {texts.roles[name as keyof typeof texts.roles]}
            </option>
          ))}
        </select>
      </label>
      <label className="note">
        <span>{texts.words}</span>
        <input type="text" maxLength={80} value={words} onChange={(event) => setWords(event.target.value)} />
      </label>
      <label className="note">
        <span>{texts.note}</span>
        <textarea rows={2} maxLength={4000} value={note} onChange={(event) => setNote(event.target.value)} />
      </label>
      <div className="row">
        <button type="button" className="primary" disabled={changed.voxels === 0 || send.isPending} onClick={() => send.mutate()}>
          {send.isPending ? texts.sending : texts.send}
        </button>
        <button type="button" onClick={props.onDiscard}>
          {changed.voxels === 0 || send.isSuccess ? texts.done : texts.discard}
        </button>
      </div>
      {send.error && <Problem error={send.error} onRetry={() => send.mutate()} />}
      {send.data && (
        <p className="stored" role="status">
          {texts.stored((send.data.feedback.dice_before ?? 1).toFixed(3), spokenSlices(send.data.slices))}
        </p>
      )}
    </section>
  );
}

function Bound({ value, onChange }: { value: number; onChange: (value: number) => void }) {
  return <input type="number" step="10" value={value} onChange={(event) => onChange(Number(event.target.value))} />;
}
