import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { t } from "../texts";

/** A window over the page: focus stays inside, Esc and the cross close it, focus goes back to where it was. */
export function Dialog({
  title,
  children,
  onClose,
  wide = false,
}: {
  title: string;
  children: ReactNode;
  onClose: () => void;
  wide?: boolean;
}) {
  const place = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = place.current;
    if (!dialog || dialog.open) return;
    dialog.showModal();
    // What one came for, rather than the way out.
    dialog.querySelector<HTMLElement>(":is(input, textarea, select):not(:disabled)")?.focus();
    return () => dialog.close(); // focus goes back only from a window that was closed
  }, []);
  return (
    <dialog
      ref={place}
      className={wide ? "window wide" : "window"}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault(); // the one who opened it takes it away
        onClose();
      }}
    >
      <header className="window-head">
        <h2 id={id}>{title}</h2>
        <button type="button" className="quiet cross" aria-label={t.close} onClick={onClose}>
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}
