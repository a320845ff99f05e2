import type { Colour } from "./engine/pictures";
import { Problem } from "../parts/Problem";
import type { Structure } from "./marks";
import type { MarkStyle } from "./state";
import { texts } from "#texts/viewer";

interface Props {
  structures: Structure[];
  seriesUid: string;
  known: boolean;
  /** Why the analysis could not be read; null where it could. */
  problem: unknown;
  retry: () => void;
  hasAnalysis: boolean;
  hidden: ReadonlySet<string>;
  colours: ReadonlyMap<string, Colour>;
  style: MarkStyle;
  /** Of structures that have one of their own. */
  opacities: ReadonlyMap<string, number>;
  chosen: string;
  /** Keys of structures, as in `hidden` and `colours`; `chosen` is an id of this analysis. */
  correcting: string;
  edited: (key: string) => boolean;
  onShow: (key: string, shown: boolean) => void;
  onColour: (key: string, colour: Colour) => void;
  onStyle: (style: MarkStyle) => void;
  onFade: (key: string, opacity: number) => void;
  onGo: (structure: Structure) => void;
  onCorrect: (structure: Structure) => void;
}

/** What the analysis marked, with QA's verdict; a click goes to the slice where it is largest. */
export function Structures(props: Props) {
  const { structures, style } = props;
  return (
    <section aria-label={texts.structures} className="structures" data-tour="masks">
      <h2>{texts.structures}</h2>
      {!props.hasAnalysis && <p className="quiet-text">{texts.noAnalysis}</p>}
      {props.hasAnalysis && !props.known && !props.problem && <p role="status">{texts.marksLoading}</p>}
      {props.problem !== null && <Problem error={props.problem} onRetry={props.retry} />}
      {props.known && structures.length === 0 && <p className="quiet-text">{texts.noMarks}</p>}
      {structures.length > 0 && (
        <div className="mark-style">
          <label>
            <span className="unseen">{texts.style}</span>
            <select
              value={style.fill ? (style.outline ? "both" : "fill") : "outline"}
              onChange={({ target: { value } }) => props.onStyle({ ...style, fill: value !== "outline", outline: value !== "fill" })}
            >
              {(["both", "fill", "outline"] as const).map((name) => (
                <option key={name} value={name}>
                  {texts.styles[name]}
                </option>
              ))}
            </select>
          </label>
          <Opacity label={texts.opacity} value={style.opacity} disabled={!style.fill} onChange={(opacity) => props.onStyle({ ...style, opacity })} />
        </div>
      )}
      <ul>
        {structures.map((structure) => (
          <Row key={structure.key} structure={structure} {...props} />
        ))}
      </ul>
      {structures.some(({ uncertain }) => uncertain) && <p className="quiet-text">{texts.hatched}</p>}
    </section>
  );
}

function Row({ structure, ...props }: Props & { structure: Structure }) {
  const { key, id, target, outcome, confidence, reasons } = structure;
  const colour = props.colours.get(key) ?? structure.colour;
  const drawn = structure.mask !== null;
  const said = [missing(structure, props.seriesUid), ...(outcome === "pass" ? [] : reasons)].filter(Boolean);
  return (
    <li className={props.chosen === id ? "chosen" : undefined}>
      <div className="structure">
        <input
          type="checkbox"
          aria-label={texts.show(target)}
          checked={drawn && !props.hidden.has(key)}
          disabled={!drawn}
          onChange={(event) => props.onShow(key, event.target.checked)}
        />
        <input type="color" aria-label={texts.colourOf(target, id)} value={hex(colour)} disabled={!drawn} onChange={(event) => props.onColour(key, fromHex(event.target.value))} />
        <button type="button" className="name" title={texts.goTo(target)} disabled={!drawn} onClick={() => props.onGo(structure)}>
          {target}
        </button>
        {drawn && (
          <button
            type="button"
            className="small"
            aria-label={texts.correcting(target)}
            aria-pressed={props.correcting === key}
            onClick={() => props.onCorrect(structure)}
          >
            {texts.correct}
          </button>
        )}
      </div>
      {drawn && props.chosen === id && (
        <Opacity
          label={texts.opacityOf(target)}
          value={props.opacities.get(key) ?? props.style.opacity}
          disabled={!props.style.fill}
          onChange={(opacity) => props.onFade(key, opacity)}
        />
      )}
      <p className="verdict">
        {outcome === "review" && <span className="badge warn">{texts.reviewFirst}</span>}
        {structure.lowConfidence && <span className="badge bad">{texts.lowConfidence}</span>}
        {outcome !== "review" && <span className={outcome === "pass" ? "badge good" : "badge bad"}>{texts.qa[outcome]}</span>}
        {confidence !== null && <span className="quiet-text">{texts.confidence(confidence.toFixed(2))}</span>}
        {props.edited(key) && <span className="badge warn">{texts.edited}</span>}
      </p>
      {said.length > 0 && (
        <p className="quiet-text reason" title={said.join("\n")}>
          {said.join(" · ")}
        </p>
      )}
    </li>
  );
}

function Opacity({ label, value, disabled, onChange }: { label: string; value: number; disabled: boolean; onChange: (value: number) => void }) {
  return (
    <input
      type="range"
      min="0.05"
      max="1"
      step="0.05"
      aria-label={label}
      title={label}
      value={value}
      aria-valuetext={texts.percent(value)}
      disabled={disabled}
      onChange={(event) => onChange(Number(event.target.value))}
    />
  );
}

function missing({ outcome, voxels, mask, problem, seriesUid }: Structure, shownSeries: string): string {
  if (outcome === "reject") return texts.rejected;
  if (voxels === 0) return texts.emptyMask;
  if (problem) return problem instanceof Error ? problem.message : String(problem);
  if (!mask) return texts.marksLoading;
  return seriesUid === shownSeries ? "" : texts.elsewhere;
}

const hex = (colour: Colour) => `#${colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
const fromHex = (text: string): Colour => [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16)) as unknown as Colour;
