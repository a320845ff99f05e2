import { useState } from "react";
import type { Preset } from "./engine/windows";
import { Icon, type IconName } from "./Icon";
import type { Layout, Tool } from "./state";
import { texts } from "#texts/viewer";

interface Props {
  tool: Tool;
  onTool: (tool: Tool) => void;
  presets: Preset[];
  preset: Preset | "own";
  onPreset: (preset: Preset) => void;
  inverted: boolean;
  onInvert: () => void;
  onFit: () => void;
  playing: boolean;
  onPlay: () => void;
  canPlay: boolean;
  speed: number;
  onSpeed: (speed: number) => void;
  layout: Layout;
  onLayout: (layout: Layout) => void;
  allowed: Record<Layout, string>;
  marksShown: boolean;
  onMarks: () => void;
}

const VIEWING = ["window", "pan", "zoom"] as const;
const MEASURING = ["length", "bidirectional", "ellipse", "rectangle", "angle"] as const;
const LAYOUTS: Layout[] = ["one", "prior", "ai", "mpr"];
const SPEEDS = [5, 10, 15, 20, 30];

/** All that can be done with the pictures; each tool has a key. */
export function Toolbar(props: Props) {
  const [listed, setListed] = useState(false);
  return (
    <div className="toolbar" role="toolbar" aria-label={texts.toolbar}>
      <div className="tool-group" role="group" aria-label={texts.groups.view}>
        <Tools names={VIEWING} {...props} />
        {props.presets.length > 0 && (
          <label>
            <span className="unseen">{texts.preset}</span>
            <select value={props.preset} onChange={(event) => props.onPreset(event.target.value as Preset)}>
              {props.preset === "own" && <option value="own">{texts.presets.own}</option>}
              {props.presets.map((name) => (
                <option key={name} value={name}>
                  {texts.presets[name]}
                </option>
              ))}
            </select>
          </label>
        )}
        <IconButton icon="invert" label={texts.invert} title={texts.tip(texts.invert, "I")} pressed={props.inverted} onClick={props.onInvert} />
        <IconButton icon="fit" label={texts.fit} title={texts.tip(texts.fit, "0")} onClick={props.onFit} />
      </div>
      {props.canPlay && (
        <div className="tool-group" role="group" aria-label={texts.groups.cine}>
          <IconButton
            icon={props.playing ? "pause" : "play"}
            label={props.playing ? texts.pause : texts.play}
            title={texts.tip(texts.play, texts.space)}
            pressed={props.playing}
            onClick={props.onPlay}
          />
          {props.playing && (
            <label>
              <span className="unseen">{texts.speed}</span>
              <select value={props.speed} onChange={(event) => props.onSpeed(Number(event.target.value))}>
                {SPEEDS.map((speed) => (
                  <option key={speed} value={speed}>
                    {texts.perSecond(speed)}
                  </option>
                ))}
              </select>
            </label>
          )}
        </div>
      )}
      <div className="tool-group" role="group" aria-label={texts.groups.measure}>
        <Tools names={MEASURING} {...props} />
      </div>
      <div className="tool-group" role="group" aria-label={texts.groups.arrange}>
        <IconButton icon="marks" label={texts.marks} title={texts.tip(texts.marks, "A")} pressed={props.marksShown} onClick={props.onMarks} />
        <label>
          <span className="unseen">{texts.layout}</span>
          <select value={props.layout} onChange={(event) => props.onLayout(event.target.value as Layout)}>
            {LAYOUTS.map((layout) => (
              <option key={layout} value={layout} disabled={props.allowed[layout] !== ""} title={props.allowed[layout]}>
                {texts.layouts[layout]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div className="shortcuts">
        <IconButton icon="keys" label={texts.shortcuts} pressed={listed} onClick={() => setListed(!listed)} />
        {listed && (
          <dl className="panel">
            {texts.shortcutList.map(([keys, what]) => (
              <div key={keys}>
                <dt>{keys}</dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        )}
      </div>
    </div>
  );
}

function Tools({ names, tool, onTool }: Pick<Props, "tool" | "onTool"> & { names: readonly (Tool & IconName)[] }) {
  return names.map((name) => (
    <IconButton
      key={name}
      icon={name}
      label={texts.tools[name]}
      title={texts.tip(texts.tools[name], texts.keys[name])}
      pressed={tool === name}
      onClick={() => onTool(name)}
    />
  ));
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  title?: string;
  pressed?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

/** A square button with a drawing; its name is read out and stands in its tip. */
export function IconButton({ icon, label, title = label, pressed, disabled, onClick }: IconButtonProps) {
  return (
    <button type="button" className="icon-button" aria-label={label} title={title} aria-pressed={pressed} disabled={disabled} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}
