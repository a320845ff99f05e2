import { type ReactNode, useId } from "react";

/** A labelled field; the hint below it is its description, not a part of its name. */
export function Field({
  label,
  hint = "",
  children,
}: {
  label: string;
  hint?: string;
  children: (props: { id: string; "aria-describedby": string | undefined }) => ReactNode;
}) {
  const id = useId();
  const hintId = `${id}hint`;
  return (
    <div className="field">
      <label className="label" htmlFor={id}>
        {label}
      </label>
      {children({ id, "aria-describedby": hint ? hintId : undefined })}
      {hint && (
        <span className="hint" id={hintId}>
          {hint}
        </span>
      )}
    </div>
  );
}
